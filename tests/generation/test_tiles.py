"""Tiles in the gallery, on Home and beside each other: each says its licence, and whether it is closed."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from assets.services import withdraw_rights
from generation.models import Output
from generation.tiles import draw_license, draw_tiles
from tests.assets.chain import drawn_with, frozen, learned
from tests.generation.pictures import made

HTMX = {"HX-Request": "true"}
CLOSED = '<span class="badge stop corner" title="May not be published as things stand now">Closed</span>'


@pytest.fixture
def version(people, project):
    return frozen(people, project, ["CC-BY-4.0", "CC-BY-SA-4.0"])


@pytest.fixture
def below(people, project, starter, version) -> Output:
    """Return a picture of an adapter that has learned from two pictures."""
    return drawn_with(people, project, starter, learned(people, project, starter, version), seed=1)[0]


@pytest.fixture
def beside(people, project, starter) -> Output:
    """Return a picture of the starter model alone."""
    return made(people.editor, project, starter, seed=2)[0]


@pytest.fixture
def withdrawn(people, version, below, beside) -> None:
    """Withdraw one of the two pictures that the adapter has learned from."""
    withdraw_rights(version.items.first().picture, actor=people.reviewer, reason="They asked.")


def tile_of(output: Output, page: str) -> str:
    """Return what the gallery shows of one picture."""
    return page.split(f'id="picture-{output.id}"')[1].split("</li>")[0]


def gallery(client, **query: str) -> str:
    return client.get(reverse("gallery", args=["spring"]), query).content.decode()


def test_each_tile_says_its_licence(signed_in, below, beside):
    page = gallery(signed_in("viewer"))
    assert 'class="badge license" title="CC0 1.0"' in tile_of(beside, page)
    badge = re.search(r'class="badge license" title="([^"]+)"', tile_of(below, page))
    assert badge is not None
    assert {"CC BY 4.0", "CC BY-SA 4.0"} <= set(badge[1].split(" + "))


def test_only_what_may_not_be_published_now_is_marked(signed_in, below, beside, withdrawn):
    page = gallery(signed_in("viewer"))
    assert CLOSED in tile_of(below, page)
    assert CLOSED not in tile_of(beside, page)


def test_the_mark_agrees_with_the_filter(signed_in, below, beside, withdrawn):
    client = signed_in("viewer")
    assert CLOSED not in gallery(client, publishable="yes")
    shut = gallery(client, publishable="no")
    assert shut.count(CLOSED) == shut.count('class="tile"') == 1


def test_a_mark_appears_with_the_withdrawal_and_not_before(signed_in, people, project, starter):
    version = frozen(people, project, ["CC0-1.0"], first_seed=30, name="Cats")
    [output] = drawn_with(people, project, starter, learned(people, project, starter, version, name="Cat"))
    client = signed_in("viewer")
    assert CLOSED not in gallery(client)
    withdraw_rights(version.items.get().picture, actor=people.reviewer, reason="They asked.")
    assert CLOSED in tile_of(output, gallery(client))


def test_a_tile_that_is_drawn_again_keeps_its_mark(signed_in, below, withdrawn):
    rate = reverse("picture_rate", args=["spring", below.id])
    tile = signed_in("editor").post(rate, {"rating": 4, "shown_as": "tile"}, headers=HTMX).content.decode()
    assert CLOSED in tile
    assert "badge license" in tile


def test_home_and_compare_say_the_same(signed_in, below, beside, withdrawn):
    client = signed_in("viewer")
    compared = client.get(reverse("compare", args=["spring"]), {"ids": [below.id, beside.id]}).content.decode()
    for page in (client.get(reverse("home")).content.decode(), compared):
        assert page.count(CLOSED) == 1
        assert page.count('<span class="badge license"') == 2


def test_marks_cost_two_queries_however_many_pictures_there_are(signed_in, people, project, starter, below, beside):
    made(people.editor, project, starter, count=8, seed=50)
    client = signed_in("viewer")
    for address in (reverse("gallery", args=["spring"]), reverse("home")):
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        asked = [each["sql"] for each in queries if "rightschange" in each["sql"] or "assets_waiver" in each["sql"]]
        marks = [sql for sql in asked if "MAX(" in sql or "project_id" in sql.split("WHERE")[0]]
        assert len(marks) == 2, address
        # The gallery's list of adapters to filter by is one query too, and the only one that reads these rows.
        files = [each["sql"] for each in queries if "lineagefile" in each["sql"]]
        assert [sql for sql in files if "registered_at" not in sql] == []
        assert len(files) <= 1


def test_a_licence_that_nobody_named_cannot_break_out():
    assert "<b>" not in draw_license("LicenseRef-<b>")


def test_a_badge_is_short_and_its_title_is_not():
    with translation.override("ja"):
        assert "義務なし" in draw_license("LicenseRef-Daicho-Nothing-Owed")
        badge = draw_license("CC-BY-4.0 AND CC0-1.0")
    assert 'title="CC BY 4.0（表示） + CC0 1.0（権利放棄）"' in badge
    assert ">CC BY 4.0 + CC0 1.0</span>" in badge


def test_a_tile_without_lineage_is_closed(people, project, starter, beside):
    beside.lineage_id = None
    assert "badge stop corner" in draw_tiles([beside], "spring", closed={None})
    assert "badge stop corner" not in draw_tiles([beside], "spring")
