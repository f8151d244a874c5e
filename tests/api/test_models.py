"""Model files through the API: they come in by the portal's services, and their rights are completed there too."""

from datetime import UTC, datetime

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from safetensors.torch import save

from assets.models import Evidence, ModelFile, ModelIntake, Rights
from assets.services import refuse_rights
from assets.services.pictures import add_evidence
from jobs.models import Status
from projects.models import Project
from tests.api.test_errors import error_of
from tests.assets.chain import frozen
from tests.assets.material import upload
from tests.assets.model_material import lora_weights, run, vae_weights, write
from tests.assets.test_views import add_model

MODELS, INTAKES = "/api/v1/models/", "/api/v1/intakes/"
SPRING = {"project": "spring"}
LORA = save(lora_weights(text=768))
SAID = '{"expression": "CC-BY-4.0", "creator": "Ana"}'


@pytest.fixture(autouse=True)
def models_root(settings, tmp_path):
    settings.MODELS_ROOT = tmp_path / "models"
    settings.MODELS_ROOT.mkdir()
    return settings.MODELS_ROOT


def form(**changes):
    """Return a form with an upload, as a script sends it."""
    values = {**SPRING, "kind": "adapter", "name": "Inkline", "declaration": SAID}
    file = {"file": upload("Inkline v2.safetensors", LORA)}
    return {name: value for name, value in {**values, **file, **changes}.items() if value is not None}


def send(client, **changes):
    return client.post(MODELS, form(**changes), format="multipart")


def body(**changes):
    """Return what is said of a model without a file in the request."""
    said = {"expression": "CC-BY-4.0", "creator": "Ana"}
    return {**SPRING, "kind": "adapter", "name": "Inkline", "declaration": said, **changes}


def files(root):
    return [path for path in root.rglob("*") if path.is_file()]


# Coming in


def test_an_upload_becomes_a_job_and_then_a_pending_model(caller, people, project, models_root):
    client = caller("editor")
    sent = send(client, trigger_words=["sks", "ink line"])
    assert (sent.status_code, sent.json()["status"], sent.json()["source"]) == (202, "queued", "upload")
    job = ModelIntake.objects.get()
    assert job.location == "Inkline v2.safetensors"
    assert (job.folder / "model.safetensors").read_bytes() == LORA
    model = run(job).result
    seen = client.get(f"{INTAKES}{job.id}/").json()
    assert (seen["status"], seen["result"], seen["was_known"]) == ("succeeded", str(model.id), False)
    found = client.get(f"{MODELS}{model.id}/").json()
    assert (found["rights"]["state"], found["rights"]["expression"]) == ("pending", "CC-BY-4.0")
    assert found["rights"]["submitted_by"] == str(people.editor.id)
    assert found["defaults"]["trigger_words"] == ["sks", "ink line"]


def test_everything_declared_arrives_days_and_evidence_included(caller, people, project):
    evidence = add_evidence(people.editor, project, b"%PDF-1.7 agreed", name="letter.pdf")
    said = {
        "expression": "CC-BY-4.0 OR CC0-1.0", "branch": "CC0-1.0", "basis": "contract", "territories": ["JP"],
        "valid_from": "2026-01-01T00:00:00+09:00", "expires_at": "2026-12-31T15:00:00Z", "time_zone": "Asia/Tokyo",
        "releases": {"花子": "unlimited"}, "caps": {"seats": 3}, "evidence": str(evidence.id), "note": "By letter.",
    }  # fmt: skip
    write("loras/a.safetensors", lora_weights(text=768))
    sent = caller("editor").post(MODELS, body(location="loras/a.safetensors", declaration=said), format="json")
    assert sent.status_code == 202
    rights = run(ModelIntake.objects.get()).result.rights
    rights.refresh_from_db()
    assert rights.expires_at == datetime(2026, 12, 31, 15, tzinfo=UTC)
    assert rights.valid_from == datetime(2025, 12, 31, 15, tzinfo=UTC)
    assert (rights.branch, rights.basis, rights.territories) == ("CC0-1.0", "contract", ["JP"])
    assert (rights.releases, rights.caps, rights.evidence) == ({"花子": "unlimited"}, {"seats": 3}, evidence)


def test_what_lies_on_the_server_is_listed_to_those_who_may_add(caller, project):
    write("loras/a.safetensors", lora_weights(text=768))
    [waiting] = caller("editor").get(f"{MODELS}waiting/", SPRING).json()
    assert (waiting["location"], waiting["has_changed"]) == ("loras/a.safetensors", False)
    assert caller("viewer").get(f"{MODELS}waiting/", SPRING).status_code == 403
    assert caller("stranger").get(f"{MODELS}waiting/", SPRING).status_code == 404
    assert caller("editor").get(f"{MODELS}waiting/").status_code == 400


