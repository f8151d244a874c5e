"""Real clusters as processes: what happens when messages come twice and workers die."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from django.utils import timezone

from jobs import queue
from jobs.models import Status
from tests.conftest import Workers, wait_until, worker_environment

pytestmark = [pytest.mark.workers, pytest.mark.postgres, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ROOT = Path(__file__).resolve().parent.parent.parent


def over(nap) -> bool:
    nap.refresh_from_db()
    return nap.is_terminal


def begun(nap, attempt: int = 1) -> bool:
    return nap.runs.filter(attempt=attempt).exists()


def test_a_rung_job_is_done(workers, make_nap):
    nap = make_nap()
    queue.ring(nap)
    wait_until(lambda: over(nap), what="the nap")
    assert (nap.status, nap.attempt, nap.progress) == (Status.SUCCEEDED, 1, 1.0)


def test_messages_that_come_again_and_again_run_a_job_once(workers, make_nap):
    nap, last = make_nap(seconds=1.0), make_nap()
    for _number in range(5):
        queue.ring(nap)
    queue.ring(last)
    wait_until(lambda: over(nap) and over(last), what="both naps")
    assert nap.runs.count() == 1


def test_two_processes_with_the_same_message_run_a_job_once(make_nap):
    naps = [make_nap(seconds=0.3) for _number in range(3)]
    calls = "; ".join(f"nap('{nap.pk}')" for nap in naps)
    code = f"import django; django.setup(); from tests.jobs.sample.tasks import nap; {calls}"
    env = worker_environment()
    both = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=env) for _number in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert [nap.runs.count() for nap in naps] == [1, 1, 1]
    assert all(over(nap) and nap.status == Status.SUCCEEDED for nap in naps)


def test_a_job_survives_the_death_of_its_worker(workers, make_nap):
    nap = make_nap(seconds=3.0)
    queue.ring(nap)
    wait_until(lambda: begun(nap), what="the nap's beginning")
    os.kill(nap.runs.get().pid, signal.SIGKILL)
    wait_until(lambda: over(nap), seconds=30, what="the second attempt")
    assert (nap.status, nap.attempt) == (Status.SUCCEEDED, 2)
    assert nap.runs.values("pid").distinct().count() == 2


def test_the_death_of_an_idle_worker_leaves_no_deaf_cluster(workers, make_nap):
    first, second = make_nap(), make_nap()
    queue.ring(first)
    wait_until(lambda: over(first), what="the first nap")
    time.sleep(0.5)
    os.kill(first.runs.get().pid, signal.SIGKILL)
    time.sleep(1.5)
    queue.ring(second)
    wait_until(lambda: over(second), seconds=15, what="the second nap")
    assert (first.status, second.status) == ("succeeded", "succeeded")


def test_workers_end_when_their_guard_is_killed(workers, make_nap):
    nap, after = make_nap(), make_nap()
    queue.ring(nap)
    wait_until(lambda: over(nap), what="the nap")
    worker = psutil.Process(nap.runs.get().pid)
    worker.parent().kill()
    wait_until(lambda: not worker.is_running(), seconds=15, what="the worker's end")
    workers.restart("gpu")
    queue.ring(after)
    wait_until(lambda: over(after), what="the nap after")
    assert (nap.status, after.status) == ("succeeded", "succeeded")


@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_a_cluster_ends_when_it_is_told_to(make_nap, send):
    """One signal to the main process, or one to each process of its group, as systemd sends them."""
    own = Workers(worker_environment())
    own.start("light")
    process = own.clusters["light"]
    wait_until(lambda: len(psutil.Process(process.pid).children(recursive=True)) >= 4, what="the start")
    time.sleep(1.0)
    family = psutil.Process(process.pid).children(recursive=True)
    send(process.pid, signal.SIGTERM)
    assert process.wait(20) is not None
    wait_until(lambda: not any(each.is_running() for each in family), seconds=10, what="the end of all")


def test_a_job_survives_the_death_of_its_whole_cluster(workers, make_nap):
    nap = make_nap(seconds=2.0)
    queue.ring(nap)
    wait_until(lambda: begun(nap), what="the nap's beginning")
    os.killpg(workers.clusters["gpu"].pid, signal.SIGKILL)
    workers.restart("gpu")
    wait_until(lambda: over(nap), seconds=40, what="the second attempt")
    assert (nap.status, nap.attempt) == (Status.SUCCEEDED, 2)


def test_a_running_job_stops_when_it_is_canceled(workers, make_nap):
    nap = make_nap(seconds=60.0)
    queue.ring(nap)
    wait_until(lambda: begun(nap), what="the nap's beginning")
    assert nap.request_cancel()
    wait_until(lambda: over(nap), seconds=10, what="the cancel")
    assert nap.status == Status.CANCELED


def test_a_job_without_steps_is_not_taken_for_dead(workers, make_nap):
    nap = make_nap(seconds=6.0, manner="deaf")
    queue.ring(nap)
    wait_until(lambda: over(nap), what="the nap")
    assert (nap.status, nap.attempt) == (Status.SUCCEEDED, 1)


def test_an_error_is_recorded_and_the_worker_goes_on(workers, make_nap):
    broken, calm = make_nap(manner="broken"), make_nap()
    queue.ring(broken)
    queue.ring(calm)
    wait_until(lambda: over(broken) and over(calm), what="both naps")
    assert (broken.status, broken.error, broken.error_params) == (Status.FAILED, "too_noisy", {"decibels": 90})
    assert calm.status == Status.SUCCEEDED


def test_a_poisonous_job_is_given_up_and_others_go_on(workers, make_nap):
    poison, calm = make_nap(manner="poison"), make_nap()
    queue.ring(poison)
    queue.ring(calm)
    wait_until(lambda: over(poison) and over(calm), seconds=60, what="the burial")
    assert (poison.status, poison.error, poison.runs.count()) == (Status.FAILED, "worker_died", 3)
    assert calm.status == Status.SUCCEEDED


def test_a_job_whose_message_was_lost_is_done_all_the_same(workers, make_nap):
    nap = make_nap(queued_at=timezone.now() - timedelta(minutes=5))
    wait_until(lambda: over(nap), what="the second bell")
    assert nap.status == Status.SUCCEEDED
