"""What is decided again while a job runs: before each picture, at its steps, and before anything is saved."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from assets.licensing import Action
from assets.models import ModelFile, Rights
from assets.services import clear_rights, edit_rights, withdraw_rights
from assets.services.waivers import approve_waiver, request_waiver, revoke_waiver
from engine.errors import ModelError
from engine.specs import Step
from generation import tasks
from generation.composing import Adapter
from generation.models import Generation, Output, Replay
from generation.services.generations import save_output
from generation.services.replays import recorded_spec, request_replay, save_replay
from generation.services.watches import RightsWatch
from generation.tasks import engine, report, resolve_file
from jobs.models import Canceled
from ledger.models import Entry
from ledger.services import verify
from projects.models import Project
from tests.assets.chain import drawn_with, frozen, learned
from tests.generation.pictures import asked, drawn, made

STEP = Step(stage="denoising", index=1, total=4)


def running(job: Generation | Replay) -> SimpleNamespace:
    """Take a job as a worker does: it has asked once, and each of its steps looks at once."""
    assert job.claim()
    watch = RightsWatch(job)
    watch.check()
    on_step = report(job, done=0, of=1, rights=watch)

    def step() -> None:
        watch.looked_at -= 10
        on_step(STEP)

    return SimpleNamespace(job=job, watch=watch, step=step)


@pytest.fixture
def adapter(people, project, starter) -> ModelFile:
    """Return an adapter that has learned from one picture which forbids commercial use."""
    return learned(people, project, starter, frozen(people, project, ["CC-BY-NC-4.0"]))


def lesson(adapter: ModelFile) -> Rights:
    """Return the rights in the picture that an adapter has learned from."""
    return adapter.sources.exclude(dataset_version=None).get().dataset_version.items.get().picture.rights


def waived(people, project, rights: Rights | None, *, ends_at=None):
    """Let two persons set the generate gate's rules aside, for one thing or as the policy's exception."""
    waiver = request_waiver(
        people.editor,
        project,
        action=Action.GENERATE,
        reason="Letter of 3 May",
        expires_at=ends_at or timezone.now() + timedelta(days=1),
        rights=rights,
    )
    approve_waiver(waiver, approver=people.owner)
    return waiver


def rented(people, starter: ModelFile, ends_at) -> None:
    """Let the model's rights end at a moment."""
    edit_rights(starter.rights, actor=people.editor, changes={"expires_at": ends_at})
    clear_rights(starter, reviewer=people.reviewer)


def test_a_picture_carries_the_rights_of_the_moment_it_was_drawn(people, project, starter):
    job = asked(people.editor, project, starter)
    Rights.objects.filter(pk=starter.rights_id).update(expression="CC-BY-4.0")
    assert job.claim()
    RightsWatch(job).check()
    output = save_output(job, 0, drawn((1, 2, 3)))
    assert output.license == output.decision["effective_license"] == "CC-BY-4.0"
    assert Entry.objects.get(chain=project.id, seq=output.ledger_seq).data["decision"] == output.decision


def test_rights_that_ended_block_the_job(people, project, starter):
    job = asked(people.editor, project, starter)
    assert job.claim()
    Rights.objects.filter(pk=starter.rights_id).update(state=Rights.State.WITHDRAWN)
    with pytest.raises(Canceled):
        RightsWatch(job).check()
    assert Generation.objects.get().status == Generation.Status.BLOCKED


def test_a_term_that_ends_during_a_picture_stops_it(people, project, starter, time_machine):
    end = timezone.now() + timedelta(minutes=10)
    rented(people, starter, end)
    work = running(asked(people.editor, project, starter))
    time_machine.move_to(end - timedelta(seconds=5))
    work.step()
    time_machine.move_to(end + timedelta(seconds=1))
    with pytest.raises(Canceled):
        work.step()
    assert Generation.objects.get().status == Generation.Status.BLOCKED


def test_a_waiver_that_ends_by_time_alone_stops_the_picture(people, project, starter, adapter, time_machine):
    end = timezone.now() + timedelta(minutes=10)
    waived(people, project, lesson(adapter), ends_at=end)
    work = running(asked(people.editor, project, starter, adapters=(Adapter(file=adapter),)))
    work.step()
    time_machine.move_to(end + timedelta(seconds=1))
    with pytest.raises(Canceled):
        work.step()
    assert Generation.objects.get().decision["verdict"] == "block"


def test_the_policys_exception_that_is_revoked_stops_the_picture(people, project, starter, adapter):
    Project.objects.filter(pk=project.pk).update(policy="exception")
    project.refresh_from_db()
    waiver = waived(people, project, None)
    work = running(asked(people.editor, project, starter, adapters=(Adapter(file=adapter),)))
    work.step()
    revoke_waiver(waiver, actor=people.owner)
    with pytest.raises(Canceled):
        work.step()
    assert Generation.objects.get().status == Generation.Status.BLOCKED


