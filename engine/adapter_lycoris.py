"""Turn LyCORIS's LoHa and LoKr files into LoRAs: multiply them out, and keep the largest singular values.

LoHa: dW = alpha / rank x (w1_a w1_b) * (w2_a w2_b), element by element. LoKr: dW = alpha / rank x kron(w1, w2), where
each factor may be a product itself; with two whole factors there is no scale. Source: LyCORIS.
"""

import math
from collections.abc import Iterator, Mapping

import torch

from engine.adapter_layers import Weights
from engine.adapter_math import Reduced, reduce_deltas
from engine.adapter_names import LAYERS_PER_BLOCK, kernel_size, name_layer
from engine.errors import ModelError
from engine.specs import Architecture

_HADAMARD = frozenset(("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"))


def to_lora(
    weights: Weights,
    *,
    architecture: Architecture,
    rank: int | None = None,
    energy: float | None = None,
    layers_per_block: int = LAYERS_PER_BLOCK,
) -> Reduced:
    """Return a LoHa's or LoKr's nearest LoRA of a rank, or of the lowest ranks that keep a share of the energy.

    Raises ModelError: adapter_name_unknown, adapter_incomplete, adapter_broken, adapter_dora_unsupported.
    """
    layers: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in weights.items():
        kohya, _, part = name.partition(".")
        layers.setdefault(kohya, {})[part] = tensor.double()
    named = {name_layer(kohya, layers_per_block=layers_per_block): parts for kohya, parts in layers.items()}
    return reduce_deltas(_multiply_out(named, architecture), rank=rank, energy=energy)


def _multiply_out(
    layers: Mapping[str, Mapping[str, torch.Tensor]], architecture: Architecture
) -> Iterator[tuple[str, torch.Tensor]]:
    for name, parts in layers.items():
        if "dora_scale" in parts:
            message = "A DoRA changes the lengths of whole rows, which depends on the base model."
            raise ModelError("adapter_dora_unsupported", message, layer=name)
        try:
            delta = _hadamard(parts) if parts.keys() >= _HADAMARD else _kronecker(name, parts)
            delta = _shape(delta, kernel_size(name, architecture))
        except RuntimeError as error:
            message = f"The parts of {name} do not fit each other."
            raise ModelError("adapter_broken", message, file="", tensor=name) from error
        yield name, delta * _scale(name, parts)


def _hadamard(parts: Mapping[str, torch.Tensor]) -> torch.Tensor:
    halves = [
        _product(parts[f"hada_w{which}_a"], parts[f"hada_w{which}_b"], parts.get(f"hada_t{which}")) for which in (1, 2)
    ]
    return halves[0] * halves[1]


def _kronecker(name: str, parts: Mapping[str, torch.Tensor]) -> torch.Tensor:
    factors = []
    for which in (1, 2):
        whole, up, down = (parts.get(f"lokr_w{which}{end}") for end in ("", "_a", "_b"))
        if whole is not None:
            factors.append(whole)
        elif up is not None and down is not None:
            factors.append(_product(up, down, parts.get(f"lokr_t{which}")))
        else:
            raise ModelError("adapter_incomplete", f"Parts of {name} are missing.", tensors=[name])
    first, second = factors
    return torch.kron(first.reshape(*first.shape, *[1] * (second.ndim - first.ndim)), second)


def _product(up: torch.Tensor, down: torch.Tensor, core: torch.Tensor | None) -> torch.Tensor:
    """Multiply two factors, around Tucker's core of a convolution's kernel where there is one."""
    if core is None:
        return up @ down.flatten(1)
    return torch.einsum("ij...,ip,jr->pr...", core, up, down)


def _shape(delta: torch.Tensor, kernel: int | None) -> torch.Tensor:
    """Give a change the shape of the layer's weight, which the file itself may have kept flat."""
    if kernel is None or delta.ndim == 4:
        return delta
    return delta.reshape(delta.shape[0], -1, kernel, kernel)


def _scale(name: str, parts: Mapping[str, torch.Tensor]) -> float:
    down = next((parts[key] for key in ("hada_w1_b", "lokr_w2_b", "lokr_w1_b") if key in parts), None)
    if down is None or "alpha" not in parts:
        return 1.0
    scale = float(parts["alpha"]) / down.shape[0]
    if not math.isfinite(scale):
        raise ModelError("adapter_broken", f"The layer {name} has no usable alpha.", file="", tensor=name)
    return scale
