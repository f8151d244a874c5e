"""The import's room: files come in, the trial is read, licences are agreed on, and all of it can be undone."""

import csv
import io

import pytest
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.test import Client
from django.urls import reverse

from assets.import_pages import STAGES
from assets.models import ImportBatch, ImportRow, Picture
from assets.sentences import SENTENCES
from assets.services.datasets import create_dataset
from assets.services.import_steps import confirm, start_walk, undo
from assets.table_columns import COLUMNS, column_of
from assets.table_template import EXAMPLES, JAPANESE_HEADERS
from assets.tables import read_table
from projects.models import Project

from .material import encoded, picture, tried, upload, walk, zipped

pytestmark = pytest.mark.django_db
TABLE = """ファイル名,作者,ライセンス,キャプション（英語）,タグ,期限,人物:花子
a.png,山田,ＣＣ　ＢＹ 4.0,a red umbrella,"umbrella, red",令和8年12月31日,あり
b.png,<b>Ana</b>,CC0-1.0,,,,
c.png,Ana,CC0-1.0,,,2026/02/30,
"=cmd|' /C calc'!A0",Ana,CC0-1.0,,,,
""".encode()
JSON = {"Accept": "application/json"}
HTMX = {"HX-Request": "true"}


def archive():
    pictures = {"a.png": encoded(1), "b.png": encoded(2), "c.png": encoded(3), "e.png": b"<html>"}
    return upload("set.zip", zipped({**pictures, "rights.csv": TABLE}))


@pytest.fixture
def batch(people, project):
    return tried(people.editor, project, archive())


def url(name, batch=None, **query):
    return reverse(name, args=["spring", *([batch.id] if batch else [])], query=query or None)


def text(response):
    return response.content.decode()


def lines(response):
    return {line.row.name: line for line in response.context["lines"]}


def send(client, *files, headers=None, **values):
    return client.post(url("import_new"), {"files": list(files), **values}, headers=headers or {})


# Bringing files in


def test_files_become_a_batch_whose_trial_waits(signed_in, people, project):
    dataset = create_dataset(people.editor, project, name="Umbrellas")
    answer = send(signed_in("editor"), archive(), dataset=dataset.slug, license="cc by", creator="Ana")
    batch = ImportBatch.objects.get()
    assert answer.url == url("import_batch", batch)
    assert (batch.dataset, batch.defaults) == (dataset, {"license": "cc by", "creator": "Ana"})
    assert batch.jobs.get().kind == "trial"


def test_a_table_may_come_beside_the_pictures_or_among_them(signed_in, project):
    client = signed_in("editor")
    table = upload("rights.csv", b"file\na.png")
    assert send(client, upload("a.png", encoded(1)), table=table).status_code == 302
    assert send(client, upload("a.png", encoded(1)), upload("rights.csv", b"file\na.png")).status_code == 302
    assert all((batch.folder / "table.csv").exists() for batch in ImportBatch.objects.all())


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([], "Choose pictures, or a zip."),
        ([("rights.csv", TABLE)], "There is no picture among the files."),
        ([("a.zip", zipped({"a.png": b"x"})), ("b.png", encoded(1))], "Bring one zip, or pictures"),
    ],
    ids=["nothing", "a table alone", "zip and picture"],
)
def test_what_cannot_be_read_together_is_said_in_words(signed_in, project, files, words):
    client = signed_in("editor")
    page = send(client, *(upload(*each) for each in files))
    assert page.status_code == 422
    assert words in text(page)
    answer = send(client, *(upload(*each) for each in files), headers=JSON)
    assert answer.status_code == 422
    assert words in answer.json()["errors"][0]
    assert not ImportBatch.objects.exists()


def test_a_script_is_told_where_it_goes_on(signed_in, project):
    answer = send(signed_in("editor"), upload("a.png", encoded(1)), headers=JSON)
    assert answer.status_code == 201
    assert answer.json()["location"] == url("import_batch", ImportBatch.objects.get())


def test_more_than_an_import_may_hold_is_passed_over_before_it_is_kept(signed_in, project, settings, monkeypatch):
    kept = []
    monkeypatch.setattr(TemporaryFileUploadHandler, "new_file", lambda *_: kept.append(1), raising=True)
    settings.IMPORT_MAX_BYTES = 1000
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    answer = send(signed_in("editor"), upload("a.png", b"x" * 1_200_000), headers=JSON)
    assert answer.status_code == 413
    assert "an import takes at most 1000" in answer.json()["errors"][0].replace("\xa0", " ")
    assert not kept
    assert not ImportBatch.objects.exists()


def test_files_that_are_too_large_together_are_refused(signed_in, project, settings):
    settings.IMPORT_MAX_BYTES = 1000
    page = send(signed_in("editor"), upload("a.png", b"x" * 1001))
    assert page.status_code == 422
    assert "Bring them in parts." in text(page)


