"""The adapters in the Studio's form: a field for each one's weight, named by its id, in the order of their choosing.

One more can be named in the fields `adapter` and `adapter_weight`; it counts like the others, and comes last.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assets.models import ModelFile
from engine.limits import MAX_ADAPTER_WEIGHT, MAX_ADAPTERS

# What is usual for a kind; one that was trained here knows its own.
USUAL_WEIGHTS: Mapping[str, float] = {"dreambooth": 1.0, "textual_inversion": 1.0, "hypernetwork": 0.8}
PREFIX = "adapter-"
ADD, REMOVE = "add_adapter", "remove_adapter"
USUAL_WEIGHT = 0.7


class WeightField(forms.FloatField):
    """The weight of an adapter, which is the usual one where the box is empty."""

    widget = forms.NumberInput(attrs={"step": "0.05", "inputmode": "decimal", "aria-describedby": "adapters_help"})

    def __init__(self, *, label: Any) -> None:
        super().__init__(label=label, required=False, min_value=-MAX_ADAPTER_WEIGHT, max_value=MAX_ADAPTER_WEIGHT)
        self.widget.attrs["aria-label"] = label

    def clean(self, value: Any) -> float:
        weight = super().clean(value)
        return self.usual() if weight is None else weight

    def usual(self) -> float:
        """Return what an empty box means."""
        return USUAL_WEIGHT


class ChosenField(WeightField):
    """The weight of an adapter that has a row of its own; `file` is None when it is gone."""

    def __init__(self, file_id: str, file: ModelFile | None) -> None:
        self.file_id, self.file = file_id, file
        self.name = label_of(file) if file else gettext("An adapter that is not in the library any more")
        super().__init__(label=gettext("Weight of %(name)s") % {"name": self.name})

    def clean(self, value: Any) -> float:
        if self.file is None:
            raise ValidationError(_("This adapter is not in the library any more. Take it out."))
        return super().clean(value)

    def usual(self) -> float:
        """Return what an empty box means for this adapter."""
        return usual_weight(self.file) if self.file else USUAL_WEIGHT


def usual_weight(file: ModelFile) -> float:
    """Return the weight that an adapter is used at: what its version recommends, or else what is usual for its kind."""
    version = getattr(file, "adapter_version", None)
    return version.recommended_weight if version else USUAL_WEIGHTS.get(file.method, USUAL_WEIGHT)


def label_of(file: ModelFile) -> str:
    """Return an adapter as it is chosen by: its name, and its kind unless it is the usual one."""
    return label(file.name, file.method)


def label(name: str, method: str) -> str:
    """Return a name with the kind behind it, unless that is the usual one."""
    return name if method in ("", ModelFile.Method.LORA) else f"{name} · {ModelFile.Method(method).label}"


def values_of(weights: Iterable[tuple[Any, float]]) -> dict[str, Any]:
    """Return adapters, by id and in their order, as a form sends them."""
    rows = {f"{PREFIX}{file_id}": weight for file_id, weight in weights}
    return {**rows, "adapter": "", "adapter_weight": USUAL_WEIGHT}


def chosen_in(values: Mapping[str, Any]) -> list[str]:
    """Return the ids of the adapters that have rows, in their order; what is no id is passed over."""
    ids = [name.removeprefix(PREFIX) for name in values if name.startswith(PREFIX)]
    return list(filter(is_id, ids))[: MAX_ADAPTERS + 1]


def is_id(text: str) -> bool:
    """Is this an id as our own pages write it?"""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def rearrange(
    values: Mapping[str, Any], *, is_whole_page: bool, usual: Callable[[str], float] = lambda _id: USUAL_WEIGHT
) -> tuple[dict[str, Any], bool]:
    """Follow the buttons: the adapter chosen last gets a row of its own, or one loses its row.

    A whole page gives the one chosen last its row unasked. Where nobody has touched its weight, the row begins with
    what is `usual` for it. Returns the values, and whether a button was pressed.
    """
    removed, is_asked = values.get(REMOVE, ""), ADD in values or REMOVE in values
    kept = {name: value for name, value in values.items() if name not in (ADD, REMOVE, f"{PREFIX}{removed}")}
    kept.setdefault("adapter_weight", USUAL_WEIGHT)
    last, row = str(kept.get("adapter") or ""), f"{PREFIX}{kept.get('adapter')}"
    if not (ADD in values or is_whole_page) or not is_id(last) or row in kept:
        return kept, is_asked
    weight = kept.get("adapter_weight", "")
    if str(weight) == str(USUAL_WEIGHT) and usual(last) != USUAL_WEIGHT:
        weight = usual(last)
    return {**kept, row: weight, "adapter": "", "adapter_weight": USUAL_WEIGHT}, is_asked
