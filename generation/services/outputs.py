"""Rate pictures, put them aside, take their files out, and say how they were made."""

from dataclasses import replace
from io import BufferedReader

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from assets import storage
from assets.licensing import Action, Decision
from assets.licensing.decisions import NEVER_WAIVED
from assets.services import decide_use, explain_here
from engine.schedulers import SCHEDULERS
from projects.models import User
from projects.problems import Problem
from projects.services import record

from ..adapters import adapter_names
from ..models import Output
from ..parameters import a1111_parameters
from ..sentences import sentence


@transaction.atomic
def rate_output(user: User, output: Output, rating: int) -> Output:
    """Give a picture one to five stars; zero takes them back. Writing the same rating again changes nothing."""
    before = output.rating
    if not Output.objects.filter(pk=output.pk).exclude(rating=rating).update(rating=rating):
        return output
    output.rating = rating
    record(
        output.project,
        "generation.output.rated",
        actor=user,
        subject=f"output:{output.id}",
        payload={"from": before, "to": rating},
    )
    return output


@transaction.atomic
def reject_output(user: User, output: Output, *, rejected: bool) -> Output:
    """Put a picture aside, or take it back. Nothing is deleted, and doing it twice changes nothing."""
    rows = Output.objects.filter(pk=output.pk, rejected_at__isnull=rejected)
    moment = timezone.now() if rejected else None
    if not rows.update(rejected_at=moment):
        return output
    output.rejected_at = moment
    record(
        output.project,
        "generation.output.rejected" if rejected else "generation.output.restored",
        actor=user,
        subject=f"output:{output.id}",
        payload={},
    )
    return output


@transaction.atomic
def download_output(user: User, output: Output) -> BufferedReader:
    """Open a picture's file for a person who takes it out; the ledger keeps what the publish gate says of it now.

    Where publishing is not allowed, use inside the house is. Raises Problem when anything that the picture was made
    from was withdrawn or refused, or when the file is lost; nothing is written then.
    """
    decision = decide_use(output.project, Action.PUBLISH, output.generation.files())
    reasons = closing_reasons(decision)
    if reasons:
        raise Problem("rights_blocked", reasons[0], status=409, details={"reasons": reasons})
    try:
        file = storage.open_stored(settings.MEDIA_ROOT, output.path)
    except storage.StorageError as error:
        raise Problem(error.code, sentence(error.code, error.params), status=404) from error
    payload = {
        "file_sha256": output.file_sha256,
        "verdict": decision.verdict.value,
        "decision_sha256": decision.sha256(),
        "purpose": decision.context.aim.value,
    }
    record(output.project, "generation.output.downloaded", actor=user, subject=f"output:{output.id}", payload=payload)
    return file


def closing_reasons(decision: Decision) -> list[str]:
    """Say what of a decision closes a picture even inside the house: what was withdrawn or refused."""
    closing = tuple(reason for reason in decision.reasons if reason.code in NEVER_WAIVED)
    return explain_here(replace(decision, reasons=closing))


def parameters_text(output: Output) -> str:
    """Return a picture's recipe as A1111 writes it, for the clipboard."""
    generation = output.generation
    spec = output.image_spec()
    return a1111_parameters(
        spec,
        model_name=generation.base_model.name,
        model_sha256=generation.base_model.sha256,
        scheduler=SCHEDULERS[spec.scheduler],
        version=settings.DAICHO_VERSION,
        vae_name=generation.vae.name if generation.vae else None,
        adapters=adapter_names(generation),
    )
