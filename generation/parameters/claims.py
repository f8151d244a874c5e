"""What a picture's text says about how it was made: claims by a stranger, cleaned, bounded and never run."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Source = Literal["daicho", "a1111", "invokeai", "comfyui", "swarmui", "fooocus"]

MAX_JSON = 2 * 1024 * 1024
MAX_PROMPT = 20_000
MAX_RAW = 65_536
MAX_NAME = 200
MAX_LORAS = 64
MAX_SEED = 2**64 - 1
HASH = re.compile(r"(?:0x|sha256:)?([0-9a-fA-F]{8,64})")
INTEGER = re.compile(r"-?[0-9]{1,22}")
NUMBER = re.compile(r"[-+]?(?:[0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,3})?")
LORA_TAG = re.compile(r"<(?:lora|hypernet):([^<>:\n]{1,200}):([^<>:\n]{1,40})(?::[^<>\n]{0,80})?>")
# Controls except tab and newline, surrogates, and invisible characters that hide or turn text. Joiners stay: emoji
# and several scripts need them.
UNWANTED = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\\ud800-\\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


class NamedScheduler(Protocol):
    """Name one of Daicho's schedulers by its key."""

    @property
    def key(self) -> str: ...


FindScheduler = Callable[[str, str], NamedScheduler | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraClaim:
    """Name a LoRA, or another adapter, that a picture says it was made with."""

    name: str
    weight: float = 1.0
    hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Hold what a file says about how it was made. Nothing here is proved until a hash matches a known model.

    `sampler` and `schedule_type` are A1111's words where the file's own could be translated, and `scheduler` is
    Daicho's key when those are known. `clip_skip` counts as diffusers does (0 = none). `raw` is the text that was
    read, cut to 64 Ki characters. `warnings` are codes such as `seed_invalid`.
    """

    source: Source
    raw: str
    prompt: str = ""
    negative_prompt: str = ""
    seed: int | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    sampler: str = ""
    schedule_type: str = ""
    scheduler: str | None = None
    width: int | None = None
    height: int | None = None
    clip_skip: int | None = None
    strength: float | None = None
    model_name: str = ""
    model_hash: str | None = None
    vae_name: str = ""
    vae_hash: str | None = None
    loras: tuple[LoraClaim, ...] = ()
    version: str = ""
    warnings: tuple[str, ...] = ()
    unverified: Literal[True] = True


def make_claims(
    source: Source,
    raw: str,
    values: Mapping[str, Any],
    *,
    loras: Iterable[LoraClaim] = (),
    warnings: Iterable[str] = (),
) -> Claims:
    """Read each value by its field's own rule. One that does not fit is left out with the warning `<field>_invalid`."""
    said = {name: value for name, value in values.items() if value is not None and value != ""}
    read = {name: READERS[name](value) for name, value in said.items()}
    found = [*warnings, *(f"{name}_invalid" for name, value in read.items() if value is None)]
    for name in ("prompt", "negative_prompt"):
        if isinstance(said.get(name), str) and len(said[name]) > MAX_PROMPT:
            found.append(f"{name}_cut")
    kept = {name: value for name, value in read.items() if value is not None}
    return Claims(
        source=source,
        raw=clean_text(raw, MAX_RAW),
        loras=tuple(loras)[:MAX_LORAS],
        warnings=tuple(dict.fromkeys(found)),
        **kept,
    )


def load_json(text: str) -> Any:
    """Return JSON of at most 2 Mi characters, in which NaN may stand, or None when it is damaged, deep or larger."""
    if len(text) > MAX_JSON:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def clean_text(text: Any, limit: int = MAX_PROMPT) -> str:
    """Return text without control, direction and surrogate characters, with LF line ends, cut to `limit`."""
    if not isinstance(text, str):
        return ""
    shorter = text[: limit * 2].replace("\r\n", "\n").replace("\r", "\n")
    return UNWANTED.sub("", shorter)[:limit]


def clean_name(text: Any) -> str | None:
    """Return a name of at most 200 characters on one line, or None when there is nothing to read."""
    return " ".join(clean_text(text, MAX_NAME).split()) or None


def read_text(value: Any) -> str | None:
    """Return a prompt without spaces and lines around it, or None when it is not text."""
    return clean_text(value).strip() if isinstance(value, str) else None


def read_integer(value: Any, low: int, high: int) -> int | None:
    """Return a whole number within bounds from a number or a short text, or None."""
    if isinstance(value, str):
        match = INTEGER.fullmatch(value[:40].strip())
        value = int(match[0]) if match else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if low <= value <= high else None


def read_number(value: Any, low: float, high: float) -> float | None:
    """Return a finite number within bounds from a number or a short text, or None."""
    if isinstance(value, str):
        match = NUMBER.fullmatch(value[:80].strip())
        value = float(match[0]) if match else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        return None
    return float(value) if math.isfinite(value) else None


def read_hash(value: Any) -> str | None:
    """Return a hash of 8–64 hex digits in lower case, without its prefix, or None."""
    match = HASH.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= 100 else None
    return match[1].lower() if match else None


def read_weight(value: Any) -> float | None:
    """Return an adapter weight between −100 and 100, or None."""
    return read_number(value, -100.0, 100.0)


def read_lora(name: Any, weight: Any = 1.0, digest: Any = None) -> LoraClaim | None:
    """Return a LoRA claim, or None when its name or weight cannot be read."""
    cleaned, factor = clean_name(name), read_weight(weight)
    if cleaned is None or factor is None:
        return None
    return LoraClaim(name=cleaned, weight=factor, hash=read_hash(digest))


def find_loras(prompt: str, hashes: Mapping[str, str]) -> tuple[LoraClaim, ...]:
    """Return what `<lora:name:weight>` and `<hypernet:…>` in a prompt name, once each, with hashes where known."""
    found: dict[str, LoraClaim] = {}
    for match in LORA_TAG.finditer(prompt):
        lora = read_lora(match[1], match[2], hashes.get(match[1].strip()))
        if lora is not None and len(found) < MAX_LORAS:
            found.setdefault(lora.name, lora)
    return tuple(found.values())


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return a JSON object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return a JSON array, or an empty one in place of anything else."""
    return value if isinstance(value, list) else []


def _side(value: Any) -> int | None:
    return read_integer(value, 1, 65_535)


READERS: Mapping[str, Callable[[Any], Any]] = {
    "prompt": read_text,
    "negative_prompt": read_text,
    "seed": lambda value: read_integer(value, 0, MAX_SEED),
    "num_inference_steps": lambda value: read_integer(value, 1, 10_000),
    "guidance_scale": lambda value: read_number(value, 0.0, 1000.0),
    "sampler": clean_name,
    "schedule_type": clean_name,
    "scheduler": clean_name,
    "width": _side,
    "height": _side,
    "clip_skip": lambda value: read_integer(value, 0, 24),
    "strength": lambda value: read_number(value, 0.0, 1.0),
    "model_name": clean_name,
    "model_hash": read_hash,
    "vae_name": clean_name,
    "vae_hash": read_hash,
    "version": clean_name,
}
