"""Work that outlives a request. The row is the truth, the queue is only a bell.

Every move of a job is one conditional UPDATE whose row count decides, so a message that arrives twice, a
worker that was given up, and a person who cancels can never act on the same job at once.
"""

import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .beats import keep_beating
from .failures import SENTENCES, describe, failure_of, trace_of


class Canceled(Exception):
    """Stop: the job was canceled, blocked, or taken over by another worker."""


class Status(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Done")
    FAILED = "failed", _("Failed")
    CANCELED = "canceled", _("Cancelled")
    BLOCKED = "blocked", _("Blocked")


LIVE = (Status.QUEUED, Status.RUNNING)
TERMINAL = (Status.SUCCEEDED, Status.FAILED, Status.CANCELED, Status.BLOCKED)


class Job(models.Model):
    """A job of one kind. A subclass names its `queue`, and the `task` that a worker calls with the job's id."""

    queue = "light"
    task = ""
    sentences: Mapping[str, Any] = SENTENCES

    Status = Status

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    status = models.CharField(_("status"), max_length=9, choices=Status, default=Status.QUEUED, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("requested by")
    )
    queued_at = models.DateTimeField(default=timezone.now, editable=False)
    rung_at = models.DateTimeField(null=True, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    heartbeat_at = models.DateTimeField(null=True, editable=False)
    cancel_requested_at = models.DateTimeField(null=True, editable=False)
    attempt = models.PositiveSmallIntegerField(default=0, editable=False)
    progress = models.FloatField(_("progress"), default=0.0, editable=False)
    stage = models.CharField(_("stage"), max_length=40, blank=True, editable=False)
    error = models.CharField(_("error"), max_length=60, blank=True, editable=False)
    error_params = models.JSONField(default=dict, blank=True, editable=False)
    detail = models.TextField(blank=True, editable=False)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(progress__gte=0.0, progress__lte=1.0), name="%(app_label)s_%(class)s_progress_range"
            ),
            models.CheckConstraint(
                condition=Q(status__in=LIVE, finished_at__isnull=True)
                | Q(status__in=TERMINAL, finished_at__isnull=False),
                name="%(app_label)s_%(class)s_finished_when_over",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.RUNNING)
                | Q(started_at__isnull=False, heartbeat_at__isnull=False, attempt__gte=1),
                name="%(app_label)s_%(class)s_running_has_beat",
            ),
        ]
        indexes = [
            models.Index(
                fields=["status", "heartbeat_at"], condition=Q(status__in=LIVE), name="%(app_label)s_%(class)s_live"
            )
        ]

    _lost = False
    _beaten_at = 0.0

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.id}: {self.status}"

    @property
    def is_terminal(self) -> bool:
        """Say whether the job is over."""
        return self.status in TERMINAL

    @property
    def is_canceling(self) -> bool:
        """Say whether somebody asked to stop and the worker has not answered yet."""
        return self.status == Status.RUNNING and self.cancel_requested_at is not None

    @property
    def remaining_seconds(self) -> float | None:
        """Estimate from the progress so far, None before there is any."""
        if self.status != Status.RUNNING or self.progress <= 0.0 or self.started_at is None:
            return None
        return (timezone.now() - self.started_at).total_seconds() * (1.0 - self.progress) / self.progress

    @property
    def reason(self) -> str:
        """Say why the job failed or was blocked, in the reader's language; empty when it was not."""
        return describe(self.sentences, self.error, self.error_params)

    @property
    def tries(self) -> int:
        """Return how many attempts count when a job whose workers die is given up."""
        return self.attempt

    def rows(self, **conditions: object) -> "models.QuerySet[Any]":
        """Return this job's row as a query that matches only under these conditions."""
        return type(self)._default_manager.filter(pk=self.pk, **conditions)

    def claim(self) -> bool:
        """Take a waiting job for this worker. Return False when there is nothing to take."""
        waiting = self.rows(status=Status.QUEUED, cancel_requested_at=None)
        seen = waiting.values_list("attempt", flat=True).first()
        if seen is None:
            return False
        now = timezone.now()
        taken = waiting.filter(attempt=seen).update(
            status=Status.RUNNING,
            attempt=seen + 1,
            started_at=now,
            heartbeat_at=now,
            progress=0.0,
            stage="",
        )
        if taken != 1:
            return False
        self.refresh_from_db()
        self.attempt, self._lost, self._beaten_at = seen + 1, False, 0.0
        return True

    def holds(self, progress: float | None = None, stage: str | None = None) -> bool:
        """Say whether this attempt may go on, and write heartbeat, progress (0 to 1) and stage if so.

        Inside a transaction it also locks the row until the commit, so results and status cannot part.
        """
        written: dict[str, object] = {"heartbeat_at": timezone.now()}
        if progress is not None:
            written["progress"] = self.progress = min(max(progress, 0.0), 1.0)
        if stage is not None:
            written["stage"] = self.stage = stage[:40]
        mine = self.rows(attempt=self.attempt, status=Status.RUNNING, cancel_requested_at=None)
        return mine.update(**written) == 1

    def beat(self, progress: float | None = None, stage: str | None = None) -> None:
        """Write heartbeat, progress and stage. Raises Canceled when this attempt must stop."""
        self._beaten_at = time.monotonic()
        if self._lost or not self.holds(progress, stage):
            raise Canceled

    def beat_due(self, progress: float | None = None, stage: str | None = None, every_seconds: float = 1.0) -> None:
        """Beat unless the last one was just now: for a callback on every step. Raises Canceled."""
        if self._lost or time.monotonic() - self._beaten_at >= every_seconds:
            self.beat(progress, stage)

    def lose(self) -> None:
        """Note, from the heartbeat's thread, that this attempt must stop at its next step."""
        self._lost = True

    @contextmanager
    def beating(self, interval_seconds: float = 2.0) -> Iterator[None]:
        """Keep the heartbeat going from a thread while the body runs, for work that has no steps."""
        stop = threading.Event()
        thread = keep_beating(self, stop, interval_seconds)
        try:
            yield
        finally:
            stop.set()
            if thread is not None:
                thread.join(timeout=5)

    @contextmanager
    def work(self) -> Iterator[None]:
        """Keep the heartbeat going while the body runs, and record how it ended; errors stop here.

        The body may call `succeed` in the transaction of its results; otherwise it is called after the body.
        An error with `code` and `params` fails the job with them, any other with `unexpected`.
        """
        try:
            with self.beating():
                yield
            if self.status == Status.RUNNING:
                self.succeed()
        except Canceled:
            self.cancel()
        except SystemExit:
            # The queue's alarm: the worker process is about to be replaced.
            self.fail("timed_out")
            raise
        except Exception as error:
            self.fail_with(error)

    def succeed(self) -> None:
        """Finish. Raises Canceled when this attempt may not, so that the transaction around it rolls back."""
        if not self.finish(Status.SUCCEEDED, progress=1.0):
            raise Canceled

    def cancel(self) -> bool:
        """Stop as asked. Return False when another worker has the job, or it is over."""
        return self.finish(Status.CANCELED)

    def fail(self, code: str, params: Mapping[str, Any] | None = None, *, detail: str = "") -> bool:
        """Give up with a reason; `detail` is for operators. Return False when the job is no longer ours."""
        return self.finish(Status.FAILED, error=code, error_params=dict(params or {}), detail=detail)

    def fail_with(self, error: Exception) -> bool:
        """Give up because of an error."""
        return self.fail(*failure_of(error), detail=trace_of(error))

    def finish(self, status: Status, **fields: object) -> bool:
        """Move this attempt from running to a final status. Return False when it is no longer ours."""
        conditions = {"cancel_requested_at": None} if status == Status.SUCCEEDED else {}
        return self.settle(self.rows(attempt=self.attempt, status=Status.RUNNING, **conditions), status, **fields)

    def block(self, code: str, params: Mapping[str, Any] | None = None) -> bool:
        """End a job that waits or runs, whoever runs it, because rights no longer allow it."""
        return self.settle(self.rows(status__in=LIVE), Status.BLOCKED, error=code, error_params=dict(params or {}))

    def request_cancel(self) -> bool:
        """Ask to stop: a waiting job ends at once, a running one at its next step. Return False when it was over."""
        # Twice, because a job may go from running back to waiting between two looks.
        for _look in range(2):
            if self.settle(self.rows(status=Status.QUEUED), Status.CANCELED):
                return True
            now = timezone.now()
            if self.rows(status=Status.RUNNING, cancel_requested_at=None).update(cancel_requested_at=now):
                self.cancel_requested_at = now
                return True
        return False

    def settle(self, rows: "models.QuerySet[Any]", status: Status, **fields: object) -> bool:
        """Give the matching row a final status, and this object the same. Return False when none matches."""
        fields = {**fields, "status": status, "finished_at": timezone.now()}
        if rows.update(**fields) != 1:
            return False
        for name, value in fields.items():
            setattr(self, name, value)
        return True
