"""Reads InvokeAI's `invokeai_metadata`."""

from collections.abc import Mapping
from typing import Any

from generation.parameters.claims import Claims, LoraClaim, as_list, as_mapping, make_claims, read_hash, read_lora
from generation.parameters.names import name_invoke


def read_invokeai(data: Mapping[str, Any], raw: str) -> Claims:
    """Return what InvokeAI's metadata says. Its BLAKE3 hashes are not kept: Daicho knows files by sha256."""
    model = as_mapping(data.get("model"))
    vae = data.get("vae")
    values = {
        "prompt": data.get("positive_prompt"),
        "negative_prompt": data.get("negative_prompt"),
        "seed": data.get("seed"),
        "num_inference_steps": data.get("steps"),
        "guidance_scale": data.get("cfg_scale"),
        **name_invoke(data.get("scheduler")),
        "width": data.get("width"),
        "height": data.get("height"),
        "clip_skip": data.get("clip_skip"),
        "strength": data.get("strength"),
        "model_name": _name(model),
        "model_hash": read_hash(model.get("hash")),
        "vae_name": _name(vae) if isinstance(vae, dict) else vae,
        "version": data.get("app_version"),
    }
    loras = [_lora(as_mapping(entry)) for entry in as_list(data.get("loras"))]
    return make_claims("invokeai", raw, values, loras=[lora for lora in loras if lora])


def _name(model: Mapping[str, Any]) -> Any:
    return model.get("name") or model.get("model_name")


def _lora(entry: Mapping[str, Any]) -> LoraClaim | None:
    model = as_mapping(entry.get("model") or entry.get("lora"))
    return read_lora(_name(model), entry.get("weight", 1.0), model.get("hash"))
