"""Waivers: asked for by one person, approved by another, for one gate, until a day."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from assets.licensing import Action, Verdict
from assets.models import Waiver
from assets.services import decide_pictures, latest_change, withdraw_rights
from assets.services.waivers import approve_waiver, request_waiver, revoke_waiver
from ledger.models import Entry
from projects.models import Project
from projects.problems import Problem
from tests.assets.material import cleared

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def asked(user, project, **values) -> Waiver:
    """Ask for a waiver until tomorrow."""
    usual = {"action": Action.TRAIN, "reason": "A letter", "expires_at": timezone.now() + DAY}
    return request_waiver(user, project, **(usual | values))


def code_of(function, *args, **options) -> str:
    """Return the code of the Problem that a call raises."""
    with pytest.raises(Problem) as refused:
        function(*args, **options)
    return refused.value.code


@pytest.fixture
def forbidden(people, project):
    """Return a picture that this commercial project may not train on."""
    return cleared(people, project, expression="CC-BY-NC-4.0")


def verdict(project, picture, action=Action.TRAIN) -> Verdict:
    return decide_pictures(project, action, [picture]).verdict


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"reason": "  "}, "reason_missing"),
        ({"expires_at": timezone.now() - DAY}, "expiry_past"),
    ],
)
def test_a_request_needs_a_reason_and_an_end_ahead(people, project, values, code):
    assert code_of(asked, people.editor, project, **values) == code
    assert not Waiver.objects.exists()


def test_it_counts_from_approval_by_another_person(people, project, forbidden):
    waiver = asked(people.reviewer, project, rights=forbidden.rights)
    assert verdict(project, forbidden) is Verdict.BLOCK
    assert code_of(approve_waiver, waiver, approver=people.reviewer) == "four_eyes"
    assert code_of(approve_waiver, waiver, approver=people.editor) == "not_reviewer"
    approve_waiver(waiver, approver=people.owner)
    assert verdict(project, forbidden) is Verdict.ALLOW
    assert code_of(approve_waiver, waiver, approver=people.owner) == "not_pending"


def test_it_opens_one_gate_for_one_thing_in_one_project(people, project, forbidden):
    other = cleared(people, project, 2, "CC-BY-NC-4.0")
    approve_waiver(asked(people.editor, project, rights=forbidden.rights), approver=people.owner)
    assert verdict(project, forbidden, Action.GENERATE) is Verdict.BLOCK
    assert verdict(project, other) is Verdict.BLOCK
    assert decide_pictures(project, Action.TRAIN, [forbidden, other]).verdict is Verdict.BLOCK
    assert verdict(Project.objects.get(slug="elsewhere"), forbidden) is Verdict.BLOCK


def test_it_ends_by_itself_or_when_it_is_revoked(people, project, forbidden):
    waiver = asked(people.editor, project, rights=forbidden.rights)
    approve_waiver(waiver, approver=people.owner)
    later = decide_pictures(project, Action.TRAIN, [forbidden], at=waiver.expires_at)
    assert later.verdict is Verdict.BLOCK
    revoke_waiver(waiver, actor=people.reviewer)
    assert verdict(project, forbidden) is Verdict.BLOCK
    assert code_of(revoke_waiver, waiver, actor=people.reviewer) == "not_pending"
    assert code_of(approve_waiver, waiver, approver=people.owner) == "not_pending"


def test_who_may_not_review_ends_nothing(people, project, forbidden):
    waiver = asked(people.editor, project, rights=forbidden.rights)
    assert code_of(revoke_waiver, waiver, actor=people.editor) == "not_reviewer"


def test_what_was_withdrawn_is_never_waived(people, project, forbidden):
    approve_waiver(asked(people.editor, project, rights=forbidden.rights), approver=people.owner)
    withdraw_rights(forbidden, actor=people.owner, reason="asked")
    assert verdict(project, forbidden) is Verdict.BLOCK


def test_approval_and_end_count_as_changes_of_the_rights(people, project, forbidden):
    waiver, seen = asked(people.editor, project, rights=forbidden.rights), [latest_change()]
    approve_waiver(waiver, approver=people.owner)
    seen.append(latest_change())
    revoke_waiver(waiver, actor=people.owner)
    seen.append(latest_change())
    assert seen == sorted(set(seen))
    events = Entry.objects.filter(chain=project.id, subject=f"waiver:{waiver.id}").order_by("seq")
    names = [each.event.rpartition(".")[2] for each in events]
    assert names == ["requested", "approved", "revoked"]
    assert events[0].data["reason"] == "A letter"


@pytest.mark.postgres
def test_the_database_itself_wants_four_eyes(people, project):
    waiver = asked(people.editor, project)
    with pytest.raises(IntegrityError):
        Waiver.objects.filter(pk=waiver.pk).update(approved_by=people.editor)
