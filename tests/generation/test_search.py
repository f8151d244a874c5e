"""The index of three-letter pieces follows the pictures, and never decides what a search means."""

import pytest
from django.db import connection

from generation import search
from generation.models import Output

from .pictures import made

pytestmark = pytest.mark.django_db
ON_SQLITE = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's planner looks by itself")


@pytest.fixture
def outputs(people, project, starter):
    return made(people.editor, project, starter, count=3)


def write(output, text):
    Output.objects.filter(pk=output.pk).update(search_text=text)


@ON_SQLITE
def test_the_index_follows_what_is_written_changed_and_deleted(outputs):
    first, second, third = outputs
    write(second, 'a "quoted" zebra, 縞馬の群れ')
    assert search.find_few("zebra") == [second.id]
    assert search.find_few('"quoted"') == [second.id]
    assert search.find_few("縞馬の") == [second.id]
    assert set(search.find_few("on a beach")) == {first.id, third.id}
    Output.objects.filter(pk=second.pk).delete()
    assert search.find_few("zebra") == []


@ON_SQLITE
def test_what_is_short_or_common_is_read_in_the_order_of_the_gallery(outputs, monkeypatch):
    monkeypatch.setattr(search, "FEW", 2)
    assert search.find_few("海辺") is None
    assert search.find_few("on a beach") is None
    assert search.find_few("AND NOT (") == []


@pytest.mark.postgres
def test_the_database_decides_what_a_text_means(outputs):
    write(outputs[0], "STRASSE straße ＭＵＧ mug ÉTÉ")
    rows = Output.objects.all()
    for text, count in (("strasse", 1), ("MUG", 1), ("mug ÉT", 1), ("no such words", 0), ("50%_off", 0)):
        assert search.containing(rows, text).count() == count, text


@pytest.mark.postgres
def test_the_index_is_there():
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%trigrams%'")
            assert len(cursor.fetchall()) == 3
        else:
            cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'generation_output_trigrams'")
            assert "gin_trgm_ops" in cursor.fetchone()[0]
