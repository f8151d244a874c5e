"""Read adapters that PEFT cannot carry as they are: LyCORIS' LoHa, LoKr and full changes, DoRA, and LoRA with a core.

Each layer of such a file becomes a function from the base model's tensor to what the adapter makes of it at weight 1.
Products are PEFT's own; its layers are not used, because they want one rank and one alpha for a whole network, and
because DoRA there is not the base model at weight 0. Source of the layouts: LyCORIS, A1111's `extensions-builtin`.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial

import torch
from peft.tuners.loha.layer import make_weight, make_weight_cp
from peft.tuners.lokr.layer import make_kron
from peft.tuners.lokr.layer import make_weight_cp as make_core
from torch import Tensor

from engine import lora
from engine.adapter_names import name_layer
from engine.errors import ModelError
from engine.layer_parts import (
    BIAS_DIFFERENCE,
    CORE,
    DIFFERENCE,
    DOWN,
    LOHA,
    LOHA_CORES,
    MAGNITUDES,
    SAME,
    UNUSUAL,
    UP,
    missing_parts,
    part_of,
)

Weights = Mapping[str, Tensor]
Parts = dict[str, Tensor]
Change = Callable[[Tensor], Tensor]

_NETWORKS = ("unet.", "text_encoder.", "text_encoder_2.")


def is_unusual(weights: Weights) -> bool:
    """Does a LoRA file hold anything besides plain pairs of matrices?"""
    return any(part_of(key) in UNUSUAL for key in weights)


def read_changes(weights: Weights, metadata: Mapping[str, str], *, layers_per_block: int) -> dict[str, Change]:
    """Return what each parameter becomes, by `<network>.<parameter name>`. Raises ModelError."""
    changes: dict[str, Change] = {}
    for layer, parts in _layers(weights, metadata).items():
        module = _name_module(layer, layers_per_block)
        if parts.keys() - {BIAS_DIFFERENCE}:
            changes[f"{module}.weight"] = partial(_change, _check_parts(layer, parts))
        if BIAS_DIFFERENCE in parts:
            changes[f"{module}.bias"] = partial(_change, {DIFFERENCE: parts[BIAS_DIFFERENCE]})
    return changes


def _layers(weights: Weights, metadata: Mapping[str, str]) -> dict[str, Parts]:
    """Return the tensors of each layer by their plain names; LoRA's scale is in its upper matrix already."""
    folded = lora.fold_scales(weights, metadata)
    layers: dict[str, Parts] = {}
    for key in weights:
        part = part_of(key)
        if not part:
            raise ModelError("adapter_kind_unsupported", f"{key[-80:]!r} is not understood.", kind=key[-40:])
        layers.setdefault(key.removesuffix(f".{part}"), {})[SAME.get(part, part)] = folded.get(key, weights[key])
    for parts in layers.values():
        if DOWN in parts:
            parts.pop("alpha", None)
    return layers


def _name_module(layer: str, layers_per_block: int) -> str:
    if layer.startswith(_NETWORKS):
        return layer
    try:
        return name_layer(layer, layers_per_block=layers_per_block)
    except ModelError as error:
        raise ModelError(
            "adapter_mismatch", f"No base model has the layer {layer[:80]!r}.", layer=layer[:80]
        ) from error


def _check_parts(layer: str, parts: Parts) -> Parts:
    """Refuse a layer that cannot be worked out from what the file holds."""
    missing = missing_parts(parts)
    if missing:
        message = f"The layer {layer[-80:]} of this adapter is not whole."
        raise ModelError("adapter_incomplete", message, tensors=[f"{layer[-80:]}.{name}" for name in missing])
    alpha = parts.get("alpha")
    if alpha is not None and alpha.numel() != 1:
        raise ModelError("adapter_broken", f"The layer {layer[-80:]} has no usable alpha.", layer=layer[-80:])
    return parts


def _change(parts: Parts, base: Tensor) -> Tensor:
    """Return what a layer makes of a base tensor (float32). Raises ModelError where the two do not fit."""
    own = {name: tensor.to(base.device, torch.float32) for name, tensor in parts.items()}
    try:
        difference = _difference(own)
    except (RuntimeError, IndexError) as error:
        raise _mismatch(base, ()) from error
    # A product of the right size in another shape would be reshaped into noise.
    if difference.shape not in (base.shape, (base.shape[0], math.prod(base.shape[1:]))):
        raise _mismatch(base, difference.shape)
    changed = base + difference.reshape(base.shape)
    return _set_magnitudes(changed, own)


def _difference(own: Parts) -> Tensor:
    if DIFFERENCE in own:
        return own[DIFFERENCE]
    if LOHA[0] in own:
        return _multiply_loha(own, _scale(own, own["hada_w1_b"].shape[0]))
    if "lokr_w1" in own or "lokr_w1_a" in own:
        return _multiply_lokr(own)
    up, down = own[UP].flatten(1), own[DOWN].flatten(1)
    return make_core(own[CORE], up.T, down) if CORE in own else up @ down


def _multiply_loha(own: Parts, scale: float) -> Tensor:
    one, two = [own[name] for name in LOHA[:2]], [own[name] for name in LOHA[2:]]
    factor = torch.tensor(scale, device=one[0].device)
    if LOHA_CORES[0] in own:
        return make_weight_cp(own["hada_t1"], *one, own["hada_t2"], *two, factor)
    return make_weight(*(each.flatten(1) for each in (*one, *two)), factor)


def _multiply_lokr(own: Parts) -> Tensor:
    one = own["lokr_w1"] if "lokr_w1" in own else own["lokr_w1_a"] @ own["lokr_w1_b"]
    if "lokr_w2" in own:
        two = own["lokr_w2"]
    elif "lokr_t2" in own:
        two = make_core(own["lokr_t2"], own["lokr_w2_a"], own["lokr_w2_b"])
    else:
        two = own["lokr_w2_a"] @ own["lokr_w2_b"].flatten(1)
    # Where both are whole there is no rank to divide by, and LyCORIS takes the alpha for the rank.
    rank = next((own[name].shape[0] for name in ("lokr_w2_b", "lokr_w1_b") if name in own), None)
    return make_kron(one, two, 1.0 if rank is None else _scale(own, rank))


def _scale(own: Parts, rank: int) -> float:
    return float(own["alpha"]) / rank if "alpha" in own else 1.0


def _set_magnitudes(changed: Tensor, own: Parts) -> Tensor:
    """Give rows or columns the lengths that DoRA learned."""
    name = next((name for name in MAGNITUDES if name in own), None)
    if name is None:
        return changed
    magnitude = own[name]
    is_by_input = name == "dora_scale" and magnitude.ndim > 1 and magnitude.shape[:2] == (1, changed.shape[1])
    axis = 1 if is_by_input else 0
    if magnitude.numel() != changed.shape[axis]:
        raise _mismatch(changed, magnitude.shape)
    lengths = changed.transpose(0, axis).flatten(1).norm(dim=1)
    shape = [1] * changed.ndim
    shape[axis] = -1
    return changed * (magnitude.flatten() / lengths).reshape(shape)


def _mismatch(base: Tensor, shape: tuple[int, ...]) -> ModelError:
    message = f"A layer of this adapter has the shape {tuple(shape)}, not {tuple(base.shape)}."
    return ModelError("adapter_mismatch", message, found=list(shape), wanted=list(base.shape))
