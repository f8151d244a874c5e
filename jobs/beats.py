"""The heartbeat of work that has no steps of its own: a thread with its own database connection."""

import logging
import threading
from typing import Protocol

from django.db import DatabaseError, connection

logger = logging.getLogger(__name__)


class Beating(Protocol):
    """What the thread needs of a job."""

    def holds(self) -> bool: ...

    def lose(self) -> None: ...


def keep_beating(job: Beating, stop: threading.Event, interval_seconds: float) -> threading.Thread | None:
    """Start the thread; it ends when `stop` is set or the job is lost."""
    # Inside a transaction another connection would wait for our own locks, or not see the row at all.
    if connection.in_atomic_block:
        return None
    thread = threading.Thread(target=beat_until, args=(job, stop, interval_seconds), name="heartbeat", daemon=True)
    thread.start()
    return thread


def beat_until(job: Beating, stop: threading.Event, interval_seconds: float) -> None:
    """Beat every `interval_seconds`, and tell the job when it is lost."""
    try:
        while not stop.wait(interval_seconds):
            try:
                if not job.holds():
                    return job.lose()
            except DatabaseError:
                # One missed beat is no death; the next one tries again.
                logger.warning("A heartbeat could not be written.", exc_info=True)
                connection.close()
    finally:
        connection.close()
