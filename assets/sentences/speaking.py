"""Put a sentence together from a table, a code and values."""

from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise
from django.utils.translation import get_language

Sentences = Mapping[str, tuple[str | Promise, ...]]


def speak(
    sentences: Sentences, code: str, params: Mapping[str, Any], names: Mapping[str, str | Promise] | None = None
) -> str:
    """Return a code's sentence from a table; `names` says what some values are called on screen. Raises KeyError."""
    values = {name: part for pair in params.items() for name, part in _words(*pair, names or {})}
    for template in map(str, sentences[code]):
        if _fields(template) <= values.keys():
            return template.format_map(values)
    return _without_values(str(sentences[code][-1]), values)


def speak_failure(
    sentences: Sentences, sentence: Callable[..., str], code: str, params: Mapping[str, Any] | None
) -> str:
    """Say why a job failed; a code of a newer worker says at least that nothing was lost. Nothing for no code.

    `sentence` speaks a code of the table, and `params["reasons"]` holds further sentences by language.
    """
    if not code:
        return ""
    said = sentence(code, params) if code in sentences else sentence("unexpected")
    language = "ja" if (get_language() or "").startswith("ja") else "en"
    return " ".join([said, *(params or {}).get("reasons", {}).get(language, ())])


def _fields(template: str) -> set[str]:
    return {field for _text, field, _spec, _conversion in Formatter().parse(template) if field}


def _without_values(template: str, values: Mapping[str, str]) -> str:
    missing = dict.fromkeys(_fields(template) - values.keys(), "…")
    return template.format_map({**values, **missing})


def _words(name: str, value: Any, names: Mapping[str, str | Promise]) -> list[tuple[str, str]]:
    if isinstance(value, str):
        return [(name, str(names.get(value, value)))]
    if isinstance(value, float):
        return [(name, f"{value:g}")]
    if isinstance(value, list | tuple | set | frozenset):
        return [(name, ", ".join(map(str, value)))]
    if isinstance(value, int) and not isinstance(value, bool):
        return [(name, str(value)), (f"{name}_size", str(filesizeformat(value)))]
    return [(name, str(value))]