def test_another_aim_of_the_project_counts_at_the_next_step(people, project, starter):
    edit_rights(starter.rights, actor=people.editor, changes={"expression": "CC-BY-NC-4.0"})
    clear_rights(starter, reviewer=people.reviewer)
    Project.objects.filter(pk=project.pk).update(purpose="noncommercial")
    project.refresh_from_db()
    work = running(asked(people.editor, project, starter))
    work.step()
    Project.objects.filter(pk=project.pk).update(purpose="commercial")
    with pytest.raises(Canceled):
        work.step()


def test_a_change_that_allows_it_still_goes_on_under_the_new_answer(people, project, starter):
    work = running(asked(people.editor, project, starter))
    edit_rights(starter.rights, actor=people.editor, changes={"expression": "CC-BY-4.0"})
    clear_rights(starter, reviewer=people.reviewer)
    work.step()
    assert save_output(work.job, 0, drawn((1, 2, 3))).license == "CC-BY-4.0"


def test_a_step_that_comes_at_once_asks_the_database_nothing(people, project, starter, django_assert_num_queries):
    work = running(asked(people.editor, project, starter))
    with django_assert_num_queries(0):
        work.watch.look()
    work.watch.looked_at -= 10
    with django_assert_num_queries(3):
        work.watch.look()


@pytest.fixture
def below(people, project, starter) -> Output:
    """Return a picture of an adapter that has learned from one free picture."""
    adapter = learned(people, project, starter, frozen(people, project, ["CC0-1.0"]))
    return drawn_with(people, project, starter, adapter)[0]


@pytest.fixture
def replayed(people, below) -> Replay:
    """Return a replay that waits."""
    return request_replay(people.editor, below)


def taken_back(people, output: Output) -> None:
    """Withdraw the picture that was learned from."""
    [adapter] = [each for each in output.generation.files() if each.kind == ModelFile.Kind.ADAPTER]
    picture = lesson(adapter).picture
    withdraw_rights(picture, actor=people.reviewer, reason="The photographer asked us to.")


def test_the_task_of_a_replay_asks_before_it_draws(people, below, replayed):
    taken_back(people, below)
    tasks.replay(str(replayed.id))
    row = Replay.objects.get()
    assert (row.status, row.stage, row.error) == (Replay.Status.BLOCKED, "", "rights_blocked")


def test_the_task_of_a_replay_draws_what_is_still_allowed(people, below, replayed):
    tasks.replay(str(replayed.id))
    row = Replay.objects.get()
    assert (row.status, row.verdict) == (Replay.Status.SUCCEEDED, Replay.Verdict.DRIFT)


def test_a_withdrawal_stops_a_replay_in_the_middle_of_real_work(people, project, signed_in, below, replayed):
    assert replayed.claim()
    watch = RightsWatch(replayed)
    watch.check()
    on_step, steps = report(replayed, done=0, of=1, rights=watch), []

    def observed(step: Step) -> None:
        steps.append(step)
        if step.stage == "denoising" and step.index == 1:
            taken_back(people, below)
            watch.looked_at -= 10
        on_step(step)

    with replayed.work():
        save_replay(replayed, engine().render(recorded_spec(below), observed))
    assert steps[-1].index == 1
    assert steps[-1].stage == "denoising"
    row = Replay.objects.get()
    assert (row.status, row.verdict, row.error) == (Replay.Status.BLOCKED, "", "rights_blocked")
    entry = Entry.objects.get(chain=project.id, event="generation.replay.blocked")
    assert (entry.subject, entry.data["replay"]) == (f"output:{below.id}", str(row.id))
    assert entry.data["decision"]["reasons"][0]["code"] == "withdrawn"
    assert verify(project.id).ok
    card = reverse("replay", kwargs={"slug": "spring", "replay_id": row.id})
    assert "1.png" in signed_in("viewer").get(card).content.decode()
    assert "1.png" in signed_in("viewer").get(f"/api/v1/replays/{row.id}/").json()["reason"]
    with override("ja"):
        assert "撤回" in row.reason


def test_what_ends_after_the_last_step_is_not_saved(people, project, starter, below, replayed):
    assert replayed.claim()
    watch = RightsWatch(replayed)
    watch.check()
    taken_back(people, below)
    watch.look()
    with pytest.raises(Canceled):
        watch.look(every_seconds=0)


def test_a_replay_ends_with_its_verdict(people, project, starter):
    [output] = made(people.editor, project, starter)
    replay = request_replay(people.editor, output)
    assert request_replay(people.editor, output) == replay
    assert replay.claim()
    save_replay(replay, drawn((0, 90, 120)))
    assert Replay.objects.get().status == Replay.Status.SUCCEEDED
    assert Entry.objects.filter(event="generation.replay.finished").count() == 1


def test_a_model_that_was_taken_out_is_named(starter):
    starter.removed_at = starter.registered_at
    starter.save(update_fields=["removed_at"])
    with pytest.raises(ModelError, match="is gone") as raised:
        resolve_file(starter.sha256)
    assert raised.value.code == "model_missing"
