"""What differs between two trainings: when it is more than one thing, nobody knows which of them helped."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What follows from other fields and is no decision of its own, or says nothing about how well is learned.
FOLLOWS = frozenset(("split", "version"))
# Fields that are one decision: a strip of pictures to look at changes no weight, nor does how often one looks.
ONLY_LOOKS = frozenset(
    (
        "sample_prompts",
        "sample_steps",
        "sample_num_inference_steps",
        "sample_guidance_scale",
        "checkpointing_steps",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that differs, by its name in the spec or in `material`."""

    field: str
    before: Any
    after: Any

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"field": self.field, "before": self.before, "after": self.after}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return what differs between two trainings, given as flat values by field, in the fields' order.

    Fields that only decide what is looked at on the way are left out, and so is what follows from other fields.
    """
    names = [name for name in dict.fromkeys((*before, *after)) if name not in FOLLOWS | ONLY_LOOKS]
    return tuple(
        Difference(field=name, before=before.get(name), after=after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )
