"""Adapters through the API: read out of a picture, asked for, filtered by; and what may be published now."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from assets.models import ModelFile
from assets.services import withdraw_rights
from tests.assets.chain import drawn_with, frozen, learned
from tests.generation.pictures import made


@pytest.fixture
def adapter(people, project, starter) -> ModelFile:
    """Return an adapter that learned from one picture."""
    return learned(people, project, starter, frozen(people, project, ["CC0-1.0"]))


def test_a_picture_of_ours_becomes_the_request_that_made_it(caller, signed_in, people, project, starter, adapter):
    [output] = drawn_with(people, project, starter, adapter)
    response = signed_in("viewer").get(reverse("picture_file", args=["spring", output.id]))
    upload = SimpleUploadedFile("x.png", b"".join(response.streaming_content))
    body = {"file": upload, "project": "spring"}
    read = caller("viewer", "generate").post("/api/v1/parameters/read/", body, format="multipart").json()
    assert read["request"]["adapters"] == [{"id": str(adapter.id), "weight": 0.7}]
    assert read["claims"]["loras"] == [{"name": adapter.name, "weight": 0.7, "hash": adapter.sha256}]
    assert [(each["kind"], each["how"], each["name"]) for each in read["files"]] == [
        ("base", "hash", starter.name),
        ("adapter", "hash", adapter.name),
    ]
    composed = caller("editor").post("/api/v1/prompts/compose/", read["request"], format="json").json()
    assert composed["spec"]["adapters"] == output.spec["adapters"]


def ids_of(client, **query) -> list[str]:
    """Return the ids of the outputs that a list answers with."""
    return [row["id"] for row in client.get("/api/v1/outputs/", query).json()["results"]]


def test_outputs_are_filtered_by_adapter(caller, people, project, starter, adapter):
    [output], _other = drawn_with(people, project, starter, adapter), made(people.editor, project, starter)
    assert ids_of(caller("viewer"), adapter=adapter.id) == [str(output.id)]
    response = caller("viewer").get("/api/v1/outputs/", {"adapter": "x"})
    assert (response.status_code, list(response.json()["error"]["fields"])) == (400, ["adapter"])


def test_what_may_be_published_now_is_a_question_about_one_project(caller, people, project, starter, adapter):
    [closed], [free] = drawn_with(people, project, starter, adapter), made(people.editor, project, starter)
    withdraw_rights(adapter, actor=people.reviewer, reason="The contract has ended.")
    client = caller("viewer")
    assert ids_of(client, project="spring", publishable="yes") == [str(free.id)]
    assert ids_of(client, project="spring", publishable="no") == [str(closed.id)]
    response = client.get("/api/v1/outputs/", {"publishable": "yes"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "project_missing")
    assert "project" in response.json()["error"]["fields"]
    assert client.get("/api/v1/outputs/", {"project": "elsewhere", "publishable": "yes"}).status_code == 404
    response = client.get("/api/v1/outputs/", {"project": "spring", "publishable": "maybe"})
    assert (response.status_code, list(response.json()["error"]["fields"])) == (400, ["publishable"])
    assert set(ids_of(client)) == {str(closed.id), str(free.id)}
