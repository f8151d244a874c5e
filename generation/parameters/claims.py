"""What a picture's text says about how it was made: claims by a stranger, cleaned, bounded and never run."""

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Source = Literal["daicho", "a1111", "invokeai", "comfyui", "swarmui", "fooocus"]

MAX_PROMPT = 20_000
MAX_RAW = 65_536
MAX_NAME = 200
MAX_LORAS = 64
MAX_SEED = 2**64 - 1
KEPT_CONTROLS = "\n\t"
JOINERS = "\u200c\u200d"
HASH = re.compile(r"(?:0x|sha256:)?([0-9a-fA-F]{8,64})")
LORA_TAG = re.compile(r"<lora:([^<>:\n]{1,200}):([^<>:\n]{1,40})(?::[^<>\n]{0,80})?>")


class SchedulerName(Protocol):
    """Name a scheduler as A1111 writes it: label `DPM++ 2M`, schedule type `Karras` or empty."""

    @property
    def label(self) -> str: ...

    @property
    def schedule_type(self) -> str | None: ...


Schedulers = Mapping[str, SchedulerName]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraClaim:
    """Name a LoRA that a picture says it was made with."""

    name: str
    weight: float = 1.0
    hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Hold what a file says about how it was made. Nothing here is proved until a hash matches a known model.

    `scheduler` is Daicho's key when the name is known, `scheduler_raw` what the file says. `clip_skip` counts as
    diffusers does (0 = none). `raw` is the text that was read, cut to 64 Ki characters.
    """

    source: Source
    raw: str
    prompt: str = ""
    negative_prompt: str = ""
    seed: int | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    scheduler_raw: str = ""
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


def clean_text(text: Any, limit: int = MAX_PROMPT) -> str:
    """Return text without control, direction and surrogate characters, with LF line ends, cut to `limit`."""
    if not isinstance(text, str):
        return ""
    shorter = text[: limit * 2].replace("\r\n", "\n").replace("\r", "\n")
    return "".join(character for character in shorter if _is_kept(character))[:limit]


def clean_name(text: Any) -> str:
    """Return a name of at most 200 characters on one line."""
    return " ".join(clean_text(text, MAX_NAME).split())


def read_integer(value: Any, low: int, high: int) -> int | None:
    """Return a whole number within bounds from a number or a short text, or None."""
    if isinstance(value, str):
        text = value.strip()
        if len(text) > 24 or not re.fullmatch(r"-?[0-9]+", text):
            return None
        value = int(text)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if low <= value <= high else None


def read_number(value: Any, low: float, high: float) -> float | None:
    """Return a finite number within bounds from a number or a short text, or None."""
    if isinstance(value, str):
        text = value.strip()
        if len(text) > 40 or not re.fullmatch(r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]{1,3})?|[-+]?[0-9]+\.", text):
            return None
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if low <= value <= high and math.isfinite(value) else None


def read_hash(value: Any) -> str | None:
    """Return a hash of 8–64 hex digits in lower case, without its prefix, or None."""
    match = HASH.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= 100 else None
    return match[1].lower() if match else None


def read_seed(value: Any) -> int | None:
    """Return a seed between 0 and 2⁶⁴ − 1, or None."""
    return read_integer(value, 0, MAX_SEED)


def read_steps(value: Any) -> int | None:
    """Return a number of steps between 1 and 10,000, or None."""
    return read_integer(value, 1, 10_000)


def read_side(value: Any) -> int | None:
    """Return a side of a picture between 1 and 65,535 pixels, or None."""
    return read_integer(value, 1, 65_535)


def read_guidance(value: Any) -> float | None:
    """Return a guidance scale between 0 and 1,000, or None."""
    return read_number(value, 0.0, 1000.0)


def read_strength(value: Any) -> float | None:
    """Return a denoising strength between 0 and 1, or None."""
    return read_number(value, 0.0, 1.0)


def read_weight(value: Any) -> float | None:
    """Return an adapter weight between −100 and 100, or None."""
    return read_number(value, -100.0, 100.0)


def find_loras(prompt: str, hashes: Mapping[str, str] | None = None) -> tuple[LoraClaim, ...]:
    """Return the LoRAs that `<lora:name:weight>` tags in a prompt name, once each, with hashes where known."""
    found: dict[str, LoraClaim] = {}
    for match in LORA_TAG.finditer(prompt):
        name, weight = match[1].strip(), read_weight(match[2])
        if weight is not None and name not in found and len(found) < MAX_LORAS:
            found[name] = LoraClaim(name=name, weight=weight, hash=read_hash((hashes or {}).get(name)))
    return tuple(found.values())


def _is_kept(character: str) -> bool:
    if character in KEPT_CONTROLS or character in JOINERS:
        return True
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Cn", "Co")
