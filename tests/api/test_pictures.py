"""Pictures, words about them, imports and curation through the API, with the portal's services."""

import io
import json

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from assets.models import Curation, ImportBatch, Picture, PictureTag, Rights, Tagging
from assets.services import withdraw_rights
from assets.services.datasets import create_dataset
from assets.services.looking import curate
from ledger.models import Entry
from projects.protocol import FORM_BYTES, MAX_JSON_DEPTH
from tests.api.test_errors import error_of
from tests.assets.material import cleared, encoded, picture, upload, walk, zipped
from tests.assets.rights_blocks import with_xmp, xmp

ROOM, IMPORTS = "/api/v1/pictures/", "/api/v1/imports/"
SPRING = {"project": "spring"}
DECLARED = {
    "expression": "CC-BY-4.0",
    "creator": "山田",
    "source_url": "https://example.com/a",
    "territories": ["JP", "US"],
    "expires_at": "2031-01-01T00:00:00+09:00",
    "time_zone": "Asia/Tokyo",
    "releases": {"花子": "unlimited"},
    "caps": {"copies": 500},
}
TABLE = (
    "file,creator,license,caption_en,tags,expires_at\na.png,Ana,CC BY 4.0,a fox,fox,\nb.png,Ana,CC0-1.0,,,2026/02/30\n"
)


def send(client, seed: int = 1, *, declaration=DECLARED, data: bytes | None = None, **more):
    """Bring one picture in."""
    said = declaration if isinstance(declaration, str) else json.dumps(declaration)
    file = upload("傘.png", encoded(seed) if data is None else data)
    return client.post(ROOM, {**SPRING, "file": file, "declaration": said, **more}, format="multipart")


def events(project, area: str) -> list[str]:
    """List the project's events of one area in order."""
    rows = Entry.objects.filter(chain=project.id, event__startswith=f"assets.{area}")
    return list(rows.order_by("seq").values_list("event", flat=True))


def test_a_picture_comes_in_with_what_was_declared_and_waits(caller, people, project):
    made = send(caller("editor"))
    assert made.status_code == 201, made.json()
    body = made.json()
    rights = body["rights"]
    assert (rights["state"], rights["submitted_by"]) == ("pending", str(people.editor.id))
    assert {name: rights[name] for name in ("expression", "creator", "territories", "releases", "caps")} == {
        name: DECLARED[name] for name in ("expression", "creator", "territories", "releases", "caps")
    }
    assert rights["expires_at"].startswith("2031-01-01T00:00:00")
    assert {name: answer["verdict"] for name, answer in body["answers"].items()} == dict.fromkeys(
        ("train", "generate", "publish"), "block"
    )
    assert not {"path", "original", "fingerprint"} & set(body)
    assert events(project, "picture") == ["assets.picture.added"]


