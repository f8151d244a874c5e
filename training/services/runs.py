"""Ask for trainings, stop them, let them go on, and try the same with one thing changed."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from jobs.models import Status
from jobs.queue import ring
from projects.models import Project, User
from projects.problems import Problem
from projects.services import record

from ..field_words import label_of, value_words
from ..gates import decide_run, require
from ..material import MaterialChoice
from ..models import Adapter, AdapterVersion, TrainingRun
from ..requests import Plan, TrainingRequest, plan
from ..sentences import sentence
from ..values import BOUND
from .adapters import open_adapter

GOES_ON = (Status.CANCELED, Status.FAILED, Status.BLOCKED)
MOST_SWEPT = 8


def start_run(user: User, project: Project, request: TrainingRequest, *, key: str) -> TrainingRun:
    """Ask for a training once per idempotency key: a second call with the same key returns the first run.

    Raises Problem when the request is wrong, the rights do not allow it, or the machine is too small; nothing is
    written then.
    """
    return start_once(user, project, request, key=key)[0]


def start_once(user: User, project: Project, request: TrainingRequest, *, key: str) -> tuple[TrainingRun, bool]:
    """Do as `start_run`, and say whether it was this call that made the run."""
    asked = find_asked(user, project, key)
    if asked is not None:
        return asked, False
    planned = plan(project, request)
    check_plan(planned)
    try:
        return create_run(user, project, request, planned, key=key), True
    except IntegrityError:
        asked = find_asked(user, project, key)
        if asked is None:
            raise
        return asked, False


def find_asked(user: User, project: Project, key: str) -> TrainingRun | None:
    """Return the run that this person asked for under this key. Raises Problem when it is another project's."""
    asked = TrainingRun.objects.filter(requested_by=user, idempotency_key=key).first()
    if asked is not None and asked.project_id != project.id:
        raise Problem("key_reused", _("This idempotency key was used in another project."), status=409)
    return asked


def check_plan(planned: Plan) -> None:
    """Raise Problem for a plan that the rights forbid, that a readiness stops, or that no machine here can do."""
    require(planned.decision)
    for each in planned.readiness:
        if each.level == "stop":
            message = sentence(each.code, each.params)
            raise Problem(each.code, message, fields={"dataset_version": message})
    for code, field, params in planned.misfits():
        message, details = sentence(code, params), {"estimate": planned.estimate.as_dict()}
        raise Problem(code, message, status=409, fields={field: message}, details=details)


@transaction.atomic
def create_run(
    user: User,
    project: Project,
    request: TrainingRequest,
    planned: Plan,
    *,
    key: str,
    sweep: uuid.UUID | None = None,
    sweep_field: str = "",
) -> TrainingRun:
    """Write the run and its ledger entry, and ring the worker's bell after the commit."""
    run = TrainingRun.objects.create(
        project=project,
        requested_by=user,
        idempotency_key=key,
        adapter=request.adapter or adapter_for(user, project, request),
        sweep=sweep,
        sweep_field=sweep_field,
        **asked_fields(request),
        **planned_fields(planned),
    )
    record_requested(run, planned)
    ring(run)
    return run


def asked_fields(request: TrainingRequest) -> dict[str, Any]:
    """Return the fields of a run that a person asked for."""
    return {
        "name": run_name(request),
        "dataset_version": request.dataset_version,
        "base_model": request.base_model,
        "vae": request.vae,
        "method": request.method,
        "material": request.material.as_dict(),
        "compared_with": request.compared_with,
        "notes": request.notes[:4000],
    }


def planned_fields(planned: Plan) -> dict[str, Any]:
    """Return the fields of a run that follow from what was asked for."""
    return {
        "spec": planned.spec.as_dict(),
        "recipe_sha256": planned.spec.recipe_sha256(),
        "total_steps": planned.spec.max_train_steps,
        "split": dict(planned.split),
        "decision": planned.decision.as_dict(),
        "estimate": {**planned.estimate.as_dict(), "machine": planned.machine.name},
        "changes": [each.as_dict() for each in planned.changes],
    }


def record_requested(run: TrainingRun, planned: Plan) -> None:
    """Write into the ledger what was asked for: recipe, split, version of the dataset, and the gate's answer."""
    payload = {
        "name": run.name,
        "adapter": run.adapter.slug,
        "spec": run.spec,
        "recipe_sha256": run.recipe_sha256,
        "material": run.material,
        "split": run.split,
        "split_sha256": planned.spec.split,
        "dataset": {"root": run.dataset_version.merkle_root, "version": run.dataset_version.number},
        "decision_sha256": planned.decision.sha256(),
        "compared_with": str(run.compared_with_id) if run.compared_with_id else None,
        "changed": [each["field"] for each in run.changes],
    }
    record(run.project, "training.run.requested", actor=run.requested_by, subject=subject_of(run), payload=payload)


def adapter_for(user: User, project: Project, request: TrainingRequest) -> Adapter:
    """Open the adapter that a run makes the first version of."""
    name = request.adapter_name or request.dataset_version.dataset.name
    return open_adapter(user, project, name=name, method=request.method)


