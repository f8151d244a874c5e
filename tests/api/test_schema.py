"""The schema is what the API promises: it changes on purpose, and docs/api.md names every address in it."""

import re
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command

SNAPSHOT = Path(__file__).with_name("schema.yaml")
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"
REFRESH = "manage.py spectacular --file tests/api/schema.yaml"


@pytest.fixture(scope="module")
def schema(tmp_path_factory) -> str:
    """Return the schema as it is now; a warning is an error."""
    path = tmp_path_factory.mktemp("schema") / "schema.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", file=str(path))
    return path.read_text()


def test_the_schema_is_the_one_that_was_reviewed(schema):
    assert schema == SNAPSHOT.read_text(), f"If this is meant, run {REFRESH} and commit it."


def test_every_answer_has_a_shape(schema):
    paths = yaml.safe_load(schema)["paths"]
    shapeless = {
        f"{method} {path} {status}"
        for path, methods in paths.items()
        for method, operation in methods.items()
        for status, answer in operation["responses"].items()
        for media in answer.get("content", {}).values()
        if path != "/api/v1/schema/" and media["schema"] in ({}, {"type": "object", "additionalProperties": {}})
    }
    assert shapeless == set()


def test_every_address_is_in_the_document(schema):
    text = DOCUMENT.read_text()
    for path in yaml.safe_load(schema)["paths"]:
        short = re.sub(r"\{(id|user|seq|slug|name)\}", r"{\1}", path.removeprefix("/api/v1"))
        places = (f"`{short}`", f"`…{short.removeprefix('/projects/{slug}')}`")
        assert short == "/schema/" or any(place in text for place in places), f"{short} is not in docs/api.md"


def test_the_schema_names_the_token(schema):
    assert yaml.safe_load(schema)["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


@pytest.mark.parametrize("kind", ["application/vnd.oai.openapi", "application/vnd.oai.openapi+json"])
def test_the_schema_is_served_as_yaml_and_as_json(caller, kind):
    response = caller("viewer", "read").get("/api/v1/schema/", headers={"Accept": kind})
    assert response.headers["Content-Type"].startswith(kind)
    assert yaml.safe_load(response.content)["info"]["title"] == "Daicho"