def test_an_address_is_kept_and_shown_to_nobody_with_its_query(caller, project):
    client, url = caller("editor"), "https://example.com/a.safetensors?token=secret"
    assert client.post(MODELS, body(url=url), format="json").status_code == 202
    assert ModelIntake.objects.get().location == url
    for answer in (client.get(INTAKES, SPRING), client.get(f"{INTAKES}{ModelIntake.objects.get().id}/")):
        assert "https://example.com/a.safetensors" in answer.content.decode()
        assert "secret" not in answer.content.decode()


def test_bases_and_lessons_are_stored_and_shown_to_those_who_see_them(caller, people, project):
    base, version = add_model("Base"), frozen(people, project, ["CC0-1.0"])
    said = {"bases": [str(base.id)], "trained_on": str(version.id)}
    assert send(caller("editor"), **said).status_code == 202
    model = run(ModelIntake.objects.get()).result
    assert caller("viewer").get(f"{MODELS}{model.id}/").json()["made_from"] == [
        {"role": "derived_from", "model": str(base.id), "dataset": None, "version": None},
        {"role": "trained_on", "model": None, "dataset": str(version.dataset_id), "version": 1},
    ]
    ModelFile.objects.filter(pk=model.pk).update(project=None)
    theirs = caller("stranger").get(f"{MODELS}{model.id}/").json()["made_from"]
    assert theirs[1] == {"role": "trained_on", "model": None, "dataset": None, "version": None}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "file"),
        ({"location": "a.safetensors", "url": "https://example.com/a.safetensors"}, "file"),
        ({"location": "../x.safetensors"}, "location"),
        ({"url": "http://example.com/a"}, "url"),
        ({"url": "https://example.com/a.ckpt"}, "url"),
        ({"url": "https://example.com/a", "kind": "vae"}, "made_for"),
        ({"url": "https://example.com/a", "kind": "picture"}, "kind"),
        ({"url": "https://example.com/a", "name": " "}, "name"),
        ({"url": "https://example.com/a", "bases": ["6c6e53b0-6a3d-4a8e-9b5c-0d3f0a1d2c11"]}, "bases"),
        ({"url": "https://example.com/a", "trained_on": "6c6e53b0-6a3d-4a8e-9b5c-0d3f0a1d2c11"}, "trained_on"),
        ({"url": "https://example.com/a", "trigger_words": [str(each) for each in range(30)]}, "trigger_words"),
        ({"url": "https://example.com/a", "declaration": {"state": "cleared"}}, "declaration.state"),
        ({"url": "https://example.com/a", "declaration": {"evidence": "6c6e53b0-6a3d-4a8e-9b5c-0d3f0a1d2c11"}},
         "evidence"),
        ({"url": "https://example.com/a", "state": "cleared"}, "state"),
    ],
)  # fmt: skip
def test_each_mistake_is_said_beside_its_field(caller, project, changes, field):
    answer = caller("editor").post(MODELS, body(**changes), format="json")
    assert answer.status_code == 400
    assert field in error_of(answer)["fields"]
    assert not ModelIntake.objects.exists()


def test_things_of_other_projects_are_no_sources(caller, people, project):
    theirs = add_model("theirs", project=Project.objects.get(slug="elsewhere"))
    answer = send(caller("editor"), bases=[str(theirs.id)])
    assert (answer.status_code, list(error_of(answer)["fields"])) == (400, ["bases"])


@pytest.mark.parametrize(("name", "code"), [("m.ckpt", "unsafe_format"), ("m.zip", "not_safetensors")])
def test_only_safetensors_are_kept(caller, project, models_root, name, code):
    answer = send(caller("editor"), file=upload(name, LORA))
    assert (answer.status_code, error_of(answer)["code"]) == (400, code)
    assert files(models_root) == []


def test_a_renamed_pickle_fails_with_its_sentence(caller, project, models_root):
    send(caller("editor"), file=upload("a.safetensors", b"\x80\x04\x95" + bytes(99)))
    job = run(ModelIntake.objects.get())
    seen = caller("viewer").get(f"{INTAKES}{job.id}/").json()
    assert (seen["status"], seen["error"], seen["result"]) == ("failed", "pickle_content", None)
    assert seen["reason"]
    assert files(models_root) == []


