"""Rate pictures, put them aside, and say how they were made."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from engine.schedulers import SCHEDULERS
from projects.models import User
from projects.services import record

from ..models import Output
from ..parameters import a1111_parameters


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
    )
