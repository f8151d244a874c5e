"""Writes a recipe into the picture that it made: A1111's `parameters` and Daicho's own `daicho` text."""

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import rfc8785
from PIL import Image, PngImagePlugin

from engine.specs import AdapterRef, ImageSpec
from generation.parameters.claims import clean_name, clean_text

# Level 6 takes three times as long for files of the same size.
COMPRESSION = 4
SHORT_HASH = 10
WORD_HASH = 12
UNTAGGED = re.compile(r"[<>:,\"]")


class SchedulerName(Protocol):
    """Name a scheduler in A1111's words: label `DPM++ 2M`, schedule type `Karras`."""

    @property
    def label(self) -> str: ...

    @property
    def schedule_type(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterName:
    """Say what people call an adapter; `sha256` is the spec's, `short_hash` A1111's 12 hex digits of its tensors."""

    sha256: str
    name: str
    short_hash: str | None = None


def a1111_parameters(
    spec: ImageSpec,
    *,
    model_name: str,
    model_sha256: str,
    scheduler: SchedulerName,
    version: str,
    vae_name: str | None = None,
    adapters: Sequence[AdapterName] = (),
) -> str:
    """Return a recipe as A1111's text. LoRAs that the prompt does not name join it as `<lora:name:weight>`.

    One hypernetwork stands among the values, as A1111 reads it; several join the prompt in the same way as LoRAs.
    """
    names = {adapter.sha256: adapter for adapter in adapters}
    values = {
        **_sampling_values(spec, scheduler),
        "Model hash": model_sha256[:SHORT_HASH],
        "Model": clean_name(model_name),
        **_vae_values(spec, vae_name),
        "Clip skip": spec.clip_skip + 1 if spec.clip_skip else None,
        "Lora hashes": _lora_hashes(spec, names),
        "TI hashes": _word_hashes(spec, names),
        **_net_values(spec, names),
        "DreamBooth": _named_weights(spec, names, "dreambooth"),
        "Version": f"Daicho {version}",
    }
    line = ", ".join(f"{key}: {_quote(value)}" for key, value in values.items() if value is not None)
    return "\n".join([*_prompt_lines(spec, names), line])


def write_png(image: Image.Image, *, parameters: str, daicho: Mapping[str, Any]) -> bytes:
    """Return the picture as PNG that carries both texts. The same input always gives the same bytes."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", parameters)
    texts.add_text("daicho", rfc8785.dumps(dict(daicho)).decode())
    file = io.BytesIO()
    clean = image.copy()
    clean.info.clear()
    clean.save(file, "PNG", pnginfo=texts, compress_level=COMPRESSION)
    return file.getvalue()


def _prompt_lines(spec: ImageSpec, names: Mapping[str, AdapterName]) -> list[str]:
    nets = _tags(spec, names, "hypernetwork", "hypernet")
    tags = [*_tags(spec, names, "lora", "lora"), *(nets if len(nets) > 1 else [])]
    prompt = " ".join([clean_text(spec.prompt), *tags]).strip()
    negative = clean_text(spec.negative_prompt).strip()
    return [line for line in (prompt, negative and f"Negative prompt: {negative}") if line]


def _sampling_values(spec: ImageSpec, scheduler: SchedulerName) -> dict[str, str | int | None]:
    return {
        "Steps": spec.num_inference_steps,
        "Sampler": scheduler.label,
        "Schedule type": scheduler.schedule_type or None,
        "CFG scale": _plain_number(spec.guidance_scale),
        "Seed": spec.seed,
        "Size": f"{spec.width}x{spec.height}",
    }


def _vae_values(spec: ImageSpec, name: str | None) -> dict[str, str | None]:
    return {"VAE hash": spec.vae[:SHORT_HASH], "VAE": clean_name(name)} if spec.vae else {}


def _tag_name(name: str) -> str:
    """Return a name without the marks that end a tag, or the name in a list of hashes."""
    return " ".join(UNTAGGED.sub(" ", clean_name(name) or "").split()) or "adapter"


def _used(spec: ImageSpec, names: Mapping[str, AdapterName], kind: str) -> list[tuple[str, AdapterRef]]:
    """Return the adapters of a kind with their names as tags hold them, in their order."""
    refs = [ref for ref in spec.adapters if ref.kind == kind and ref.sha256 in names]
    return [(_tag_name(names[ref.sha256].name), ref) for ref in refs]


def _tags(spec: ImageSpec, names: Mapping[str, AdapterName], kind: str, tag: str) -> list[str]:
    used = [(f"<{tag}:{name}:", ref.weight) for name, ref in _used(spec, names, kind)]
    return [f"{start}{_plain_number(weight)}>" for start, weight in used if start not in spec.prompt]


def _lora_hashes(spec: ImageSpec, names: Mapping[str, AdapterName]) -> str | None:
    used = [(name, names[ref.sha256].short_hash) for name, ref in _used(spec, names, "lora")]
    return ", ".join(f"{name}: {digits}" for name, digits in used if digits) or None


def _word_hashes(spec: ImageSpec, names: Mapping[str, AdapterName]) -> str | None:
    """Return the embeddings whose words are in the prompts, by these words, with the first digits of their files."""
    said = f"{spec.prompt}\n{spec.negative_prompt}".casefold()
    used = [(ref.word or name, ref) for name, ref in _used(spec, names, "textual_inversion")]
    found = [(_tag_name(word), ref.sha256[:WORD_HASH]) for word, ref in used if word.casefold() in said]
    return ", ".join(f"{word}: {digits}" for word, digits in found) or None


def _net_values(spec: ImageSpec, names: Mapping[str, AdapterName]) -> dict[str, str]:
    used = _used(spec, names, "hypernetwork")
    if len(used) != 1 or f"<hypernet:{used[0][0]}:" in spec.prompt:
        return {}
    [(name, ref)] = used
    return {"Hypernet": name, "Hypernet hash": ref.sha256[:SHORT_HASH], "Hypernet strength": _plain_number(ref.weight)}


def _named_weights(spec: ImageSpec, names: Mapping[str, AdapterName], kind: str) -> str | None:
    used = _used(spec, names, kind)
    return ", ".join(f"{name}: {_plain_number(ref.weight)}" for name, ref in used) or None


def _plain_number(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _quote(value: str | int) -> str:
    text = str(value)
    if any(mark in text for mark in ',:\n"'):
        return json.dumps(text, ensure_ascii=False)
    return text