def test_more_files_than_one_request_may_bring_are_refused_in_words(signed_in, project, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    answer = send(signed_in("editor"), *(upload(f"{each}.png", b"x") for each in range(3)))
    assert answer.status_code == 413
    assert "More than 2 files came at once." in text(answer)


def test_the_form_needs_its_token(people, project):
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.editor)
    assert send(client, upload("a.png", encoded(1))).status_code == 403
    token = client.get(url("import_new")).context["csrf_token"]
    assert send(client, upload("a.png", encoded(1)), csrfmiddlewaretoken=str(token)).status_code == 302


def test_another_projects_dataset_is_no_choice(signed_in, people, project):
    theirs = create_dataset(people.stranger, Project.objects.get(slug="elsewhere"), name="Theirs")
    assert send(signed_in("editor"), upload("a.png", encoded(1)), dataset=theirs.slug).status_code == 422
    page = signed_in("editor").get(url("import_new", dataset="theirs"))
    assert "Theirs" not in text(page)


# The trial


def test_the_trial_says_what_every_file_becomes(signed_in, batch):
    found = lines(signed_in("viewer").get(url("import_batch", batch)))
    first = found["a.png"]
    assert (first.license, first.written, first.creator) == ("", "ＣＣ　ＢＹ 4.0", "山田")
    assert (first.captions, first.tags) == ([("en", "a red umbrella")], ["umbrella", "red"])
    assert [(limit.label, limit.value) for limit in first.limits] == [
        ("Last day", "31 December 2026 (Asia/Tokyo)"), ("Releases", "花子: released"),
    ]  # fmt: skip
    assert "There is no day “2026/02/30”" in found["c.png"].problems[0]
    assert "HTML" in found["e.png"].problems[0]
    assert "<b>Ana</b>" not in text(signed_in("viewer").get(url("import_batch", batch)))


def test_files_are_shown_by_state_and_page_by_page(signed_in, batch):
    client = signed_in("viewer")
    assert set(lines(client.get(url("import_batch", batch, state="good")))) == {"a.png", "b.png"}
    rows = [ImportRow(batch=batch, number=number, name=f"{number}.png") for number in range(10, 80)]
    ImportRow.objects.bulk_create(rows)
    second = client.get(url("import_batch", batch, page=2), headers={**HTMX, "HX-Target": "rows"})
    assert "<html" not in text(second)
    assert text(second).count("<tr>") == 1 + 25
    assert len(client.get(url("import_batch", batch, page="x", state="x")).context["lines"]) == 50


def test_the_errors_come_as_a_table_that_computes_nothing(signed_in, batch):
    answer = signed_in("viewer").get(url("import_rows", batch))
    assert answer.content.startswith(b"\xef\xbb\xbf")
    table = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert table[0] == ["No.", "File", "State", "Column", "Error", "Notice"]
    assert {row[1] for row in table[1:]} >= {"a.png", "c.png", "e.png", "'=cmd|' /C calc'!A0"}
    assert not any(cell.startswith("=") for row in table for cell in row)
    assert next(row[4] for row in table if row[1] == "c.png").startswith("There is no day")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_template_is_a_table_that_can_be_read(signed_in, project, language):
    answer = signed_in("viewer").get(url("import_template", language=language))
    table = read_table(answer.content)
    assert list(table.columns) == list(COLUMNS)
    assert (table.errors, table.notices) == ((), ())
    assert table.rows[0].file == "umbrella-01.png"


def test_every_column_of_the_template_is_known_by_its_header():
    assert {name: column_of(header) for name, header in JAPANESE_HEADERS.items()} == {name: name for name in COLUMNS}
    assert all(set(example) <= set(COLUMNS) for example in EXAMPLES.values())


def test_the_templates_example_can_be_imported_as_it_is(signed_in, people, project):
    for language in ("en", "ja"):
        table = signed_in("viewer").get(url("import_template", language=language)).content
        files = (upload("umbrella-01.png", encoded(1)), upload("rights.csv", table))
        row = tried(people.editor, project, *files).rows.get()
        assert (row.state, row.problems, row.notices) == ("good", [], [])


def test_a_walk_says_how_far_it_is_and_then_that_there_is_news(signed_in, people, project, batch):
    client, asked = signed_in("viewer"), {**HTMX, "HX-Target": "walk"}
    assert client.get(url("import_batch", batch), headers=asked).headers["HX-Refresh"] == "true"
    confirm(batch, confirmed={}, user=people.editor)
    answer = client.get(url("import_batch", batch), headers=asked)
    assert "HX-Refresh" not in answer.headers
    assert "Waiting for a worker" in text(answer)


def test_every_stage_has_a_word():
    assert {"reading", "importing", "undoing"} == set(STAGES)


def test_an_archive_that_cannot_be_read_says_why(signed_in, people, project):
    batch = ImportBatch.objects.create(
        project=project, step="refused", name="x.zip", made_by=people.editor, notices=[
            {"column": "", "code": "archive_truncated", "params": {}}
        ],
    )  # fmt: skip
    html = text(signed_in("viewer").get(url("import_batch", batch)))
    assert str(SENTENCES["archive_truncated"][0]) in html


