"""Store what model files were made from, when they come in or later: edges that rights travel along."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from ledger.services import actor_hash, append
from projects.models import User
from projects.problems import Problem

from ..models import DatasetVersion, ModelFile, ModelSource, Rights, RightsChange
from ..sentences import sentence
from .rights import HOUSE_CHAIN, OPEN, lock, may_review

SOURCES_ADDED = "assets.model.sources_added"


def add_sources(
    product: ModelFile,
    *,
    bases: Iterable[ModelFile],
    trained_on: DatasetVersion | None,
    merged_from: Iterable[ModelFile] = (),
) -> None:
    """Store what a new model file was made from."""
    merged = ModelSource.Role.MERGED_FROM
    rows = [ModelSource(product=product, role=merged, file=each) for each in dict.fromkeys(merged_from)]
    ModelSource.objects.bulk_create([*edges_of(product, bases=bases, trained_on=trained_on), *rows])


def edges_of(product: ModelFile, *, bases: Iterable[ModelFile], trained_on: DatasetVersion | None) -> list[ModelSource]:
    """Return the edges from a model file to what it was made from, each once."""
    derived = ModelSource.Role.DERIVED_FROM
    rows = [ModelSource(product=product, role=derived, file=base) for base in dict.fromkeys(bases)]
    if trained_on is not None:
        rows.append(ModelSource(product=product, role=ModelSource.Role.TRAINED_ON, dataset_version=trained_on))
    return rows


@transaction.atomic
def complete_sources(
    model: ModelFile, *, actor: User, bases: Iterable[ModelFile], trained_on: DatasetVersion | None, **more: str
) -> bool:
    """Add what a model was made from and nobody had said; edges only ever get added. Return whether any was.

    Its rights count as changed, so that everything made with it is asked anew; `more` is kept with the change. What
    was refused or withdrawn stays as it is. Raises Problem for a model of the house, unless its staff says so.
    """
    edges = edges_of(model, bases=bases, trained_on=trained_on)
    if model.rights.state not in OPEN or not missing_of(model, edges):
        return False
    if model.project_id is None and not may_review(actor, None):
        details = {"name": model.name, "model": str(model.id)}
        raise Problem("house_model", sentence("house_model", details), status=403, details=details)
    rights = lock(model.rights)
    missing = missing_of(model, edges)
    if rights.state not in OPEN or not missing:
        return False
    ModelSource.objects.bulk_create(missing)
    record_sources(model, rights, missing, actor=actor, more=more)
    model.rights.refresh_from_db()
    return True


def missing_of(model: ModelFile, edges: list[ModelSource]) -> list[ModelSource]:
    """Return the edges that are not stored yet, and do not lead to the model itself."""
    if not edges:
        return []
    known = {(model.id, None), *model.sources.values_list("file_id", "dataset_version_id")}
    return [each for each in edges if (each.file_id, each.dataset_version_id) not in known]


def record_sources(
    model: ModelFile, rights: Rights, added: Iterable[ModelSource], *, actor: User, more: dict[str, Any]
) -> None:
    """Count what was said about a model's making as a change of its locked rights, and write it into the ledger."""
    revision = rights.revision + 1
    Rights.objects.filter(pk=rights.pk).update(revision=revision)
    after = {"sources": [word_of(model, each) for each in added], **more}
    RightsChange.objects.create(rights=rights, revision=revision, event=SOURCES_ADDED, after=after, made_by=actor)
    facts = {"name": model.name, "sha256": model.sha256, "kind": model.kind, "revision": revision}
    append(
        model.project_id or HOUSE_CHAIN,
        SOURCES_ADDED,
        actor=actor_hash(actor.id),
        subject=f"model_file:{model.id}",
        payload={**facts, "made_from": hashes_of(added)},
    )


def word_of(model: ModelFile, source: ModelSource) -> str:
    """Return what a source is called; the whole house reads only a hash of what belongs to one project."""
    owner = source.file.project_id if source.file else source.dataset_version.dataset.project_id
    if owner not in (None, model.project_id):
        return hashes_of([source])[0][:12]
    return str(source.file or source.dataset_version)


def hashes_of(sources: Iterable[ModelSource]) -> list[str]:
    """Return what a model was made from as the ledger names it: hashes of files, roots of versions."""
    return [row.file.sha256 if row.file else row.dataset_version.merkle_root for row in sources]
