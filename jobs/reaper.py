"""Care for jobs whose worker died and for jobs whose message was lost.

It runs in a thread of every worker of the light cluster, so that nothing else must be started. All of them
may run at once: each move is one conditional UPDATE, and only the one that made it rings the bell.
Clocks of several machines must agree within half of JOB_STALE_SECONDS.
"""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Q
from django.utils import timezone

from . import queue
from .models import Job, Status

ATTEMPTS = 3
RINGS_AT_ONCE = 500
logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Reaped:
    """Count what one round did."""

    requeued: int = 0
    failed: int = 0
    canceled: int = 0
    rung: int = 0


def reap(now: datetime | None = None) -> Reaped:
    """Look after every job once. Raises DatabaseError, QueueError."""
    now = now or timezone.now()
    reaped = Reaped()
    for model in job_models():
        for job in find_stale(model, now):
            bury_or_retry(job, now, reaped)
    for name in queue.clusters():
        ring_again(name, now, reaped)
    return reaped


def job_models() -> Iterator[type[Job]]:
    """Yield every kind of job that is installed."""
    for model in apps.get_models():
        if issubclass(model, Job) and not model._meta.proxy:
            yield model


def stale(now: datetime) -> Q:
    """Match running jobs that stopped beating; a beat from the future means that the clock was set back."""
    grace = timedelta(seconds=settings.JOB_STALE_SECONDS)
    silent = Q(heartbeat_at__lt=now - grace) | Q(heartbeat_at__gt=now + grace)
    return Q(status=Status.RUNNING) & silent


def find_stale(model: type[Job], now: datetime) -> list[Job]:
    """List the jobs of one kind that stopped beating."""
    return list(model._default_manager.filter(stale(now)))


def bury_or_retry(job: Job, now: datetime, reaped: Reaped) -> None:
    """Cancel a dead job if that was asked, give it up after three attempts, else let another worker have it."""
    mine = job.rows(attempt=job.attempt).filter(stale(now))
    if job.cancel_requested_at is not None:
        reaped.canceled += job.settle(mine, Status.CANCELED)
    elif job.tries >= ATTEMPTS:
        params = {"attempts": job.tries}
        reaped.failed += job.settle(mine, Status.FAILED, error="worker_died", error_params=params)
    elif mine.filter(cancel_requested_at=None).update(status=Status.QUEUED, heartbeat_at=None, rung_at=now):
        logger.warning("%s stopped beating in attempt %s and waits again.", job.pk, job.attempt)
        reaped.requeued += 1
        queue.ring(job)


def ring_again(name: str, now: datetime, reaped: Reaped) -> None:
    """Ring for jobs that have waited long while no message waits, once per JOB_BELL_SECONDS and job."""
    limit = now - timedelta(seconds=settings.JOB_BELL_SECONDS)
    forgotten = Q(status=Status.QUEUED, queued_at__lte=limit) & (Q(rung_at=None) | Q(rung_at__lte=limit))
    jobs = [job for model in job_models() if model.queue == name for job in oldest(model, forgotten)]
    if not jobs or queue.waiting(name):
        return
    for job in jobs:
        if job.rows().filter(forgotten).update(rung_at=now):
            reaped.rung += 1
            queue.ring(job)


def oldest(model: type[Job], condition: Q) -> list[Job]:
    """List the longest waiting jobs of one kind, a bounded number."""
    return list(model._default_manager.filter(condition).order_by("queued_at")[:RINGS_AT_ONCE])


def start() -> None:
    """Begin looking after jobs in a thread, if this process is a worker of the light cluster."""
    if queue.cluster_name() == queue.LIGHT:
        threading.Thread(target=reap_forever, name="reaper", daemon=True).start()


def reap_forever() -> None:
    """Look after jobs every JOB_REAP_SECONDS as long as the process lives."""
    slept_at = timezone.now()
    while True:
        time.sleep(settings.JOB_REAP_SECONDS)
        if clock_is_even((timezone.now() - slept_at).total_seconds()):
            reap_once()
        slept_at = timezone.now()


def clock_is_even(seconds: float) -> bool:
    """Did the clock go on by about one sleep?

    After a suspend every heart seems to have stopped, and when the clock was set back every beat is from the future:
    let the others beat first.
    """
    return abs(seconds - settings.JOB_REAP_SECONDS) < settings.JOB_STALE_SECONDS / 2


def reap_once() -> None:
    """Do one round; a database or broker that is away is logged, and tried again in the next."""
    try:
        reap()
    except (DatabaseError, queue.QueueError):
        logger.warning("The reaper missed a round.", exc_info=True)
    finally:
        connection.close()
