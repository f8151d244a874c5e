"""What the axes of a grid and their values are called."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .grids import Axis, Value

LABELS: Mapping[str, Any] = {
    "adapter_weight": gettext_lazy("Adapter's weight"),
    "adapter": gettext_lazy("Adapter"),
    "base_model": gettext_lazy("Model"),
    "vae": gettext_lazy("VAE"),
    "scheduler": gettext_lazy("Scheduler"),
    "num_inference_steps": gettext_lazy("Steps"),
    "guidance_scale": gettext_lazy("Guidance"),
    "seed": gettext_lazy("Seed"),
    "subject": gettext_lazy("Subject"),
    "environment": gettext_lazy("Environment"),
    "light": gettext_lazy("Light"),
    "style": gettext_lazy("Style"),
    "negative": gettext_lazy("Negatives"),
    "replace": gettext_lazy("Words replaced"),
}
GROUPS: Sequence[tuple[Any, Sequence[str]]] = (
    (gettext_lazy("Models"), ("adapter_weight", "adapter", "base_model", "vae")),
    (gettext_lazy("Drawing"), ("scheduler", "num_inference_steps", "guidance_scale", "seed")),
    (gettext_lazy("Words"), ("subject", "environment", "light", "style", "negative", "replace")),
)
NOTHING: Mapping[str, Any] = {"adapter": gettext_lazy("None"), "vae": gettext_lazy("The model's own")}


def says_kind(kind: str) -> str:
    """Return what varies, in the reader's language."""
    return str(LABELS.get(kind, kind))


def says_value(kind: str, value: Value) -> str:
    """Return a value in the reader's language: an empty one says what that means."""
    return value.text or str(NOTHING.get(kind, _("(nothing)")))


def says_axes(axes: Iterable[Axis]) -> str:
    """Return what a grid varies, in one line."""
    return " × ".join(says_kind(axis.kind) for axis in axes)
