"""Bring an adapter's weights into the layout of a file, and back.

On disk a LoRA and a textual inversion have kohya's names, a hypernetwork A1111's with the width in front, and a
DreamBooth the parameters' own. In memory all have the names that `Trained.weights` has.
"""

import re
from collections.abc import Callable, Mapping
from typing import Literal

import torch

from engine import lora
from engine.adapter_layers import (
    DOWN,
    MAGNITUDE,
    UP,
    Layer,
    Weights,
    is_lycoris,
    join_layers,
    level_alphas,
    split_layers,
)
from engine.adapter_names import LAYERS_PER_BLOCK, name_kohya, name_layer, name_parameter
from engine.errors import ModelError
from engine.specs import AdapterKind, Architecture

EmbeddingLayout = Literal["diffusers", "kohya", "a1111"]
NETWORKS = ("unet", "text_encoder", "text_encoder_2")
_KOHYA_ENDS: Mapping[str, str] = {".lora_down.weight": DOWN, ".lora_up.weight": UP, ".dora_scale": MAGNITUDE}
_PEFT_ENDS: Mapping[str, str] = {DOWN: DOWN, UP: UP, f"{MAGNITUDE}.weight": MAGNITUDE, MAGNITUDE: MAGNITUDE}
_HYPERNETWORK = re.compile(r"[1-9]\d{0,4}\.[kv]\.linear\.\d{1,3}\.(?:weight|bias)")


def to_kohya(
    weights: Weights,
    *,
    architecture: Architecture,
    lora_alpha: float | None = None,
    layers_per_block: int = LAYERS_PER_BLOCK,
) -> dict[str, torch.Tensor]:
    """Return a LoRA under kohya's names with an alpha for each layer; None means each one's rank. Raises ModelError.

    DoRA's lengths become `dora_scale` [out, 1], as LyCORIS writes them for rows and ComfyUI reads them.
    """
    layers, alpha = level_alphas(split_layers(weights), lora_alpha)
    named: dict[str, torch.Tensor] = {}
    for name, layer in layers.items():
        kohya = name_kohya(name, architecture, layers_per_block=layers_per_block)
        named |= {f"{kohya}.lora_down.weight": layer.down, f"{kohya}.lora_up.weight": layer.up}
        named[f"{kohya}.alpha"] = torch.tensor(alpha)
        if layer.magnitude is not None:
            named[f"{kohya}.dora_scale"] = layer.magnitude.reshape(-1, *[1] * (layer.down.ndim - 1))
    return named


def from_lora_file(
    weights: Weights, metadata: Mapping[str, str], *, layers_per_block: int = LAYERS_PER_BLOCK
) -> dict[str, torch.Tensor]:
    """Return a LoRA of kohya's or PEFT's names as float32 with alpha / rank folded in, so that alpha is the rank.

    Raises ModelError: adapter_broken, adapter_incomplete, adapter_name_unknown, adapter_dora_unsupported.
    """
    folded = lora.fold_scales({name: weight.float() for name, weight in weights.items()}, metadata)
    named: dict[str, torch.Tensor] = {}
    for name, weight in folded.items():
        is_kohya = name.startswith("lora_")
        end = next((end for end in (_KOHYA_ENDS if is_kohya else _PEFT_ENDS) if name.endswith(end)), None)
        if end is None or not (is_kohya or name.split(".")[0] in NETWORKS):
            message = f"{name[:80]!r} belongs to no LoRA."
            raise ModelError("adapter_name_unknown", message, layer=name[:80])
        if end == ".dora_scale" and weight.shape[0] == 1 and weight.numel() > 1:
            raise _dora_by_columns(name)
        layer = name.removesuffix(end)
        layer = name_layer(layer, layers_per_block=layers_per_block) if is_kohya else name_parameter(layer)
        named[layer + (_KOHYA_ENDS if is_kohya else _PEFT_ENDS)[end]] = weight
    return join_layers(split_layers(named))


def to_peft(
    weights: Weights, *, lora_alpha: float | None = None
) -> tuple[dict[str, torch.Tensor], dict[str, dict[str, object]]]:
    """Return a LoRA under PEFT's names, and for each network the configuration that PEFT needs to load it."""
    layers, alpha = level_alphas(split_layers(weights), lora_alpha)
    tensors = join_layers(layers)
    for name, layer in layers.items():
        if layer.magnitude is not None:
            # PEFT takes this name and a shorter one, transformers 5 this only.
            shape = (1, -1, 1, 1) if layer.down.ndim == 4 else (-1,)
            tensors[f"{name}{MAGNITUDE}.weight"] = tensors.pop(f"{name}{MAGNITUDE}").reshape(shape)
    parted = {network: _layers_of(network, layers) for network in NETWORKS}
    return tensors, {network: _configure(own, alpha) for network, own in parted.items() if own}


