"""What a recipe may ask for. Imports no torch, so that a form refuses with the same words as the engine."""

import math
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from engine.errors import SpecError
from engine.schedulers import CONFIG_CHOICES, CONFIG_RANGES, SCHEDULERS
from engine.specs import ImageSpec
from engine.weights import parse_weights

MIN_SIDE, MAX_SIDE = 64, 4096
MIN_STEPS, MAX_STEPS = 1, 150
MAX_GUIDANCE = 30.0
# Whole numbers beyond this have no exact place in canonical JSON (RFC 8785).
MAX_SEED = 2**53 - 1
MAX_CLIP_SKIP = 11
MAX_PROMPT_CHARACTERS = 20_000
MAX_ADAPTERS = 20
MAX_ADAPTER_WEIGHT = 10.0
# The VAE's factor, times two where the transformer packs 2 x 2 latents into one token.
SIZE_FACTORS: Mapping[str, int] = MappingProxyType({"sd1": 8, "sd2": 8, "sdxl": 8, "sd3": 16, "flux": 16})
MAX_WORD_CHARACTERS = 100
_EVERYWHERE = ("lora", "dreambooth", "textual_inversion")
# Hypernetworks are made for attention that reads pictures and words apart, which is a UNet's.
ADAPTER_KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {**dict.fromkeys(("sd1", "sd2", "sdxl"), (*_EVERYWHERE, "hypernetwork")), "sd3": _EVERYWHERE, "flux": _EVERYWHERE}
)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_spec(spec: ImageSpec) -> list[SpecError]:
    """Return everything that is wrong with a recipe, each naming its field; an empty list means it can be drawn."""
    if spec.architecture not in SIZE_FACTORS:
        return [_error("architecture", "architecture_unknown", f"{spec.architecture!r} is not a known architecture.")]
    checks = (_check_size, _check_numbers, _check_scheduler, _check_prompts, _check_adapters, _check_files)
    return [error for check in checks for error in check(spec)]


