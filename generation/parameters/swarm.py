"""Reads SwarmUI's `parameters`: JSON with `sui_image_params`, and file hashes in `sui_models`."""

from collections.abc import Mapping
from typing import Any

from generation.parameters.claims import Claims, as_list, as_mapping, make_claims, read_hash, read_integer, read_lora
from generation.parameters.names import name_comfy


def read_swarm(data: Mapping[str, Any], raw: str) -> Claims:
    """Return what SwarmUI's metadata says."""
    said = as_mapping(data.get("sui_image_params"))
    hashes = _hashes(data)
    values = {
        "prompt": said.get("prompt"),
        "negative_prompt": said.get("negativeprompt"),
        "seed": said.get("seed"),
        "num_inference_steps": said.get("steps"),
        "guidance_scale": said.get("cfgscale"),
        **name_comfy(said.get("sampler"), said.get("scheduler")),
        "width": said.get("width"),
        "height": said.get("height"),
        "clip_skip": _clip_skip(said.get("clipstopatlayer")),
        "strength": said.get("initimagecreativity"),
        "model_name": said.get("model"),
        "model_hash": hashes.get(str(said.get("model"))),
        "vae_name": said.get("vae"),
        "vae_hash": hashes.get(str(said.get("vae"))),
        "version": said.get("swarm_version"),
    }
    names, weights = _items(said.get("loras")), _items(said.get("loraweights"))
    weights += [1.0] * (len(names) - len(weights))
    loras = [read_lora(name, weight, hashes.get(str(name))) for name, weight in zip(names, weights, strict=False)]
    return make_claims("swarmui", raw, values, loras=[lora for lora in loras if lora])


def _hashes(data: Mapping[str, Any]) -> Mapping[str, str]:
    models = [as_mapping(model) for model in as_list(data.get("sui_models"))]
    found = {str(model.get("name")): read_hash(model.get("hash")) for model in models}
    known = {name: digest for name, digest in found.items() if digest}
    return known | {name.removesuffix(".safetensors"): digest for name, digest in known.items()}


def _items(value: Any) -> list[Any]:
    """Return a list that older versions wrote as text with commas."""
    return value[:4096].split(",") if isinstance(value, str) else list(as_list(value))


def _clip_skip(value: Any) -> int | None:
    layer = read_integer(value, -24, -1)
    return None if layer is None else -layer - 1
