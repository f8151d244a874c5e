"""How often phrases stand in captions, alone and together, and how to rename one everywhere."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from .phrases import fold, join_phrases, split_phrases, tidy
from .words import most_used


@dataclass(frozen=True, slots=True, kw_only=True)
class Cooccurrence:
    """In how many captions two phrases stand together: `counts[i][j]`, with each phrase's own count where i = j."""

    phrases: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def frequencies(captions: Mapping[str, str]) -> dict[str, int]:
    """Return in how many captions each phrase stands, most first; spellings that differ in case count as one."""
    totals: Counter[str] = Counter()
    spellings: dict[str, Counter[str]] = {}
    for text in captions.values():
        said = {fold(phrase): phrase for phrase in reversed(split_phrases(text))}
        totals.update(said.keys())
        for key, phrase in said.items():
            spellings.setdefault(key, Counter())[phrase] += 1
    ordered = sorted(totals, key=lambda key: (-totals[key], key))
    return {most_used(spellings[key]): totals[key] for key in ordered}


def cooccurrence(captions: Mapping[str, str], top: int = 30) -> Cooccurrence:
    """Return how often the `top` most frequent phrases stand together."""
    phrases = tuple(frequencies(captions))[:top]
    places = {fold(phrase): place for place, phrase in enumerate(phrases)}
    counts = [[0] * len(phrases) for _ in phrases]
    for text in captions.values():
        found = sorted({places[key] for key in map(fold, split_phrases(text)) if key in places})
        for place in found:
            counts[place][place] += 1
        for one, other in combinations(found, 2):
            counts[one][other] += 1
            counts[other][one] += 1
    return Cooccurrence(phrases=phrases, counts=tuple(map(tuple, counts)))


def rename(captions: Mapping[str, str], old: str, new: str) -> dict[str, str]:
    """Return the captions that change when a whole phrase, in any case, becomes another one.

    The rest keeps its order. `new` may be several phrases, or "" to remove the old one. A changed caption holds no
    phrase of `new` twice: the first place counts.
    """
    wanted, put = fold(tidy(old)), split_phrases(new)
    changed = {}
    for item, text in captions.items():
        phrases = split_phrases(text)
        if wanted and wanted in map(fold, phrases):
            renamed = join_phrases(_replaced(phrases, wanted, put), text)
            if renamed != text:
                changed[item] = renamed
    return changed


def _replaced(phrases: tuple[str, ...], wanted: str, put: tuple[str, ...]) -> list[str]:
    """Return phrases with the wanted one replaced; later copies of what was put in are left out."""
    once = {fold(phrase): phrase for phrase in put}
    result: list[str] = []
    seen: set[str] = set()
    for phrase in phrases:
        for each in put if fold(phrase) == wanted else (phrase,):
            key = fold(each)
            if key in seen:
                continue
            if key in once:
                seen.add(key)
            result.append(once.get(key, each))
    return result
