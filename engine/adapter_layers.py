"""Hold a LoRA layer by layer, whether its matrices belong to linear layers or to convolutions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch

from engine.errors import ModelError

Weights = Mapping[str, torch.Tensor]

DOWN, UP, MAGNITUDE = ".lora_A.weight", ".lora_B.weight", ".lora_magnitude_vector"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """Hold what one layer of a LoRA adds: `alpha / rank x up x down`, and DoRA's length of each row.

    `down` is [rank, in] or [rank, in, height, width], `up` [out, rank] or [out, rank, 1, 1], `magnitude` [out].
    """

    down: torch.Tensor
    up: torch.Tensor
    magnitude: torch.Tensor | None = None

    @property
    def rank(self) -> int:
        """Return how many rows `down` has."""
        return self.down.shape[0]

    def delta(self) -> torch.Tensor:
        """Return `up x down` in the shape of the layer's weight."""
        product = self.up.flatten(1) @ self.down.flatten(1)
        return product.reshape(self.up.shape[0], *self.down.shape[1:])


def split_layers(weights: Weights) -> dict[str, Layer]:
    """Return a LoRA's layers by name, in order. Raises ModelError for halves, foreign tensors and shapes that differ.

    Codes: adapter_incomplete, adapter_name_unknown, adapter_broken.
    """
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in weights.items():
        end = next((end for end in (DOWN, UP, MAGNITUDE) if name.endswith(end)), None)
        if end is None:
            message = f"{name[:80]!r} belongs to no LoRA."
            raise ModelError("adapter_name_unknown", message, layer=name[:80])
        parts.setdefault(name.removesuffix(end), {})[end] = tensor
    return {layer: _check_layer(layer, found) for layer, found in parts.items()}


def join_layers(layers: Mapping[str, Layer]) -> dict[str, torch.Tensor]:
    """Return the weights that `split_layers` takes apart."""
    weights = {}
    for name, layer in layers.items():
        weights |= {f"{name}{DOWN}": layer.down, f"{name}{UP}": layer.up}
        if layer.magnitude is not None:
            weights[f"{name}{MAGNITUDE}"] = layer.magnitude
    return weights


def resolve_alphas(layers: Mapping[str, Layer], alpha: float | None) -> dict[str, float]:
    """Return every layer's alpha; None means each layer's own rank."""
    return {name: float(layer.rank if alpha is None else alpha) for name, layer in layers.items()}


def level_alphas(layers: Mapping[str, Layer], alpha: float | None) -> tuple[dict[str, Layer], float]:
    """Return the layers with one alpha for all of them, what differs multiplied into `up`.

    diffusers misreads files whose alphas differ, as those of each layer's rank do after a merge.
    """
    alphas = resolve_alphas(layers, alpha)
    common = max(set(alphas.values()), key=list(alphas.values()).count, default=1.0)
    return {name: _scale_up(layer, alphas[name] / common) for name, layer in layers.items()}, common


def is_lycoris(names: Iterable[str]) -> bool:
    """Say whether a file's tensors are those of a LoHa or LoKr."""
    return any(".hada_" in name or ".lokr_" in name for name in names)


def _check_layer(name: str, found: Mapping[str, torch.Tensor]) -> Layer:
    down, up, magnitude = (found.get(end) for end in (DOWN, UP, MAGNITUDE))
    if down is None or up is None:
        message = f"The LoRA lacks the other half of {name}."
        raise ModelError("adapter_incomplete", message, tensors=[name])
    fits = down.ndim == up.ndim and down.ndim in (2, 4) and 0 < down.shape[0] == up.shape[1]
    fits = fits and all(size == 1 for size in up.shape[2:])
    if magnitude is not None:
        magnitude = magnitude.reshape(-1)
        fits = fits and len(magnitude) == up.shape[0]
    if not fits:
        message = f"The two halves of {name} do not fit each other."
        raise ModelError("adapter_broken", message, file="", tensor=name)
    return Layer(down=down, up=up, magnitude=magnitude)


def _scale_up(layer: Layer, factor: float) -> Layer:
    return layer if factor == 1 else Layer(down=layer.down, up=layer.up * factor, magnitude=layer.magnitude)
