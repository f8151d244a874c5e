"""Datasets through the API: choose, caption, rename and undo, freeze, prove, compare, export."""

import io
import json
import zipfile
from hashlib import sha256

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from assets.manifests import parse_manifest, verify_proof
from assets.models import Caption, Dataset, DatasetVersion
from assets.services.datasets import add_items, create_dataset
from ledger.models import Entry
from tests.api.test_errors import error_of
from tests.assets.material import cleared, picture

ROOM = "/api/v1/datasets/"
SPRING = {"project": "spring"}


@pytest.fixture
def dataset(people, project):
    """Return a dataset with two cleared pictures."""
    made = create_dataset(people.editor, project, name="Umbrellas", trigger="sksumbrella")
    add_items(people.editor, made, [cleared(people, project, 1), cleared(people, project, 2, "CC-BY-4.0")])
    return made


@pytest.fixture
def one(dataset) -> str:
    """Return the dataset's address."""
    return f"{ROOM}{dataset.id}/"


def caption(client, one: str, language: str = "en", **texts: str):
    """Write captions by number."""
    said = {"language": language, "captions": {name.strip("_"): text for name, text in texts.items()}}
    return client.put(f"{one}captions/", said, format="json")


def freeze(client, one: str, note: str = "") -> dict:
    """Freeze the next version."""
    response = client.post(f"{one}versions/", {"note": note}, format="json")
    assert response.status_code == 201, response.json()
    return response.json()


def test_a_dataset_is_opened_renamed_and_listed(caller, project):
    client = caller("editor")
    body = {**SPRING, "name": "Foxes", "name_ja": "狐", "trigger": "sksfox"}
    made = client.post(ROOM, body, format="json")
    assert made.status_code == 201, made.json()
    assert (made.json()["slug"], made.json()["pictures"], made.json()["versions"]) == ("foxes", 0, 0)
    again = client.post(ROOM, body, format="json")
    assert (again.status_code, error_of(again)["code"]) == (409, "name_taken")
    one = f"{ROOM}{made.json()['id']}/"
    assert client.patch(one, {"trigger": "sksvixen"}, format="json").json()["trigger"] == "sksvixen"
    assert [each["name"] for each in caller("viewer", "read").get(ROOM, SPRING).json()["results"]] == ["Foxes"]
    assert caller("stranger", "read").get(ROOM).json()["results"] == []


REFUSED = [
    ({"name": ""}, "name"),
    ({"name": "x" * 121}, "name"),
    ({"name": "a", "trigger": "a,b"}, "trigger"),
    ({"name": "a", "slug": "b"}, "slug"),
    ({"name": "a", "created_by": "x"}, "created_by"),
    ({"name": "a", "archived_at": None}, "archived_at"),
    ({"name": "a\x00"}, "name"),
]


@pytest.mark.parametrize(("body", "field"), REFUSED, ids=[row[1] + str(n) for n, row in enumerate(REFUSED)])
def test_a_dataset_that_cannot_be_is_not_opened(caller, project, body, field):
    response = caller("editor").post(ROOM, {**SPRING, **body}, format="json")
    assert response.status_code == 400
    assert field in error_of(response)["fields"]
    assert not Dataset.objects.exists()


def test_pictures_are_put_in_once_and_taken_out(caller, people, project, one):
    client, third = caller("editor"), picture(people.editor, project, 3)
    answers = [client.post(f"{one}pictures/", {"pictures": [str(third.id)]}, format="json") for _ in range(2)]
    assert [each.json() for each in answers] == [{"added": 1}, {"added": 0}]
    page = client.get(f"{one}pictures/?page_size=2").json()
    assert [each["number"] for each in page["results"]] == [1, 2]
    last = client.get(page["next"]).json()["results"]
    assert [(each["picture"], each["license"], each["state"]) for each in last] == [
        (str(third.id), "CC0-1.0", "pending")
    ]
    assert client.delete(f"{one}pictures/3/").status_code == 204
    for number in (3, 2**70):
        assert client.delete(f"{one}pictures/{number}/").status_code == 404