def nearest_sides(side: int, factor: int) -> tuple[int, ...]:
    """Return the one or two allowed lengths next to `side` pixels."""
    low = min(max(side // factor * factor, MIN_SIDE), MAX_SIDE)
    high = min(max(low + factor if side > low else low, MIN_SIDE), MAX_SIDE)
    return (low,) if low == high else (low, high)


def _error(field: str, code: str, message: str, **params: object) -> SpecError:
    return SpecError(code, message, field=field, **params)


def _is_whole(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _is_number(value: object, low: float, high: float) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and low <= value <= high  # type: ignore[arg-type,operator]


def _check_size(spec: ImageSpec) -> Iterator[SpecError]:
    factor = SIZE_FACTORS[spec.architecture]
    for field in ("width", "height"):
        side = getattr(spec, field)
        if not _is_whole(side, MIN_SIDE, MAX_SIDE):
            message = f"The {field} must be between {MIN_SIDE} and {MAX_SIDE} pixels."
            yield _error(field, "size_out_of_range", message, min=MIN_SIDE, max=MAX_SIDE)
        elif side % factor:
            near = nearest_sides(side, factor)
            words = " and ".join(map(str, near))
            message = f"The {field} must be a multiple of {factor}. Near {side} are {words}."
            yield _error(field, "size_not_multiple", message, value=side, factor=factor, nearest=near)


def _check_numbers(spec: ImageSpec) -> Iterator[SpecError]:
    if not _is_whole(spec.seed, 0, MAX_SEED):
        message = f"The seed must be a whole number from 0 to {MAX_SEED}."
        yield _error("seed", "seed_out_of_range", message, min=0, max=MAX_SEED)
    if not _is_whole(spec.num_inference_steps, MIN_STEPS, MAX_STEPS):
        message = f"The steps must be a whole number from {MIN_STEPS} to {MAX_STEPS}."
        yield _error("num_inference_steps", "steps_out_of_range", message, min=MIN_STEPS, max=MAX_STEPS)
    if not _is_number(spec.guidance_scale, 0, MAX_GUIDANCE):
        message = f"The guidance must be a number from 0 to {MAX_GUIDANCE:g}."
        yield _error("guidance_scale", "guidance_out_of_range", message, min=0, max=MAX_GUIDANCE)
    top = 0 if spec.architecture == "flux" else MAX_CLIP_SKIP
    if not _is_whole(spec.clip_skip, 0, top):
        message = f"Clip skip must be a whole number from 0 to {top} for this model."
        yield _error("clip_skip", "clip_skip_out_of_range", message, min=0, max=top)


def _check_scheduler(spec: ImageSpec) -> Iterator[SpecError]:
    info = SCHEDULERS.get(spec.scheduler)
    if info is None:
        yield _error("scheduler", "scheduler_unknown", f"{spec.scheduler!r} is not a known scheduler.")
    elif spec.architecture not in info.architectures:
        message = f"{info.title} cannot draw with {spec.architecture} models."
        yield _error("scheduler", "scheduler_not_for_architecture", message, scheduler=info.title)
    elif info.max_steps is not None and _is_whole(spec.num_inference_steps, info.max_steps + 1, MAX_STEPS):
        message = f"{info.title} takes at most {info.max_steps} steps."
        yield _error("num_inference_steps", "steps_out_of_range", message, min=MIN_STEPS, max=info.max_steps)
    own = info.config if info else {}
    for key, value in spec.scheduler_config.items():
        if key in own and own[key] == value:
            continue
        low, high = CONFIG_RANGES.get(key, (math.inf, -math.inf))
        if value not in CONFIG_CHOICES.get(key, ()) and not (_is_number(value, low, high) and low < value < high):
            message = f"The scheduler setting {key!r} cannot be {value!r}."
            yield _error("scheduler_config", "scheduler_config_invalid", message, key=key)


def _check_prompts(spec: ImageSpec) -> Iterator[SpecError]:
    for field in ("prompt", "negative_prompt"):
        text = getattr(spec, field)
        if len(text) > MAX_PROMPT_CHARACTERS:
            message = f"The text is longer than {MAX_PROMPT_CHARACTERS} characters."
            yield _error(field, "prompt_too_long", message, limit=MAX_PROMPT_CHARACTERS)
        elif any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text):
            yield _error(field, "prompt_not_text", "The text holds characters that are not text.")
        else:
            try:
                parse_weights(text)
            except SpecError as error:
                yield _error(field, error.code, str(error), **error.params)
    if spec.architecture == "flux" and spec.negative_prompt.strip():
        yield _error("negative_prompt", "negative_unsupported", "FLUX models take no negative prompt. Leave it empty.")


def _check_adapters(spec: ImageSpec) -> Iterator[SpecError]:
    if len(spec.adapters) > MAX_ADAPTERS:
        message = f"At most {MAX_ADAPTERS} adapters can be used together."
        yield _error("adapters", "too_many_adapters", message, limit=MAX_ADAPTERS)
    for adapter in spec.adapters:
        if not _is_number(adapter.weight, -MAX_ADAPTER_WEIGHT, MAX_ADAPTER_WEIGHT):
            message = f"An adapter's weight must be between -{MAX_ADAPTER_WEIGHT:g} and {MAX_ADAPTER_WEIGHT:g}."
            yield _error("adapters", "adapter_weight_out_of_range", message, max=MAX_ADAPTER_WEIGHT)
        if adapter.kind not in ADAPTER_KINDS.get(spec.architecture, ()):
            message = f"Adapters of the kind {adapter.kind!r} cannot be used with {spec.architecture} models."
            yield _error("adapters", "adapter_kind_unsupported", message, kind=adapter.kind)
        if len(adapter.word) > MAX_WORD_CHARACTERS or not adapter.word.isprintable():
            message = f"The word of an adapter must be at most {MAX_WORD_CHARACTERS} characters of text."
            yield _error("adapters", "adapter_word_invalid", message, limit=MAX_WORD_CHARACTERS)
    hashes = [adapter.sha256 for adapter in spec.adapters]
    if len(set(hashes)) != len(hashes):
        yield _error("adapters", "adapter_twice", "The same adapter is chosen twice.")


def _check_files(spec: ImageSpec) -> Iterator[SpecError]:
    named = [("base_model", spec.base_model), ("vae", spec.vae)]
    named += [("adapters", adapter.sha256) for adapter in spec.adapters]
    for field, sha256 in named:
        if sha256 is not None and not _SHA256.fullmatch(sha256):
            yield _error(field, "hash_invalid", "A file must be named by its sha256 in lower-case hex.")
    if spec.mode != "txt2img":
        yield _error("mode", "mode_unknown", f"{spec.mode!r} is not a known way to draw.")
