"""Review, evidence, waivers, withdrawals and questions through the API, with the portal's services."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from assets.licensing import Action, decide
from assets.models import Evidence, Rights, Waiver
from assets.services import decide_use, withdraw_rights
from assets.services.datasets import add_items, create_dataset, freeze_version
from assets.services.decisions import decide_about, lessons_of
from assets.services.pictures import add_evidence
from generation.models import Generation
from ledger.models import Entry
from projects.models import Project, Role
from projects.services import create_project, set_role
from tests.api.rights_facts import add_model, add_output, question_of
from tests.api.test_errors import error_of
from tests.assets.chain import drawn_with, frozen, learned
from tests.assets.material import cleared, picture, upload
from tests.assets.rights_cases import HOUSE
from tests.assets.rights_matrix import DETAILS, MATRIX
from tests.assets.rights_rows import COMMUNITY, base

ASK, EVIDENCE, REVIEWS = "/api/v1/rights/decide/", "/api/v1/evidence/", "/api/v1/reviews/"
WAIVERS, WITHDRAWALS = "/api/v1/waivers/", "/api/v1/withdrawals/"
SPRING = {"project": "spring"}
NOBODYS = "00000000-6a3d-4a8e-9b5c-0d3f0a1d2c11"


def post(client, path: str, body=None):
    """Send a body as JSON."""
    return client.post(path, {} if body is None else body, format="json")


def test_what_waits_is_listed_with_who_submitted_it_and_cleared_by_another(caller, people, project):
    kept = picture(people.reviewer, project)
    one = f"{REVIEWS}{kept.rights_id}/"
    [waiting] = caller("owner").get(REVIEWS, SPRING).json()["results"]
    assert (waiting["kind"], waiting["thing"], waiting["is_mine"]) == ("picture", str(kept.id), False)
    assert caller("reviewer").get(REVIEWS, SPRING).json()["results"][0]["is_mine"] is True
    own = post(caller("reviewer"), f"{one}clear/")
    assert (own.status_code, error_of(own)["code"]) == (409, "four_eyes")
    done = post(caller("owner"), f"{one}clear/").json()["rights"]
    assert (done["state"], done["cleared_by"]) == ("cleared", str(people.owner.id))
    again = post(caller("owner"), f"{one}clear/")
    assert (again.status_code, error_of(again)["code"]) == (409, "not_pending")
    assert caller("owner").get(REVIEWS, SPRING).json()["results"] == []
    assert caller("viewer", "read").get(one).json()["rights"]["state"] == "cleared"


@pytest.mark.parametrize("room", [REVIEWS, WAIVERS, WITHDRAWALS, EVIDENCE])
def test_a_list_costs_the_same_whatever_its_length(caller, people, project, room):
    counts = []
    for seeds in ((1,), (2, 3, 4)):
        for seed in seeds:
            kept = picture(people.editor, project, seed)
            add_evidence(people.editor, project, f"letter {seed}".encode(), name="letter.txt")
            post(caller("editor"), WAIVERS, waiver(kept.rights))
            if room == WITHDRAWALS:
                withdraw_rights(kept, actor=people.reviewer, reason="They asked.")
        client = caller("viewer", "read")
        with CaptureQueriesContext(connection) as queries:
            assert len(client.get(room, SPRING).json()["results"]) in (1, 4)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_refusal_says_why_and_is_final(caller, people, project):
    kept = picture(people.editor, project)
    one = f"{REVIEWS}{kept.rights_id}/"
    for body in ({}, {"reason": "  "}, {"reason": "x" * 501}, {"reason": "no", "state": "cleared"}):
        assert post(caller("reviewer"), f"{one}refuse/", body).status_code == 400
    done = post(caller("reviewer"), f"{one}refuse/", {"reason": "No source."}).json()["rights"]
    assert (done["state"], done["closed_reason"]) == ("refused", "No source.")
    edited = caller("editor").patch(f"/api/v1/pictures/{kept.id}/rights/", {"creator": "Ben"}, format="json")
    assert (edited.status_code, error_of(edited)["code"]) == (409, "rights_closed")


def test_a_model_of_the_house_is_for_the_houses_staff(caller, people, project, model):
    model.project = None
    model.save(update_fields=["project"])
    Rights.objects.filter(pk=model.rights_id).update(state="pending", submitted_by=people.editor)
    one = f"{REVIEWS}{model.rights_id}/"
    assert caller("owner").get(REVIEWS, SPRING).json()["results"][0]["kind"] == "model"
    assert post(caller("editor"), f"{one}clear/").status_code == 403
    assert post(caller("owner"), f"{one}clear/").status_code == 403
    assert (
        post(
            caller("stranger"), f"{WITHDRAWALS}{model.rights_id}/withdraw/?project=elsewhere", {"reason": "x"}
        ).status_code
        == 403
    )
    stale = {"revision": model.rights.revision + 1}
    assert error_of(post(caller("reviewer"), f"{one}clear/", stale))["code"] == "changed_meanwhile"
    seen = {"revision": model.rights.revision}
    assert post(caller("reviewer"), f"{one}clear/", seen).json()["rights"]["state"] == "cleared"


def test_evidence_is_kept_once_and_sent_as_a_download(caller, people, project):
    client = caller("editor")
    for _ in range(2):
        kept = client.post(EVIDENCE, {**SPRING, "file": upload("a<b>.html.pdf", b"%PDF-1.7 x")}, format="multipart")
        assert kept.status_code == 201
    assert Evidence.objects.count() == 1
    sent = caller("viewer", "read").get(f"{EVIDENCE}{kept.json()['id']}/file/")
    assert sent.headers["Content-Disposition"].startswith("attachment")
    assert sent.headers["Content-Type"] == "application/octet-stream"
    assert b"".join(sent.streaming_content) == b"%PDF-1.7 x"
    shown = picture(people.editor, project)
    body = {"evidence": kept.json()["id"]}
    assert (
        client.patch(f"/api/v1/pictures/{shown.id}/rights/", body, format="json").json()["evidence"] == body["evidence"]
    )


@pytest.mark.parametrize("data", [b"", b"\x00\x01", b"MZ\x90\x00", b"PK\x03\x04\x00"])
def test_evidence_that_is_no_document_is_refused(caller, project, data):
    response = caller("editor").post(EVIDENCE, {**SPRING, "file": upload("a.pdf", data)}, format="multipart")
    assert (response.status_code, error_of(response)["code"]) == (400, "evidence_refused")
    assert not Evidence.objects.exists()


def test_evidence_of_another_project_shows_nothing_here(caller, people, project):
    elsewhere = Project.objects.get(slug="elsewhere")
    kept = Evidence.objects.create(
        project=elsewhere, name="x", path="x", sha256="x", size_bytes=1, added_by=people.stranger
    )
    shown = picture(people.editor, project)
    body = {"evidence": str(kept.id)}
    response = caller("editor").patch(f"/api/v1/pictures/{shown.id}/rights/", body, format="json")
    assert (response.status_code, error_of(response)["code"]) == (400, "evidence_unknown")
    waived = {**SPRING, **body, "action": "train", "reason": "x", "expires_at": "2090-01-01T00:00:00Z"}
    assert error_of(post(caller("editor"), WAIVERS, waived))["code"] == "evidence_unknown"


def waiver(rights) -> dict:
    """Return a request to set a rule aside until tomorrow."""
    tomorrow = timezone.now() + timedelta(days=1)
    asked = {
        "action": "train",
        "rights": str(rights.id),
        "reason": "Letter of 3 May",
        "expires_at": tomorrow.isoformat(),
    }
    return {**SPRING, **asked}


def test_a_rule_is_set_aside_by_two_persons_until_it_is_revoked(caller, people, project):
    kept = cleared(people, project, 1, "CC-BY-NC-4.0")
    question = {**SPRING, "action": "train", "pictures": [str(kept.id)]}
    asked = post(caller("reviewer"), WAIVERS, waiver(kept.rights))
    assert (asked.status_code, asked.json()["state"]) == (201, "waiting")
    one = f"{WAIVERS}{asked.json()['id']}/"
    assert post(caller("viewer", "read"), ASK, question).json()["verdict"] == "block"
    own = post(caller("reviewer"), f"{one}approve/")
    assert (own.status_code, error_of(own)["code"]) == (409, "four_eyes")
    assert post(caller("owner"), f"{one}approve/").json()["state"] == "holds"
    answer = post(caller("viewer", "read"), ASK, question).json()
    assert (answer["verdict"], answer["codes"], answer["waived"]) == ("allow", [], ["forbidden"])
    later = {**question, "until": (timezone.now() + timedelta(days=2)).isoformat()}
    answer = post(caller("viewer", "read"), ASK, later).json()
    assert (answer["verdict"], answer["now"], answer["until"]) == ("block", "allow", "block")
    assert post(caller("reviewer"), f"{one}revoke/").json()["state"] == "revoked"
    assert post(caller("viewer", "read"), ASK, question).json()["verdict"] == "block"
    assert [each["state"] for each in caller("viewer", "read").get(WAIVERS, SPRING).json()["results"]] == ["revoked"]


WRONG_WAIVERS = [
    ({"action": "ingest"}, "action"),
    ({"action": "everything"}, "action"),
    ({"reason": " "}, "reason"),
    ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ({"expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
    ({"rights": NOBODYS}, "rights"),
    ({"evidence": NOBODYS}, "evidence"),
    ({"approved_by": "x"}, "approved_by"),
    ({"approved_at": "2020-01-01T00:00:00Z"}, "approved_at"),
    ({"requested_by": "x"}, "requested_by"),
]


@pytest.mark.parametrize(("more", "field"), WRONG_WAIVERS, ids=[f"{row[1]}{n}" for n, row in enumerate(WRONG_WAIVERS)])
def test_a_waiver_that_cannot_be_is_not_asked_for(caller, people, project, more, field):
    kept = picture(people.editor, project)
    response = post(caller("editor"), WAIVERS, {**waiver(kept.rights), **more})
    assert response.status_code == 400
    assert field in error_of(response)["fields"]
    assert not Waiver.objects.exists()


def test_rights_of_another_project_are_waived_for_nobody_here(caller, people, project):
    other = picture(people.stranger, Project.objects.get(slug="elsewhere"), 9)
    response = post(caller("editor"), WAIVERS, waiver(other.rights))
    assert (response.status_code, error_of(response)["code"]) == (400, "rights_unknown")


@pytest.fixture
def chain(people, project, starter):
    """Return a version, the adapter that learned from it, and a picture made with that."""
    version = frozen(people, project, ["CC0-1.0", "CC-BY-4.0"])
    adapter = learned(people, project, starter, version)
    [output] = drawn_with(people, project, starter, adapter)
    return version, adapter, output


def test_a_withdrawal_is_seen_before_it_happens_and_reported_after(caller, people, project, chain):
    version, adapter, output = chain
    kept = version.items.get(number=2).picture
    one = f"{WITHDRAWALS}{kept.rights_id}/"
    entries = Entry.objects.count()
    before = caller("viewer", "read").get(one).json()
    assert (before["withdrawn"], before["name"]) == (False, "2.png")
    assert before["counts"] == {"dataset_versions": 1, "model_files": 1, "pictures": 1, "jobs": 0}
    assert [each["id"] for each in before["model_files"]] == [str(adapter.id)]
    assert [each["number"] for each in before["dataset_versions"]] == [1]
    listed = caller("viewer", "read").get(f"{one}outputs/").json()["results"]
    assert [(each["id"], each["pixels_sha256"]) for each in listed] == [(str(output.id), output.pixels_sha256)]
    assert Entry.objects.count() == entries

    for body in ({}, {"reason": ""}, {"reason": "x", "state": "withdrawn"}):
        assert post(caller("reviewer"), f"{one}withdraw/", body).status_code == 400
    done = post(caller("reviewer"), f"{one}withdraw/", {"reason": "The photographer asked us to."}).json()
    assert (done["withdrawn"], done["rights"]["closed_by"]) == (True, str(people.reviewer.id))
    again = post(caller("owner"), f"{one}withdraw/", {"reason": "again"})
    assert (again.status_code, error_of(again)["code"]) == (409, "rights_closed")
    sent = caller("viewer", "read").get(f"{one}report/")
    report = json.loads(b"".join(sent.streaming_content))
    assert report["report"]["withdrawn"]["reason"] == "The photographer asked us to."
    assert [each["kind"] for each in report["rows"]] == ["dataset_version", "model:adapter", "picture"]
    assert [each["thing"] for each in caller("viewer", "read").get(WITHDRAWALS, SPRING).json()["results"]] == [
        str(kept.id)
    ]
    for things in (
        {"outputs": [str(output.id)]},
        {"dataset_versions": [str(version.id)]},
        {"models": [str(adapter.id)]},
    ):
        answer = post(caller("viewer", "read"), ASK, {**SPRING, "action": "publish", **things}).json()
        assert (answer["verdict"], answer["codes"]) == ("block", ["withdrawn"])


def test_a_picture_that_was_taken_out_can_still_be_withdrawn(caller, people, project, chain):
    kept = chain[0].items.get(number=1).picture
    assert caller("editor").delete(f"/api/v1/pictures/{kept.id}/").status_code == 204
    one = f"{WITHDRAWALS}{kept.rights_id}/"
    assert caller("viewer", "read").get(one).json()["counts"]["pictures"] == 1
    assert post(caller("reviewer"), f"{one}withdraw/", {"reason": "They asked."}).json()["withdrawn"] is True


def test_what_other_projects_made_from_a_shared_model_is_counted_and_not_named(caller, people, project, chain, starter):
    other = create_project(people.owner, slug="autumn", name="Autumn")
    set_role(other, actor=people.owner, user=people.editor, role=Role.EDITOR)
    add_model(Project.objects.get(slug="elsewhere"), base("secret", "CC0-1.0"))
    one = f"{WITHDRAWALS}{starter.rights_id}/"
    assert error_of(caller("owner").get(one))["code"] == "project_missing"
    assert caller("owner").get(f"{one}?project=elsewhere").status_code == 404
    seen = caller("owner").get(f"{one}?project=autumn").json()
    assert (seen["counts"]["pictures"], seen["model_files"]) == (0, [])
    assert seen["elsewhere"] == {"model_files": 1, "pictures": 1}
    assert post(caller("editor"), f"{one}withdraw/?project=autumn", {"reason": "x"}).status_code == 403
    assert starter.rights.state == "cleared"


def test_a_withdrawal_blocks_the_next_request(caller, people, project, chain):
    version, adapter, _output = chain
    jobs = Generation.objects.count()
    post(caller("owner"), f"{WITHDRAWALS}{version.items.first().picture.rights_id}/withdraw/", {"reason": "x"})
    body = {**SPRING, "slots": {"subject": "an umbrella"}, "adapters": [{"id": str(adapter.id)}]}
    response = caller("editor").post("/api/v1/generations/", body, format="json", headers={"Idempotency-Key": "w"})
    assert (response.status_code, error_of(response)["code"]) == (409, "rights_blocked")
    assert Generation.objects.count() == jobs


GROUPS = {"house": HOUSE, "matrix": MATRIX, "details": DETAILS}


@pytest.mark.parametrize("group", GROUPS)
def test_the_api_answers_every_case_of_the_house_as_the_algebra_does(caller, people, project, group):
    client, wrong = caller("viewer", "read"), {}
    for case in GROUPS[group]:
        answer = post(client, ASK, question_of(people, project, case)).json()
        pure = decide(case.action, [each.as_input() for each in case.inputs], case.context())
        expected = (pure.verdict.value, sorted({each.code for each in pure.reasons}), pure.effective_license)
        given = (answer.get("verdict"), answer.get("codes"), answer.get("effective_license"))
        owed = {each["kind"] for each in answer.get("obligations", ())}
        if given != expected or (given[0], set(given[1])) != (case.verdict, set(case.codes)):
            wrong[case.name] = (given, expected, answer.get("error"))
        elif owed != {each.kind for each in pure.obligations}:
            wrong[case.name] = owed
    assert wrong == {}


def test_an_answer_is_the_decision_of_the_service_to_the_hash(caller, people, project, chain, starter):
    version, adapter, output = chain
    at = timezone.now()
    project.refresh_from_db()
    for action in (Action.TRAIN, Action.GENERATE, Action.PUBLISH, Action.WEIGHTS):
        body = {**SPRING, "action": action.value, "at": at.isoformat(), "models": [str(starter.id), str(adapter.id)]}
        decision = decide_use(project, action, [starter, adapter], at=at)
        assert post(caller("viewer", "read"), ASK, body).json()["sha256"] == decision.sha256()
        body = {**SPRING, "action": action.value, "at": at.isoformat(), "dataset_versions": [str(version.id)]}
        decision = decide_about(project, action, lessons_of(version), at=at)
        assert post(caller("viewer", "read"), ASK, body).json()["sha256"] == decision.sha256()
    body = {**SPRING, "action": "publish", "at": at.isoformat(), "outputs": [str(output.id)]}
    decision = decide_use(project, Action.PUBLISH, output.generation.files(), at=at)
    assert post(caller("viewer", "read"), ASK, body).json()["sha256"] == decision.sha256()


def test_learning_from_a_picture_that_was_made_asks_what_its_model_says_of_outputs(caller, people, project):
    output = add_output(people.editor, project, add_model(project, base("SD 3.5", COMMUNITY)))
    answer = post(caller("viewer", "read"), ASK, {**SPRING, "action": "train", "outputs": [str(output.id)]}).json()
    assert (answer["verdict"], answer["codes"]) == ("review", ["needs_review"])


def test_the_last_day_of_a_use_counts(caller, people, project):
    moment = timezone.now()
    kept = cleared(people, project, 1, "CC0-1.0", expires_at=moment + timedelta(days=30))
    body = {**SPRING, "action": "publish", "pictures": [str(kept.id)]}
    client = caller("viewer", "read")
    for days, verdict in ((29, "allow"), (31, "block")):
        answer = post(client, ASK, {**body, "until": (moment + timedelta(days=days)).isoformat()}).json()
        assert (answer["verdict"], answer["now"]) == (verdict, "allow")
    people.viewer.language = "ja"
    people.viewer.save(update_fields=["language"])
    answer = post(client, ASK, {**body, "until": (moment + timedelta(days=31)).isoformat()}).json()
    assert any("は" in each for each in answer["reasons"])


QUESTIONS = [
    ("nothing", {}, "models"),
    ("an unknown action", {"action": "steal"}, "action"),
    ("an unknown purpose", {"purpose": "fun"}, "purpose"),
    ("an unknown use", {"pictures_as": "wallpaper"}, "pictures_as"),
    ("another's model", {"models": [NOBODYS]}, "models"),
    ("another's picture", {"pictures": [NOBODYS]}, "pictures"),
    ("another's version", {"dataset_versions": [NOBODYS]}, "dataset_versions"),
    ("another's output", {"outputs": [NOBODYS]}, "outputs"),
    ("201 models", {"models": [NOBODYS] * 201}, "models"),
    ("no id", {"pictures": ["../x"]}, "pictures.0"),
    ("a policy", {"policy": "exception"}, "policy"),
    ("an exception", {"exception": "x"}, "exception"),
    ("a state", {"state": "cleared"}, "state"),
    ("nan", {"revenue": "NaN"}, "revenue"),
    ("minus", {"revenue": "-1"}, "revenue"),
    ("before calendars", {"at": "0001-01-01T00:00:00+09:00"}, "at"),
    ("after calendars", {"until": "9999-12-31T23:59:59-12:00"}, "until"),
    ("half a copy", {"quantities": {"copies": 0.5}}, "quantities.copies"),
    ("nul", {"quantities": {"a\x00": 1}}, "quantities"),
]


@pytest.mark.parametrize(("more", "field"), [row[1:] for row in QUESTIONS], ids=[row[0] for row in QUESTIONS])
def test_a_question_that_cannot_be_asked_names_its_field(caller, project, more, field):
    response = post(caller("viewer", "read"), ASK, {**SPRING, "action": "publish", **more})
    assert response.status_code == 400
    assert field in error_of(response)["fields"]


def test_a_way_that_nothing_goes_is_said_in_words(caller, people, project):
    kept = picture(people.editor, project)
    body = {**SPRING, "action": "train", "pictures": [str(kept.id)], "pictures_as": "itself"}
    response = post(caller("viewer", "read"), ASK, body)
    assert (response.status_code, error_of(response)["code"]) == (400, "edge_not_for_action")


def test_a_dataset_of_one_odd_picture_names_it(caller, people, project):
    dataset = create_dataset(people.editor, project, name="Odd")
    add_items(
        people.editor, dataset, [cleared(people, project, n, e) for n, e in ((1, "CC0-1.0"), (2, "CC-BY-NC-4.0"))]
    )
    version = freeze_version(people.editor, dataset)
    body = {**SPRING, "action": "train", "dataset_versions": [str(version.id)]}
    answer = post(caller("viewer", "read"), ASK, body).json()
    assert (answer["verdict"], answer["codes"]) == ("block", ["forbidden"])
    assert [("2.png" in each, "1.png" in each) for each in answer["reasons"]] == [(True, False)]
