"""Refuse networks that their file fills only in part: libraries fill the rest with random numbers, and say nothing.

What may be absent by design (tied weights, buffers that are never stored) is no part of what the libraries report.
"""

from collections.abc import Collection, Mapping
from typing import Any

import torch

from engine.errors import ModelError

NAMED = 3


def check_report(report: Mapping[str, Any], component: str) -> None:
    """Refuse what `from_pretrained` reports as missing or of another shape. Raises ModelError."""
    refuse_missing(component, report["missing_keys"])
    refuse_mismatched(component, [name for name, _found, _wanted in report["mismatched_keys"]])


def check_weights(model: torch.nn.Module, weights: Mapping[str, torch.Tensor], component: str) -> None:
    """Refuse weights that lack a name that the network stores, or have it in another shape. Raises ModelError."""
    wanted = {name: weight.shape for name, weight in model.state_dict().items()}
    refuse_missing(component, wanted.keys() - weights.keys())
    refuse_mismatched(component, [name for name, shape in wanted.items() if weights[name].shape != shape])


def refuse_missing(component: str, names: Collection[str]) -> None:
    """Raise ModelError `weights_missing` when a part lacks weights; a sentence names the first three."""
    if names:
        message = f"The {component} of this model lacks weights: {', '.join(_first(names))}."
        raise ModelError("weights_missing", message, component=component, tensors=_first(names), count=len(names))


def refuse_mismatched(component: str, names: Collection[str]) -> None:
    """Raise ModelError `weights_mismatched` when weights have another shape than the part's configuration says."""
    if names:
        message = f"In the {component} of this model, weights have another shape: {', '.join(_first(names))}."
        raise ModelError("weights_mismatched", message, component=component, tensors=_first(names), count=len(names))


def _first(names: Collection[str]) -> list[str]:
    return [name[:120] for name in sorted(names)[:NAMED]]
