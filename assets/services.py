"""Register model files, and ask what the rights allow."""

import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from engine.errors import ModelError
from engine.headers import detect_architecture, hash_model
from ledger.services import actor_hash, append
from projects.models import Membership, Project, Role, User
from projects.problems import Problem

from . import licensing
from .models import ModelFile, Rights, Term
from .vocabulary import load_terms

# The ledger of what belongs to no project: models that the whole house shares.
HOUSE_CHAIN = uuid.uuid5(uuid.NAMESPACE_URL, "daicho:house")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a person says about the rights in a file."""

    expression: str
    creator: str = ""
    title: str = ""
    source_url: str = ""


def decide_use(
    project: Project,
    action: licensing.Action,
    files: Iterable[ModelFile],
    *,
    at: datetime | None = None,
    **changes: Any,
) -> licensing.Decision:
    """Ask the algebra what may be done with these files in this project, now unless said otherwise.

    `changes` replaces fields of the project's context: purpose, territory, media, revenue, outbound_license.
    """
    context = replace(context_of(project, at or timezone.now()), **changes)
    return licensing.decide(action, [input_of(file) for file in files], context)


def context_of(project: Project, at: datetime) -> licensing.Context:
    """Return what the project means to do: purpose, territory, revenue, policy."""
    return licensing.Context(
        purpose=project.purpose, territory=project.territory, at=at, revenue=project.revenue_usd, policy=project.policy
    )


def input_of(file: ModelFile) -> licensing.Input:
    """Return what the algebra needs to know of a model file."""
    rights = file.rights
    facts = licensing.RightsFacts(
        kind={ModelFile.Kind.BASE: "base_model", ModelFile.Kind.VAE: "vae"}[ModelFile.Kind(file.kind)],
        expression=rights.expression,
        branch=rights.branch,
        state=rights.state,
        creator=rights.creator,
        title=rights.title or file.name,
        source_url=rights.source_url,
        valid_from=rights.valid_from,
        expires_at=rights.expires_at,
        time_zone=rights.time_zone,
        territory=rights.territories,
        media=rights.media,
        parameters=rights.parameters,
    )
    return licensing.Input(item=file.name, facts=facts, ref=str(file.id))


def explain_here(decision: licensing.Decision) -> list[str]:
    """Say a decision's reasons in the reader's language."""
    return licensing.explain(decision, reading_language())


def reading_language() -> str:
    """Return ja or en, whichever the reader's page is in."""
    return "ja" if (get_language() or "").startswith("ja") else "en"


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
        raise Problem(error.code, str(error)) from error
    known = ModelFile.objects.filter(project=project, sha256=sha256).first()
    if known is not None:
        return known
    rights = Rights.objects.create(
        expression=declaration.expression,
        creator=declaration.creator,
        title=declaration.title or name,
        source_url=declaration.source_url,
        retrieved_at=timezone.now(),
        submitted_by=actor,
    )
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
    record_model(model, "assets.model.registered", actor=actor, payload={"expression": rights.expression})
    return model


def record_model(model: ModelFile, event: str, *, actor: User, payload: dict[str, Any]) -> None:
    """Write what happened to a model into its project's chain, or into the house's for one that everybody shares."""
    facts = {"name": model.name, "sha256": model.sha256, "kind": model.kind, **payload}
    append(
        model.project_id or HOUSE_CHAIN,
        event,
        actor=actor_hash(actor.id),
        subject=f"model_file:{model.id}",
        payload=facts,
    )


def may_review(user: User, model: ModelFile) -> bool:
    """Say whether a person reviews for the model's project, or for any where the whole house shares the model."""
    memberships = Membership.objects.filter(user=user, role__in=Role.at_least(Role.REVIEWER))
    return (memberships.filter(project=model.project) if model.project else memberships).exists()


def stored_path(path: Path) -> str:
    """Return a path relative to MODELS_ROOT when it lies there, so that the folder can move."""
    root = Path(settings.MODELS_ROOT).resolve()
    full = path.resolve()
    return str(full.relative_to(root)) if full.is_relative_to(root) else str(full)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of a folder's files together."""
    return path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*") if f.is_file())


@transaction.atomic
def clear_rights(model: ModelFile, *, reviewer: User) -> Rights:
    """Clear a model's declared rights, as a reviewer who did not submit them. Raises Problem otherwise."""
    rights = model.rights
    if not may_review(reviewer, model):
        raise Problem("not_reviewer", _("Only a reviewer or owner clears rights."), status=403)
    if rights.submitted_by_id == reviewer.id:
        raise Problem("four_eyes", _("Nobody clears what they submitted. Ask another reviewer."), status=409)
    changed = Rights.objects.filter(pk=rights.pk, state=Rights.State.PENDING).update(
        state=Rights.State.CLEARED, cleared_by=reviewer, cleared_at=timezone.now()
    )
    if not changed:
        raise Problem("not_pending", _("These rights do not wait for review any more."), status=409)
    rights.refresh_from_db()
    record_model(model, "assets.rights.cleared", actor=reviewer, payload={"expression": rights.expression})
    return rights


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
