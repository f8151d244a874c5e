"""Make versions from versions, without training: merge several, take a LoRA out of a DreamBooth, make one smaller."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from assets.licensing import Action, Decision
from assets.models import ModelFile
from assets.services import decide_use
from jobs.models import Canceled
from jobs.queue import ring
from projects.models import Project, User
from projects.problems import Problem
from projects.services import record

from ..adapter_cards import base_of
from ..adapter_headers import is_plain_lora
from ..gates import require
from ..models import Adapter, AdapterJob, AdapterJobInput, AdapterVersion
from ..sentences import sentence
from .adapters import lock_adapter, open_adapter
from .versions import NewVersion, add_version, enter_made

Kind = AdapterJob.Kind
MOST_MERGED = 8
MAX_RANK = 512
MAX_WEIGHT = 2.0
OPTIONS = {Kind.MERGE: (), Kind.RESIZE: ("rank", "energy"), Kind.EXTRACT: ("rank", "energy", "with_conv")}
# How much of each layer of a LoHa, LoKr or DoRA a merge keeps, and with how many ranks at most.
CONVERSION = {"rank": 128, "energy": 0.99}
TAKES = {Kind.MERGE: "lora", Kind.RESIZE: "lora", Kind.EXTRACT: "dreambooth"}


def ask_rework(
    user: User,
    project: Project,
    *,
    kind: str,
    inputs: Sequence[tuple[AdapterVersion, float]],
    key: str,
    adapter: Adapter | None = None,
    adapter_name: str = "",
    options: Mapping[str, Any] | None = None,
    note: str = "",
) -> AdapterJob:
    """Ask for a version that is computed from others, once per idempotency key.

    Raises Problem when it cannot be computed or the merge gate does not allow it; nothing is written then.
    """
    asked = find_asked(user, project, key)
    if asked is not None:
        return asked
    check_inputs(project, kind, inputs)
    check_target(project, adapter)
    wanted = {**clean_options(kind, options or {}), **conversion_of(kind, inputs)}
    decision = require(decide_use(project, Action.MERGE, [version.file for version, _weight in inputs]))
    try:
        return create_job(
            user, project, kind, inputs, decision,
            adapter=adapter, adapter_name=adapter_name, options=wanted, note=note, key=key,
        )  # fmt: skip
    except IntegrityError:
        asked = find_asked(user, project, key)
        if asked is None:
            raise
        return asked


def find_asked(user: User, project: Project, key: str) -> AdapterJob | None:
    """Return the job that this person asked for under this key. Raises Problem when it is another project's."""
    asked = AdapterJob.objects.filter(requested_by=user, idempotency_key=key).first()
    if asked is not None and asked.project_id != project.id:
        raise Problem("key_reused", _("This idempotency key was used in another project."), status=409)
    return asked


@transaction.atomic
def create_job(
    user: User,
    project: Project,
    kind: str,
    inputs: Sequence[tuple[AdapterVersion, float]],
    decision: Decision,
    *,
    adapter: Adapter | None,
    adapter_name: str,
    options: Mapping[str, Any],
    note: str,
    key: str,
) -> AdapterJob:
    """Write the job and its ledger entry, and ring the worker's bell after the commit."""
    name = adapter_name or " + ".join(version.adapter.name for version, _weight in inputs)[:120]
    job = AdapterJob.objects.create(
        project=project,
        requested_by=user,
        idempotency_key=key,
        kind=kind,
        adapter=adapter or open_adapter(user, project, name=name, method="lora"),
        options=dict(options),
        decision=decision.as_dict(),
        note=note[:300],
    )
    rows = [
        AdapterJobInput(job=job, version=version, weight=weight, position=position)
        for position, (version, weight) in enumerate(inputs)
    ]
    AdapterJobInput.objects.bulk_create(rows)
    record_requested(job, rows, decision)
    ring(job)
    return job


def record_requested(job: AdapterJob, inputs: Sequence[AdapterJobInput], decision: Decision) -> None:
    """Write into the ledger what was asked for."""
    payload = {
        "kind": job.kind,
        "adapter": job.adapter.slug,
        "name": job.adapter.name,
        "inputs": [{"sha256": each.version.file.sha256, "weight": each.weight} for each in inputs],
        "options": job.options,
        "decision_sha256": decision.sha256(),
    }
    subject = f"adapter_job:{job.id}"
    record(job.project, "training.rework.requested", actor=job.requested_by, subject=subject, payload=payload)


def check_inputs(project: Project, kind: str, inputs: Sequence[tuple[AdapterVersion, float]]) -> None:
    """Raise Problem for versions that cannot be worked on together."""
    if kind not in Kind.values:
        raise Problem("kind_unknown", _("This way to make a version is not known."))
    versions = [version for version, _weight in inputs]
    least, most = (2, MOST_MERGED) if kind == Kind.MERGE else (1, 1)
    if not least <= len(set(versions)) == len(versions) <= most:
        message = _("Choose two to eight versions, each once.") if kind == Kind.MERGE else _("Choose one version.")
        raise Problem("inputs_count", message, fields={"versions": message})
    if any(version.adapter.project_id != project.id for version in versions):
        raise Problem("version_unknown", _("This version is not in the project."), status=404)
    if any(version.is_withdrawn for version in versions):
        raise Problem("version_withdrawn", _("This version was taken back. Choose another one."), status=409)
    if any(version.file.method != TAKES[Kind(kind)] for version in versions):
        wanted = ModelFile.Method(TAKES[Kind(kind)]).label
        message = _("This works with versions of the kind %(kind)s only.") % {"kind": wanted}
        raise Problem("inputs_kind", message, fields={"versions": message})
    if len({version.file.architecture for version in versions}) > 1:
        message = _("These versions were made for different kinds of base models.")
        raise Problem("architectures_differ", message, fields={"versions": message})
    if any(not math.isfinite(weight) or not 0 < abs(weight) <= MAX_WEIGHT for _version, weight in inputs):
        message = _("A weight is a number from -%(most)g to %(most)g, and not 0.") % {"most": MAX_WEIGHT}
        raise Problem("weight_unfit", message, fields={"weights": message})


