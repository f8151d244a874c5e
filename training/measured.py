"""What fields that are off by default were measured to do on the bundled model, against learning by heart.

Source: benchmarks/results/learning.json, whose "levers" say the same with three seeds each; docs/benchmarks.md has the
figures.
"""

from collections.abc import Mapping
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _

Effect = Literal["better", "worse", "none"]
EFFECTS: Mapping[str, Effect] = {
    "random_flip": "none",
    "rotation_degrees": "better",
    "crop_scale": "better",
    "color_jitter": "better",
    "weight_decay": "better",
    "lora_dropout": "better",
    "l1_weight": "better",
    "ema_decay": "better",
    "caption_dropout": "better",
}
WORDS: Mapping[Effect, Any] = {
    "better": _("Measured on the bundled model: it learned less by heart."),
    "worse": _("Measured on the bundled model: held-out pictures fared worse."),
    "none": _("No measured effect on the bundled model."),
}


def effect_words(field: str) -> str:
    """Return what was measured of a field, nothing for one that is no such lever."""
    return str(WORDS[EFFECTS[field]]) if field in EFFECTS else ""
