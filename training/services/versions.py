"""Number what was learned or made, and point the candidate at it."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import rfc8785
from django.db import transaction
from django.db.models import Avg, Max
from django.utils import timezone

from assets.licensing import Decision, obligations_text
from assets.model_kinds import Examined
from assets.models import DatasetVersion, ModelFile
from assets.services.models import enter_model
from assets.services.rights import made_here
from assets.services.short_hashes import short_hash_of
from jobs.models import Canceled
from projects.models import User
from projects.services import record

from ..models import Adapter, AdapterAlias, AdapterJob, AdapterParent, AdapterVersion, TrainingRun
from ..recipes import RECOMMENDED_WEIGHTS
from .adapters import lock_adapter

Name = AdapterAlias.Name
# What a run says whose parts have found out the number of steps: nothing is held out from its last training.
FOLDED = "folded"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """What becomes a version: its file, what it was made from, and what people are told about it."""

    file: ModelFile
    decision: Decision
    trigger_words: Sequence[str] = ()
    recommended_weight: float | None = None
    step: int | None = None
    dataset_version: DatasetVersion | None = None
    run: TrainingRun | None = None
    job: AdapterJob | None = None
    parents: Sequence[tuple[AdapterVersion, float]] = ()
    scores: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@transaction.atomic
def save_version(run: TrainingRun, trained: Any, examined: Examined) -> AdapterVersion:
    """Write the file's row, the version, its alias and the ledger's entry, and end the run: all or nothing.

    `trained` is `engine.training.values.Trained`. Raises Canceled when the run is no longer this attempt's.
    """
    if not run.holds(progress=1.0, stage="saving"):
        raise Canceled
    adapter = lock_adapter(run.adapter)
    file = enter_made(
        adapter,
        examined,
        actor=run.requested_by,
        bases=run.files(),
        trained_on=run.dataset_version,
        trigger_words=trigger_words_of(run),
        method=trained.kind,
    )
    version = add_version(run.requested_by, adapter, learned_in(run, trained, file))
    keep_results(run, trained)
    run.succeed()
    return version


def learned_in(run: TrainingRun, trained: Any, file: ModelFile) -> NewVersion:
    """Return what a run has learned as a version."""
    return NewVersion(
        file=file,
        decision=Decision.from_dict(run.decision),
        trigger_words=trigger_words_of(run),
        step=trained.step,
        dataset_version=run.dataset_version,
        run=run,
        scores=scores_of(run, trained),
        facts=facts_of_training(run, trained),
    )


def enter_made(adapter: Adapter, examined: Examined, *, actor: User, method: str, **made_from: Any) -> ModelFile:
    """Enter a file that was made here into the library; it waits for no review, because its sources are asked."""
    name = f"{adapter.name} v{next_number(adapter)}"
    words = [word for word in made_from.get("trigger_words", ()) if word]
    defaults = {**({"trigger_words": words} if words else {}), **short_hash_of(examined.path, method)}
    return enter_model(
        examined,
        name=name,
        declaration=made_here(creator=adapter.project.name, title=name),
        actor=actor,
        project=adapter.project,
        method=method,
        defaults=defaults,
        **made_from,
    )


def next_number(adapter: Adapter) -> int:
    """Return the number of the adapter's next version."""
    return (adapter.versions.aggregate(top=Max("number"))["top"] or 0) + 1


def add_version(user: User, adapter: Adapter, new: NewVersion) -> AdapterVersion:
    """Write the next version of a locked adapter, point the candidate at it, and say so in the ledger."""
    version_id, number = uuid.uuid4(), next_number(adapter)
    weight = RECOMMENDED_WEIGHTS[adapter.method] if new.recommended_weight is None else new.recommended_weight
    told = {"trigger_words": [word for word in new.trigger_words if word], "recommended_weight": weight}
    entry: Any = record(
        adapter.project,
        "training.version.created",
        actor=user,
        subject=f"adapter_version:{version_id}",
        payload=payload_of(adapter, number, new, told),
    )
    version = AdapterVersion.objects.create(
        id=version_id,
        adapter=adapter,
        number=number,
        file=new.file,
        created_by=user,
        ledger_seq=entry.seq,
        **fields_of(new),
        **told,
    )
    add_parents(version, new.parents)
    point_alias(adapter, Name.CANDIDATE, version)
    return version


def fields_of(new: NewVersion) -> dict[str, Any]:
    """Return the fields of a version that say what it was made from and under which terms."""
    return {
        "run": new.run,
        "job": new.job,
        "step": new.step,
        "dataset_version": new.dataset_version,
        "decision": new.decision.as_dict(),
        "license": new.decision.effective_license[:500],
        "attribution": obligations_text(new.decision, "en"),
        "scores": dict(new.scores),
        "note": new.note[:300],
    }


