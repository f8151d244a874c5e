"""Counts which angles, compositions and fragile parts captions or tags speak of, and which they do not."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .phrases import fold, is_japanese, split_phrases

WORDS = Path(__file__).parent / "coverage.json"
DENIALS = ("no ", "without ")
JAPANESE_DENIALS = ("なし", "無し", "ない", "ません")


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageValue:
    """One thing to look for, such as the side view: its labels (en, ja) and the words that speak of it."""

    id: str
    label: Mapping[str, str]
    en: tuple[str, ...]
    ja: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageGroup:
    """Things that belong together, such as the angles."""

    id: str
    label: Mapping[str, str]
    values: tuple[CoverageValue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCoverage:
    """The items that speak of each value of a group, by the value's id, and those that speak of none."""

    group: CoverageGroup
    items: Mapping[str, tuple[str, ...]]
    unsaid: tuple[str, ...]


@cache
def coverage_groups() -> tuple[CoverageGroup, ...]:
    """Return the built-in groups: angle, composition and parts, in English and Japanese."""
    content = json.loads(WORDS.read_text(encoding="utf-8"))
    return tuple(
        CoverageGroup(id=name, label=group["label"], values=tuple(_values(group["values"])))
        for name, group in content.items()
    )


def coverage(
    texts: Mapping[str, str | Iterable[str]], groups: Sequence[CoverageGroup] | None = None
) -> tuple[GroupCoverage, ...]:
    """Return what captions (text) or tags (several texts) speak of, group by group; an item may have several values.

    English words must stand whole anywhere in a phrase, Japanese ones anywhere. A phrase that denies ("no hands",
    手なし) does not count.
    """
    phrases = {item: _phrases(text) for item, text in texts.items()}
    return tuple(_cover(group, phrases) for group in (coverage_groups() if groups is None else groups))


def _values(content: Mapping[str, Mapping[str, Any]]) -> Iterator[CoverageValue]:
    for name, value in content.items():
        yield CoverageValue(id=name, label=value["label"], en=tuple(value["en"]), ja=tuple(value["ja"]))


def _phrases(text: str | Iterable[str]) -> list[str]:
    parts = split_phrases(text) if isinstance(text, str) else [part for each in text for part in split_phrases(each)]
    folded = (fold(part).replace("_", " ") for part in parts)
    return [each for each in folded if not each.startswith(DENIALS) and not each.endswith(JAPANESE_DENIALS)]


def _cover(group: CoverageGroup, phrases: Mapping[str, Sequence[str]]) -> GroupCoverage:
    patterns = {value.id: _pattern(value) for value in group.values}
    found = {
        name: tuple(item for item, parts in phrases.items() if any(pattern.search(part) for part in parts))
        for name, pattern in patterns.items()
    }
    said = {item for items in found.values() for item in items}
    return GroupCoverage(group=group, items=found, unsaid=tuple(item for item in phrases if item not in said))


def _pattern(value: CoverageValue) -> re.Pattern[str]:
    words = sorted(map(fold, (*value.en, *value.ja)), key=len, reverse=True)
    parts = (re.escape(word) if is_japanese(word) else rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])" for word in words)
    return re.compile("|".join(parts))