def check_target(project: Project, adapter: Adapter | None) -> None:
    """Raise Problem for an adapter that cannot take what comes out, which is a LoRA."""
    if adapter is None:
        return
    if (adapter.project_id, adapter.archived_at) != (project.id, None) or adapter.method != "lora":
        message = _("Choose an adapter of this project that collects LoRAs.")
        raise Problem("adapter_unfit", message, fields={"adapter": message})


def clean_options(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kind's own numbers: a rank, or the share of each layer's energy that is kept. Raises Problem."""
    known = {name: value for name, value in options.items() if name in OPTIONS[Kind(kind)] and value is not None}
    rank, energy = known.get("rank"), known.get("energy")
    if rank is not None and not (type(rank) is int and 1 <= rank <= MAX_RANK):
        message = _("The rank is a whole number from 1 to %(most)d.") % {"most": MAX_RANK}
        raise Problem("rank_unfit", message, fields={"rank": message})
    is_share = isinstance(energy, int | float) and not isinstance(energy, bool) and 0 < energy <= 1
    if energy is not None and not is_share:
        message = _("The share to keep is above 0 and at most 1.")
        raise Problem("energy_unfit", message, fields={"energy": message})
    if kind != Kind.MERGE and rank is None and energy is None:
        message = _("Say a rank, or the share to keep.")
        raise Problem("size_missing", message, fields={"rank": message})
    if "with_conv" in known:
        known["with_conv"] = bool(known["with_conv"])
    return known


def conversion_of(kind: str, inputs: Sequence[tuple[AdapterVersion, float]]) -> dict[str, Any]:
    """Return how LoHa, LoKr and DoRA that go in become LoRAs first, nothing where all are LoRAs already.

    A merge keeps nearly everything of them, a resize what was asked for. Raises Problem where nobody has said which
    base model one is for, because its change cannot be worked out without.
    """
    unusual = [version.file for version, _weight in inputs if kind != Kind.EXTRACT and not is_plain_lora(version.file)]
    unknown = next((file for file in unusual if base_of(file) is None), None)
    if unknown is not None:
        message = sentence("base_unknown", {"file": unknown.name})
        raise Problem("base_unknown", message, fields={"versions": message})
    return {"convert": dict(CONVERSION)} if unusual and kind == Kind.MERGE else {}


@transaction.atomic
def save_rework(job: AdapterJob, made: Any) -> AdapterVersion:
    """Write the file's row, the version, its alias and the ledger's entry, and end the job: all or nothing.

    `made` is `training.tasks_reworks.Reworked`. Raises Canceled when the job is no longer this attempt's.
    """
    if not job.holds(progress=1.0, stage="saving"):
        raise Canceled
    adapter = lock_adapter(job.adapter)
    rows = list(job.inputs.select_related("version__file", "version__dataset_version").order_by("position"))
    files, is_merge = [row.version.file for row in rows], job.kind == Kind.MERGE
    file = enter_made(
        adapter,
        made.examined,
        actor=job.requested_by,
        method=made.kind,
        trigger_words=words_of(job),
        bases=() if is_merge else files,
        merged_from=files if is_merge else (),
    )
    version = add_version(job.requested_by, adapter, computed_in(job, made, file, rows))
    job.rows(attempt=job.attempt).update(decision=job.decision)
    job.succeed()
    return version


def computed_in(job: AdapterJob, made: Any, file: ModelFile, rows: Sequence[AdapterJobInput]) -> NewVersion:
    """Return what a job has computed as a version."""
    return NewVersion(
        file=file,
        decision=Decision.from_dict(job.decision),
        trigger_words=words_of(job),
        job=job,
        dataset_version=None if job.kind == Kind.MERGE else rows[0].version.dataset_version,
        parents=[(row.version, row.weight) for row in rows],
        scores=made.scores,
        note=job.note,
        facts={"operation": job.kind, "options": job.options},
    )


def cancel_rework(job: AdapterJob, *, actor: User) -> bool:
    """Ask the worker to stop. Return False when the job was over."""
    with transaction.atomic():
        if not job.request_cancel():
            return False
        subject, payload = f"adapter_job:{job.id}", {"kind": job.kind}
        record(job.project, "training.rework.cancel_requested", actor=actor, subject=subject, payload=payload)
    return True


def words_of(job: AdapterJob) -> list[str]:
    """Return the trigger words of everything that goes in, each once."""
    rows = job.inputs.select_related("version").order_by("position")
    return list(dict.fromkeys(word for row in rows for word in row.version.trigger_words))
