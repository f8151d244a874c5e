"""Enter model files into the library, and copy what is bundled under the models' folder."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from engine.errors import ModelError
from engine.headers import hash_model
from ledger.services import actor_hash, append
from projects.access import usable_in
from projects.models import Project, User
from projects.problems import Problem

from ..model_kinds import Examined, examine_model
from ..models import DatasetVersion, ModelFile, Rights, Term
from ..sentences import sentence
from ..vocabulary import load_terms
from .ingest import as_kept, decide_arrival
from .model_sources import add_sources, complete_sources, hashes_of
from .origins import meet_model
from .predictions import choose_prediction, with_prediction
from .rights import HOUSE_CHAIN, OPEN, Declaration, declare
from .short_hashes import short_hash_of


def register_model(
    path: Path,
    *,
    kind: str,
    name: str,
    declaration: Declaration,
    actor: User,
    project: Project | None = None,
    architecture: str = "",
    **fields: Any,
) -> ModelFile:
    """Enter a model file or folder under MODELS_ROOT; its rights begin as pending.

    What it is comes from the weights; `architecture` says what a VAE was made for. Raises Problem when the file is
    not what `kind` says.
    """
    examined = examine(path, kind=kind, made_for=[architecture] if architecture else [])
    return enter_model(examined, name=name, declaration=declaration, actor=actor, project=project, **fields)


def register_adapter(
    path: Path,
    *,
    name: str,
    declaration: Declaration,
    actor: User,
    project: Project | None,
    bases: Iterable[ModelFile] = (),
    trained_on: DatasetVersion | None = None,
    trigger_words: Iterable[str] = (),
) -> ModelFile:
    """Enter an adapter under MODELS_ROOT with what it was made from; its rights begin as pending.

    Raises Problem for a file that is no adapter, holds values that are no numbers, was made for another architecture,
    or does not say for which while no base model does either.
    """
    bases = list(bases)
    examined = examine(path, kind=ModelFile.Kind.ADAPTER, made_for=[base.architecture for base in bases])
    return enter_model(
        examined,
        name=name,
        declaration=declaration,
        actor=actor,
        project=project,
        bases=bases,
        trained_on=trained_on,
        trigger_words=trigger_words,
    )


def examine(path: Path, *, kind: str, made_for: Sequence[str]) -> Examined:
    """Check a file through. Raises Problem with the reader's sentence."""
    try:
        return examine_model(path, kind=kind, made_for=made_for)  # type: ignore[arg-type]  # a kind of the database
    except ModelError as error:
        message = sentence(error.code, error.params)
        raise Problem(error.code, message, fields={"file": message}) from error


def enter_model(examined: Examined, *, actor: User, project: Project | None, **facts: Any) -> ModelFile:
    """Enter a file that was checked, once however often and by however many at once it comes. Raises Problem.

    Content that is there already keeps what was declared; what it was made from and nobody had said is added.
    """
    known = find_known(examined, actor=actor, project=project)
    model = known or enter_new(examined, actor=actor, project=project, **facts)
    complete_sources(model, actor=actor, bases=facts.get("bases", ()), trained_on=facts.get("trained_on"))
    choose_prediction(model, facts.get("prediction_type", ""), actor=actor)
    return model


def find_known(examined: Examined, *, actor: User, project: Project | None) -> ModelFile | None:
    """Return the row that this content has already, the project's own or the house's.

    Where its file is gone or has changed, the new one takes its place. Raises Problem when it was taken out, or its
    rights were refused or withdrawn.
    """
    rows = usable_in(project, ModelFile.objects.all()) if project else ModelFile.objects.filter(project=None)
    known = rows.filter(sha256=examined.sha256).order_by(F("project").asc(nulls_last=True)).first()
    if known is None:
        return None
    if known.removed_at is not None:
        raise Problem("model_removed", sentence("model_removed"), status=409)
    check_open(known)
    if not is_whole(known):
        put_back(known, examined, actor=actor)
    return known


def check_open(model: ModelFile) -> None:
    """Raise Problem, with what to do, for a model whose rights are over: entering it again does not open them."""
    rights = model.rights
    if rights.state in OPEN:
        return
    code = "model_refused" if rights.state == Rights.State.REFUSED else "model_withdrawn"
    details = {"name": model.name, "reason": rights.closed_reason, "model": str(model.id)}
    raise Problem(code, sentence(code, details), status=409, details=details)


def is_whole(model: ModelFile) -> bool:
    """Does the file still hold what was registered?"""
    try:
        return hash_model(model.file) == model.sha256
    except OSError:
        return False


@transaction.atomic
def put_back(model: ModelFile, examined: Examined, *, actor: User) -> None:
    """Let a row whose file is gone or has changed stand for another file with the content that was registered."""
    model.path = stored_path(examined.path)
    model.save(update_fields=["path"])
    facts = {"name": model.name, "sha256": model.sha256, "kind": model.kind}
    subject, chain = f"model_file:{model.id}", model.project_id or HOUSE_CHAIN
    append(chain, "assets.model.put_back", actor=actor_hash(actor.id), subject=subject, payload=facts)


def enter_new(examined: Examined, *, project: Project | None, **facts: Any) -> ModelFile:
    """Enter content that nobody has entered yet; who comes second gets the row of the first."""
    try:
        return create_model(examined, project=project, **facts)
    except IntegrityError:
        return ModelFile.objects.get(project=project, sha256=examined.sha256)


@transaction.atomic
def create_model(
    examined: Examined,
    *,
    name: str,
    declaration: Declaration,
    actor: User,
    project: Project | None,
    bases: Iterable[ModelFile] = (),
    trained_on: DatasetVersion | None = None,
    merged_from: Iterable[ModelFile] = (),
    trigger_words: Iterable[str] = (),
    prediction_type: str = "",
    **fields: Any,
) -> ModelFile:
    """Write the row, its rights as declared, what it was made from, and the ledger's entry."""
    values = usual_values(examined, [word for word in trigger_words if word])
    values = {**with_prediction(values, examined, prediction_type), **fields}
    model = ModelFile.objects.create(
        project=project,
        kind=examined.kind,
        name=name[:120],
        architecture=examined.architecture,
        layout=examined.layout,
        path=stored_path(examined.path),
        sha256=examined.sha256,
        size_bytes=examined.size_bytes,
        latent_channels=examined.latent_channels,
        rights=declare(replace(declaration, title=declaration.title or name), actor=actor),
        **values,
    )
    add_sources(model, bases=bases, trained_on=trained_on, merged_from=merged_from)
    meet_model(model)
    record_registered(model, actor)
    return model


def usual_values(examined: Examined, trigger_words: Sequence[str]) -> dict[str, Any]:
    """Return what follows from a file: an adapter's method, words and hash; the size a base model was trained for."""
    method, side = examined.method, examined.native_size
    said = list(trigger_words) or ([examined.word] if examined.word else [])
    words = {"trigger_words": said} if said else {}
    defaults = {**words, **short_hash_of(examined.path, method)}
    sizes = {"native_width": side, "native_height": side} if side else {}
    return {"method": method, **({"defaults": defaults} if defaults else {}), **sizes}


def record_registered(model: ModelFile, actor: User) -> None:
    """Write into the ledger that a model file is in the library, with what it was made from."""
    sources = model.sources.select_related("file", "dataset_version")
    made_from = hashes_of(sources)
    facts: dict[str, Any] = {"name": model.name, "sha256": model.sha256, "kind": model.kind}
    facts |= {"expression": model.rights.expression, "ingest": as_kept(decide_arrival(model))}
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
