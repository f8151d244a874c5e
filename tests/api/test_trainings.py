"""Trainings, adapters and versions through the API."""

import hashlib

import pytest

from assets.models import ModelFile
from assets.services import withdraw_rights
from jobs.models import Status
from ledger.models import Entry
from tests.assets.chain import learned
from tests.training.numbered import adapter as opened
from tests.training.numbered import numbered
from tests.training.stage import SMALL, asked, frozen
from training.models import Adapter, AdapterExport, AdapterJob, TrainingRun

RUNS, ADAPTERS = "/api/v1/training-runs/", "/api/v1/adapters/"


@pytest.fixture
def version(people, project):
    return frozen(people, project)


@pytest.fixture
def wanted(starter, version) -> dict:
    """Return the body of a small training."""
    said = {"project": "spring", "dataset": version.dataset.slug, "base_model": str(starter.id), "method": "lora"}
    return {**said, "values": SMALL, "material": {"validation_share": 0.34}, "adapter_name": "Umbrellas"}


def post(client, address, body=None, *, key: str = "key"):
    return client.post(address, body or {}, format="json", HTTP_IDEMPOTENCY_KEY=key)


def test_a_training_is_asked_for_once_and_followed(caller, people, project, version, starter, wanted):
    editor = caller("editor")
    response = post(editor, RUNS, wanted)
    assert response.status_code == 201
    run = response.json()
    assert (run["status"], run["adapter"], run["dataset_version"]) == ("queued", "umbrellas", 1)
    assert run["recipe"]["rank"] == 2
    again = post(editor, RUNS, {**wanted, "values": {**SMALL, "rank": 4}})
    assert (again.status_code, again.json()["id"]) == (200, run["id"])
    whole = caller("viewer").get(f"{RUNS}{run['id']}/").json()
    assert (whole["points"], whole["version"], whole["reason"]) == ([], None, "")
    listed = caller("viewer").get(RUNS, {"project": "spring"}).json()["results"]
    assert [each["id"] for each in listed] == [run["id"]]
    assert "points" not in listed[0]


def test_a_plan_says_everything_and_writes_nothing(caller, wanted):
    planned = post(caller("editor"), f"{RUNS}plan/", wanted).json()
    assert planned["train"]["verdict"] == "allow"
    assert planned["estimate"]["fits"]
    assert planned["estimate"]["memory_bytes"] >= sum(planned["estimate"]["parts"].values())
    assert {"code": "pictures_few", "level": "warn"}.items() <= planned["readiness"][0].items()
    assert "10 to 50" in planned["readiness"][0]["sentence"]
    assert sorted([*planned["split"]["train"], *planned["split"]["validation"]]) == [1, 2, 3, 4, 5, 6]
    assert not TrainingRun.objects.exists()


def test_a_preset_fills_in_what_is_left_out(caller, wanted):
    body = {name: value for name, value in wanted.items() if name != "values"}
    recipe = post(caller("editor"), f"{RUNS}plan/", {**body, "preset": "careful", "purpose": "style"}).json()["recipe"]
    assert (recipe["rank"], recipe["trigger_word"], recipe["random_flip"]) == (32, "sksumbrella", True)
    assert recipe["sample_prompts"][0]["prompt"] == "sksumbrella"


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"dataset": "cats"}, 400, "dataset_unknown", "dataset"),
        ({"version": 9}, 400, "dataset_unknown", "dataset"),
        ({"base_model": "6c6e53b0-6a3d-4a8e-9b5c-0d3f0a1d2c11"}, 400, "model_unknown", "base_model"),
        ({"adapter": "cats"}, 400, "adapter_unknown", "adapter"),
        ({"compared_with": "6c6e53b0-6a3d-4a8e-9b5c-0d3f0a1d2c11"}, 400, "run_unknown", "compared_with"),
        ({"values": {"rank": 0}}, 400, "training_out_of_range", "rank"),
        ({"values": {"rank": "many"}}, 400, "value_unfit", "rank"),
        ({"values": {"colour": 1}}, 400, "value_unknown", "colour"),
        ({"values": {"class_word": 7}}, 400, "value_unfit", "class_word"),
        ({"method": "magic"}, 400, "invalid", "method"),
        ({"speed": 1}, 400, "invalid", "speed"),
        ({"material": {"language": "en", "half": 1}}, 400, "invalid", "material.half"),
        ({"material": {"language": "fr"}}, 400, "training_choice_unknown", "language"),
    ],
)
def test_what_cannot_be_is_named(caller, wanted, changes, status, code, field):
    response = post(caller("editor"), RUNS, {**wanted, **changes})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code), error
    assert field in error["fields"]
    assert not TrainingRun.objects.exists()