def add_parents(version: AdapterVersion, parents: Sequence[tuple[AdapterVersion, float]]) -> None:
    """Store which versions a version was made from."""
    rows = [
        AdapterParent(version=version, parent=parent, weight=weight, position=position)
        for position, (parent, weight) in enumerate(parents)
    ]
    AdapterParent.objects.bulk_create(rows)


def payload_of(adapter: Adapter, number: int, new: NewVersion, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the ledger keeps of a version: all that is needed to know it again and to judge it."""
    root = new.dataset_version.merkle_root if new.dataset_version else None
    return {
        "adapter": adapter.slug,
        "name": adapter.name,
        "number": number,
        "method": adapter.method,
        "file_sha256": new.file.sha256,
        "run": str(new.run.id) if new.run else None,
        "step": new.step,
        "dataset_root": root,
        "decision": new.decision.as_dict(),
        "parents": [{"sha256": parent.file.sha256, "weight": weight} for parent, weight in new.parents],
        **told,
        **new.facts,
    }


def point_alias(adapter: Adapter, name: str, version: AdapterVersion) -> AdapterAlias:
    """Point an alias of a locked adapter at a version, and remember where it was."""
    before = adapter.aliases.filter(name=name).first()
    alias, _made = AdapterAlias.objects.update_or_create(
        adapter=adapter,
        name=name,
        defaults={
            "version": version,
            "previous_id": before.version_id if before else None,
            "moved_at": timezone.now(),
        },
    )
    return alias


def trigger_words_of(run: TrainingRun) -> list[str]:
    """Return the words that listen to what a run learns."""
    word = run.spec.get("trigger_word", "")
    return [word] if word else []


def verdict_of(run: TrainingRun, trained: Any) -> str:
    """Return what to say of a training; of folds, that their parts were measured and the last training was not."""
    return FOLDED if run.recipe.folds else trained.verdict


def scores_of(run: TrainingRun, trained: Any) -> dict[str, Any]:
    """Return what was measured of a version: the best look, the verdict, and how much is known by heart."""
    best = next((each for each in trained.curve if each.step == trained.step), None)
    held_out = {"mean": best.held_out.mean, "low": best.held_out.low, "high": best.held_out.high} if best else None
    held_out = folds_mean(run) if run.recipe.folds else held_out
    return {"verdict": verdict_of(run, trained), "held_out": held_out, "memorized": trained.memorized}


def folds_mean(run: TrainingRun) -> dict[str, Any] | None:
    """Return the mean over the parts of k folds of what was best on each; no interval is known of it."""
    best = run.points.filter(fold__gt=0, is_best=True, held_out_mean__isnull=False)
    mean = best.aggregate(mean=Avg("held_out_mean"))["mean"]
    return None if mean is None else {"mean": mean, "low": None, "high": None}


def facts_of_training(run: TrainingRun, trained: Any) -> dict[str, Any]:
    """Return what the ledger keeps of how a version was learned."""
    return {
        "recipe_sha256": run.recipe_sha256,
        "split_sha256": run.spec["split"],
        "curve_sha256": curve_sha256(trained),
        "environment": dict(trained.environment),
        "ending": trained.reason,
        "verdict": verdict_of(run, trained),
        "last_step": trained.last_step,
    }


def curve_sha256(trained: Any) -> str:
    """Return the sha256 over every look of a training, so that its curve can be proved."""
    looks = [[each.step, each.held_out_loss, each.train_loss] for each in trained.curve]
    losses = [list(each) for each in trained.losses]
    return hashlib.sha256(rfc8785.dumps({"looks": looks, "losses": losses})).hexdigest()


def keep_results(run: TrainingRun, trained: Any) -> None:
    """Write into the run how it went."""
    run.rows(attempt=run.attempt).update(
        step=trained.last_step,
        total_steps=trained.last_step if run.recipe.folds else run.total_steps,
        best_step=trained.step,
        ending=trained.reason,
        verdict=verdict_of(run, trained),
        verdict_params={"step": trained.last_step if run.recipe.folds else trained.verdict_step},
        folds=run.folds,
        memorized=trained.memorized,
        seconds=trained.train_seconds,
        cache_seconds=trained.cache_seconds,
        pictures_per_second=trained.pictures_per_second,
        peak_memory_bytes=trained.peak_memory_bytes,
        environment=dict(trained.environment),
        decision=run.decision,
    )
