"""Projects, members, ledger, words, templates, models and files, through the API and with the portal's services."""

import dataclasses
import json
import subprocess
import sys

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from assets.models import Term
from assets.services import install_starter_terms
from assets.terms import add_term, remove_term
from generation.models import PromptTemplate
from generation.parameters import write_png
from generation.vocabularies import state_of, vocabulary_of
from ledger import verify_offline
from ledger.models import Entry
from projects.models import Membership

CSV = 'name,prompt,negative_prompt\nFilm,"{prompt}, film grain",blurry\nInk,ink drawing,\n,broken,\n'
WORD = {"project": "spring", "ja": "試し空", "reading": "ためしそら", "en": "test sky", "slot": "environment"}


def events(project) -> list[str]:
    """List the project's events in order."""
    return list(Entry.objects.filter(chain=project.id).order_by("seq").values_list("event", flat=True))


def test_a_person_sees_their_projects_with_their_role(caller):
    listed = caller("editor").get("/api/v1/projects/").json()["results"]
    assert [(each["slug"], each["role"]) for each in listed] == [("spring", "editor")]
    assert caller("editor").get("/api/v1/me/").json()["email"] == "editor@example.com"


def test_an_owner_changes_settings_and_the_ledger_says_what(caller, project):
    body = {"name": "Summer", "revenue_usd": "12.50", "territory": "US"}
    assert caller("owner").patch("/api/v1/projects/spring/", body, format="json").json()["name"] == "Summer"
    entry = Entry.objects.filter(chain=project.id).latest("seq")
    assert entry.event == "projects.project.changed"
    assert entry.data["name"] == {"from": "Spring", "to": "Summer"}


@pytest.mark.parametrize("body", [{"territory": "Japan"}, {"policy": "none"}, {"revenue_usd": "NaN"}, {"name": ""}])
def test_settings_that_cannot_be_are_refused(caller, project, body):
    response = caller("owner").patch("/api/v1/projects/spring/", body, format="json")
    assert set(response.json()["error"]["fields"]) == set(body)
    project.refresh_from_db()
    assert (project.name, project.territory) == ("Spring", "JP")


def test_an_owner_adds_changes_and_removes_members_but_not_the_last_owner(caller, people, project):
    client, room = caller("owner"), "/api/v1/projects/spring/members/"
    body = {"email": "STRANGER@example.com", "role": "viewer"}
    assert client.post(room, body, format="json").status_code == 201
    assert client.post(room, body, format="json").json()["error"]["code"] == "member_already"
    one = f"{room}{people.stranger.id}/"
    assert client.patch(one, {"role": "reviewer"}, format="json").json()["role"] == "reviewer"
    assert client.delete(one).status_code == 204
    assert client.delete(one).status_code == 404
    last = client.delete(f"{room}{people.owner.id}/")
    assert (last.status_code, last.json()["error"]["code"]) == (409, "last_owner")
    assert Membership.objects.filter(project=project).count() == 4


def test_the_ledger_is_read_filtered_proved_and_verified(caller, project, output):
    client, room = caller("viewer", "read"), "/api/v1/projects/spring/ledger/"
    listed = client.get(room).json()["results"]
    assert [each["seq"] for each in listed] == list(range(len(listed), 0, -1))
    assert {each["event"] for each in client.get(f"{room}?event=projects.member").json()["results"]} == {
        "projects.member.role_set"
    }
    entry = client.get(f"{room}2/").json()
    assert entry["proof"]["seq"] == 2
    assert entry["proof"]["root"] == client.post(f"{room}verify/").json()["root"]
    assert client.post(f"{room}verify/").json()["ok"] is True