def test_what_the_rights_forbid_is_refused_with_the_decision(caller, people, version, wanted):
    withdraw_rights(version.items.first().picture, actor=people.reviewer, reason="They asked.")
    response = post(caller("editor"), RUNS, wanted)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "rights_blocked")


def test_a_training_is_stopped_resumed_repeated_and_noted(caller, people, project, version, starter):
    run, editor = asked(people, project, version, starter), caller("editor")
    address = f"{RUNS}{run.id}/"
    assert post(editor, f"{address}cancel/").json()["status"] == "canceled"
    assert post(editor, f"{address}cancel/").status_code == 409
    assert post(editor, f"{address}resume/").json()["status"] == "queued"
    assert post(editor, f"{address}resume/").status_code == 409
    other = post(editor, f"{address}duplicate/", {"field": "rank", "value": 4}, key="other").json()
    assert [each["field"] for each in other["changes"]] == ["rank"]
    swept = post(editor, f"{address}sweep/", {"field": "learning_rate", "values": [1e-4, 2e-4]}, key="sweep").json()
    assert [each["recipe"]["learning_rate"] for each in swept] == [1e-4, 2e-4]
    noted = post(editor, f"{address}notes/", {"checklist": {"hands": {"state": "minor"}}}).json()
    assert noted["checklist"] == {"hands": {"state": "minor", "note": ""}}
    assert post(editor, f"{address}notes/", {"checklist": {"feet": {"state": "ok"}}}).status_code == 400


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("validation_share", "lots", "value_unfit"),
        ("validation_share", True, "value_unfit"),
        ("validation_share", 2.0, "training_out_of_range"),
        ("validation_share", -0.1, "training_out_of_range"),
        ("trigger_mode", "foo", "training_choice_unknown"),
        ("trigger_mode", ["add"], "value_unfit"),
        ("language", 7, "value_unfit"),
        ("language", "fr", "training_choice_unknown"),
        ("split_seed", 0.5, "value_unfit"),
        ("split_seed", -1, "training_out_of_range"),
        ("sample_prompts", "abc", "value_unfit"),
        ("layer_structure", ["a"], "value_unfit"),
        ("rank", 0, "training_out_of_range"),
    ],
)
def test_a_training_is_not_repeated_with_a_value_that_the_field_does_not_take(
    caller, people, project, version, starter, field, value, code
):
    run, editor = asked(people, project, version, starter), caller("editor")
    one = post(editor, f"{RUNS}{run.id}/duplicate/", {"field": field, "value": value}, key="one")
    several = post(editor, f"{RUNS}{run.id}/sweep/", {"field": field, "values": [value]}, key="several")
    for response in (one, several):
        error = response.json()["error"]
        assert (response.status_code, error["code"], list(error["fields"])) == (400, code, [field])
    assert TrainingRun.objects.get() == run


def test_what_changes_needs_a_key_and_the_scope(caller, wanted):
    assert caller("editor").post(RUNS, wanted, format="json").json()["error"]["code"] == "idempotency_key_missing"
    assert post(caller("editor", "read", "generate"), RUNS, wanted).status_code == 403


