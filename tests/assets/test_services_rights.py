"""Rights: declared by one person, looked at by another, edited, refused and withdrawn; every change is counted."""

from threading import Thread

import pytest
from django.db import connection, transaction
from django.utils.translation import override

from assets.licensing import Action, Verdict
from assets.models import Rights, RightsChange
from assets.services import (
    HOUSE_CHAIN,
    Declaration,
    clear_rights,
    decide_pictures,
    edit_rights,
    latest_change,
    refuse_rights,
    withdraw_rights,
)
from assets.services.rights import clear_alike, declare, may_review
from ledger.models import Entry
from projects.models import Project
from projects.problems import Problem
from tests.assets.material import cleared, picture
from tests.assets.test_views import add_model

pytestmark = pytest.mark.django_db


def code_of(function, *args, **options) -> str:
    """Return the code of the Problem that a call raises."""
    with pytest.raises(Problem) as refused:
        function(*args, **options)
    return refused.value.code


def entries(project, event: str) -> list[Entry]:
    return list(Entry.objects.filter(chain=project.id, event=event).order_by("seq"))


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone_unknown"),
        ({"releases": {"Ana": "perhaps"}}, "release_unknown"),
    ],
)
def test_what_cannot_be_read_is_not_declared(people, project, facts, code):
    assert code_of(declare, Declaration(expression="CC0-1.0", facts=facts), actor=people.editor) == code
    assert not Rights.objects.exists()


def test_a_declaration_waits_for_somebody_else(people, project):
    added = picture(people.reviewer, project)
    assert (added.rights.state, added.rights.submitted_by) == ("pending", people.reviewer)
    assert code_of(clear_rights, added, reviewer=people.reviewer) == "four_eyes"
    clear_rights(added, reviewer=people.owner)
    assert (added.rights.state, added.rights.cleared_by) == ("cleared", people.owner)
    assert code_of(clear_rights, added, reviewer=people.owner) == "not_pending"


@pytest.mark.parametrize("name", ["viewer", "editor", "stranger"])
def test_only_reviewers_of_the_project_decide(people, project, name):
    added, person = picture(people.owner, project), getattr(people, name)
    assert code_of(clear_rights, added, reviewer=person) == "not_reviewer"
    assert code_of(refuse_rights, added, reviewer=person, reason="no") == "not_reviewer"
    assert code_of(withdraw_rights, added, actor=person, reason="no") == "not_reviewer"
    assert RightsChange.objects.count() == 0


def test_what_the_whole_house_shares_is_judged_by_its_staff_only(people, project):
    shared = add_model("shared", state="pending")
    for person in (people.owner, people.stranger, people.editor):
        assert not may_review(person, None)
        assert code_of(clear_rights, shared, reviewer=person) == "not_reviewer"
        assert code_of(withdraw_rights, shared, actor=person, reason="mine now") == "not_reviewer"
    clear_rights(shared, reviewer=people.reviewer)
    assert Entry.objects.get(chain=HOUSE_CHAIN, event="assets.rights.cleared").subject == f"model_file:{shared.id}"


def test_what_was_changed_while_the_reviewer_looked_is_not_decided_about(people, project):
    added, other = picture(people.editor, project, 1), picture(people.editor, project, 2)
    seen = {each.rights_id: each.rights.revision for each in (added, other)}
    edit_rights(other.rights, actor=people.editor, changes={"note": "not what it was"})
    stale = seen[other.rights_id]
    assert code_of(clear_rights, other, reviewer=people.reviewer, seen=stale) == "changed_meanwhile"
    assert code_of(refuse_rights, other, reviewer=people.reviewer, reason="no", seen=stale) == "changed_meanwhile"
    assert code_of(clear_alike, [added, other], reviewer=people.reviewer, seen=seen) == "changed_meanwhile"
    assert set(Rights.objects.values_list("state", flat=True)) == {"pending"}
    clear_alike([added, other], reviewer=people.reviewer, seen={**seen, other.rights_id: other.rights.revision})
    assert set(Rights.objects.values_list("state", flat=True)) == {"cleared"}


@pytest.mark.parametrize("reason", ["", "  \n\t "])
def test_a_refusal_needs_a_reason(people, project, reason):
    added = picture(people.editor, project)
    assert code_of(refuse_rights, added, reviewer=people.reviewer, reason=reason) == "reason_missing"
    added.rights.refresh_from_db()
    assert added.rights.state == "pending"


def test_what_was_refused_stays_refused(people, project):
    added = picture(people.editor, project)
    refuse_rights(added, reviewer=people.reviewer, reason="  The page \n is gone. ")
    assert (added.rights.state, added.rights.closed_reason) == ("refused", "The page is gone.")
    assert code_of(edit_rights, added.rights, actor=people.editor, changes={"creator": "Ana"}) == "rights_closed"
    assert code_of(withdraw_rights, added, actor=people.owner, reason="no") == "rights_closed"
    assert decide_pictures(project, Action.TRAIN, [added]).verdict is Verdict.BLOCK


