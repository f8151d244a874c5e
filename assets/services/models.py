"""Enter model files into the library, and copy what is bundled under the models' folder."""

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from engine.errors import ModelError
from engine.headers import detect_architecture, hash_model
from ledger.services import actor_hash, append
from projects.models import Project, User
from projects.problems import Problem

from ..model_uploads import check_upload
from ..models import DatasetVersion, ModelFile, ModelSource, Term
from ..sentences import sentence
from ..vocabulary import load_terms
from .rights import HOUSE_CHAIN, Declaration, declare


@transaction.atomic
def register_model(
    path: Path,
    *,
    kind: str,
    name: str,
    declaration: Declaration,
    actor: User,
    project: Project | None = None,
    **fields: Any,
) -> ModelFile:
    """Enter a model file or folder under MODELS_ROOT; its rights begin as pending.

    Architecture and layout come from the weights. The same content is entered once per project.
    Raises Problem when the file cannot be read as a model.
    """
    try:
        sha256, detected = hash_model(path), detect_architecture(path)
    except ModelError as error:
        raise Problem(error.code, sentence(error.code, error.params)) from error
    known = ModelFile.objects.filter(project=project, sha256=sha256).first()
    if known is not None:
        return known
    rights = declare(replace(declaration, title=declaration.title or name), actor=actor)
    model = ModelFile.objects.create(
        project=project,
        kind=kind,
        name=name,
        architecture=detected.architecture,
        layout=detected.layout,
        path=stored_path(path),
        sha256=sha256,
        size_bytes=size_of(path),
        rights=rights,
        latent_channels=detected.latent_channels,
        **fields,
    )
    record_registered(model, actor)
    return model


@transaction.atomic
def register_adapter(
    path: Path,
    *,
    name: str,
    declaration: Declaration,
    actor: User,
    project: Project,
    bases: Iterable[ModelFile] = (),
    trained_on: DatasetVersion | None = None,
    trigger_words: Iterable[str] = (),
) -> ModelFile:
    """Enter a LoRA under MODELS_ROOT with what it was made from; its rights begin as pending.

    The same content is entered once per project. Raises Problem for a file that is no LoRA, holds values that are no
    numbers, or does not say what it was made for while no base model does either.
    """
    bases = list(bases)
    try:
        sha256, upload = hash_model(path), check_upload(path)
    except ModelError as error:
        raise Problem(error.code, sentence(error.code, error.params)) from error
    architecture = upload.lora.architecture if upload.lora else None
    architecture = architecture or next((base.architecture for base in bases), None)
    if upload.lora is None or architecture is None:
        message = _("This file is no LoRA that Daicho knows. Name the base model that it was made for.")
        raise Problem("adapter_unknown", message, fields={"file": message})
    known = ModelFile.objects.filter(project=project, sha256=sha256).first()
    if known is not None:
        return known
    adapter = ModelFile.objects.create(
        project=project,
        kind=ModelFile.Kind.ADAPTER,
        method=ModelFile.Method.LORA,
        name=name[:120],
        architecture=architecture,
        layout="single",
        path=stored_path(path),
        sha256=sha256,
        size_bytes=size_of(path),
        rights=declare(replace(declaration, title=declaration.title or name), actor=actor),
        defaults={"trigger_words": [word for word in trigger_words if word]},
    )
    add_sources(adapter, bases=bases, trained_on=trained_on)
    record_registered(adapter, actor)
    return adapter


def add_sources(product: ModelFile, *, bases: Iterable[ModelFile], trained_on: DatasetVersion | None) -> None:
    """Store what a model file was made from: edges that rights travel along."""
    derived = ModelSource.Role.DERIVED_FROM
    rows = [ModelSource(product=product, role=derived, file=base) for base in bases]
    if trained_on is not None:
        rows.append(ModelSource(product=product, role=ModelSource.Role.TRAINED_ON, dataset_version=trained_on))
    ModelSource.objects.bulk_create(rows)


def record_registered(model: ModelFile, actor: User) -> None:
    """Write into the ledger that a model file is in the library, with what it was made from."""
    sources = model.sources.select_related("file", "dataset_version")
    made_from = [row.file.sha256 if row.file else row.dataset_version.merkle_root for row in sources]
    facts = {"name": model.name, "sha256": model.sha256, "kind": model.kind, "expression": model.rights.expression}
    append(
        model.project_id or HOUSE_CHAIN,
        "assets.model.registered",
        actor=actor_hash(actor.id),
        subject=f"model_file:{model.id}",
        payload={**facts, **({"made_from": made_from} if made_from else {})},
    )


def stored_path(path: Path) -> str:
    """Return a path relative to MODELS_ROOT when it lies there, so that the folder can move."""
    root = Path(settings.MODELS_ROOT).resolve()
    full = path.resolve()
    return str(full.relative_to(root)) if full.is_relative_to(root) else str(full)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of a folder's files together."""
    return path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*") if f.is_file())


def install_folder(source: Path) -> Path:
    """Copy a bundled model under MODELS_ROOT, named by its content, so that later versions never replace it."""
    target = Path(settings.MODELS_ROOT, f"{source.parent.name}-{hash_model(source)[:12]}")
    if not target.exists():
        incoming = target.with_name(f".{target.name}.incoming")
        shutil.rmtree(incoming, ignore_errors=True)
        shutil.copytree(source, incoming)
        incoming.rename(target)
    return target


def install_starter_terms() -> int:
    """Fill in the shared vocabulary's words that are not there yet. Return how many were added."""
    known = set(Term.objects.filter(project=None).values_list("ja", "slot"))
    terms = [
        Term(ja=term.ja, reading=term.reading, en=term.en, synonyms=list(term.synonyms), slot=term.slot)
        for term in load_terms()
        if (term.ja, term.slot) not in known
    ]
    return len(Term.objects.bulk_create(terms))