def test_versions_are_numbered_promoted_and_taken_back(caller, people, project, starter, version):
    editor, reviewer = caller("editor"), caller("reviewer")
    made = post(editor, ADAPTERS, {"project": "spring", "name": "Kites", "method": "lora"}).json()
    address = f"{ADAPTERS}{made['id']}/"
    file = learned(people, project, starter, version, name="kites")
    number = post(editor, f"{address}versions/", {"file": str(file.id), "trigger_words": ["skskite"]}).json()
    assert (number["number"], number["trigger_words"], number["kind"]) == (1, ["skskite"], "lora")
    one = caller("viewer").get(f"{address}versions/1/").json()
    assert (one["generate"]["verdict"], one["weights"]["verdict"]) == ("allow", "allow")
    assert one["dataset_root"] == version.merkle_root
    assert post(editor, f"{address}versions/1/promote/", {"note": "Ready"}).status_code == 201
    assert caller("viewer").get(address).json()["promotion"]["version"] == 1
    approved = {"version": 1, "approved": True}
    assert post(editor, f"{address}promotion/", approved).status_code == 403
    assert post(reviewer, f"{address}promotion/", approved).json()["approved"] is True
    assert {each["name"]: each["version"] for each in caller("viewer").get(address).json()["aliases"]} == {
        "candidate": 1,
        "production": 1,
    }
    assert post(reviewer, f"{address}roll-back/", {"version": 1}).json()["error"]["code"] == "nothing_to_undo"
    gone = post(reviewer, f"{address}versions/1/withdraw/", {"reason": "They asked."}).json()
    assert (gone["withdrawn_reason"], gone["generate"]["verdict"]) == ("They asked.", "block")
    assert caller("viewer").get(address).json()["aliases"] == []
    assert len(caller("viewer").get(f"{address}versions/").json()) == 1
    assert caller("viewer").get(f"{address}versions/7/").status_code == 404


def test_a_decision_names_the_version_that_it_is_meant_for(caller, people, project, starter):
    holder, editor, reviewer = opened(people, project), caller("editor"), caller("reviewer")
    address = f"{ADAPTERS}{holder.id}/"
    for number in (1, 2):
        numbered(people, project, starter, holder, seed=number)
        assert post(editor, f"{address}versions/{number}/promote/").status_code == 201
        wrong = {"version": 3 - number, "approved": True}
        error = post(reviewer, f"{address}promotion/", wrong).json()["error"]
        assert (error["code"], error["details"]) == ("moved_meanwhile", {"version": number})
        assert f"Version {number} waits" in error["message"]
        assert post(reviewer, f"{address}promotion/", {"approved": True}).status_code == 400
        assert post(reviewer, f"{address}promotion/", {"version": number, "approved": True}).status_code == 200
    assert post(reviewer, f"{address}roll-back/").status_code == 400
    refused = post(reviewer, f"{address}roll-back/", {"version": 1})
    assert (refused.status_code, refused.json()["error"]["details"]) == (409, {"version": 2})
    assert post(reviewer, f"{address}roll-back/", {"version": 2}).status_code == 200
    assert {each["name"]: each["version"] for each in caller("viewer").get(address).json()["aliases"]} == {
        "candidate": 2,
        "production": 1,
    }


def test_versions_are_made_from_versions(caller, people, project, starter):
    holder = opened(people, project)
    numbered(people, project, starter, holder)
    numbered(people, project, starter, holder, seed=1)
    inputs = [{"adapter": holder.slug, "number": 1, "weight": 0.5}, {"adapter": holder.slug, "number": 2}]
    body = {"project": "spring", "kind": "merge", "inputs": inputs, "adapter_name": "Both"}
    job = post(caller("editor"), "/api/v1/adapter-jobs/", body).json()
    assert (job["status"], job["adapter"], job["version"]) == ("queued", "both", None)
    assert post(caller("editor"), "/api/v1/adapter-jobs/", body).json()["id"] == job["id"]
    assert [each.weight for each in AdapterJob.objects.get().inputs.all()] == [0.5, 1.0]
    assert post(caller("editor"), f"/api/v1/adapter-jobs/{job['id']}/cancel/").json()["status"] == Status.CANCELED
    wrong = {**body, "inputs": [{"adapter": holder.slug, "number": 9}, inputs[0]]}
    assert post(caller("editor"), "/api/v1/adapter-jobs/", wrong, key="b").status_code == 404


