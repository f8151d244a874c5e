"""Values for models as small as the bundled one, as they were measured to work on it. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

SMALL = "small"
# The side up to which a model counts as small, in pixels.
MOST_SIDE = 256
COMMON: Mapping[str, Any] = MappingProxyType(
    {"train_batch_size": 4, "validation_steps": 20, "checkpointing_steps": 50, "sample_steps": 100}
)
VALUES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "lora": {"learning_rate": 2e-3, "max_train_steps": 200, "rank": 8, "lora_alpha": 8.0},
        "dreambooth_lora": {"learning_rate": 2e-3, "max_train_steps": 200, "rank": 8, "lora_alpha": 8.0},
        "dreambooth": {"learning_rate": 1e-4, "max_train_steps": 200},
        "textual_inversion": {"learning_rate": 1e-2, "max_train_steps": 120, "weight_decay": 0.0},
        "hypernetwork": {"learning_rate": 1e-3, "max_train_steps": 300, "activation_func": "relu"},
    }
)


def is_small(side: int) -> bool:
    """Is a model with pictures of this side as small as the bundled one?"""
    return 0 < side <= MOST_SIDE


def small_values(method: str, side: int) -> dict[str, Any]:
    """Return values of a TrainingSpec by field for a way to train a small model."""
    return {**COMMON, **VALUES[method], "resolution": side}
