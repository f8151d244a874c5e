"""Which version counts: one person asks, another decides, and there is a way back."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from assets.services import withdraw_rights
from ledger.models import Entry
from ledger.services import verify
from projects.problems import Problem
from tests.training.numbered import adapter, numbered
from training.models import AdapterAlias, Promotion
from training.services.promotions import approve_promotion, ask_promotion, refuse_promotion, roll_back
from training.services.withdrawals import withdraw_version


@pytest.fixture
def holder(people, project):
    return adapter(people, project)


@pytest.fixture
def first(people, project, starter, holder):
    return numbered(people, project, starter, holder)


@pytest.fixture
def second(people, project, starter, holder, first):
    return numbered(people, project, starter, holder, seed=1)


def production(holder) -> int | None:
    alias = AdapterAlias.objects.filter(adapter=holder, name="production").select_related("version").first()
    return alias.version.number if alias else None


def promoted(people, version) -> AdapterAlias:
    return approve_promotion(ask_promotion(people.editor, version), approver=people.reviewer)


def test_a_second_person_lets_a_version_count(people, project, holder, first):
    promotion = ask_promotion(people.editor, first, note="Best hands so far")
    assert production(holder) is None
    approve_promotion(promotion, approver=people.reviewer, reason="Agreed")
    assert production(holder) == 1
    promotion.refresh_from_db()
    assert (promotion.approved, promotion.decided_by, promotion.reason) == (True, people.reviewer, "Agreed")
    entries = Entry.objects.filter(chain=project.id, subject=f"adapter_version:{first.id}").order_by("seq")
    assert [each.event for each in entries][1:] == ["training.promotion.requested", "training.promotion.approved"]
    assert entries.last().data["to"] == 1
    assert verify(project.id).ok


@pytest.mark.postgres
def test_nobody_approves_what_they_asked_for(people, holder, first):
    promotion = ask_promotion(people.owner, first)
    with pytest.raises(Problem) as raised:
        approve_promotion(promotion, approver=people.owner)
    assert raised.value.code == "four_eyes"
    decided = {"decided_by": people.owner, "decided_at": timezone.now(), "approved": True}
    with pytest.raises(IntegrityError), transaction.atomic():
        Promotion.objects.filter(pk=promotion.pk).update(**decided)
    assert production(holder) is None


def test_only_reviewers_decide(people, holder, first):
    promotion = ask_promotion(people.editor, first)
    for person in (people.viewer, people.stranger):
        with pytest.raises(Problem, match="Only a reviewer"):
            approve_promotion(promotion, approver=person)
        with pytest.raises(Problem, match="Only a reviewer"):
            refuse_promotion(promotion, actor=person, reason="No")
    assert production(holder) is None


@pytest.mark.postgres
def test_one_promotion_waits_at_a_time(people, first, second):
    ask_promotion(people.editor, first)
    with pytest.raises(Problem) as raised:
        ask_promotion(people.owner, second)
    assert raised.value.code == "promotion_waits"
    assert Promotion.objects.count() == 1


@pytest.mark.postgres
def test_a_promotion_is_decided_once(people, holder, first):
    promotion = ask_promotion(people.editor, first)
    seen = Promotion.objects.get(pk=promotion.pk)
    refuse_promotion(promotion, actor=people.reviewer, reason="Six fingers")
    with pytest.raises(Problem, match="does not wait"):
        approve_promotion(seen, approver=people.owner)
    assert production(holder) is None
    with pytest.raises(IntegrityError), transaction.atomic():
        Promotion.objects.filter(pk=promotion.pk).update(decided_at=None)


def test_a_refusal_has_a_reason_and_whoever_asked_takes_it_back(people, first):
    promotion = ask_promotion(people.editor, first)
    with pytest.raises(Problem, match="Say why"):
        refuse_promotion(promotion, actor=people.reviewer, reason="")
    refuse_promotion(promotion, actor=people.editor, reason="Too early")
    assert promotion.approved is False
    ask_promotion(people.editor, first)


def test_there_is_a_way_back(people, project, holder, first, second):
    promoted(people, first)
    promoted(people, second)
    assert production(holder) == 2
    with pytest.raises(Problem, match="moved it meanwhile"):
        roll_back(people.reviewer, first)
    with pytest.raises(Problem, match="Only a reviewer"):
        roll_back(people.editor, second)
    roll_back(people.reviewer, second)
    assert production(holder) == 1
    entry = Entry.objects.get(chain=project.id, event="training.version.rolled_back")
    assert (entry.data["from"], entry.data["to"]) == (2, 1)


def test_there_is_no_way_back_to_nothing_or_to_what_was_taken_back(people, holder, first, second):
    promoted(people, first)
    with pytest.raises(Problem, match="no other version"):
        roll_back(people.reviewer, first)
    promoted(people, second)
    withdraw_version(first, actor=people.reviewer, reason="They asked.")
    with pytest.raises(Problem, match="no other version"):
        roll_back(people.reviewer, second)


def test_what_may_not_be_used_is_not_promoted(people, holder, first, second):
    promotion = ask_promotion(people.editor, first)
    withdraw_rights(first.dataset_version.items.first().picture, actor=people.reviewer, reason="They asked.")
    with pytest.raises(Problem) as raised:
        approve_promotion(promotion, approver=people.owner)
    assert raised.value.code == "rights_blocked"
    assert production(holder) is None
    refuse_promotion(promotion, actor=people.owner, reason="Rights")
    with pytest.raises(Problem):
        ask_promotion(people.editor, first)
    withdraw_version(second, actor=people.reviewer, reason="They asked.")
    with pytest.raises(Problem, match="taken back"):
        ask_promotion(people.editor, second)


def test_what_is_in_production_is_not_asked_for_again(people, first):
    promoted(people, first)
    with pytest.raises(Problem, match="in production already"):
        ask_promotion(people.editor, first)