def test_what_is_not_yours_is_not_there(caller, people, project, version, starter):
    run, stranger = asked(people, project, version, starter), caller("stranger")
    assert stranger.get(f"{RUNS}{run.id}/").status_code == 404
    assert stranger.get(f"{ADAPTERS}{run.adapter.id}/").status_code == 404
    assert stranger.get(RUNS).json()["results"] == []
    assert Adapter.objects.count() == 1
    assert ModelFile.objects.filter(kind="base").count() == 1


EXPORTS = "/api/v1/adapter-exports/"


def test_weights_are_taken_out_as_a_file(caller, people, project, starter):
    from training.tasks_exports import export

    holder = opened(people, project)
    numbered(people, project, starter, holder)
    body = {"project": "spring", "adapter": holder.slug, "number": 1, "layout": "kohya"}
    first, again = (post(caller("editor"), EXPORTS, body, key="k") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    address = f"{EXPORTS}{first.json()['id']}/"
    export(first.json()["id"])
    known = caller("viewer").get(address).json()
    assert (known["status"], known["adapter"], known["number"]) == ("succeeded", holder.slug, 1)
    assert post(caller("viewer"), f"{address}download/").status_code == 403
    got = post(caller("editor"), f"{address}download/")
    content = b"".join(got.streaming_content)
    assert (len(content), hashlib.sha256(content).hexdigest()) == (known["size_bytes"], known["sha256"])
    assert Entry.objects.filter(event="training.export.downloaded").count() == 1
    assert post(caller("editor"), f"{address}cancel/").json()["error"]["code"] == "job_over"


def test_what_leaves_the_house_is_a_reviewers(caller, people, project, starter):
    holder = opened(people, project)
    numbered(people, project, starter, holder)
    body = {"project": "spring", "adapter": holder.slug, "number": 1, "is_public": True}
    assert post(caller("editor"), EXPORTS, body).json()["error"]["code"] == "not_reviewer"
    asked = post(caller("reviewer"), EXPORTS, {**body, "outbound": "Apache-2.0"})
    assert (asked.status_code, asked.json()["is_public"]) == (201, True)
    assert asked.json()["circumstances"] == {"territory": "WW", "outbound_license": "Apache-2.0"}
    for wrong in ({"outbound": "WTFPL-9"}, {"territory": "japan"}, {"layout": "pt"}, {"number": 7}):
        assert post(caller("reviewer"), EXPORTS, {**body, **wrong}, key=str(wrong)).status_code in (400, 404), wrong


def test_a_token_that_only_edits_lets_no_weights_out_of_the_house(caller, people, project, starter):
    from training.tasks_exports import export

    holder = opened(people, project)
    numbered(people, project, starter, holder)
    editing, judging = caller("reviewer", "read", "edit"), caller("reviewer", "read", "edit", "review")
    body = {"project": "spring", "adapter": holder.slug, "number": 1, "layout": "kohya", "is_public": True}
    refused = post(editing, EXPORTS, body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
    assert not AdapterExport.objects.exists()
    address = f"{EXPORTS}{post(judging, EXPORTS, body).json()['id']}/"
    export(str(AdapterExport.objects.get().id))
    assert post(editing, f"{address}download/").status_code == 403
    assert not Entry.objects.filter(event="training.export.downloaded").exists()
    assert post(judging, f"{address}download/").status_code == 200
    assert post(editing, EXPORTS, {**body, "is_public": False}, key="inside").status_code == 201
