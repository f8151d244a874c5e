"""Reads Fooocus' `parameters`, which `fooocus_scheme` says is JSON or A1111's text.

Fooocus itself runs `eval` on parts of this text; here sizes and lists are only scanned.
"""

import re
from collections.abc import Mapping
from typing import Any

from generation.parameters.a1111 import read_a1111
from generation.parameters.claims import (
    Claims,
    LoraClaim,
    as_list,
    load_json,
    make_claims,
    read_integer,
    read_lora,
)
from generation.parameters.names import name_comfy

RESOLUTION = re.compile(r"\(?\s*([0-9]{1,6})\s*[,x×*]\s*([0-9]{1,6})\s*\)?")
COMBINED = tuple(f"lora_combined_{number}" for number in range(1, 33))


def read_fooocus(text: str, scheme: str) -> Claims:
    """Return what Fooocus' text says under the scheme that the file names."""
    data = load_json(text) if scheme != "a1111" else None
    return read_fooocus_json(data, text) if isinstance(data, dict) else read_a1111(text, "fooocus")


def read_fooocus_json(data: Mapping[str, Any], raw: str) -> Claims:
    """Return what Fooocus' JSON says."""
    width, height = _resolution(data.get("resolution"))
    values = {
        "prompt": data.get("prompt"),
        "negative_prompt": data.get("negative_prompt"),
        "seed": data.get("seed"),
        "num_inference_steps": data.get("steps"),
        "guidance_scale": data.get("guidance_scale"),
        **name_comfy(data.get("sampler"), data.get("scheduler")),
        "width": width,
        "height": height,
        "clip_skip": _clip_skip(data.get("clip_skip")),
        "model_name": data.get("base_model"),
        "model_hash": data.get("base_model_hash"),
        "vae_name": data.get("vae"),
        "version": data.get("version"),
    }
    return make_claims("fooocus", raw, values, loras=_loras(data))


def _resolution(value: Any) -> tuple[Any, Any]:
    if isinstance(value, list) and len(value) == 2:
        return value[0], value[1]
    match = RESOLUTION.fullmatch(value[:40].strip()) if isinstance(value, str) else None
    return (match[1], match[2]) if match else (value, value)


def _clip_skip(value: Any) -> Any:
    layers = read_integer(value, 1, 25)
    return value if layers is None else layers - 1


def _loras(data: Mapping[str, Any]) -> list[LoraClaim]:
    entries = [entry for entry in as_list(data.get("loras")) if isinstance(entry, list) and 2 <= len(entry) <= 3]
    found = [read_lora(*entry) for entry in entries]
    if not found:
        texts = [data[name] for name in COMBINED if isinstance(data.get(name), str)]
        found = [_combined(text) for text in texts]
    return [lora for lora in found if lora]


def _combined(text: str) -> LoraClaim | None:
    name, _, weight = text.rpartition(":")
    return read_lora(name, weight)
