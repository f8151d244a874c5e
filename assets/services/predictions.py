"""How a base model predicts, where a person says so: nothing in a single file's weights tells it apart."""

from typing import Any

from django.db import transaction

from engine.headers import NATIVE_SIZES
from ledger.services import actor_hash, append
from projects.models import User
from projects.problems import Problem

from ..model_kinds import Examined
from ..models import ModelFile
from ..sentences import sentence
from .rights import HOUSE_CHAIN, may_review

# The others predict a flow, whatever anybody says.
CHOOSABLE = ("sd1", "sd2", "sdxl")
EPSILON_SIZE_2 = 512
PREDICTION_CHOSEN = "assets.model.prediction_chosen"


def with_prediction(values: dict[str, Any], examined: Examined, prediction_type: str) -> dict[str, Any]:
    """Return a new model's values with how it predicts among its defaults. Raises Problem."""
    if not prediction_type:
        return values
    check_prediction(examined)
    defaults = {**values.get("defaults", {}), "prediction_type": prediction_type}
    side = side_of(examined.architecture, examined.layout, prediction_type)
    return {**values, "defaults": defaults, **({"native_width": side, "native_height": side} if side else {})}


def side_of(architecture: str, layout: str, prediction_type: str) -> int | None:
    """Return the size that follows: Stable Diffusion 2 was published in two, one for each way to predict."""
    if (architecture, layout) != ("sd2", "single"):
        return None
    return EPSILON_SIZE_2 if prediction_type == ModelFile.Prediction.EPSILON else NATIVE_SIZES["sd2"]


def leaves_choice(model: ModelFile | Examined) -> bool:
    """May a person say how this model predicts?"""
    return model.kind == ModelFile.Kind.BASE and model.architecture in CHOOSABLE


def check_prediction(model: ModelFile | Examined) -> None:
    """Refuse a choice for a model that has none. Raises Problem."""
    if not leaves_choice(model):
        raise Problem("prediction_not_chosen", sentence("prediction_not_chosen"))


@transaction.atomic
def choose_prediction(model: ModelFile, prediction_type: str, *, actor: User) -> bool:
    """Say how a model in the library predicts; no choice leaves it as it is. Return whether anything changed.

    Pictures that were made keep their recipe. Raises Problem for a model of the house, unless its staff says so.
    """
    row = ModelFile.objects.select_for_update().get(pk=model.pk)
    before = row.defaults.get("prediction_type", "")
    if not prediction_type or prediction_type == before:
        return False
    check_prediction(row)
    if row.project_id is None and not may_review(actor, None):
        details = {"name": row.name, "model": str(row.id)}
        raise Problem("house_prediction", sentence("house_prediction", details), status=403, details=details)
    side = side_of(row.architecture, row.layout, prediction_type)
    row.defaults = {**row.defaults, "prediction_type": prediction_type}
    row.native_width, row.native_height = (side, side) if side else (row.native_width, row.native_height)
    row.save(update_fields=["defaults", "native_width", "native_height"])
    facts = {"name": row.name, "sha256": row.sha256, "from": before, "to": prediction_type}
    subject, chain = f"model_file:{row.id}", row.project_id or HOUSE_CHAIN
    append(chain, PREDICTION_CHOSEN, actor=actor_hash(actor.id), subject=subject, payload=facts)
    return True
