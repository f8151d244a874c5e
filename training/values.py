"""The values of a recipe that a person may choose, as they come from forms and the API."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from engine.specs import SamplePrompt, TrainingSpec
from projects.problems import Problem

from .sentences import sentence

# What the plan itself fills in, so that nobody else does.
BOUND = frozenset(("method", "architecture", "base_model", "prediction_type", "vae", "dataset", "split", "version"))
DEFAULTS: Mapping[str, Any] = {
    each.name: each.default for each in fields(TrainingSpec) if each.name not in BOUND and each.default is not MISSING
}
MAY_BE_NONE = ("snr_gamma", "text_encoder_lr")
PROMPT_FIELDS = frozenset(("prompt", "negative_prompt", "seed"))


def clean_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as a TrainingSpec takes them. Raises Problem for a field that is none, or of another type."""
    cleaned = {}
    for name, value in values.items():
        if name not in DEFAULTS:
            raise _refuse("value_unknown", name)
        if not is_fit(name, value):
            raise _refuse("value_unfit", name)
        cleaned[name] = as_kept(name, value)
    return cleaned


def is_fit(name: str, value: Any) -> bool:
    """Is a value of the type that the field has? Whether it is in range, the engine's own checks say."""
    usual = DEFAULTS[name]
    if value is None:
        return name in MAY_BE_NONE
    if name == "sample_prompts":
        return isinstance(value, list | tuple) and all(map(is_prompt, value))
    if name == "layer_structure":
        return isinstance(value, list | tuple) and all(map(is_number, value))
    if isinstance(usual, bool):
        return isinstance(value, bool)
    if isinstance(usual, str):
        return is_text(value)
    return type(value) is int if type(usual) is int else is_number(value)


def as_kept(name: str, value: Any) -> Any:
    """Return a value in its one form, so that equal recipes have equal hashes."""
    if name == "sample_prompts":
        return tuple(each if isinstance(each, SamplePrompt) else SamplePrompt(**each) for each in value)
    if name == "layer_structure":
        return tuple(value)
    return float(value) if isinstance(DEFAULTS[name], float) and value is not None else value


def is_prompt(value: Any) -> bool:
    """Is this a sample prompt, or says all that one has to?"""
    if isinstance(value, SamplePrompt):
        return is_text(value.prompt) and is_text(value.negative_prompt)
    if not isinstance(value, Mapping) or not value.keys() <= PROMPT_FIELDS or "prompt" not in value:
        return False
    seed = value.get("seed", 0)
    is_seed = type(seed) is int and 0 <= seed < 2**53
    return is_text(value["prompt"]) and is_text(value.get("negative_prompt", "")) and is_seed


def is_number(value: Any) -> bool:
    """Is this a finite number?"""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_text(value: Any) -> bool:
    """Is this text that UTF-8 can carry?"""
    return isinstance(value, str) and "\0" not in value and value == value.encode(errors="replace").decode()


def _refuse(code: str, name: str) -> Problem:
    field = str(name)[:60].encode(errors="replace").decode()
    message = sentence(code, {"field": field})
    return Problem(code, message, fields={field: message})