# Agreeing and taking in


def test_every_spelling_is_asked_about_once_and_its_answer_counts(signed_in, people, project):
    table = "file,license\n" + "".join(f"{each}.png,CC BY\n" for each in range(3)) + "3.png,自作の写真\n"
    files = [upload(f"{each}.png", encoded(each)) for each in range(4)]
    batch = tried(people.editor, project, *files, upload("t.csv", table.encode()))
    client = signed_in("editor")
    asked = client.get(url("import_batch", batch)).context["questions"]
    assert (asked[0].written, asked[0].files, asked[0].chosen) == ("CC BY", 3, "CC-BY-4.0")
    answers = {
        "license-0": "CC-BY-3.0", "license-0-written": "CC BY",
        "license-1": "LicenseRef-Daicho-OwnWork", "license-1-written": "自作の写真",
    }  # fmt: skip
    assert client.post(url("import_confirm", batch), answers).url == url("import_batch", batch)
    walk(batch)
    assert sorted(Picture.objects.values_list("rights__expression", flat=True)) == [
        *["CC-BY-3.0"] * 3, "LicenseRef-Daicho-OwnWork",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"license-0": "", "license-0-written": "CC BY"},
        {"license-0": "nonsense", "license-0-written": "CC BY"},
        {"license-0": "CC0-1.0", "license-0-written": "another"},
    ],
    ids=["no answer", "unknown", "no licence", "about another spelling"],
)
def test_what_nobody_agreed_on_stays_unknown(signed_in, people, project, answers):
    batch = tried(people.editor, project, upload("a.png", encoded(1)), license="CC BY")
    signed_in("editor").post(url("import_confirm", batch), answers)
    walk(batch)
    assert Picture.objects.get().rights.expression == ""


def test_the_result_leads_to_the_dataset_and_can_be_undone(signed_in, people, project):
    dataset = create_dataset(people.editor, project, name="Umbrellas")
    batch = tried(people.editor, project, archive(), dataset=dataset)
    client = signed_in("editor")
    client.post(url("import_confirm", batch))
    walk(batch)
    html = text(client.get(url("import_batch", batch)))
    assert "2 pictures came in" in html
    assert dataset.get_absolute_url() in html
    assert "data-confirm" in html
    client.post(url("import_undo", batch))
    walk(batch)
    assert "was taken out again" in text(client.get(url("import_batch", batch)))


def test_a_walk_that_was_stopped_offers_to_go_on(signed_in, batch, people):
    confirm(batch, confirmed={}, user=people.editor)
    client = signed_in("editor")
    client.post(url("import_stop", batch))
    html = text(client.get(url("import_batch", batch)))
    assert url("import_repeat", batch) in html
    assert "What was done before the stop is kept." in html
    client.post(url("import_repeat", batch))
    walk(batch)
    assert batch.step == "imported"


def test_what_is_not_ready_is_refused_in_words(signed_in, project, batch):
    answer = signed_in("editor").post(url("import_undo", batch))
    assert answer.status_code == 409
    assert "There is nothing to undo." in text(answer)


def test_a_viewer_sees_the_trial_without_its_buttons(signed_in, batch):
    html = text(signed_in("viewer").get(url("import_batch", batch)))
    assert url("import_confirm", batch) not in html
    assert url("import_new") not in html


# The list


def test_an_empty_room_says_what_to_do(signed_in, project):
    assert "Nothing was imported yet" in text(signed_in("editor").get(url("imports")))


def test_imports_of_this_project_are_listed(signed_in, people, batch):
    elsewhere = Project.objects.get(slug="elsewhere")
    theirs = ImportBatch.objects.create(project=elsewhere, name="theirs.zip", made_by=people.stranger)
    html = text(signed_in("viewer").get(url("imports")))
    assert "set.zip" in html
    assert "theirs.zip" not in html
    assert signed_in("viewer").get(url("import_batch", theirs)).status_code == 404


def test_the_list_asks_few_questions_whatever_its_length(signed_in, people, project, django_assert_max_num_queries):
    for number in range(12):
        batch = ImportBatch.objects.create(project=project, name=f"{number}.zip", made_by=people.editor)
        start_walk(people.editor, batch, "trial")
    client = signed_in("viewer")
    with django_assert_max_num_queries(9):
        client.get(url("imports"))


def test_a_batch_asks_few_questions_whatever_its_length(
    signed_in, people, project, batch, django_assert_max_num_queries
):
    kept = picture(people.editor, project, 7)
    rows = [ImportRow(batch=batch, number=number, name="x", picture=kept) for number in range(10, 60)]
    ImportRow.objects.bulk_create(rows)
    client = signed_in("editor")
    with django_assert_max_num_queries(14):
        client.get(url("import_batch", batch))


def test_undoing_is_the_editors_and_said(signed_in, people, batch):
    confirm(batch, confirmed={}, user=people.editor)
    walk(batch)
    undo(batch, user=people.editor)
    assert "Waiting for a worker" in text(signed_in("viewer").get(url("import_batch", batch)))