def test_the_same_pixels_are_one_picture_and_keep_their_rights(caller, project):
    first, again = send(caller("editor")), send(caller("owner"), declaration={"expression": "CC0-1.0"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["rights"]["expression"] == "CC-BY-4.0"
    assert Picture.objects.count() == 1


def test_a_prohibition_in_the_file_is_heeded_whatever_is_declared(caller, project):
    mark = "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING"
    body = send(caller("editor"), data=with_xmp(xmp(attributes=f'plus:DataMining="{mark}"'))).json()
    assert body["rights"]["data_mining"].endswith("DMI-PROHIBITED-AIMLTRAINING")
    assert body["notices"]
    path = f"{ROOM}{body['id']}/rights/"
    refused = caller("editor").patch(path, {"data_mining": ""}, format="json")
    assert "data_mining" in error_of(refused)["fields"]


def test_what_was_cleared_and_then_edited_waits_again(caller, people, project):
    kept = cleared(people, project)
    path = f"{ROOM}{kept.id}/"
    assert caller("viewer", "read").get(path).json()["answers"]["train"]["verdict"] == "allow"
    changed = caller("editor").patch(f"{path}rights/", {"creator": "Ben"}, format="json").json()
    assert (changed["state"], changed["creator"], changed["expression"]) == ("pending", "Ben", "CC0-1.0")
    assert caller("viewer", "read").get(path).json()["answers"]["train"]["verdict"] == "block"
    same = caller("editor").patch(f"{path}rights/", {"creator": "Ben"}, format="json").json()
    assert same["revision"] == changed["revision"]


def test_pictures_are_listed_and_narrowed_as_in_the_portal(caller, people, project):
    cleared(people, project, 1, "CC0-1.0")
    waiting = picture(people.editor, project, 2, "CC-BY-4.0")
    client = caller("viewer", "read")

    def names(**asked) -> set[str]:
        return {each["name"] for each in client.get(ROOM, {**SPRING, **asked}).json()["results"]}

    assert names() == {"1.png", "2.png"}
    assert names(state="pending") == names(license="CC-BY-4.0") == names(q="Picture 2") == {"2.png"}
    assert names(q="%") == set()
    client.delete(f"{ROOM}{waiting.id}/")
    assert names() == {"1.png", "2.png"}
    assert caller("editor").delete(f"{ROOM}{waiting.id}/").status_code == 204
    assert names() == {"1.png"}
    assert client.get(f"{ROOM}{waiting.id}/").status_code == 404
    assert events(project, "picture")[-1] == "assets.picture.removed"


def test_a_list_of_pictures_costs_the_same_whatever_its_length(caller, people, project):
    counts = []
    for seeds in ((1,), (2, 3, 4)):
        for seed in seeds:
            picture(people.editor, project, seed)
        with CaptureQueriesContext(connection) as queries:
            assert len(caller("viewer", "read").get(ROOM, SPRING).json()["results"]) in (1, 4)
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "query", ["", "project=spring&state=x", "project=spring&expiry=-1", "project=spring&q=%00", "project=spring&flag=x"]
)
def test_a_list_that_cannot_be_asked_for_is_refused(caller, project, query):
    response = caller("viewer").get(f"{ROOM}?{query}")
    assert response.status_code == 400
    assert error_of(response)["fields"]


def test_the_file_comes_bare_and_no_longer_than_the_rights_hold(caller, people, project):
    kept = cleared(people, project)
    client = caller("viewer", "read")
    sent = client.get(f"{ROOM}{kept.id}/file/")
    assert sent.headers["Content-Disposition"].startswith("attachment")
    assert "max-age=600" in sent.headers["Cache-Control"]
    assert Image.open(io.BytesIO(b"".join(sent.streaming_content))).size == (96, 80)
    withdraw_rights(kept, actor=people.reviewer, reason="They asked.")
    for name in ("file", "thumbnail"):
        gone = client.get(f"{ROOM}{kept.id}/{name}/")
        assert (gone.status_code, error_of(gone)["code"]) == (410, "withdrawn")
        assert caller("reviewer", "read").get(f"{ROOM}{kept.id}/{name}/").status_code == 200


def test_words_are_added_decided_on_and_taken_away(caller, people, project):
    kept = picture(people.editor, project)
    seen = PictureTag.objects.create(picture=kept, text="fox", state="proposed", source="tagger 1", confidence=0.9)
    client, room = caller("editor"), f"{ROOM}{kept.id}/tags/"
    added = client.post(room, {"tags": ["rain", "赤い傘"]}, format="json").json()
    assert [(each["text"], each["state"]) for each in added] == [
        ("fox", "proposed"), ("rain", "accepted"), ("赤い傘", "accepted"),
    ]  # fmt: skip
    assert client.post(f"{room}{seen.id}/", {"accepted": False}, format="json").json()["state"] == "rejected"
    assert client.post(room, {"tags": ["fox"]}, format="json").json()[0]["state"] == "accepted"
    assert client.delete(f"{room}{added[1]['id']}/").status_code == 204
    assert not kept.tags.filter(text="rain").exists()
    for tag in (2**70, added[1]["id"]):
        assert client.post(f"{room}{tag}/", {"accepted": True}, format="json").status_code == 404


def test_a_word_of_another_picture_is_not_found(caller, people, project):
    one, other = picture(people.editor, project, 1), picture(people.editor, project, 2)
    tag = PictureTag.objects.create(picture=other, text="fox")
    assert caller("editor").delete(f"{ROOM}{one.id}/tags/{tag.id}/").status_code == 404
    assert PictureTag.objects.filter(pk=tag.pk).exists()


DEEP = "[" * (MAX_JSON_DEPTH + 1) + "]" * (MAX_JSON_DEPTH + 1)
BAD = [
    ("no json", "{", "malformed"),
    ("a list", "[]", "invalid"),
    ("too deep", f'{{"parameters": {{"a": {DEEP}}}}}', "too_deep"),
    ("half a character", '{"creator": "\\ud800"}', "malformed"),
    ("a bare half character", '{"creator": "\ud800"}', "malformed"),
    ("nan", '{"parameters": {"a": NaN}}', "malformed"),
    ("infinite", '{"parameters": {"a": 1e999}}', "malformed"),
    ("a number that no hash holds", '{"parameters": {"a": 9007199254740993}}', "invalid"),
    ("nul in a parameter", '{"parameters": {"a": "\\u0000"}}', "invalid"),
    ("nul in a name", '{"releases": {"a\\u0000": "none"}}', "invalid"),
    ("a state", '{"state": "cleared"}', "invalid"),
    ("a reviewer", '{"cleared_by": "x", "cleared_at": "2026-01-01T00:00:00Z"}', "invalid"),
    ("a submitter", '{"submitted_by": "x"}', "invalid"),
    ("a revision", '{"revision": 9}', "invalid"),
    ("claims", '{"claims": {}}', "invalid"),
    ("an unknown release", '{"releases": {"Hanako": "yes"}}', "invalid"),
    ("a script as source", '{"source_url": "javascript:alert(1)"}', "invalid"),
    ("a time zone nobody has", '{"time_zone": "Mars/Olympus"}', "time_zone_unknown"),
    ("a time before calendars", '{"expires_at": "0001-01-01T00:00:00Z"}', "invalid"),
    ("the last time there is", '{"expires_at": "9999-12-31T23:59:59-12:00"}', "invalid"),
    ("30 February", '{"expires_at": "2026-02-30T00:00:00Z"}', "invalid"),
    ("minus one copy", '{"caps": {"copies": -1}}', "invalid"),
    ("2^70 copies", '{"caps": {"copies": 1180591620717411303424}}', "invalid"),
    ("much text", json.dumps({"parameters": {"a": "x" * 20_000}}), "invalid"),
    ("a title of 301 letters", json.dumps({"title": "あ" * 301}), "invalid"),
    ("nobody's evidence", '{"evidence": "00000000-6a3d-4a8e-9b5c-0d3f0a1d2c11"}', "evidence_unknown"),
]


@pytest.mark.parametrize(("said", "code"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_declaration_that_cannot_be_kept_is_refused_and_nothing_is_written(caller, people, project, said, code):
    if "\ud800" not in said:
        response = send(caller("editor"), declaration=said)
        assert (response.status_code, error_of(response)["code"]) == (400, code), response.json()
    assert not Picture.objects.exists()
    kept = picture(people.editor, project)
    path = f"{ROOM}{kept.id}/rights/"
    raw = said.encode(errors="surrogatepass")
    response = caller("editor").generic("PATCH", path, raw, content_type="application/json")
    assert (response.status_code, error_of(response)["code"]) == (400, code), response.json()
    kept.rights.refresh_from_db()
    assert (kept.rights.revision, kept.rights.state) == (1, "pending")


FORGED = [("project", "elsewhere"), ("state", "cleared"), ("cleared_by", "x"), ("batch", "x"), ("output_id", "x")]


@pytest.mark.parametrize(("name", "value"), FORGED[1:], ids=[row[0] for row in FORGED[1:]])
def test_a_form_has_no_further_fields(caller, project, name, value):
    response = send(caller("editor"), **{name: value})
    assert name in error_of(response)["fields"]
    assert not Picture.objects.exists()


@pytest.mark.parametrize(("name", "value"), FORGED, ids=[row[0] for row in FORGED])
def test_rights_cannot_be_moved_or_cleared_by_editing(caller, people, project, name, value):
    kept = picture(people.editor, project)
    response = caller("owner").patch(f"{ROOM}{kept.id}/rights/", {name: value}, format="json")
    assert name in error_of(response)["fields"]
    assert Rights.objects.get(pk=kept.rights_id).state == "pending"


def test_another_projects_project_is_no_place_to_put_a_picture(caller, project):
    assert send(caller("editor"), **{"project": "elsewhere"}).status_code == 404
    assert not Picture.objects.exists()


FILES = [
    ("empty", b""),
    ("html", b"<html>"),
    ("gif", b"GIF89a"),
    ("half a png", b"\x89PNG\r\n\x1a\n\x00"),
    ("a zip", zipped({})),
]


@pytest.mark.parametrize("data", [row[1] for row in FILES], ids=[row[0] for row in FILES])
def test_a_file_that_is_no_picture_is_refused_in_words(caller, project, data):
    response = send(caller("editor"), data=data)
    assert response.status_code == 400
    assert error_of(response)["fields"]["file"]
    assert not Picture.objects.exists()


def test_bodies_have_their_limits(caller, people, project):
    kept = picture(people.editor, project)
    huge = b'{"note": "' + b"x" * 10_000_000 + b'"}'
    response = caller("editor").generic("PATCH", f"{ROOM}{kept.id}/rights/", huge, content_type="application/json")
    assert (response.status_code, error_of(response)["code"]) == (413, "too_large")
    for path, limit in ((ROOM, settings.UPLOAD_MAX_BYTES), (IMPORTS, settings.IMPORT_MAX_BYTES)):
        length = str(limit + FORM_BYTES + 1)
        kind = "multipart/form-data; boundary=x"
        response = caller("editor").generic("POST", path, b"--x--\r\n", content_type=kind, CONTENT_LENGTH=length)
        assert (response.status_code, error_of(response)["code"]) == (413, "too_large")


def bring(client, *files, **more):
    """Begin an import."""
    return client.post(IMPORTS, {**SPRING, "files": list(files), **more}, format="multipart")


def archive():
    return upload("set.zip", zipped({"a.png": encoded(1), "b.png": encoded(2), "x.png": b"<html>", "t.csv": TABLE}))


def test_an_import_is_tried_confirmed_and_undone(caller, people, project):
    client, dataset = caller("editor"), create_dataset(people.editor, project, name="Foxes")
    begun = bring(client, archive(), dataset=str(dataset.id))
    assert begun.status_code == 202, begun.json()
    assert (begun.json()["step"], begun.json()["job"]["status"]) == ("trial", "queued")
    one = f"{IMPORTS}{begun.json()['id']}/"
    walk(ImportBatch.objects.get())
    tried = client.get(one).json()
    assert tried["counts"] == {"good": 1, "wrong": 2, "known": 0, "imported": 0}
    assert [(each["written"], each["chosen"]) for each in tried["licenses"]] == [("CC BY 4.0", "CC-BY-4.0")]
    rows = client.get(f"{one}rows/?page_size=2").json()
    assert [each["name"] for each in rows["results"]] == ["a.png", "b.png"]
    assert rows["results"][1]["problems"][0]["code"] == "no_such_day"
    assert rows["results"][1]["problems"][0]["message"]
    assert [each["name"] for each in client.get(rows["next"]).json()["results"]] == ["x.png"]
    assert {each["state"] for each in client.get(f"{one}rows/?state=wrong").json()["results"]} == {"wrong"}
    assert not Picture.objects.exists()

    confirmed = client.post(f"{one}confirm/", {"confirmed": {"CC BY 4.0": "CC-BY-4.0"}}, format="json")
    assert (confirmed.status_code, confirmed.json()["job"]["kind"]) == (202, "import")
    walk(ImportBatch.objects.get())
    kept = Picture.objects.get()
    assert (kept.rights.expression, kept.rights.state, kept.rights.submitted_by) == (
        "CC-BY-4.0",
        "pending",
        people.editor,
    )
    assert dataset.items.get().captions.get().text == "a fox"
    assert client.get(f"{one}rows/?state=imported").json()["results"][0]["picture"] == str(kept.id)
    assert client.post(f"{one}undo/").json()["job"]["kind"] == "undo"
    walk(ImportBatch.objects.get())
    assert not Picture.objects.filter(removed_at=None).exists()
    again = client.post(f"{one}undo/")
    assert (again.status_code, error_of(again)["code"]) == (409, "import_not_done")


def test_an_unconfirmed_licence_stays_unknown_and_defaults_hold(caller, people, project):
    client = caller("editor")
    defaults = json.dumps({"license": "royalty free", "creator": "Ana"})
    begun = bring(client, upload("a.png", encoded(1)), upload("b.png", encoded(2)), defaults=defaults)
    assert begun.json()["defaults"] == {"license": "royalty free", "creator": "Ana"}
    walk(ImportBatch.objects.get())
    assert client.post(f"{IMPORTS}{begun.json()['id']}/confirm/", {}, format="json").status_code == 202
    walk(ImportBatch.objects.get())
    assert {(each.rights.expression, each.rights.creator) for each in Picture.objects.all()} == {("", "Ana")}


WRONG_IMPORTS = [
    ("two zips", {"files": [archive(), archive()]}, "files"),
    ("nothing", {"files": []}, "files"),
    ("a table alone", {"files": [upload("t.csv", TABLE.encode())]}, "files"),
    ("another project's dataset", {"dataset": "00000000-6a3d-4a8e-9b5c-0d3f0a1d2c11"}, "dataset"),
    ("a step", {"step": "imported"}, "step"),
    ("confirmed already", {"confirmed": "{}"}, "confirmed"),
    ("a default that is no column", {"defaults": '{"state": "cleared"}'}, "defaults.state"),
]


@pytest.mark.parametrize(("more", "field"), [row[1:] for row in WRONG_IMPORTS], ids=[row[0] for row in WRONG_IMPORTS])
def test_an_import_that_cannot_be_is_refused(caller, project, more, field):
    values = {**SPRING, "files": [upload("a.png", encoded(1))], **more}
    response = caller("editor").post(IMPORTS, values, format="multipart")
    assert response.status_code == 400, response.json()
    assert field in error_of(response)["fields"]
    assert not ImportBatch.objects.exists()


@pytest.mark.parametrize("meaning", ["free", "", "cleared", "x" * 5000])
def test_a_licence_that_nobody_knows_is_confirmed_for_nobody(caller, people, project, meaning):
    begun = bring(caller("editor"), archive())
    walk(ImportBatch.objects.get())
    path = f"{IMPORTS}{begun.json()['id']}/confirm/"
    response = caller("editor").post(path, {"confirmed": {"CC BY 4.0": meaning}}, format="json")
    assert (response.status_code, error_of(response)["code"]) == (400, "invalid")
    assert ImportBatch.objects.get().step == "ready"


def test_a_walk_is_stopped_and_repeated(caller, project):
    client, one = caller("editor"), f"{IMPORTS}{bring(caller('editor'), archive()).json()['id']}/"
    assert client.post(f"{one}stop/").json()["job"]["status"] == "canceled"
    assert error_of(client.post(f"{one}stop/"))["code"] == "import_not_running"
    assert client.post(f"{one}repeat/").json()["job"]["status"] == "queued"


def test_a_look_is_asked_for_once_and_followed(caller, people, project):
    picture(people.editor, project)
    client, room = caller("editor"), "/api/v1/curations/"
    asked, again = client.post(room, SPRING, format="json"), client.post(room, SPRING, format="json")
    assert (asked.status_code, again.json()["id"]) == (202, asked.json()["id"])
    job = Curation.objects.get()
    assert job.claim()
    with job.work():
        curate(job)
    done = caller("viewer", "read").get(f"{room}{job.id}/").json()
    assert (done["status"], done["measured"], done["reason"]) == ("succeeded", 1, "")


def test_a_model_is_asked_for_tags_and_stopped(caller, people, project):
    client, room = caller("editor"), "/api/v1/taggings/"
    asked, again = client.post(room, SPRING, format="json"), client.post(room, SPRING, format="json")
    assert (asked.status_code, again.json()["id"]) == (202, asked.json()["id"])
    assert error_of(client.post(room, {**SPRING, "dataset": "nowhere"}, format="json"))["code"] == "not_found"
    assert client.post(f"{room}{asked.json()['id']}/cancel/").json()["status"] == "canceled"
    assert Tagging.objects.get().project == project
