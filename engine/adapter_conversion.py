"""Turn LoHa, LoKr, DoRA and whole changes into LoRAs: apply them, and keep the largest singular values."""

from collections.abc import Mapping
from functools import partial

import torch

from engine.adapter_layers import Weights
from engine.adapter_math import OnLayer, Reduced, is_matrix, reduce_deltas
from engine.adapter_names import LAYERS_PER_BLOCK
from engine.deltas import Change, read_changes
from engine.errors import ModelError


def to_lora(
    weights: Weights,
    metadata: Mapping[str, str],
    base: Weights,
    *,
    rank: int | None = None,
    energy: float | None = None,
    layers_per_block: int = LAYERS_PER_BLOCK,
    on_layer: OnLayer | None = None,
) -> Reduced:
    """Return the nearest LoRA of a rank, or of the lowest ranks that keep a share of the energy, of a file's tensors.

    `base` holds the parameters of the model that the file is for, as `read_base` returns them. Changed biases and norms
    are named as left out. Raises ModelError.
    """
    changes = read_changes(weights, metadata, layers_per_block=layers_per_block)
    unknown = next((name for name in changes if name not in base), None)
    if unknown is not None:
        message = f"The base model has no {unknown[:120]!r}."
        raise ModelError("adapter_mismatch", message, file="", fitting=0, wanted=len(changes))
    fitting = {name: change for name, change in changes.items() if is_matrix(name, base[name])}
    deltas = {name.removesuffix(".weight"): partial(_work_out, change, base[name]) for name, change in fitting.items()}
    left_out = tuple(name for name in changes if name not in fitting)
    return reduce_deltas(deltas, rank=rank, energy=energy, left_out=left_out, on_layer=on_layer)


def _work_out(change: Change, base: torch.Tensor) -> torch.Tensor:
    weight = base.float()
    return change(weight).double() - weight.double()
