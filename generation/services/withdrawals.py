"""Withdraw material, with a count in the ledger of everything that this closes."""

from django.db import transaction

from assets.models import ModelFile, Picture, Rights
from assets.services import withdraw_rights
from projects.models import User

from .lineages import Descendants, descendants_of


@transaction.atomic
def withdraw(thing: Picture | ModelFile, *, actor: User, reason: str) -> Rights:
    """End the rights in a thing, wherever it was used. Raises Problem as `withdraw_rights` does.

    What belongs to one project is counted there; what the whole house shares, over all projects.
    """
    touched = count_touched(descendants_of(thing, thing.project), thing)
    return withdraw_rights(thing, actor=actor, reason=reason, touched=touched)


def count_touched(found: Descendants, thing: Picture | ModelFile) -> dict[str, int]:
    """Count by kind what was made from a thing; the thing itself is not among it."""
    return {
        "dataset_versions": len(found.versions),
        "model_files": sum(file != thing for file in found.files),
        "pictures": found.outputs.count(),
        "jobs": found.live.count() + found.live_trainings.count(),
    }
