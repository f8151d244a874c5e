"""The first gate: without source, evidence or a known licence a thing is in quarantine; clearing it needs a reason."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from assets.licensing import Verdict
from assets.models import RightsChange
from assets.services import Declaration, clear_rights, edit_rights
from assets.services.ingest import decide_arrival, quarantine_of
from assets.services.pictures import add_picture, attach_evidence, read_picture
from ledger.models import Entry
from projects.problems import Problem
from tests.api.conftest import bearer
from tests.api.test_errors import error_of
from tests.assets.material import encoded, picture
from tests.assets.test_services_rights import code_of
from tests.assets.test_views import add_model

pytestmark = pytest.mark.django_db

OWN = "LicenseRef-Daicho-OwnWork"


def brought(people, project, seed: int = 1, **said):
    declaration = Declaration(**{"expression": "CC0-1.0", "creator": "Ana", **said})
    return add_picture(
        people.editor, project, read_picture(encoded(seed)), name=f"{seed}.png", declaration=declaration
    )[0]


def kept_at_arrival(project, came):
    entry = Entry.objects.get(chain=project.id, event="assets.picture.added", subject=f"picture:{came.id}")
    return json.loads(entry.payload)["ingest"]


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({"source_url": "https://example.com/a"}, Verdict.ALLOW),
        ({}, Verdict.REVIEW),
        ({"expression": OWN}, Verdict.ALLOW),
        ({"expression": OWN, "creator": ""}, Verdict.REVIEW),
        ({"facts": {"basis": "own_work"}}, Verdict.ALLOW),
        ({"expression": "found it", "source_url": "https://example.com/a"}, Verdict.REVIEW),
    ],
)
def test_the_gate_is_asked_when_a_picture_comes_in_and_its_answer_is_kept(people, project, said, verdict):
    came = brought(people, project, **said)
    decision = decide_arrival(came)
    assert decision.verdict is verdict
    kept = kept_at_arrival(project, came)
    assert kept["verdict"] == verdict.value
    assert len(kept["decision_sha256"]) == 64
    assert bool(quarantine_of(came)) is (verdict is not Verdict.ALLOW)


def test_clearing_without_source_or_evidence_needs_a_reason_which_is_kept(people, project):
    came = brought(people, project)
    assert code_of(clear_rights, came, reviewer=people.reviewer) == "quarantined"
    assert code_of(clear_rights, came, reviewer=people.reviewer, reason="  ") == "quarantined"
    came.rights.refresh_from_db()
    assert came.rights.state == "pending"
    clear_rights(came, reviewer=people.reviewer, reason="I stood beside her\nwhen she drew it")
    change = RightsChange.objects.get(rights=came.rights, event="assets.rights.cleared")
    assert change.after["reason"] == "I stood beside her when she drew it"
    assert change.after["ingest"]["verdict"] == "review"
    entry = Entry.objects.get(chain=project.id, event="assets.rights.cleared")
    assert json.loads(entry.payload)["reason"] == change.after["reason"]


def test_with_a_source_the_answer_is_kept_and_no_reason(people, project):
    came = picture(people.editor, project)
    clear_rights(came, reviewer=people.reviewer, reason="not needed")
    after = RightsChange.objects.get(rights=came.rights).after
    assert after["ingest"]["verdict"] == "allow"
    assert "reason" not in after


def test_evidence_or_a_source_ends_the_quarantine(people, project):
    first, second = brought(people, project, 1), brought(people, project, 2)
    attach_evidence(people.editor, first, b"she agrees", name="letter.txt")
    edit_rights(second.rights, actor=people.editor, changes={"source_url": "https://example.com/b"})
    for each in (first, second):
        assert quarantine_of(each) == []
        clear_rights(each, reviewer=people.reviewer)


def test_a_model_is_asked_about_too(people, project):
    model = add_model("found", state="pending", project=project, rights={"source_url": ""})
    assert code_of(clear_rights, model, reviewer=people.reviewer) == "quarantined"
    with pytest.raises(CommandError, match="quarantine"):
        call_command("clear_rights", model.sha256, by="reviewer@example.com")
    call_command("clear_rights", model.sha256, by="reviewer@example.com", reason="bought with the disk")
    model.rights.refresh_from_db()
    assert model.rights.state == "cleared"


def test_the_api_shows_the_quarantine_and_asks_for_a_reason(people, project):
    came = brought(people, project)
    room, client = f"/api/v1/reviews/{came.rights_id}/", bearer(people.reviewer)
    assert "quarantine" in client.get(room).json()["quarantine"][0]
    assert client.get(f"/api/v1/pictures/{came.id}/").json()["quarantine"]
    answer = client.post(f"{room}clear/")
    assert (answer.status_code, error_of(answer)["code"]) == (409, "quarantined")
    answer = client.post(f"{room}clear/", {"reason": "she told me"}, format="json")
    assert (answer.status_code, answer.json()["rights"]["state"]) == (200, "cleared")
    assert client.get(f"/api/v1/pictures/{came.id}/").json()["quarantine"] == []


def test_the_portal_shows_the_quarantine_and_asks_for_a_reason(people, project, signed_in):
    came = brought(people, project)
    client, page = signed_in("reviewer"), reverse("material", args=["spring", came.id])
    assert "Quarantine" in client.get(page).content.decode()
    review = client.get(reverse("review", args=["spring"])).content.decode()
    assert "Quarantine" in review
    assert 'name="clear_reason"' in review
    clear = reverse("review_clear", args=["spring"])
    answer = client.post(clear, {"ids": str(came.rights_id)})
    assert answer.status_code == 422
    assert "why it is cleared all the same" in answer.content.decode()
    assert client.post(clear, {"ids": str(came.rights_id), "clear_reason": "she told me"}).status_code == 302
    shown = client.get(page).content.decode()
    assert "Cleared in spite of the quarantine" in shown
    assert "she told me" in shown


def test_what_has_a_source_asks_for_no_reason(people, project, signed_in):
    picture(people.editor, project)
    review = signed_in("reviewer").get(reverse("review", args=["spring"])).content.decode()
    assert "Quarantine" not in review
    assert 'name="clear_reason"' not in review


def test_several_are_cleared_at_once_with_one_reason_or_none(people, project, signed_in):
    both = [brought(people, project, seed) for seed in (1, 2)]
    ids = [str(each.rights_id) for each in both]
    clear = reverse("review_clear", args=["spring"])
    assert signed_in("reviewer").post(clear, {"ids": ids}).status_code == 422
    for each in both:
        each.rights.refresh_from_db()
        assert each.rights.state == "pending"
    assert signed_in("reviewer").post(clear, {"ids": ids, "clear_reason": "one folder"}).status_code == 302


def test_nobody_clears_their_own_with_a_reason_either(people, project):
    came = add_picture(
        people.reviewer, project, read_picture(encoded(4)), name="a.png", declaration=Declaration(expression="CC0-1.0")
    )[0]
    with pytest.raises(Problem) as refused:
        clear_rights(came, reviewer=people.reviewer, reason="trust me")
    assert refused.value.code == "four_eyes"
