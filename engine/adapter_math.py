"""Compute LoRAs from LoRAs and from weights: merge, resize and extract, linear layers and convolutions alike.

Whatever comes out has alpha = rank in every layer, so nothing is left to scale. A resized layer is the best one of its
rank in the Frobenius norm (Eckart-Young): what is lost is the tail of the singular values.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import torch

from engine.adapter_layers import Layer, Weights, join_layers, resolve_alphas, split_layers
from engine.adapter_names import is_target, name_parameter
from engine.errors import ModelError

# Called with the number of layers that are done and that there are; what it raises stops the work.
OnLayer = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduced:
    """Hold a LoRA and what share of each layer's energy, the sum of its squared values, it has kept.

    `left_out` names parameters that an extraction found changed and that no LoRA can hold: biases, norms, embeddings.
    """

    weights: dict[str, torch.Tensor]
    retained: Mapping[str, float]
    left_out: tuple[str, ...] = ()

    @property
    def ranks(self) -> dict[str, int]:
        """Return every layer's rank."""
        return {name: layer.rank for name, layer in split_layers(self.weights).items()}


def merge(inputs: Iterable[tuple[Weights, float | None, float]]) -> dict[str, torch.Tensor]:
    """Return one LoRA that changes every layer by the weighted sum of what the inputs change it by, exactly.

    Each input is (weights, alpha, weight), where alpha None means the rank; ranks add up. Raises ModelError.
    """
    found: dict[str, list[Layer]] = {}
    for weights, alpha, weight in inputs:
        layers = _split(weights)
        alphas = resolve_alphas(layers, alpha)
        for name, layer in layers.items():
            scale = weight * alphas[name] / layer.rank
            found.setdefault(name, []).append(Layer(down=layer.down.float(), up=layer.up.float() * scale))
    return join_layers({name: _concatenate(name, layers) for name, layers in found.items()})


def resize(
    weights: Weights,
    *,
    rank: int | None = None,
    energy: float | None = None,
    lora_alpha: float | None = None,
    on_layer: OnLayer | None = None,
) -> Reduced:
    """Return a LoRA of a lower rank, or of the lowest ranks that keep a share of each layer's energy (0 to 1).

    No layer's rank rises. Raises ModelError and ValueError.
    """
    _check_wish(rank, energy)
    layers = _split(weights)
    alphas = resolve_alphas(layers, lora_alpha)
    small: dict[str, Layer] = {}
    retained: dict[str, float] = {}
    for index, (name, layer) in enumerate(layers.items()):
        values = _decompose_product(layer, alphas[name] / layer.rank)
        small[name], retained[name] = _cut(values, layer.down.shape, rank, energy)
        _report(on_layer, index + 1, len(layers))
    return Reduced(weights=join_layers(small), retained=retained)


def extract(
    base: Weights,
    tuned: Weights,
    *,
    rank: int | None = None,
    energy: float | None = None,
    with_conv: bool = False,
    chosen: Callable[[str], bool] | None = None,
    device: str = "cpu",
    on_layer: OnLayer | None = None,
) -> Reduced:
    """Return the LoRA that leads from one model's parameters to another's, both as `<network>.<parameter name>`.

    Layers that kohya's LoRA has are taken, or those that `chosen` names; layers that did not change are left out.
    Parameters that only one side has are not compared, so a DreamBooth's weights will do. Raises ModelError.
    """
    _check_wish(rank, energy)
    chosen = chosen or (lambda layer: is_target(layer, with_conv=with_conv))
    base, tuned = _classic(base), _classic(tuned)
    changed = [name for name in tuned if name in base and _differs(name, base[name], tuned[name])]
    wanted = [name for name in changed if is_matrix(name, tuned[name]) and chosen(name.removesuffix(".weight"))]
    deltas = {name.removesuffix(".weight"): partial(_subtract, tuned[name], base[name], device) for name in wanted}
    left_out = tuple(name for name in changed if name not in wanted)
    return reduce_deltas(deltas, rank=rank, energy=energy, left_out=left_out, on_layer=on_layer)


