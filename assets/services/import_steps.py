"""Move a batch from step to step: each is one walk of a worker, which can be stopped, and asked for again."""

from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from jobs.models import LIVE
from jobs.queue import ring
from projects.models import User
from projects.problems import Problem

from ..models import ImportBatch, ImportJob

Step = ImportBatch.Step
Kind = ImportJob.Kind


def start_walk(user: User, batch: ImportBatch, kind: str) -> ImportJob:
    """Ask a worker to walk through a batch; while one walks, return that one."""
    try:
        with transaction.atomic():
            job = ImportJob.objects.create(batch=batch, kind=kind, requested_by=user)
            ring(job)
    except IntegrityError:
        return batch.jobs.latest("queued_at")
    return job


def live_walk(batch: ImportBatch) -> ImportJob | None:
    """Return the walk that waits or runs."""
    return batch.jobs.filter(status__in=LIVE).first()


def confirm(batch: ImportBatch, *, confirmed: Mapping[str, str], user: User) -> ImportJob:
    """Agree on what written licences mean, and take the batch in; an import that was stopped goes on.

    Raises Problem when it is not ready.
    """
    live = live_walk(batch)
    if live is not None and live.kind == Kind.IMPORT:
        return live
    allowed = ImportBatch.objects.filter(pk=batch.pk, step__in=(Step.READY, Step.IMPORTING, Step.IMPORTED))
    if live is not None or not allowed.update(confirmed=dict(confirmed), step=Step.IMPORTING):
        raise Problem("import_not_ready", _("This import is not ready yet, or was undone."), status=409)
    return start_walk(user, batch, Kind.IMPORT)


def undo(batch: ImportBatch, *, user: User) -> ImportJob:
    """Ask that everything a batch brought in be taken out again. Raises Problem when there is nothing to undo."""
    live = live_walk(batch)
    if live is not None and live.kind == Kind.UNDO:
        return live
    if live is not None or batch.step not in (Step.IMPORTED, Step.IMPORTING):
        raise Problem("import_not_done", _("There is nothing to undo."), status=409)
    return start_walk(user, batch, Kind.UNDO)


def stop_walk(batch: ImportBatch) -> None:
    """Ask the walk to stop at its next file; what is done stays done. Raises Problem when none runs."""
    live = live_walk(batch)
    if live is None or not live.request_cancel():
        raise Problem("import_not_running", _("Nothing runs for this import any more."), status=409)


def repeat_walk(batch: ImportBatch, *, user: User) -> ImportJob:
    """Ask again for a walk that failed or was stopped. Raises Problem when there is none."""
    newest = batch.jobs.first()
    if newest is not None and newest.status in LIVE:
        return newest
    if newest is None or newest.status == ImportJob.Status.SUCCEEDED or batch.step == Step.REFUSED:
        raise Problem("import_not_broken", _("There is nothing to repeat."), status=409)
    return start_walk(user, batch, newest.kind)
