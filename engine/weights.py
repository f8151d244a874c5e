"""Read A1111's prompt weights: `(word)` x 1.1, `[word]` / 1.1, `(word:1.3)`, `\\(` literal, BREAK. Imports no torch."""

import math
import re
from dataclasses import dataclass, replace

from engine.errors import SpecError

STRONGER = 1.1
MAX_WEIGHT = 10.0
MAX_DEPTH = 50
_CLOSES = {")": "(", "]": "["}
_PIECE = re.compile(
    r"""\\[()\[\]\\]                                     # an escaped bracket
    |[()\[\]]
    |\bBREAK\b
    |:\s*([+-]?[\w.]+(?:[eE][+-]?\d+)?)\s*\)           # the end of (words:1.3)
    |[^\\()\[\]:B]+|.""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """Hold a piece of a prompt and its weight; an empty `text` with `is_break` starts a new chunk."""

    text: str
    weight: float = 1.0
    is_break: bool = False


def parse_weights(prompt: str) -> list[Fragment]:
    """Split a prompt into fragments of equal weight.

    Unbalanced brackets are no error: an open one reaches to the end, a surplus closing one is a plain character.
    Raises SpecError: weight_not_finite, weight_out_of_range, brackets_too_deep.
    """
    fragments: list[Fragment] = []
    open_at: list[tuple[str, int]] = []
    for match in _PIECE.finditer(prompt):
        piece, number = match.group(), _as_weight(match.group(1))
        is_inside = bool(open_at) and open_at[-1][0] == _CLOSES.get(piece[-1])
        if piece in ("(", "["):
            _open(open_at, piece, len(fragments))
        elif is_inside and (number is not None or len(piece) == 1):
            factor = number if number is not None else _factor(open_at[-1][0])
            _scale(fragments, open_at.pop()[1], factor)
        elif piece == "BREAK":
            fragments.append(Fragment(text="", is_break=True))
        else:
            fragments.append(Fragment(text=piece[1:] if piece.startswith("\\") and len(piece) == 2 else piece))
    for bracket, start in open_at:
        _scale(fragments, start, _factor(bracket))
    return _merge(fragments)


def plain_text(prompt: str) -> str:
    """Return a prompt without its weights, as encoders that cannot weigh words should read it."""
    return "".join(" " if fragment.is_break else fragment.text for fragment in parse_weights(prompt))


def _as_weight(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _open(open_at: list[tuple[str, int]], bracket: str, start: int) -> None:
    if len(open_at) >= MAX_DEPTH:
        raise SpecError("brackets_too_deep", f"More than {MAX_DEPTH} brackets are open at once.", limit=MAX_DEPTH)
    open_at.append((bracket, start))


def _factor(bracket: str) -> float:
    return STRONGER if bracket == "(" else 1 / STRONGER


def _scale(fragments: list[Fragment], start: int, factor: float) -> None:
    if not math.isfinite(factor):
        raise SpecError("weight_not_finite", "A weight in the prompt is not a number.")
    fragments[start:] = [replace(fragment, weight=fragment.weight * factor) for fragment in fragments[start:]]


def _merge(fragments: list[Fragment]) -> list[Fragment]:
    merged: list[Fragment] = []
    for fragment in fragments:
        weight = fragment.weight
        if abs(weight) > MAX_WEIGHT:
            message = f"A weight in the prompt is {weight:g}; between -{MAX_WEIGHT:g} and {MAX_WEIGHT:g} is possible."
            raise SpecError("weight_out_of_range", message, weight=weight, limit=MAX_WEIGHT)
        last = merged[-1] if merged else None
        if last is None or fragment.is_break or last.is_break or last.weight != weight:
            merged.append(fragment)
        else:
            merged[-1] = replace(last, text=last.text + fragment.text)
    return merged
