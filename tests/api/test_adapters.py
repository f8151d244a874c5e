"""Adapters through the API: read out of a picture, asked for, filtered by; and what may be published now."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from assets.models import ModelFile
from tests.assets.chain import drawn_with, frozen, learned


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
