"""Reads A1111's `parameters`: a prompt, a negative prompt, and one last line of `Key: value`.

Scans once, without patterns that could run long. Only the last line counts, so `Steps:` inside a prompt is prompt.
"""

import json
import re
from collections.abc import Mapping

from generation.parameters.claims import (
    MAX_PROMPT,
    MAX_RAW,
    Claims,
    LoraClaim,
    Source,
    find_loras,
    make_claims,
    read_lora,
)

NEGATIVE = "Negative prompt:"
KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ \-/]{1,60}")
SIZE = re.compile(r"\s*([0-9]{1,6})\s*x\s*([0-9]{1,6})\s*")
FIELDS = {
    "Steps": "num_inference_steps",
    "Sampler": "sampler",
    "Schedule type": "schedule_type",
    "CFG scale": "guidance_scale",
    "Seed": "seed",
    "Denoising strength": "strength",
    "Model": "model_name",
    "Model hash": "model_hash",
    "VAE": "vae_name",
    "VAE hash": "vae_hash",
    "Version": "version",
}
LEAST_PAIRS = 3
MAX_PAIRS = 200
STRING = json.JSONDecoder(strict=False)


def read_a1111(text: str, source: Source = "a1111") -> Claims:
    """Return what A1111's text says. Without a last line of parameters all of it is prompt."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    head, _, last = lines.rpartition("\n")
    pairs = read_pairs(last[:MAX_RAW])
    warnings = []
    if len(pairs) < LEAST_PAIRS:
        head, pairs, warnings = lines, {}, ["parameters_missing"]
    prompt, negative = split_prompts(head)
    width, height = read_size(pairs.get("Size"))
    values = {
        "prompt": prompt,
        "negative_prompt": negative,
        "width": width,
        "height": height,
        "clip_skip": _clip_skip(pairs.get("Clip skip")),
        **{name: pairs.get(key) for key, name in FIELDS.items()},
    }
    loras = find_loras(prompt[:MAX_PROMPT], read_hashes(pairs.get("Lora hashes", "")))
    return make_claims(source, text, values, loras=(*loras, *find_others(pairs)), warnings=warnings)


def find_others(pairs: Mapping[str, str]) -> list[LoraClaim]:
    """Return the hypernetwork and the embeddings that stand among the values, without those that cannot be read."""
    words = read_hashes(pairs.get("TI hashes", "")).items()
    found = [read_lora(word, 1.0, digest) for word, digest in words]
    if "Hypernet" in pairs:
        strength = pairs.get("Hypernet strength", "1")
        found.insert(0, read_lora(pairs["Hypernet"], strength, pairs.get("Hypernet hash")))
    return [each for each in found if each]


def split_prompts(text: str) -> tuple[str, str]:
    """Return prompt and negative prompt; the first line that begins with the marker divides them."""
    if text.startswith(NEGATIVE):
        return "", text[len(NEGATIVE) :]
    prompt, found, negative = text.partition(f"\n{NEGATIVE}")
    return (prompt, negative) if found else (text, "")


def read_pairs(line: str) -> Mapping[str, str]:
    """Return the `Key: value` pairs of a line in one scan; a value may be a JSON string."""
    pairs: dict[str, str] = {}
    start, colon = 0, line.find(":")
    while colon >= 0 and len(pairs) < MAX_PAIRS:
        key = line[max(start, line.rfind(",", start, colon) + 1) : colon].strip()
        start = colon + 1
        if KEY.fullmatch(key):
            pairs[key], start = _read_value(line, start)
        colon = line.find(":", start)
    return pairs


def read_hashes(text: str) -> Mapping[str, str]:
    """Return the hashes of `name: hash, name: hash` by name, whatever script the names are in."""
    parts = (part.rpartition(":") for part in text.split(",")[:MAX_PAIRS])
    return {name.strip(): digest.strip() for name, _colon, digest in parts if name.strip()}


def read_size(value: str | None) -> tuple[str | None, str | None]:
    """Return width and height of `832x1216`, or the text twice when it is something else, so that it is reported."""
    match = SIZE.fullmatch(value) if value else None
    return (match[1], match[2]) if match else (value, value)


def _read_value(line: str, start: int) -> tuple[str, int]:
    while start < len(line) and line[start] == " ":
        start += 1
    if line[start : start + 1] == '"':
        try:
            value, end = STRING.raw_decode(line, start)
        except ValueError:
            end = -1
        if end >= 0 and line[end:].lstrip()[:1] in ("", ","):
            return value, end
    end = line.find(",", start)
    end = len(line) if end < 0 else end
    return line[start:end].strip(), end


def _clip_skip(value: str | None) -> str | None:
    """Return A1111's count, which begins at one, as diffusers', which begins at zero."""
    return str(int(value) - 1) if value and value.isascii() and value.isdigit() and len(value) < 4 else value
