import errno
import threading
import time
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone, translation

from jobs.models import Canceled, Status

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


def test_a_job_waits_at_first(make_nap):
    nap = make_nap()
    assert (nap.status, nap.attempt, nap.progress, nap.is_terminal) == (Status.QUEUED, 0, 0.0, False)


def test_a_claim_begins_an_attempt(take_nap):
    nap = take_nap()
    nap.refresh_from_db()
    assert (nap.status, nap.attempt) == (Status.RUNNING, 1)
    assert nap.started_at == nap.heartbeat_at
    assert nap.started_at is not None


def test_a_second_delivery_claims_nothing(take_nap):
    nap = take_nap()
    assert not type(nap).objects.get(pk=nap.pk).claim()
    nap.succeed()
    assert not type(nap).objects.get(pk=nap.pk).claim()


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_one_claims(make_nap):
    nap, claimed = make_nap(), []
    start = threading.Barrier(8)

    def claim() -> None:
        mine = type(nap).objects.get(pk=nap.pk)
        start.wait()
        claimed.append(mine.claim())
        connection.close()

    threads = [threading.Thread(target=claim) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == [False] * 7 + [True]


def test_a_beat_writes_progress_and_stage(take_nap):
    nap = take_nap()
    before = nap.heartbeat_at
    nap.beat(0.25, "dreaming " * 9)
    nap.refresh_from_db()
    assert (nap.progress, nap.stage[:8]) == (0.25, "dreaming")
    assert nap.heartbeat_at > before
    nap.beat(7.0)
    nap.refresh_from_db()
    assert (nap.progress, nap.stage[:8]) == (1.0, "dreaming")


def test_a_beat_that_is_not_due_asks_nothing(take_nap, django_assert_num_queries):
    nap = take_nap()
    with django_assert_num_queries(1):
        nap.beat_due(0.1)
    with django_assert_num_queries(0):
        nap.beat_due(0.2)
    with django_assert_num_queries(1):
        nap.beat_due(0.3, every_seconds=0.0)


@pytest.mark.parametrize("move", ["request_cancel", "taken over", "blocked"])
def test_a_job_that_was_taken_away_stops_at_its_next_beat(take_nap, move):
    nap = take_nap()
    theirs = type(nap).objects.get(pk=nap.pk)
    if move == "request_cancel":
        assert theirs.request_cancel()
    elif move == "taken over":
        nap.rows().update(attempt=2)
    else:
        assert theirs.block("withdrawn", {"picture": "x"})
    with pytest.raises(Canceled):
        nap.beat(0.5)
    with pytest.raises(Canceled):
        nap.succeed()


def test_results_and_status_part_never(take_nap):
    nap = take_nap()
    nap.rows().update(attempt=2)

    @transaction.atomic
    def save_results() -> None:
        nap.runs.create(attempt=1, pid=1)
        nap.succeed()

    with pytest.raises(Canceled):
        save_results()
    assert not nap.runs.exists()


def test_success_is_final(take_nap):
    nap = take_nap()
    nap.succeed()
    assert not nap.fail("late")
    assert not nap.cancel()
    assert not nap.block("late")
    assert not nap.request_cancel()
    nap.refresh_from_db()
    assert (nap.status, nap.progress, nap.is_terminal) == (Status.SUCCEEDED, 1.0, True)
    assert nap.finished_at is not None


def test_a_waiting_job_is_canceled_at_once(make_nap):
    nap = make_nap()
    assert nap.request_cancel()
    assert nap.status == Status.CANCELED
    assert not nap.claim()


def test_a_running_job_is_asked_to_stop_once(take_nap):
    nap = take_nap()
    assert nap.request_cancel()
    assert nap.is_canceling
    assert not nap.request_cancel()
    assert nap.cancel()
    nap.refresh_from_db()
    assert (nap.status, nap.is_canceling) == (Status.CANCELED, False)


def test_a_waiting_job_is_blocked_with_the_reason(make_nap):
    nap = make_nap()
    assert nap.block("withdrawn", {"picture": "x"})
    nap.refresh_from_db()
    assert (nap.status, nap.error, nap.error_params) == (Status.BLOCKED, "withdrawn", {"picture": "x"})


def test_what_remains_is_estimated_from_the_progress(take_nap):
    nap = take_nap()
    assert nap.remaining_seconds is None
    nap.started_at, nap.progress = timezone.now() - timedelta(seconds=30), 0.75
    assert nap.remaining_seconds == pytest.approx(10, abs=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"progress": 1.5},
        {"progress": -0.1},
        {"status": Status.SUCCEEDED},
        {"status": Status.RUNNING},
        {"finished_at": timezone.now()},
    ],
)
def test_the_database_refuses_a_row_that_makes_no_sense(make_nap, wrong):
    with pytest.raises(IntegrityError):
        make_nap(**wrong)


class Loud(Exception):
    code = "too_noisy"
    params = {"decibels": 90, "where": object}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Loud(), "too_noisy"),
        (ValueError("NUL \x00"), "unexpected"),
        (OSError(errno.ENOSPC, "full"), "disk_full"),
        (OSError(errno.EDQUOT, "full"), "disk_full"),
        (OSError(errno.EFBIG, "full"), "disk_full"),
        (OSError(errno.ENOENT, "gone"), "unexpected"),
        (MemoryError(), "out_of_memory"),
    ],
)
def test_an_error_in_the_work_is_recorded_with_its_code(take_nap, error, code):
    nap = take_nap()
    with nap.work():
        raise error
    nap.refresh_from_db()
    assert (nap.status, nap.error) == (Status.FAILED, code)
    assert type(error).__name__ in nap.detail
    with translation.override("en"):
        assert nap.reason


def test_work_that_ends_well_succeeds(take_nap):
    nap = take_nap()
    with nap.work():
        nap.beat(0.5)
    nap.refresh_from_db()
    assert nap.status == Status.SUCCEEDED


def test_work_that_was_canceled_ends_as_canceled(take_nap):
    nap = take_nap()
    with nap.work():
        nap.request_cancel()
        nap.beat(0.5)
    nap.refresh_from_db()
    assert nap.status == Status.CANCELED


def test_work_that_was_blocked_stays_blocked(take_nap):
    nap = take_nap()
    with nap.work():
        type(nap).objects.get(pk=nap.pk).block("withdrawn")
        nap.beat(0.5)
    nap.refresh_from_db()
    assert nap.status == Status.BLOCKED


def test_the_alarm_of_the_queue_is_recorded_and_goes_on(take_nap):
    nap = take_nap()
    with pytest.raises(SystemExit), nap.work():
        raise SystemExit
    nap.refresh_from_db()
    assert nap.error == "timed_out"


@pytest.mark.django_db(transaction=True)
def test_work_without_steps_keeps_beating(take_nap):
    nap = take_nap()
    before = nap.heartbeat_at
    with nap.beating(interval_seconds=0.05):
        time.sleep(0.4)
    nap.refresh_from_db()
    assert nap.heartbeat_at - before >= timedelta(seconds=0.2)
    assert "heartbeat" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.django_db(transaction=True)
def test_work_without_steps_learns_that_it_was_canceled(take_nap):
    nap = take_nap()
    nap.beat()
    with nap.beating(interval_seconds=0.05):
        type(nap).objects.get(pk=nap.pk).request_cancel()
        time.sleep(0.3)
        with pytest.raises(Canceled):
            nap.beat_due(0.5, every_seconds=1000)


def test_no_thread_beats_inside_a_transaction(take_nap):
    with take_nap().beating(interval_seconds=0.01):
        assert "heartbeat" not in {thread.name for thread in threading.enumerate()}