def run_name(request: TrainingRequest) -> str:
    """Return what a run is called: as asked, or after its adapter with a number."""
    if request.name.strip():
        return " ".join(request.name.split())[:120]
    adapter = request.adapter
    name = adapter.name if adapter else request.adapter_name or request.dataset_version.dataset.name
    number = adapter.runs.count() + 1 if adapter else 1
    return f"{name} {number}"[:120]


def repeat_request(run: TrainingRun, changes: Mapping[str, Any] | None = None, *, name: str = "") -> TrainingRequest:
    """Return the request that a run came from, compared with it, with some fields of spec or material changed."""
    changes = dict(changes or {})
    material = MaterialChoice.from_dict(run.material)
    own = {field: changes.pop(field) for field in list(changes) if field in run.material}
    values = {field: value for field, value in run.recipe.as_dict().items() if field not in BOUND}
    return TrainingRequest(
        method=run.method,
        dataset_version=run.dataset_version,
        base_model=run.base_model,
        vae=run.vae,
        adapter=run.adapter,
        name=name,
        values={**values, **changes},
        material=replace(material, **own),
        compared_with=run,
    )


def duplicate_run(user: User, run: TrainingRun, *, field: str, value: Any, key: str) -> TrainingRun:
    """Train the same again with one field changed. Raises Problem as `start_run`, and for a field that is the same."""
    before = {**run.spec, **run.material}.get(field)
    if before == value:
        message = _("This is the same value as before. Change it, so that the two can be compared.")
        raise Problem("unchanged", message, fields={field: message})
    return start_run(user, run.project, repeat_request(run, {field: value}), key=key)


@transaction.atomic
def sweep_runs(user: User, run: TrainingRun, *, field: str, values: Sequence[Any], key: str) -> list[TrainingRun]:
    """Train the same again for several values of one field, all or none; once per key.

    Raises Problem for more than eight values, one that is there twice, and as `start_run`.
    """
    wanted = list(values)
    if not 1 <= len(wanted) <= MOST_SWEPT:
        message = _("Give one to %(limit)d values.") % {"limit": MOST_SWEPT}
        raise Problem("sweep_size", message, fields={"values": message})
    if any(value in wanted[:place] for place, value in enumerate(wanted)):
        message = _("A value is there twice.")
        raise Problem("sweep_twice", message, fields={"values": message})
    sweep = uuid.uuid5(user.id, f"{run.id} {key}")
    known = list(TrainingRun.objects.filter(sweep=sweep).order_by("idempotency_key"))
    if known:
        return known
    return [
        start_swept(user, run, field=field, value=value, sweep=sweep, number=number)
        for number, value in enumerate(wanted, start=1)
    ]


def start_swept(user: User, run: TrainingRun, *, field: str, value: Any, sweep: uuid.UUID, number: int) -> TrainingRun:
    """Ask for one training of a sweep."""
    request = repeat_request(run, {field: value})
    planned = plan(run.project, request)
    check_plan(planned)
    # Only what the plan has checked can be said in words.
    request = replace(request, name=f"{run.name[:80]} · {label_of(field)} {value_words(field, value)}")
    key = f"{sweep}-{number}"
    return create_run(user, run.project, request, planned, key=key, sweep=sweep, sweep_field=field)


def cancel_run(run: TrainingRun, *, actor: User) -> bool:
    """Ask the worker to stop; its last checkpoint stays. Return False when the run was over."""
    with transaction.atomic():
        if not run.request_cancel():
            return False
        payload = {"step": run.step, "steps": run.total_steps}
        record(run.project, "training.run.cancel_requested", actor=actor, subject=subject_of(run), payload=payload)
    return True


@transaction.atomic
def resume_run(run: TrainingRun, *, actor: User) -> TrainingRun:
    """Let a run that was stopped wait again; it goes on from its last checkpoint, where there is one.

    Raises Problem for a run that is under way or done, or that the rights do not allow now.
    """
    decision = require(decide_run(run))
    rows = run.rows(status__in=GOES_ON).exclude(pk__in=AdapterVersion.objects.filter(run=run).values("run"))
    waiting: dict[str, Any] = {"status": Status.QUEUED, "finished_at": None, "queued_at": timezone.now()}
    waiting |= {"attempts_before": F("attempt")}
    clean: dict[str, Any] = {"cancel_requested_at": None, "rung_at": None, "heartbeat_at": None}
    said: dict[str, Any] = {"error": "", "error_params": {}, "detail": "", "decision": decision.as_dict()}
    if not rows.update(**waiting, **clean, **said):
        raise Problem("run_not_stopped", _("This run is under way or done. Only what was stopped goes on."), status=409)
    run.refresh_from_db()
    payload = {"step": run.checkpoint_step or 0, "decision_sha256": decision.sha256()}
    record(run.project, "training.run.resumed", actor=actor, subject=subject_of(run), payload=payload)
    ring(run)
    return run


def subject_of(run: TrainingRun) -> str:
    """Name a run in the ledger."""
    return f"training_run:{run.id}"
