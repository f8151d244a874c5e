import threading
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone
from django_q.brokers import get_broker

from jobs import queue, reaper
from jobs.models import Job, Status
from jobs.reaper import reap

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def silence():
    """Begin and end with an empty queue."""
    for name in queue.clusters():
        get_broker(name).purge_queue()


def later(seconds: float):
    return timezone.now() + timedelta(seconds=seconds)


def messages() -> int:
    return queue.waiting("gpu")


def test_every_kind_of_job_is_known():
    assert "Nap" in {model.__name__ for model in reaper.job_models()}
    assert all(issubclass(model, Job) for model in reaper.job_models())


def test_a_beating_job_is_left_alone(take_nap):
    nap = take_nap()
    assert reap() == reaper.Reaped()
    nap.refresh_from_db()
    assert nap.status == Status.RUNNING


def test_a_job_that_stopped_beating_waits_again_and_its_bell_rings(take_nap):
    nap = take_nap()
    assert reap(later(settings.JOB_STALE_SECONDS + 1)).requeued == 1
    nap.refresh_from_db()
    assert (nap.status, nap.attempt, messages()) == (Status.QUEUED, 1, 1)
    assert not nap.holds()
    assert nap.claim()
    assert nap.attempt == 2


def test_a_beat_from_the_future_is_no_beat(take_nap):
    nap = take_nap()
    nap.rows().update(heartbeat_at=later(3600))
    assert reap().requeued == 1


def test_a_job_that_beats_meanwhile_is_kept(take_nap):
    nap = take_nap()
    now, seen = later(settings.JOB_STALE_SECONDS + 1), type(nap).objects.get(pk=nap.pk)
    nap.rows().update(heartbeat_at=now)
    reaped = reaper.Reaped()
    reaper.bury_or_retry(seen, now, reaped)
    assert reaped.requeued == 0


def test_a_job_that_kills_its_workers_is_given_up_after_three_attempts(make_nap):
    nap = make_nap()
    for attempt in (1, 2, 3):
        assert nap.claim()
        assert nap.attempt == attempt
        reap(later(settings.JOB_STALE_SECONDS + 1))
        nap.refresh_from_db()
    assert (nap.status, nap.error, nap.error_params) == (Status.FAILED, "worker_died", {"attempts": 3})
    assert "3" in nap.reason


def test_a_dead_job_that_was_canceled_ends(take_nap):
    nap = take_nap()
    nap.request_cancel()
    assert reap(later(settings.JOB_STALE_SECONDS + 1)).canceled == 1
    nap.refresh_from_db()
    assert nap.status == Status.CANCELED
    assert nap.is_terminal


def test_a_lost_message_is_sent_again_once_per_period(make_nap):
    nap = make_nap()
    soon, late = later(1), later(settings.JOB_BELL_SECONDS + 1)
    assert reap(soon).rung == 0
    assert reap(late).rung == 1
    get_broker("gpu").purge_queue()
    assert reap(late + timedelta(seconds=1)).rung == 0
    assert reap(late + timedelta(seconds=settings.JOB_BELL_SECONDS + 1)).rung == 1
    assert nap.claim()


def test_nothing_rings_while_messages_wait(make_nap):
    for _number in range(3):
        queue.ring(make_nap())
    assert reap(later(settings.JOB_BELL_SECONDS + 1)).rung == 0
    assert messages() == 3


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_clock_that_jumped_is_not_even(jump):
    assert reaper.clock_is_even(settings.JOB_REAP_SECONDS + 1)
    assert not reaper.clock_is_even(settings.JOB_REAP_SECONDS + jump)


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_hearts_may_beat_first_after_the_clock_jumped(take_nap, jump, monkeypatch):
    class Enough(Exception):
        pass

    def sleep(_seconds: float) -> None:
        if hours.pop() is None:
            raise Enough
        clock.shift(jump)

    nap, hours = take_nap(), [None, jump]
    monkeypatch.setattr(reaper.time, "sleep", sleep)
    with time_machine.travel(timezone.now(), tick=False) as clock, pytest.raises(Enough):
        reaper.reap_forever()
    nap.refresh_from_db()
    assert nap.status == Status.RUNNING


def test_it_runs_in_the_light_cluster_only(monkeypatch):
    monkeypatch.setattr(queue.Conf, "CLUSTER_NAME", "gpu")
    reaper.start()
    assert "reaper" not in {thread.name for thread in threading.enumerate()}