def test_what_a_mistake_keeps_out_leaves_no_file(caller, project, models_root):
    for changes in ({"kind": "vae"}, {"bases": ["6c6e53b0-6a3d-4a8e-9b5c-0d3f0a1d2c11"]}, {"declaration": "{"}):
        assert send(caller("editor"), **changes).status_code == 400
    mars = '{"time_zone": "Mars/Olympus"}'
    assert error_of(send(caller("editor"), declaration=mars))["code"] == "time_zone_unknown"
    assert files(models_root) == []


def test_more_than_a_model_may_have_is_refused_before_it_is_read(caller, project, settings, models_root):
    settings.MODEL_MAX_BYTES = 1000
    answer = send(caller("editor"), file=upload("a.safetensors", bytes(2_000_000)))
    assert (answer.status_code, error_of(answer)["code"]) == (413, "model_too_many_bytes")
    assert not (models_root / "uploads").exists()


def test_an_upload_may_be_larger_than_a_picture(caller, project, settings):
    settings.UPLOAD_MAX_BYTES = 1000
    assert send(caller("editor")).status_code == 202


@pytest.mark.parametrize(("name", "status"), [("viewer", 403), ("stranger", 404)])
def test_whoever_may_not_add_models_leaves_nothing(caller, project, models_root, name, status):
    assert send(caller(name)).status_code == status
    assert files(models_root) == []
    assert not ModelIntake.objects.exists()


def test_whoever_adds_models_nowhere_sends_nothing_to_the_disk(caller, people, project, models_root):
    client = APIClient(enforce_csrf_checks=True)
    client.login(username="viewer@example.com", password="correct horse")
    assert send(caller("viewer")).status_code == send(client).status_code == 403
    assert not (models_root / "uploads").exists()
    assert send(caller("editor", "read")).status_code == 403
    assert files(models_root) == []


def test_a_session_needs_its_token_and_then_uploads_too(people, project, models_root):
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.editor)
    refused = client.post(MODELS, form())
    assert (refused.status_code, error_of(refused)["code"]) == (403, "csrf")
    assert files(models_root) == []
    client.cookies["csrftoken"] = "x" * 32
    sent = client.post(MODELS, form(), headers={"X-CSRFToken": "x" * 32})
    assert sent.status_code == 202
    assert (ModelIntake.objects.get().folder / "model.safetensors").read_bytes() == LORA


def test_a_vae_says_what_it_was_made_for(caller, project):
    sent = send(caller("editor"), kind="vae", made_for="sdxl", file=upload("v.safetensors", save(vae_weights())))
    assert sent.status_code == 202
    assert run(ModelIntake.objects.get()).result.architecture == "sdxl"


# Watching and stopping


def test_a_waiting_intake_is_stopped_once(caller, project):
    sent = send(caller("editor")).json()
    one = f"{INTAKES}{sent['id']}/cancel/"
    assert caller("viewer").post(one).status_code == 403
    assert caller("stranger").post(one).status_code == 404
    assert caller("editor").post(one).json()["status"] == "canceled"
    again = caller("editor").post(one)
    assert (again.status_code, error_of(again)["code"]) == (409, "job_over")
    assert files(django_settings.MODELS_ROOT) == []


def test_intakes_are_seen_by_members_alone_and_cost_the_same_whatever_their_number(caller, people, project):
    base, counts = add_model("Base"), []
    for wanted in (1, 4):
        for number in range(wanted - ModelIntake.objects.count()):
            place = {"source": "url", "location": "https://example.com/a", "kind": "adapter", "name": str(number)}
            ModelIntake.objects.create(project=project, requested_by=people.editor, **place).bases.set([base])
        client = caller("viewer", "read")
        with CaptureQueriesContext(connection) as queries:
            assert len(client.get(INTAKES, SPRING).json()["results"]) == wanted
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert caller("stranger").get(INTAKES).json()["results"] == []
    assert caller("stranger").get(f"{INTAKES}{ModelIntake.objects.first().id}/").status_code == 404


# Coming again


def test_the_same_bytes_again_say_what_was_added(caller, project):
    base = add_model("Base")
    first = send(caller("editor")).json()
    model = run(ModelIntake.objects.get(pk=first["id"])).result
    second = send(caller("editor"), bases=[str(base.id)]).json()
    run(ModelIntake.objects.get(pk=second["id"]))
    seen = caller("viewer").get(f"{INTAKES}{second['id']}/").json()
    assert (seen["was_known"], seen["result"], seen["added"]) == (True, str(model.id), ["Base"])