def to_embedding(weights: Weights, token: str, layout: EmbeddingLayout) -> dict[str, torch.Tensor]:
    """Return the vectors of a textual inversion as diffusers, kohya or A1111 name them.

    For Stable Diffusion XL there is one layout only, that everybody reads: `clip_l` and `clip_g`.
    """
    if set(weights) == {"text_encoder", "text_encoder_2"}:
        return {"clip_l": weights["text_encoder"], "clip_g": weights["text_encoder_2"]}
    if set(weights) != {"text_encoder"}:
        raise ModelError("adapter_incomplete", "The vectors of the text encoder are missing.", tensors=["text_encoder"])
    return {{"diffusers": token, "kohya": "emb_params", "a1111": "*"}[layout]: weights["text_encoder"]}


def from_embedding(weights: Weights) -> dict[str, torch.Tensor]:
    """Return the vectors by text encoder. Raises ModelError("adapter_incomplete")."""
    if {"clip_l", "clip_g"} <= weights.keys():
        return {"text_encoder": weights["clip_l"].float(), "text_encoder_2": weights["clip_g"].float()}
    if len(weights) != 1 or {"clip_l", "clip_g"} & weights.keys():
        raise ModelError("adapter_incomplete", "This textual inversion is not whole.", tensors=sorted(weights)[:3])
    return {"text_encoder": torch.atleast_2d(next(iter(weights.values())).float())}


def find_kind(weights: Weights) -> AdapterKind:
    """Return what kind of adapter a file holds, from its tensors' names. Raises ModelError."""
    if is_lycoris(weights):
        message = "This is a LoHa or LoKr. Turn it into a LoRA first."
        raise ModelError("adapter_lycoris", message)
    tests: Mapping[AdapterKind, Callable[[str], object]] = {
        "lora": lambda name: ".lora" in name,
        "hypernetwork": _HYPERNETWORK.fullmatch,
        "dreambooth": lambda name: name.startswith(tuple(f"{network}." for network in NETWORKS)),
    }
    for kind, fits in tests.items():
        if weights and any(map(fits, weights)):
            return kind
    if 1 <= len(weights) <= 2:
        return "textual_inversion"
    message = "The file is no LoRA, textual inversion, hypernetwork or DreamBooth."
    raise ModelError("adapter_mismatch", message, file="", fitting=0, wanted=len(weights))


def check_names(kind: AdapterKind, weights: Weights) -> dict[str, torch.Tensor]:
    """Return the weights of a hypernetwork, or of a DreamBooth under their classic names. Raises ModelError."""
    for name in weights:
        is_known = _HYPERNETWORK.fullmatch(name) if kind == "hypernetwork" else name.split(".")[0] in NETWORKS
        if not is_known:
            message = f"{name[:80]!r} belongs to no {kind}."
            raise ModelError("adapter_name_unknown", message, layer=name[:80])
    return {name_parameter(name) if kind == "dreambooth" else name: tensor for name, tensor in weights.items()}


def _layers_of(network: str, layers: Mapping[str, Layer]) -> dict[str, Layer]:
    return {name: layer for name, layer in layers.items() if name.split(".")[0] == network}


def _configure(layers: Mapping[str, Layer], alpha: float) -> dict[str, object]:
    # PEFT finds modules by the ends of their names, and transformers has dropped the first word of CLIP's.
    paths = {name: name.partition(".")[2].removeprefix("text_model.") for name in layers}
    ranks = [layer.rank for layer in layers.values()]
    rank = max(set(ranks), key=ranks.count)
    return {
        "peft_type": "LORA",
        "r": rank,
        "lora_alpha": alpha,
        "rank_pattern": {paths[name]: layer.rank for name, layer in layers.items() if layer.rank != rank},
        "alpha_pattern": {},
        "target_modules": sorted(paths.values()),
        "use_dora": any(layer.magnitude is not None for layer in layers.values()),
        "lora_dropout": 0.0,
        "bias": "none",
    }


def _dora_by_columns(name: str) -> ModelError:
    message = f"{name[:80]!r} keeps the lengths of columns. Only DoRA that keeps those of rows can be used."
    return ModelError("adapter_dora_unsupported", message, layer=name[:80])
