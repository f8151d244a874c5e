"""What people write for a licence, cut into the words that mean something; the words are in a data file."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from assets.licensing.profiles import FOLDER

SEPARATORS = re.compile(r"[\s_/・,、。;:()\[\]{}「」『』【】〈〉《》〔〕<>\"'“”‘’|&‐‑‒–—―−-]+")
LONE_DOTS = re.compile(r"(?<![0-9])\.|\.(?![0-9])")
RUN_TOGETHER = re.compile(r"(?<![a-z])(cc)?(by)(nc)?(sa|nd)?(?![a-z])")
DEED = re.compile(
    r"(?:https?://)?(?:www\.)?creativecommons\.org/(?:licenses/(?P<elements>[a-z-]+)|publicdomain/(?P<tool>zero|mark))"
    r"/(?P<version>[0-9.]+)(?:/(?P<port>(?!deed|legalcode)[a-z]{2,4}))?(?:/(?:(?:deed|legalcode)[a-z._-]*)?)?(?![\w/])",
    re.IGNORECASE,
)
TOOLS = {"zero": "cc0", "mark": "public domain mark"}
VERSION = r"(?<![0-9.])(?P<version>[0-9](?:\.[0-9])?)(?![0-9.])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One thing that a text says. Kinds: those of the data file, `version`, and `rest` for what nobody knows."""

    kind: str
    value: str


def split_words(text: str) -> tuple[Word, ...]:
    """Cut a text into words; longer spellings win, and what no spelling covers is `rest`."""
    plain = fold_text(text)
    words: list[Word] = []
    at = 0
    for match in _pattern().finditer(plain):
        _add_rest(words, plain[at : match.start()])
        words.append(_read(match))
        at = match.end()
    _add_rest(words, plain[at:])
    return tuple(words)


def fold_text(text: str) -> str:
    """Return a text without what does not matter: width, case, dashes, brackets, and how CC's pages are addressed."""
    plain = unicodedata.normalize("NFKC", DEED.sub(_spell_deed, unicodedata.normalize("NFKC", text))).casefold()
    plain = SEPARATORS.sub(" ", LONE_DOTS.sub(" ", plain))
    plain = RUN_TOGETHER.sub(lambda match: " ".join(part for part in match.groups() if part), plain)
    return " ".join(plain.split())


@cache
def offers() -> Mapping[str, tuple[str, ...]]:
    """Return which licences a vague word may mean."""
    return {word: tuple(ids) for word, ids in _data()["offers"].items()}


@cache
def _data() -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads((FOLDER / "words" / "spellings.json").read_text(encoding="utf-8"))
    return content


@cache
def _spellings() -> Mapping[str, Word]:
    kinds = {kind: values for kind, values in _data().items() if kind != "offers"}
    return {
        fold_text(spelling): Word(kind=kind, value=value)
        for kind, values in kinds.items()
        for value, spellings in values.items()
        for spelling in spellings
    }


@cache
def _pattern() -> re.Pattern[str]:
    longest_first = sorted(_spellings(), key=len, reverse=True)
    return re.compile("|".join((*(_bounded(spelling) for spelling in longest_first), VERSION)))


def _bounded(spelling: str) -> str:
    """Match Latin words and numbers whole; Japanese is written without gaps."""
    before = "(?<![a-z])" if spelling[0].isascii() and spelling[0].isalpha() else ""
    before = "(?<![0-9.])" if spelling[0].isdigit() else before
    after = r"(?![a-z+])" if spelling[-1].isascii() and spelling[-1].isalpha() else ""
    after = "(?![0-9.])" if spelling[-1].isdigit() else after
    return before + re.escape(spelling) + after


def _read(match: re.Match[str]) -> Word:
    if number := match["version"]:
        return Word(kind="version", value=number if "." in number else f"{number}.0")
    return _spellings()[match[0]]


def _add_rest(words: list[Word], piece: str) -> None:
    if piece.strip():
        words.append(Word(kind="rest", value=piece.strip()))


def _spell_deed(match: re.Match[str]) -> str:
    meant = TOOLS.get((match["tool"] or "").lower()) or f"cc {match['elements']}"
    return f" {meant} {match['version']} {match['port'] or ''} "
