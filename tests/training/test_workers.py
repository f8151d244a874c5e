"""Trainings through real workers: to the version, over a killed worker, and stopped by a withdrawal."""

import pytest

from assets.services import withdraw_rights
from engine.adapter_files import read_adapter
from ledger.models import Entry
from ledger.services import verify
from tests.conftest import wait_until
from tests.generation.test_workers import kill_worker
from tests.training.stage import asked, frozen
from training.folders import run_folder
from training.models import TrainingRun
from training.services.runs import cancel_run, resume_run

pytestmark = [pytest.mark.workers, pytest.mark.slow]
LONG = {"max_train_steps": 600, "checkpointing_steps": 20, "validation_steps": 0}


@pytest.fixture
def version(workers, people, project):
    return frozen(people, project)


def finished(run: TrainingRun) -> bool:
    run.refresh_from_db()
    return run.is_terminal


def checkpoint(run: TrainingRun) -> int:
    return TrainingRun.objects.get(pk=run.pk).checkpoint_step or 0


def test_a_killed_worker_s_run_goes_on_by_itself_to_the_same_weights(workers, people, project, starter, version):
    values = {"max_train_steps": 120, "checkpointing_steps": 20, "validation_steps": 0}
    whole = asked(people, project, version, starter, **values)
    wait_until(lambda: finished(whole), seconds=240, what="the unbroken run")
    assert whole.status == "succeeded", (whole.error, whole.detail)

    killed = asked(people, project, version, starter, **values)
    wait_until(lambda: checkpoint(killed) >= 40, seconds=240, what="the second checkpoint")
    kill_worker(workers, "gpu")
    wait_until(lambda: finished(killed), seconds=240, what="another attempt")
    assert (killed.status, killed.attempt) == ("succeeded", 2), (killed.error, killed.detail)
    assert killed.resumed_from >= 40
    one, other = (read_adapter(each.version.file.file).weights for each in (whole, killed))
    assert all((one[name] == other[name]).all() for name in one)
    assert not run_folder(killed.id).exists()
    assert Entry.objects.filter(chain=project.id, event="training.version.created").count() == 2
    assert verify(project.id).ok


def test_a_run_that_is_stopped_keeps_its_checkpoint_and_goes_on(workers, people, project, starter, version):
    run = asked(people, project, version, starter, **LONG)
    wait_until(lambda: checkpoint(run) >= 20, seconds=240, what="a checkpoint")
    assert cancel_run(run, actor=people.editor)
    wait_until(lambda: finished(run), seconds=60, what="the stop")
    assert (run.status, run_folder(run.id).is_dir()) == ("canceled", True)
    kept = checkpoint(run)
    assert 20 <= kept < 600
    resume_run(run, actor=people.editor)
    wait_until(lambda: checkpoint(run) > kept, seconds=240, what="going on")
    assert TrainingRun.objects.get(pk=run.pk).resumed_from == kept
    cancel_run(run, actor=people.editor)
    wait_until(lambda: finished(run), seconds=60, what="the second stop")


def test_a_withdrawal_stops_a_run_that_is_under_way(workers, people, project, starter, version):
    run = asked(people, project, version, starter, **LONG)
    wait_until(lambda: TrainingRun.objects.get(pk=run.pk).step > 0, seconds=240, what="the first steps")
    withdraw_rights(version.items.first().picture, actor=people.reviewer, reason="They asked.")
    wait_until(lambda: finished(run), seconds=60, what="the block")
    assert (run.status, run.error) == ("blocked", "rights_blocked")
    assert "1.png" in run.reason
    assert Entry.objects.filter(chain=project.id, event="training.run.blocked").count() == 1
