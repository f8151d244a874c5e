"""What happens to a run or a promotion when something else happens at the worst moment."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
import torch
from django.db import connection, connections
from django.urls import reverse
from django.utils import timezone

from assets.services import clear_rights, edit_rights
from engine.training.values import Event, Stepped
from jobs.models import Status
from ledger.models import Entry
from ledger.services import verify
from projects.models import Membership
from projects.problems import Problem
from projects.services import remove_member
from tests.training.numbered import adapter, numbered
from tests.training.stage import asked, frozen, trained
from training import tasks
from training.models import AdapterAlias, AdapterVersion, Promotion, TrainingRun
from training.services.progress import Recorder
from training.services.promotions import approve_promotion, ask_promotion


@pytest.fixture
def version(people, project):
    return frozen(people, project)


def meanwhile(monkeypatch, at: int, happen) -> None:
    """Let something happen when a run has taken a step; the run looks around right after it."""

    class Interrupted(Recorder):
        def __call__(self, event: Event) -> None:
            if isinstance(event, Stepped) and event.step == at:
                happen()
                self.watch.looked_at -= 10
            super().__call__(event)

    monkeypatch.setattr(tasks, "Recorder", Interrupted)


def rent(people, version, ends_at) -> None:
    """Let the licence of a picture end at a moment."""
    picture = version.items.first().picture
    edit_rights(picture.rights, actor=people.editor, changes={"expires_at": ends_at})
    clear_rights(picture, reviewer=people.reviewer)


@pytest.mark.slow
@pytest.mark.parametrize("at_step", [0, 2])
def test_a_licence_that_expires_after_the_asking_blocks_the_run(
    people, project, starter, version, at_step, monkeypatch, time_machine
):
    end = timezone.now() + timedelta(minutes=10)
    rent(people, version, end)
    run = asked(people, project, version, starter)
    if at_step:
        meanwhile(monkeypatch, at_step, lambda: time_machine.move_to(end + timedelta(seconds=1)))
    else:
        time_machine.move_to(end + timedelta(seconds=1))
    tasks.train(str(run.id))
    run.refresh_from_db()
    assert (run.status, run.error) == (Status.BLOCKED, "rights_blocked")
    assert bool(run.stage) is bool(at_step)
    assert "1.png" in run.reason
    entry = Entry.objects.get(chain=project.id, event="training.run.blocked")
    assert [each["code"] for each in entry.data["decision"]["reasons"]] == ["expired"]
    assert not AdapterVersion.objects.exists()


@pytest.mark.slow
def test_the_run_of_a_member_who_is_removed_goes_on_and_they_see_nothing_of_it(
    people, project, starter, version, monkeypatch, signed_in
):
    run = asked(people, project, version, starter)
    page = reverse("training_run", args=["spring", run.id])
    editor = signed_in("editor")
    assert editor.get(page).status_code == 200

    def leave() -> None:
        membership = Membership.objects.get(project=project, user=people.editor)
        remove_member(project, actor=people.owner, membership=membership)

    meanwhile(monkeypatch, 2, leave)
    made = trained(run).version
    assert made.created_by == people.editor
    assert signed_in("viewer").get(page).status_code == 200
    for address in (page, reverse("adapter", args=["spring", made.adapter.slug]), made.get_absolute_url()):
        assert editor.get(address).status_code == 404
    assert editor.post(reverse("training_run_again", args=["spring", run.id])).status_code == 404
    assert verify(project.id).ok


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_approvals_at_the_same_moment_one_counts(people, project, starter):
    holder = adapter(people, project)
    promotion = ask_promotion(people.editor, numbered(people, project, starter, holder))
    gate, said = Barrier(2), []

    def approve(person) -> None:
        seen = Promotion.objects.get(pk=promotion.pk)
        gate.wait()
        try:
            approve_promotion(seen, approver=person)
            said.append(person.name)
        except Problem as problem:
            said.append(problem.code)
        connections.close_all()

    threads = [Thread(target=approve, args=[person]) for person in (people.reviewer, people.owner)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    promotion.refresh_from_db()
    assert sorted(said) == sorted([promotion.decided_by.name, "not_pending"])
    assert AdapterAlias.objects.get(adapter=holder, name="production").version == promotion.version
    assert Entry.objects.filter(chain=project.id, event="training.promotion.approved").count() == 1
    assert verify(project.id).ok
    connection.close()


def run_out() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def take_too_much() -> None:
    torch.empty(2**60, dtype=torch.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("happen", [run_out, take_too_much])
def test_a_run_without_memory_left_fails_with_what_to_change(people, project, starter, version, happen, monkeypatch):
    run = asked(people, project, version, starter)
    meanwhile(monkeypatch, 2, happen)
    tasks.train(str(run.id))
    run.refresh_from_db()
    assert (run.status, run.error) == (Status.FAILED, "training_out_of_memory")
    assert run.error_params == {"batch": 2, "resolution": 64}
    assert "batches of 2 at 64 pixels. Take a smaller batch, resolution or rank" in run.reason
    assert TrainingRun.objects.get(pk=run.pk).step < run.total_steps
    assert not AdapterVersion.objects.exists()
