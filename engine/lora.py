"""Bring LoRA files to one form: scales folded into the weights, text encoder layers under PEFT's names.

kohya: dW = (alpha / rank) x up x down for each layer, and a missing alpha means the rank. diffusers guesses one
alpha for a whole network, and reads text encoder layers only when all four projections are there; after this
module there is nothing left to guess.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import torch

from engine.errors import ModelError

Weights = Mapping[str, torch.Tensor]

ENDINGS: Mapping[str, str] = {
    ".lora_down.weight": ".lora_up.weight",
    ".lora_A.weight": ".lora_B.weight",
    ".lora.down.weight": ".lora.up.weight",
    ".lora_linear_layer.down.weight": ".lora_linear_layer.up.weight",
}
_TEXT_LAYER = re.compile(
    r"lora_te(?P<which>1|2)?_(?P<path>text_model_encoder_layers_(?P<index>\d+)_(?P<layer>\w+?)|text_projection)"
    r"\.lora_(?P<side>down|up)\.weight"
)
_TEXT_NAMES: Mapping[str, str] = {
    "self_attn_q_proj": "self_attn.q_proj",
    "self_attn_k_proj": "self_attn.k_proj",
    "self_attn_v_proj": "self_attn.v_proj",
    "self_attn_out_proj": "self_attn.out_proj",
    "mlp_fc1": "mlp.fc1",
    "mlp_fc2": "mlp.fc2",
}


def count_matrices(weights: Weights) -> int:
    """Return how many LoRA matrices a file holds, two for each layer."""
    return sum(key.endswith((*ENDINGS, *ENDINGS.values())) for key in weights)


def lonely_matrices(weights: Weights) -> list[str]:
    """Return the matrices whose partner is not there: PEFT would make that one up, with random numbers or zeros."""
    pairs = {**ENDINGS, **{up: down for down, up in ENDINGS.items()}}
    return [
        key
        for key in weights
        for end, partner in pairs.items()
        if key.endswith(end) and key.removesuffix(end) + partner not in weights
    ]


def fold_scales(weights: Weights, metadata: Mapping[str, str]) -> dict[str, torch.Tensor]:
    """Return the weights with every layer's alpha / rank multiplied into its upper matrix, and no alphas left."""
    folded = {key: value for key, value in weights.items() if not key.endswith(".alpha")}
    saved = _read_peft_metadata(metadata)
    for down, up, layer in _pairs(weights):
        rank = weights[down].shape[0]
        scale = _scale(weights.get(f"{layer}.alpha"), saved, layer, rank)
        if not math.isfinite(scale):
            raise ModelError("adapter_broken", f"The layer {layer} of this LoRA has no usable alpha.", layer=layer)
        if up in weights and scale != 1:
            folded[up] = (weights[up].float() * scale).to(weights[up].dtype)
    return folded


def rename_text_layers(weights: Weights) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return the text encoders' kohya layers under PEFT's names, and everything else as it was."""
    text: dict[str, torch.Tensor] = {}
    others: dict[str, torch.Tensor] = {}
    for key, value in weights.items():
        name = _rename_text_layer(key)
        (text if name else others)[name or key] = value
    return text, others


def _pairs(weights: Weights) -> list[tuple[str, str, str]]:
    found = []
    for key in weights:
        for down, up in ENDINGS.items():
            if key.endswith(down):
                layer = key.removesuffix(down)
                found.append((key, layer + up, layer))
    return found


def _scale(alpha: torch.Tensor | None, saved: Mapping[str, Any], layer: str, rank: int) -> float:
    if alpha is not None:
        return float(alpha) / rank
    network, _, path = layer.partition(".")
    value = saved.get(f"{network}.alpha_pattern", {}).get(path, saved.get(f"{network}.lora_alpha", rank))
    root = math.sqrt(rank) if saved.get(f"{network}.use_rslora") else rank
    return float(value) / root


def _read_peft_metadata(metadata: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        saved = json.loads(metadata.get("lora_adapter_metadata", "{}"))
    except (ValueError, RecursionError) as error:
        raise ModelError("adapter_broken", "The LoRA's own description is not readable.") from error
    return saved if isinstance(saved, dict) else {}


def _rename_text_layer(key: str) -> str | None:
    match = _TEXT_LAYER.fullmatch(key)
    if match is None:
        return None
    network = "text_encoder_2" if match["which"] == "2" else "text_encoder"
    side = "lora_A" if match["side"] == "down" else "lora_B"
    if match["path"] == "text_projection":
        return f"{network}.text_projection.{side}.weight"
    layer = _TEXT_NAMES.get(match["layer"])
    return layer and f"{network}.text_model.encoder.layers.{match['index']}.{layer}.{side}.weight"