def test_the_export_is_what_the_offline_verifier_reads(caller, project, output, tmp_path):
    response = caller("viewer", "read").get("/api/v1/projects/spring/ledger/export/")
    assert 'filename="ledger-spring.jsonl"' in response.headers["Content-Disposition"]
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b"".join(response.streaming_content))
    done = subprocess.run([sys.executable, verify_offline.__file__, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_word_is_added_changed_and_removed_with_its_ledger_entries(caller, project):
    client = caller("editor")
    made = client.post("/api/v1/terms/", {**WORD, "synonyms": ["試し天"]}, format="json")
    assert made.status_code == 201, made.json()
    one = f"/api/v1/terms/{made.json()['id']}/"
    twice = client.post("/api/v1/terms/", WORD, format="json")
    assert (twice.status_code, twice.json()["error"]["code"]) == (409, "term_known")
    changed = client.patch(one, {"en": "blue sky"}, format="json").json()
    assert (changed["en"], changed["synonyms"], changed["reading"]) == ("blue sky", ["試し天"], "ためしそら")
    assert client.delete(one).status_code == 204
    assert events(project)[-3:] == ["assets.term.added", "assets.term.changed", "assets.term.removed"]


def test_shared_words_are_found_and_stay_as_they_are(caller):
    install_starter_terms()
    client = caller("editor")
    found = client.get("/api/v1/terms/", {"project": "spring", "q": "うみ"}).json()["results"]
    assert found
    assert {each["project"] for each in found} == {None}
    assert client.delete(f"/api/v1/terms/{found[0]['id']}/").status_code == 404
    address, count = "/api/v1/terms/?project=spring&page_size=200", 0
    while address:
        page = client.get(address).json()
        address, count = page["next"], count + len(page["results"])
    assert count == Term.objects.filter(project=None).count()


def test_a_word_that_leaves_as_another_comes_changes_the_vocabulary(people, project):
    values = {"reading": "", "synonyms": [], "slot": "light"}
    term = add_term(people.editor, project, ja="甲", en="first", **values)
    before, moment = state_of(project), term.changed_at
    assert [each.en for each in vocabulary_of(project).terms] == ["first"]
    remove_term(people.editor, project, term)
    other = add_term(people.editor, project, ja="乙", en="second", **values)
    Term.objects.filter(pk=other.pk).update(changed_at=moment)
    assert state_of(project) != before
    assert [each.en for each in vocabulary_of(project).terms] == ["second"]


def test_a_template_is_made_versioned_renamed_moved_back_and_archived(caller, project):
    client = caller("editor")
    body = {"project": "spring", "slug": "mug", "name": "Mug", "body": {"negative": "blurry"}}
    made = client.post("/api/v1/templates/", body, format="json").json()
    one = f"/api/v1/templates/{made['id']}/"
    assert client.post("/api/v1/templates/", body, format="json").json()["error"]["code"] == "slug_taken"
    version = {"body": {"negative": "noisy"}, "note": "less noise"}
    assert client.post(f"{one}versions/", version, format="json").json()["number"] == 2
    assert client.post(f"{one}versions/", version, format="json").json()["error"]["code"] == "unchanged"
    alias = f"{one}aliases/production/"
    assert client.post(alias, {"version": 2}, format="json").json()["version"] == 2
    assert client.post(alias, {"version": 9}, format="json").json()["error"]["code"] == "version_unknown"
    assert client.post(alias, {}, format="json").json()["version"] == 1
    assert client.patch(one, {"name_ja": "マグ"}, format="json").json()["name_ja"] == "マグ"
    assert client.post(f"{one}archive/", {"archived": True}, format="json").json()["archived_at"]
    assert [each["number"] for each in client.get(f"{one}versions/").json()] == [2, 1]
    assert events(project)[-6:] == [
        "generation.template.created",
        "generation.template.version_saved",
        "generation.template.alias_moved",
        "generation.template.alias_moved",
        "generation.template.renamed",
        "generation.template.archived",
    ]


def test_presets_are_tried_then_imported(caller):
    client = caller("editor")
    answers = []
    for trial in ("true", "false"):
        upload = SimpleUploadedFile("styles.csv", CSV.encode("cp932"))
        body = {"project": "spring", "file": upload, "trial": trial}
        answers.append(client.post("/api/v1/templates/import/", body, format="multipart"))
        assert [each["row"] for each in answers[-1].json()["errors"]] == [4]
    assert [each.status_code for each in answers] == [200, 201]
    assert answers[0].json()["templates"] == []
    assert [each["slug"] for each in answers[1].json()["templates"]] == ["film", "ink"]
    assert PromptTemplate.objects.count() == 2


def test_a_model_is_listed_with_its_licence_and_without_its_place(caller, model):
    listed = caller("viewer", "read").get("/api/v1/models/?project=spring").json()["results"]
    assert [(each["name"], each["rights"]["expression"]) for each in listed] == [(model.name, "CC0-1.0")]
    assert not {"path", "latent_channels"} & set(listed[0])
    assert caller("stranger").get(f"/api/v1/models/{model.id}/").status_code == 404


def test_the_rights_are_asked_with_other_circumstances(caller, model):
    client, room = caller("viewer", "read"), "/api/v1/rights/decide/"
    body = {"project": "spring", "action": "publish", "models": [str(model.id)], "revenue": "1000000000.00"}
    decided = client.post(room, {**body, "territory": ["US", "JP"], "media": ["web"]}, format="json").json()
    assert (decided["verdict"], decided["effective_license"]) == ("allow", "CC0-1.0")
    model.rights.state = "withdrawn"
    model.rights.save(update_fields=["state"])
    assert client.post(room, body, format="json").json()["reasons"]


def test_what_a_picture_claims_becomes_a_request(caller, output, model):
    spec = output.image_spec()
    said = f"{spec.prompt}\nSteps: 4, Sampler: Euler, CFG scale: 3, Seed: 5, Size: 64x64, Model hash: aaaaaaaaaa"
    daicho = {"spec": {**dataclasses.asdict(spec), "seed": 5}}
    data = write_png(Image.new("RGB", (64, 64)), parameters=said, daicho=json.loads(json.dumps(daicho)))
    upload = SimpleUploadedFile("x.png", data)
    body = {"file": upload, "project": "spring"}
    read = caller("viewer", "generate").post("/api/v1/parameters/read/", body, format="multipart").json()
    assert read["claims"]["unverified"] is True
    assert (read["request"]["seed"], read["request"]["base_model"]) == (5, str(model.id))
    composed = caller("editor").post("/api/v1/prompts/compose/", read["request"], format="json").json()
    kept = ("prompt", "seed", "num_inference_steps", "guidance_scale", "width", "height")
    assert [composed["spec"][name] for name in kept] == [getattr(spec.replace(seed=5), name) for name in kept]


def test_a_project_is_opened_by_its_first_owner(caller):
    made = caller("viewer").post("/api/v1/projects/", {"name": "Autumn", "name_ja": "秋"}, format="json")
    assert made.status_code == 201
    assert (made.json()["slug"], made.json()["role"]) == ("autumn", "owner")
    again = caller("viewer").post("/api/v1/projects/", {"name": "Autumn"}, format="json")
    assert again.status_code == 409
    assert again.json()["error"]["code"] == "name_taken"
