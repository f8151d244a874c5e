"""The small language inside a prompt: brackets with weights, adapter tags, escapes. Pure text in, values out."""

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal, cast

MAX_TEXT_CHARS = 2_000
MAX_WEIGHT = 2.0
ROUND_FACTOR = 1.1
NAME = r"[^\W\d]\w{0,39}"

MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "bad_braces": "“{text}” in {slot} is neither a variable nor a choice.",
        "bad_template": "The template is not well formed: {field}.",
        "circular_reference": "{chain} refers to itself.",
        "expansion_too_deep": "{slot} nests variables, choices or wildcards too deeply.",
        "expansion_too_large": "{slot} expands to too much text.",
        "expression_not_allowed": "Double braces in {slot} are not evaluated; write a variable with single braces.",
        "lone_surrogate": "The text holds half a character at position {position}.",
        "seed_out_of_range": "The seed must be a whole number of 0 or more.",
        "slot_locked": "The slot {slot} is locked in this template.",
        "text_too_long": "{slot} has {length} characters; {limit} are allowed.",
        "unbalanced_bracket": "“{bracket}” at position {position} of {slot} has no partner.",
        "unknown_slot": "There is no slot called {slot}.",
        "unknown_variable": "There is no variable called {name} in this template.",
        "unknown_wildcard": "There is no wildcard called {name} in this template.",
        "variable_missing": "The variable {name} needs a value.",
        "variable_not_allowed": "“{value}” is not one of the values allowed for {name}.",
        "weight_out_of_range": "The weight {value} in {slot} must lie between 0 and 2.",
    }
)

TOKEN = re.compile(
    r"(?P<escape>\\.)"
    r"|(?P<tag><(?:lora|lyco|hypernet):[^<>]*>)"
    r"|(?P<open>[(\[])"
    r"|(?P<weight>:\s*(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|[+-]?(?:nan|inf(?:inity)?))\s*\))"
    r"|(?P<close>[)\]])"
    r"|(?P<text>[^\\<(\[:)\]]+|.)",
    re.IGNORECASE | re.DOTALL,
)
ADAPTER_TAG = re.compile(r"<(?:lora|lyco|hypernet):[^<>]*>", re.IGNORECASE)
PARTNERS = {")": "(", "]": "["}
HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
SURROGATE = re.compile("[\ud800-\udfff]")

TokenKind = Literal["escape", "tag", "open", "weight", "close", "text"]


class PromptError(ValueError):
    """Refuse a prompt or template: `code` names the rule, `params` what broke it.

    A place is named twice, as `slot` for the form field and as `where` for the sentence.
    """

    def __init__(self, code: str, params: Mapping[str, object] | None = None) -> None:
        self.code = code
        self.params = dict(params or {})
        if "slot" in self.params:
            self.params["where"] = self.params["slot"]
        super().__init__(MESSAGES[code].format(**self.params))


def clean_text(text: str) -> str:
    """Return the text in NFC on one line, without control, bidirectional and invisible characters.

    Compatibility forms (full-width letters, ① or ㌢) stay as they were typed: only canonical composition is done,
    so that が typed as か + U+3099 becomes one letter. Raises PromptError `lone_surrogate`.
    """
    broken = SURROGATE.search(text)
    if broken:
        raise PromptError("lone_surrogate", {"position": broken.start()})
    return " ".join(unicodedata.normalize("NFC", HIDDEN.sub("", text)).split())


def check_length(text: str, where: str) -> None:
    """Refuse text over MAX_TEXT_CHARS characters with PromptError `text_too_long`."""
    if len(text) > MAX_TEXT_CHARS:
        raise PromptError("text_too_long", {"slot": where, "length": len(text), "limit": MAX_TEXT_CHARS})


def scan(text: str) -> Iterator[tuple[TokenKind, str, int, str]]:
    """Yield (kind, token, position, number) for every part of a prompt, in one pass."""
    for match in TOKEN.finditer(text):
        yield cast(TokenKind, match.lastgroup), match.group(), match.start(), match.group("number") or ""


def check_brackets(text: str, where: str) -> None:
    """Refuse a bracket without partner and a weight outside 0..2, also where nested weights multiply.

    Raises PromptError `unbalanced_bracket` (bracket, position, slot) or `weight_out_of_range` (value, slot).
    """
    opened: list[tuple[str, int]] = []
    for kind, token, position, _number in scan(text):
        if kind == "open":
            opened.append((token, position))
        elif kind in ("weight", "close"):
            closer = token[-1]
            if not opened or opened.pop()[0] != PARTNERS[closer]:
                params = {"bracket": closer, "position": position + len(token) - 1, "slot": where}
                raise PromptError("unbalanced_bracket", params)
    if opened:
        bracket, position = opened[-1]
        raise PromptError("unbalanced_bracket", {"bracket": bracket, "position": position, "slot": where})
    check_weights(text, where)


def check_weights(text: str, where: str) -> None:
    """Refuse a weight outside 0..2, written or multiplied, with PromptError `weight_out_of_range`."""
    written = [(token[1:-1].strip(), float(number)) for kind, token, _, number in scan(text) if kind == "weight"]
    multiplied = [(f"{weight:g}", weight) for _, weight in parse_weights(text)]
    for shown, weight in written + multiplied:
        if not (math.isfinite(weight) and 0 <= weight <= MAX_WEIGHT):
            raise PromptError("weight_out_of_range", {"value": shown[:40], "slot": where})


def parse_weights(prompt: str) -> list[tuple[str, float]]:
    """Return the prompt as (text, weight) runs, as A1111 reads it: ( ) is ×1.1, [ ] is ÷1.1, (text:1.2) is ×1.2.

    Brackets without partner count to the end of the prompt, escapes lose their backslash, neighbours of equal
    weight are one run. Adapter tags stay as text.
    """
    runs: list[tuple[str, float]] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}
    for kind, token, _position, number in scan(prompt):
        if kind == "open":
            opened[token].append(len(runs))
        elif kind in ("weight", "close") and opened[PARTNERS[token[-1]]]:
            start = opened[PARTNERS[token[-1]]].pop()
            multiply(runs, start, float(number) if number else bracket_factor(PARTNERS[token[-1]]))
        else:
            runs.append((token[1:] if kind == "escape" and token[1] in "()[]\\" else token, 1.0))
    for bracket, starts in opened.items():
        for start in starts:
            multiply(runs, start, bracket_factor(bracket))
    return merge(runs)


def bracket_factor(bracket: str) -> float:
    """Return what an opened bracket without a number multiplies by."""
    return ROUND_FACTOR if bracket == "(" else 1 / ROUND_FACTOR


def multiply(runs: list[tuple[str, float]], start: int, factor: float) -> None:
    """Multiply the weight of every run from `start` on, in place."""
    runs[start:] = [(text, weight * factor) for text, weight in runs[start:]]


def merge(runs: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return the runs with neighbours of equal weight joined and weights rounded to six places."""
    merged: list[tuple[str, float]] = []
    for text, weight in ((text, round(weight, 6)) for text, weight in runs):
        if merged and merged[-1][1] == weight:
            merged[-1] = (merged[-1][0] + text, weight)
        else:
            merged.append((text, weight))
    return merged