def test_a_refused_model_says_so_when_it_is_entered_again(caller, people, project):
    model = run(ModelIntake.objects.get(pk=send(caller("editor")).json()["id"])).result
    refuse_rights(model, reviewer=people.reviewer, reason="No source.")
    job = run(ModelIntake.objects.get(pk=send(caller("editor")).json()["id"]))
    seen = caller("editor").get(f"{INTAKES}{job.id}/").json()
    assert (job.status, seen["error"]) == (Status.FAILED, "model_refused")
    assert "No source." in seen["reason"]


# Rights


def declared(people, project, expression="CC-BY-NC-4.0 OR CC-BY-4.0"):
    said = {"submitted_by": people.editor, "source_url": "https://example.com/inkline"}
    return add_model("Inkline", expression, state=Rights.State.PENDING, project=project, rights=said)


def rights(client, model, **changes):
    return client.patch(f"{MODELS}{model.id}/rights/", changes, format="json")


def verdict(client, model):
    asked = {**SPRING, "action": "generate", "models": [str(model.id)]}
    return client.post("/api/v1/rights/decide/", asked, format="json").json()["verdict"]


def test_a_branch_is_chosen_then_cleared_by_another_and_then_allowed(caller, people, project):
    model = declared(people, project)
    assert verdict(caller("editor"), model) == "block"
    answer = rights(caller("owner"), model, branch="CC-BY-4.0").json()
    assert (answer["branch"], answer["state"], answer["submitted_by"]) == ("CC-BY-4.0", "pending", str(people.owner.id))
    assert verdict(caller("editor"), model) != "allow"
    own = caller("owner").post(f"/api/v1/reviews/{answer['id']}/clear/", {}, format="json")
    assert (own.status_code, error_of(own)["code"]) == (409, "four_eyes")
    assert caller("reviewer").post(f"/api/v1/reviews/{answer['id']}/clear/", {}, format="json").status_code == 200
    assert verdict(caller("editor"), model) == "allow"


def test_a_models_evidence_is_the_projects(caller, people, project):
    model, client = declared(people, project), caller("editor")
    kept = client.post("/api/v1/evidence/", {**SPRING, "file": upload("a.pdf", b"%PDF-1.7 x")}, format="multipart")
    assert rights(client, model, evidence=kept.json()["id"]).json()["evidence"] == kept.json()["id"]
    assert client.get(f"{MODELS}{model.id}/").json()["rights"]["evidence"] == kept.json()["id"]
    theirs = add_evidence(people.stranger, Project.objects.get(slug="elsewhere"), b"%PDF-1.7 y", name="b.pdf")
    assert error_of(rights(client, model, evidence=str(theirs.id)))["code"] == "evidence_unknown"


@pytest.mark.parametrize(("name", "status"), [("viewer", 403), ("stranger", 404)])
def test_who_may_not_change_rights_does_not(caller, people, project, name, status):
    model = declared(people, project)
    assert rights(caller(name), model, branch="CC-BY-4.0").status_code == status
    assert rights(caller("editor", "read", "generate", "review"), model, branch="CC-BY-4.0").status_code == 403
    assert Rights.objects.get(model_file=model).revision == 1


def test_what_the_house_shares_is_changed_by_its_staff_alone(caller, people, project):
    model = declared(people, None)
    for name in ("viewer", "editor", "owner", "stranger"):
        assert rights(caller(name), model, branch="CC-BY-4.0").status_code == 403
    kept = add_evidence(people.editor, project, b"%PDF-1.7 x", name="a.pdf")
    theirs = add_evidence(people.stranger, Project.objects.get(slug="elsewhere"), b"%PDF-1.7 y", name="b.pdf")
    answer = rights(caller("reviewer"), model, branch="CC-BY-4.0", evidence=str(kept.id)).json()
    assert (answer["branch"], answer["evidence"], answer["state"]) == ("CC-BY-4.0", str(kept.id), "pending")
    assert error_of(rights(caller("reviewer"), model, evidence=str(theirs.id)))["code"] == "evidence_unknown"
    assert Evidence.objects.count() == 2


def test_rights_that_are_over_are_not_rewritten(caller, people, project):
    model = declared(people, project)
    refuse_rights(model, reviewer=people.reviewer, reason="No source.")
    answer = rights(caller("editor"), model, branch="CC-BY-4.0")
    assert (answer.status_code, error_of(answer)["code"]) == (409, "rights_closed")


def test_nobody_clears_through_an_edit(caller, people, project):
    model = declared(people, project)
    for changes in ({"state": "cleared"}, {"cleared_by": str(people.editor.id)}, {"submitted_by": None}):
        assert rights(caller("editor"), model, **changes).status_code == 400
    assert Rights.objects.get(model_file=model).state == "pending"
