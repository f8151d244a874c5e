"""What the workers call."""

import os
import signal
import time

from .models import Nap, Run


class TooNoisy(Exception):
    """Fail with a reason."""

    code = "too_noisy"
    params = {"decibels": 90}


def nap(pk: str) -> None:
    job = Nap.objects.get(pk=pk)
    if not job.claim():
        return
    Run.objects.create(nap=job, attempt=job.attempt, pid=os.getpid())
    with job.work():
        behave(job)
        sleep_in_steps(job)


def behave(job: Nap) -> None:
    if job.manner == Nap.Manner.POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    if job.manner == Nap.Manner.BROKEN:
        raise TooNoisy
    if job.manner == Nap.Manner.DEAF:
        time.sleep(job.seconds)


def sleep_in_steps(job: Nap) -> None:
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < job.seconds:
        job.beat_due(passed / job.seconds, "napping", every_seconds=0.2)
        time.sleep(0.02)
