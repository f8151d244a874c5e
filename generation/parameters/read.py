"""Reads what an uploaded picture claims about how it was made, whichever tool wrote it."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from assets.pictures import MAX_BYTES, read_container
from engine.specs import ImageSpec
from generation.parameters.a1111 import read_a1111
from generation.parameters.claims import (
    LORA_TAG,
    Claims,
    FindScheduler,
    LoraClaim,
    as_list,
    as_mapping,
    load_json,
    make_claims,
    read_lora,
)
from generation.parameters.comfyui import read_comfyui
from generation.parameters.fooocus import read_fooocus, read_fooocus_json
from generation.parameters.invokeai import read_invokeai
from generation.parameters.swarm import read_swarm

FORM_FIELDS = {
    "negative": "negative_prompt",
    "seed": "seed",
    "num_inference_steps": "num_inference_steps",
    "guidance_scale": "guidance_scale",
    "scheduler": "scheduler",
    "width": "width",
    "height": "height",
    "clip_skip": "clip_skip",
}
SPEC_FIELDS = frozenset(field.name for field in dataclasses.fields(ImageSpec)) & {
    field.name for field in dataclasses.fields(Claims)
}
DOUBLE_SEPARATORS = re.compile(r",(?:[ \t]*,)+")


def read_claims(
    data: bytes, *, find_scheduler: FindScheduler | None = None, max_bytes: int = MAX_BYTES
) -> Claims | None:
    """Return what a picture file says about how it was made, or None when it says nothing that is known.

    `find_scheduler` turns A1111's words for a sampler into one of Daicho's, as `engine.schedulers` does. No pixel is
    decoded. Raises PictureError when the file's container is refused.
    """
    return claims_of(read_container(data, max_bytes=max_bytes).texts, find_scheduler=find_scheduler)


def claims_of(texts: Mapping[str, str], *, find_scheduler: FindScheduler | None = None) -> Claims | None:
    """Return the claims in texts that `open_picture` has read already, or None."""
    claims = _daicho(texts) or _invokeai(texts) or _parameters(texts) or _comfyui(texts)
    if claims is None or claims.scheduler or not claims.sampler or find_scheduler is None:
        return claims
    # Before A1111 wrote a schedule type, a name without one meant the plain schedule.
    info = find_scheduler(claims.sampler, claims.schedule_type or "Uniform")
    if info is None:
        return dataclasses.replace(claims, warnings=(*claims.warnings, "scheduler_unknown"))
    return dataclasses.replace(claims, scheduler=info.key)


def claims_to_form(claims: Claims) -> dict[str, Any]:
    """Return the form values for "reuse all": the whole prompt goes to the subject, LoRA tags are left out.

    Only values that the picture names are in it; models and LoRAs are for the caller to match by hash or name.
    """
    values = {field: getattr(claims, name) for field, name in FORM_FIELDS.items()}
    prompt = DOUBLE_SEPARATORS.sub(",", LORA_TAG.sub("", claims.prompt)).strip(" ,\n")
    known = {field: value for field, value in values.items() if value is not None}
    return {"subject": prompt, **known}


def _daicho(texts: Mapping[str, str]) -> Claims | None:
    data = as_mapping(load_json(texts.get("daicho", "")))
    spec = as_mapping(data.get("spec"))
    if "prompt" not in spec:
        return None
    values = {name: spec[name] for name in SPEC_FIELDS if name in spec}
    said = read_a1111(texts.get("parameters", ""))
    values |= {"model_hash": spec.get("base_model"), "vae_hash": spec.get("vae"), "version": said.version}
    values |= {"model_name": said.model_name, "vae_name": said.vae_name}
    values |= {"sampler": said.sampler, "schedule_type": said.schedule_type}
    return make_claims("daicho", texts["daicho"], values, loras=_chosen(data, spec) or said.loras)


def _chosen(data: Mapping[str, Any], spec: Mapping[str, Any]) -> list[LoraClaim]:
    """Return the adapters of our own recipe, in their order, with their whole hashes."""
    names, found = as_mapping(data.get("adapter_names")), []
    for entry in map(as_mapping, as_list(spec.get("adapters"))):
        digest = entry.get("sha256")
        named = names.get(digest) if isinstance(digest, str) else None
        found.append(read_lora(named or digest, entry.get("weight"), digest))
    return [lora for lora in found if lora]


def _invokeai(texts: Mapping[str, str]) -> Claims | None:
    raw = texts.get("invokeai_metadata", "")
    data = load_json(raw)
    return read_invokeai(data, raw) if isinstance(data, dict) else None


def _parameters(texts: Mapping[str, str]) -> Claims | None:
    raw = texts.get("parameters") or texts.get("exif:user_comment")
    if not raw:
        return None
    scheme = texts.get("fooocus_scheme") or texts.get("exif:maker_note")
    if scheme in ("fooocus", "a1111"):
        return read_fooocus(raw, scheme)
    data = load_json(raw) if raw.lstrip().startswith("{") else None
    if "sui_image_params" in as_mapping(data):
        return read_swarm(as_mapping(data), raw)
    if "metadata_scheme" in as_mapping(data):
        return read_fooocus_json(as_mapping(data), raw)
    claims = read_a1111(raw)
    # Cameras and phones write their own words into EXIF's comment.
    is_comment = "parameters" not in texts and "parameters_missing" in claims.warnings
    return None if is_comment else claims


def _comfyui(texts: Mapping[str, str]) -> Claims | None:
    raw = texts.get("prompt") or _after(texts.get("exif:model"), "prompt:") or _after(texts.get("exif:make"), "prompt:")
    if not raw:
        return None
    data = load_json(raw)
    return read_comfyui(data, raw) if isinstance(data, dict) else None


def _after(text: str | None, prefix: str) -> str | None:
    return text[len(prefix) :] if text and text.lower().startswith(prefix) else None