def reduce_deltas(
    deltas: Mapping[str, Callable[[], torch.Tensor]],
    *,
    rank: int | None = None,
    energy: float | None = None,
    left_out: tuple[str, ...] = (),
    on_layer: OnLayer | None = None,
) -> Reduced:
    """Return the LoRA of changes that are worked out as whole matrices, one layer after the other."""
    _check_wish(rank, energy)
    small: dict[str, Layer] = {}
    retained: dict[str, float] = {}
    for index, (name, work_out) in enumerate(deltas.items()):
        delta = work_out()
        small[name], retained[name] = _cut(decompose(delta), delta.shape, rank, energy)
        _report(on_layer, index + 1, len(deltas))
    return Reduced(weights=join_layers(small), retained=retained, left_out=left_out)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decomposed:
    """Hold `left x diag(values) x right`, float64, values falling."""

    left: torch.Tensor
    values: torch.Tensor
    right: torch.Tensor


def decompose(delta: torch.Tensor) -> Decomposed:
    """Return the singular values of a change, with a convolution's kernel beside its inputs."""
    left, values, right = torch.linalg.svd(delta.flatten(1), full_matrices=False)
    return Decomposed(left=left, values=values, right=right)


def _decompose_product(layer: Layer, scale: float) -> Decomposed:
    """Return the singular values of `scale x up x down` without ever making the large product."""
    left, left_rest = torch.linalg.qr(layer.up.double().flatten(1))
    right, right_rest = torch.linalg.qr(layer.down.double().flatten(1).T)
    inner = decompose(scale * left_rest @ right_rest.T)
    return Decomposed(left=left @ inner.left, values=inner.values, right=inner.right @ right.T)


def _cut(found: Decomposed, down_shape: torch.Size, rank: int | None, energy: float | None) -> tuple[Layer, float]:
    """Keep the largest singular values, halved between the two matrices, so that neither leaves half precision."""
    squares = found.values.square()
    total = float(squares.sum())
    count = min(rank or len(squares), len(squares))
    if energy is not None:
        count = min(count, int((squares.cumsum(0) < (energy - 1e-12) * total).sum()) + 1)
    root = found.values[:count].sqrt()
    up = (found.left[:, :count] * root).float().cpu()
    down = (root[:, None] * found.right[:count]).float().cpu()
    layer = Layer(
        down=down.reshape(count, *down_shape[1:]).contiguous(),
        up=up.reshape(len(up), count, *[1] * (len(down_shape) - 2)).contiguous(),
    )
    return layer, float(squares[:count].sum()) / total if total > 0 else 1.0


def _concatenate(name: str, layers: list[Layer]) -> Layer:
    if len({(layer.down.shape[1:], layer.up.shape[0]) for layer in layers}) > 1:
        message = f"The LoRAs are for models of different sizes: {name} differs."
        raise ModelError("adapter_mismatch", message, file="", fitting=0, wanted=len(layers))
    return Layer(down=torch.cat([each.down for each in layers]), up=torch.cat([each.up for each in layers], dim=1))


def _split(weights: Weights) -> dict[str, Layer]:
    layers = split_layers(weights)
    lengths = next((name for name, layer in layers.items() if layer.magnitude is not None), None)
    if lengths is not None:
        message = (
            "A DoRA changes the lengths of whole rows, which depends on the base model: it cannot be computed with."
        )
        raise ModelError("adapter_dora_unsupported", message, layer=lengths)
    return layers


def _check_wish(rank: int | None, energy: float | None) -> None:
    if rank is None and energy is None:
        raise ValueError("Say a rank, or the share of the energy to keep.")
    if (rank is not None and rank < 1) or (energy is not None and not 0 < energy <= 1):
        raise ValueError("A rank is at least 1, and a share is above 0 and at most 1.")


def _differs(name: str, base: torch.Tensor, tuned: torch.Tensor) -> bool:
    if base.shape != tuned.shape:
        message = f"The models are of different sizes: {name} differs."
        raise ModelError("adapter_mismatch", message, file="", fitting=0, wanted=1)
    return not torch.equal(base.float(), tuned.float())


def _classic(weights: Weights) -> dict[str, torch.Tensor]:
    return {name_parameter(name): tensor for name, tensor in weights.items()}


def _subtract(tuned: torch.Tensor, base: torch.Tensor, device: str) -> torch.Tensor:
    # Graphics cards for people count with doubles thirty times slower.
    precision = torch.float64 if device == "cpu" else torch.float32
    return (tuned.double() - base.double()).to(device, precision)


def is_matrix(name: str, tensor: torch.Tensor) -> bool:
    """Say whether a LoRA can change a parameter: the weight of a linear layer or of a convolution."""
    return name.endswith(".weight") and tensor.ndim in (2, 4)


def _report(on_layer: OnLayer | None, done: int, total: int) -> None:
    if on_layer is not None:
        on_layer(done, total)
