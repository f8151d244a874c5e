"""Plan, ask for, follow, cancel and complete grids through the API."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from assets.models import ModelFile, Rights
from generation.models import Generation, Grid
from projects.services import create_project
from tests.test_access_matrix import make_output

ROOM = "/api/v1/grids/"
STEPS = {"kind": "num_inference_steps", "values": ["4-8 (+4)"]}
SEEDS = {"kind": "seed", "values": ["1", "2-3"]}
KINDS = {"adapter": "adapter", "base_model": "base", "vae": "vae"}
RED = {"project": "spring", "slots": {"subject": "a red ball"}, "axes": [STEPS, SEEDS]}


def ask(client, key: str = "one", **changes):
    """Ask for a grid under this key."""
    return client.post(ROOM, {**RED, **changes}, format="json", headers={"Idempotency-Key": key})


@pytest.fixture
def second(project, model) -> ModelFile:
    """Return another model, whose rights nobody has cleared."""
    values = {"kind": "base", "name": "second", "architecture": "sd1", "layout": "single", "path": "x", "size_bytes": 1}
    return ModelFile.objects.create(project=project, sha256="c" * 64, rights=Rights.objects.create(), **values)


def test_a_grid_is_asked_for_once_per_key_and_says_what_it_is(caller, model):
    client = caller("editor")
    first, again, other = ask(client), ask(client, axes=[SEEDS]), ask(client, "two")
    assert [each.status_code for each in (first, again, other)] == [201, 200, 201]
    assert first.json() == again.json()
    body = first.json()
    assert body["axes"][1] == {"kind": "seed", "values": [{"key": key, "name": ""} for key in (1, 2, 3)]}
    assert body["counts"] == {"queued": 6}
    assert [(cell["x"], cell["y"], cell["z"]) for cell in body["cells"]][:3] == [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
    job = client.get(f"/api/v1/generations/{body['cells'][1]['generation']}/").json()
    assert (job["count"], job["recipe"]["num_inference_steps"], job["recipe"]["seed"]) == (1, 8, 1)


def test_a_plan_says_what_would_be_drawn_and_writes_nothing(caller, model, second):
    axes = [{"kind": "base_model", "values": [str(model.id), str(second.id)]}, STEPS]
    body = caller("viewer", "generate").post(f"{ROOM}plan/", {**RED, "axes": axes}, format="json").json()
    assert (body["pictures"], body["closed"]) == (2, 2)
    assert [cell["generate"] for cell in body["cells"]] == ["allow", "block", "allow", "block"]
    assert "second" in body["cells"][1]["reasons"][0]
    assert not Grid.objects.exists()


def test_closed_cells_say_why(caller, model, second):
    axes = [{"kind": "base_model", "values": [str(model.id), str(second.id)]}]
    body = ask(caller("editor"), axes=axes).json()
    assert body["counts"] == {"queued": 1, "closed": 1}
    closed = body["cells"][1]
    assert (closed["status"], closed["generation"], closed["output"]) == ("closed", None, None)
    assert "second" in closed["reasons"][0]


def test_a_grid_shows_its_pictures_and_a_list_only_counts(caller, model):
    client = caller("editor")
    grid = ask(client).json()
    output = make_output(Generation.objects.get(id=grid["cells"][0]["generation"]))
    assert client.get(f"{ROOM}{grid['id']}/").json()["cells"][0]["output"] == str(output.id)
    [listed] = client.get(ROOM, {"project": "spring"}).json()["results"]
    assert (listed["id"], listed["counts"]) == (grid["id"], {"queued": 6})
    assert "cells" not in listed


def test_a_grid_is_cancelled_once_and_completed(caller, model):
    client = caller("editor")
    one = f"{ROOM}{ask(client).json()['id']}/"
    assert client.post(f"{one}cancel/").json()["counts"] == {"canceled": 6}
    again = client.post(f"{one}cancel/")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "job_over")
    assert client.post(f"{one}redraw/").json()["counts"] == {"queued": 6}
    assert client.post(f"{one}redraw/").json()["counts"] == {"queued": 6}
    assert Generation.objects.count() == 12


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"axes": []}, "invalid", "axes"),
        ({"axes": [STEPS] * 4}, "invalid", "axes"),
        ({"axes": [{"kind": "size", "values": ["1"]}]}, "invalid", "axes.0.kind"),
        ({"axes": [{"kind": "seed", "values": ["1"], "status": "done"}]}, "invalid", "axes.0.status"),
        ({"axes": [STEPS, {"kind": "seed", "values": ["1-1000000"]}]}, "axis_too_long", "axes.1.values"),
        ({"axes": [SEEDS, {"kind": "guidance_scale", "values": ["1-100"]}]}, "grid_too_large", "axes.0.values"),
        ({"axes": [{"kind": "guidance_scale", "values": ["NaN"]}]}, "axis_not_number", "axes.0.values"),
        ({"axes": [{"kind": "guidance_scale", "values": ["31"]}]}, "guidance_out_of_range", "axes.0.values"),
        ({"axes": [{"kind": "adapter_weight", "values": ["1e9"]}]}, "axis_needs_adapter", "axes.0.values"),
        ({"axes": [{"kind": "light", "values": ["a {b} c"]}]}, "unknown_variable", "axes.0.values"),
        ({"axes": [STEPS, {**STEPS}]}, "axis_twice", "axes.1.values"),
        ({"axes": [SEEDS], "count": 4}, "invalid", "count"),
        ({"axes": [SEEDS], "varied": "more than one"}, "adapter_unknown", "varied"),
        ({"axes": [SEEDS], "slots": {"subject": "a (ball"}}, "unbalanced_bracket", "slots.subject"),
        ({"axes": [SEEDS], "requested_by": 1}, "invalid", "requested_by"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(caller, model, changes, code, field):
    response = ask(caller("editor"), **changes)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, code)
    assert field in error["fields"]
    assert not Grid.objects.exists()


@pytest.mark.parametrize("kind", ["adapter", "base_model", "vae"])
def test_files_of_another_project_are_not_found(caller, people, second, kind):
    elsewhere = create_project(people.stranger, slug="autumn", name="Autumn")
    ModelFile.objects.filter(pk=second.pk).update(project=elsewhere, kind=KINDS[kind])
    response = ask(caller("editor"), axes=[{"kind": kind, "values": [str(second.id)]}])
    assert (response.status_code, response.json()["error"]["code"]) == (404, "axis_choice_unknown")


def test_an_adapters_weight_out_of_range_is_said_with_the_value(caller, project, model):
    adapter = ModelFile.objects.create(
        project=project,
        kind="adapter",
        method="lora",
        name="LoRA",
        architecture="sd1",
        layout="single",
        path="x",
        sha256="d" * 64,
        size_bytes=1,
        rights=Rights.objects.create(expression="CC0-1.0", state="cleared", source_url="https://example.com/x"),
    )
    axes = [{"kind": "adapter_weight", "values": ["0.5", "1e9"]}]
    response = ask(caller("editor"), axes=axes, adapters=[{"id": str(adapter.id)}])
    assert response.json()["error"]["fields"] == {
        "axes.0.values": ["1000000000: An adapter's weight must be between -10 and 10."]
    }


def test_a_grid_of_another_project_is_not_found(caller, people, project, model):
    grid = Grid.objects.get(id=ask(caller("editor")).json()["id"])
    stranger = caller("stranger")
    for method, address in (("get", ""), ("post", "cancel/"), ("post", "redraw/")):
        assert getattr(stranger, method)(f"{ROOM}{grid.id}/{address}").status_code == 404
    assert caller("viewer").post(f"{ROOM}{grid.id}/cancel/").status_code == 403
    assert caller("editor", "read").post(f"{ROOM}{grid.id}/cancel/").status_code == 403


def test_more_grids_and_cells_ask_the_database_no_more_often(caller, model):
    client, counts = caller("editor"), []
    for key, seeds in (("one", "1-2"), ("two", "1-20")):
        grid = ask(client, key, axes=[{"kind": "seed", "values": [seeds]}]).json()
        for address in (ROOM, f"{ROOM}{grid['id']}/"):
            with CaptureQueriesContext(connection) as queries:
                client.get(address)
            counts.append(len(queries))
    assert counts[:2] == counts[2:]
