"""How fast runs of one kind were on one machine: better than any counting."""

from engine.specs import TrainingSpec
from jobs.models import Status

from .models import TrainingRun
from .recipes import Machine

LOOKED_AT = 5
# What decides the pace of a step; everything else hardly does.
SAME = (
    "base_model", "method", "resolution", "train_batch_size", "mixed_precision", "gradient_checkpointing",
    "with_prior_preservation",
)  # fmt: skip


def measured_pace(spec: TrainingSpec, machine: Machine) -> float | None:
    """Return the pictures a second of the newest runs like this one on this machine, None where there were none.

    What any project has measured counts: it says nothing but how fast the house's machine is.
    """
    same = {f"spec__{name}": getattr(spec, name) for name in SAME}
    found = TrainingRun.objects.filter(
        status=Status.SUCCEEDED, pictures_per_second__gt=0, estimate__machine=machine.name, **same
    )
    paces = list(found.order_by("-finished_at").values_list("pictures_per_second", flat=True)[:LOOKED_AT])
    return sum(paces) / len(paces) if paces else None