@pytest.mark.postgres
def test_every_change_is_counted_and_stands_in_the_ledger(people, project):
    added = picture(people.editor, project)
    seen = [latest_change()]
    clear_rights(added, reviewer=people.reviewer)
    seen.append(latest_change())
    edit_rights(added.rights, actor=people.editor, changes={"expression": "CC-BY-4.0", "creator": "Ana"})
    seen.append(latest_change())
    assert seen == sorted(set(seen))
    assert added.rights.state == "pending"
    change = RightsChange.objects.latest("id")
    submitted_by = str(people.editor.id)
    assert change.before == {"expression": "CC0-1.0", "state": "cleared", "submitted_by_id": submitted_by}
    assert change.after["expression"] == "CC-BY-4.0"
    assert "creator" not in change.after
    [entry] = entries(project, "assets.rights.edited")
    assert entry.data["expression"] == "CC-BY-4.0"
    assert entry.data["revision"] == added.rights.revision == 3
    assert "submitted_by_id" not in entry.data


def test_an_edit_that_changes_nothing_is_none(people, project):
    added = cleared(people, project)
    before = latest_change()
    assert not edit_rights(added.rights, actor=people.editor, changes={"creator": "Ana", "state": "withdrawn"})
    added.rights.refresh_from_db()
    assert (added.rights.state, latest_change()) == ("cleared", before)


def test_an_edit_that_cannot_be_read_changes_nothing(people, project):
    added = cleared(people, project)
    code = code_of(edit_rights, added.rights, actor=people.editor, changes={"time_zone": "nowhere"})
    added.rights.refresh_from_db()
    assert (code, added.rights.state, added.rights.time_zone) == ("time_zone_unknown", "cleared", "UTC")


def test_whoever_edits_does_not_clear(people, project):
    added = cleared(people, project)
    edit_rights(added.rights, actor=people.reviewer, changes={"title": "Another"})
    assert code_of(clear_rights, added, reviewer=people.reviewer) == "four_eyes"
    clear_rights(added, reviewer=people.owner)


def test_a_withdrawal_says_in_the_ledger_what_it_touches(people, project):
    added = cleared(people, project)
    withdraw_rights(added, actor=people.reviewer, reason="asked", touched={"pictures": 3})
    [entry] = entries(project, "assets.rights.withdrawn")
    assert entry.data["touched"] == {"pictures": 3}
    assert (entry.data["state"], entry.data["closed_reason"]) == ("withdrawn", "asked")
    assert entry.subject == f"picture:{added.id}"


def test_several_that_say_the_same_are_cleared_at_once(people, project):
    alike = [picture(people.editor, project, seed) for seed in (1, 2, 3)]
    clear_alike(alike, reviewer=people.reviewer)
    assert {each.rights.state for each in alike} == {"cleared"}
    assert len(entries(project, "assets.rights.cleared")) == 3


@pytest.mark.parametrize("odd", ["license", "own", "cleared"])
def test_one_that_does_not_fit_stops_all(people, project, odd):
    first = picture(people.editor, project, 1)
    other = {
        "license": lambda: picture(people.editor, project, 2, "CC-BY-4.0"),
        "own": lambda: picture(people.reviewer, project, 2),
        "cleared": lambda: cleared(people, project, 2),
    }[odd]()
    code = code_of(clear_alike, [first, other], reviewer=people.reviewer)
    assert code == {"license": "not_alike", "own": "four_eyes", "cleared": "not_pending"}[odd]
    assert Rights.objects.get(picture=first).state == "pending"


def test_another_projects_reviewer_decides_nothing_here(people, project):
    elsewhere = Project.objects.get(slug="elsewhere")
    theirs = picture(people.stranger, elsewhere)
    assert code_of(clear_rights, theirs, reviewer=people.owner) == "not_reviewer"


def test_nobody_clears_what_they_have_a_share_in(people, project):
    """A declares, B mends it: neither of them clears it."""
    shared = picture(people.reviewer, project, 77)
    edit_rights(shared.rights, actor=people.owner, changes={"creator": "Someone else"})
    for person in (people.reviewer, people.owner):
        with pytest.raises(Problem) as refused:
            clear_rights(shared, reviewer=person)
        assert refused.value.code == "four_eyes"


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize(
    ("facts", "named"), [({"time_zone": "Mars/Base"}, "Mars/Base"), ({"releases": {"A": "ok"}}, "ok")]
)
def test_facts_that_cannot_be_read_are_refused_in_the_readers_words(people, project, facts, named, language):
    with override(language), pytest.raises(Problem) as refused:
        declare(Declaration(expression="CC0-1.0", facts=facts), actor=people.editor)
    message = str(refused.value)
    assert named in message
    assert any("\u3040" <= letter <= "\u30ff" for letter in message) is (language == "ja")
    assert not Rights.objects.exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_no_lower_number_comes_into_sight_after_a_higher_one(people, project):
    slow, quick = picture(people.editor, project, 1), picture(people.editor, project, 2)

    def edit_quick() -> None:
        edit_rights(quick.rights, actor=people.editor, changes={"note": "quick"})
        connection.close()

    other = Thread(target=edit_quick)
    with transaction.atomic():
        edit_rights(slow.rights, actor=people.editor, changes={"note": "slow"})
        other.start()
        other.join(timeout=1)
        assert other.is_alive()
    other.join(timeout=30)
    assert list(RightsChange.objects.order_by("id").values_list("rights", flat=True)) == [
        slow.rights_id,
        quick.rights_id,
    ]