def test_a_picture_of_another_project_is_not_put_in(caller, people, project, one):
    from projects.models import Project

    other = picture(people.stranger, Project.objects.get(slug="elsewhere"), 9)
    response = caller("editor").post(f"{one}pictures/", {"pictures": [str(other.id)]}, format="json")
    assert (response.status_code, error_of(response)["code"]) == (400, "picture_unknown")


def test_a_page_of_pictures_costs_the_same_whatever_its_length(caller, people, project, one, dataset):
    counts = []
    for seeds in ((), (3, 4, 5)):
        add_items(people.editor, dataset, [picture(people.editor, project, seed) for seed in seeds])
        with CaptureQueriesContext(connection) as queries:
            caller("viewer", "read").get(f"{one}pictures/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_captions_are_written_all_or_none(caller, one):
    client = caller("editor")
    assert caption(client, one, _1="red umbrella, rain", _2="rain").json()["captions"] == {
        "1": "red umbrella, rain", "2": "rain",
    }  # fmt: skip
    assert caption(client, one, _2="").json()["captions"] == {"1": "red umbrella, rain", "2": ""}
    refused = caption(client, one, _1="gone", _9="nobody")
    assert (refused.status_code, error_of(refused)["code"]) == (400, "picture_unknown")
    assert client.get(f"{one}captions/?language=en").json()["captions"]["1"] == "red umbrella, rain"
    assert client.get(f"{one}captions/?language=ja").json()["captions"] == {"1": "", "2": ""}


@pytest.mark.parametrize(
    "body",
    [
        {"language": "xx", "captions": {}},
        {"language": "en", "captions": {"one": "a"}},
        {"language": "en", "captions": {"１": "a"}},
        {"language": "en", "captions": {"1": "a" * 2001}},
        {"language": "en", "captions": {"1": "a\x00"}},
        {"language": "en", "captions": {"1": ["a"]}},
        {"language": "en", "captions": ["a"]},
        {"language": "en"},
    ],
)
def test_captions_that_cannot_be_are_refused(caller, one, body):
    response = caller("editor").put(f"{one}captions/", body, format="json")
    assert (response.status_code, error_of(response)["code"]) == (400, "invalid")
    assert not Caption.objects.exists()


def test_a_phrase_is_renamed_everywhere_and_back(caller, one):
    client = caller("editor")
    caption(client, one, _1="red umbrella, rain", _2="rain")
    renaming = {"language": "en", "old": "rain", "new": "drizzle"}
    edit = client.post(f"{one}captions/rename/", renaming, format="json").json()
    assert [(each["number"], each["from"], each["to"]) for each in edit["changes"]] == [
        (1, "red umbrella, rain", "red umbrella, drizzle"), (2, "rain", "drizzle"),
    ]  # fmt: skip
    nothing = client.post(f"{one}captions/rename/", renaming, format="json")
    assert (nothing.status_code, error_of(nothing)["code"]) == (409, "unchanged")
    caption(client, one, _2="storm")
    assert client.get(f"{one}edits/").json()["results"][0]["undone_at"] is None
    undo = f"{one}edits/{edit['id']}/undo/"
    assert client.post(undo).json()["undone_at"]
    assert client.get(f"{one}captions/?language=en").json()["captions"] == {"1": "red umbrella, rain", "2": "storm"}
    assert error_of(client.post(undo))["code"] == "undone_already"


def test_a_version_is_frozen_downloaded_and_proved(caller, dataset, one):
    client = caller("editor")
    caption(client, one, _1="red umbrella")
    version = freeze(client, one, "first")
    assert (version["number"], version["count"], version["verdict"], version["note"]) == (1, 2, "allow", "first")
    assert version["now"]["sha256"] != ""
    same = client.post(f"{one}versions/", {}, format="json")
    assert (same.status_code, error_of(same)["code"]) == (409, "version_same")
    sent = caller("viewer", "read").get(f"{one}versions/1/manifest/")
    text = b"".join(sent.streaming_content).decode()
    assert sha256(text.encode()).hexdigest() == version["manifest_sha256"]
    assert parse_manifest(text).root() == version["merkle_root"]
    for item in dataset.items.all():
        proof = client.get(f"{one}versions/1/proofs/{item.picture_id}/").json()
        assert proof["line"] in text.splitlines()
        assert verify_proof(**{name: proof[name] for name in ("line", "number", "count", "proof", "root")})
    assert Entry.objects.get(event="assets.dataset.version_frozen").seq == version["ledger_seq"]
    for path in ("versions/2/", f"versions/{2**70}/", f"versions/1/proofs/{dataset.id}/"):
        assert client.get(f"{one}{path}").status_code == 404


def test_versions_are_compared(caller, people, project, dataset, one):
    client = caller("editor")
    caption(client, one, _1="red umbrella")
    freeze(client, one)
    added = cleared(people, project, 3)
    client.post(f"{one}pictures/", {"pictures": [str(added.id)]}, format="json")
    caption(client, one, _1="blue umbrella")
    client.delete(f"{one}pictures/2/")
    freeze(client, one)
    diff = caller("viewer", "read").get(f"{one}versions/2/diff/").json()
    assert (diff["old"], diff["new"]) == (1, 2)
    assert [each["title"] for each in diff["added"]] == ["Picture 3"]
    assert [each["title"] for each in diff["removed"]] == ["Picture 2"]
    assert [(each["picture"]["number"], each["values"]) for each in diff["changed"]] == [
        (1, [{"field": "captions.en", "old": "red umbrella", "new": "blue umbrella"}])
    ]
    backwards = client.get(f"{one}versions/1/diff/?against=2").json()
    assert [each["title"] for each in backwards["added"]] == ["Picture 2"]
    assert client.get(f"{one}versions/2/diff/?against=9").status_code == 404
    assert client.get(f"{one}versions/2/diff/?against=x").status_code == 400
    assert [each["number"] for each in client.get(f"{one}versions/").json()] == [2, 1]


def test_an_export_leaves_with_credits_and_a_ledger_entry(caller, one):
    client = caller("editor")
    freeze(client, one)
    sent = client.post(f"{one}versions/1/export/", {"format": "kohya", "class_word": "umbrella"}, format="json")
    assert sent.status_code == 200
    with zipfile.ZipFile(io.BytesIO(b"".join(sent.streaming_content))) as file:
        assert {"CREDITS.txt", "LICENSES.csv", "manifest.jsonl"} <= set(file.namelist())
        assert any("sksumbrella" in name for name in file.namelist())
    assert Entry.objects.filter(event="assets.dataset.exported").count() == 1
    for body in ({}, {"format": "tar"}, {"format": "kohya", "trigger": "a,b"}, {"format": "kohya", "resolution": 513}):
        assert client.post(f"{one}versions/1/export/", body, format="json").status_code == 400


def test_a_frozen_version_takes_no_orders(caller, one):
    client = caller("editor")
    freeze(client, one)
    for method in ("put", "patch", "delete"):
        assert getattr(client, method)(f"{one}versions/1/", {"number": 9}, format="json").status_code == 405
    response = client.post(f"{one}versions/", {"merkle_root": "0", "number": 7}, format="json")
    assert set(error_of(response)["fields"]) == {"merkle_root", "number"}
    assert DatasetVersion.objects.count() == 1


def test_what_is_not_yours_looks_like_what_is_not_there(caller, one, dataset):
    client = caller("stranger")
    nowhere = one.replace(str(dataset.id), "00000000-6a3d-4a8e-9b5c-0d3f0a1d2c11")
    for path in ("", "pictures/", "captions/?language=en", "versions/", "edits/"):
        mine, none = client.get(f"{one}{path}"), client.get(f"{nowhere}{path}")
        assert (mine.status_code, json.dumps(error_of(mine))) == (404, json.dumps(error_of(none)))
