"""Finds what nearly every caption says: training ties it to all pictures, instead of to the trigger word."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil

from .findings import Finding
from .phrases import fold, is_japanese

MIN_CAPTIONS = 5
SHARE = 0.8
MAX_WORDS = 8
LITTLE_WORDS = frozenset(
    (
        *("a", "an", "and", "at", "by", "for", "from", "her", "his", "in"),
        *("is", "it", "its", "of", "on", "the", "to", "with"),
    )
)


def find_fragments(phrases: Mapping[str, Sequence[str]], trigger: str) -> Iterator[Finding]:
    """Yield the runs of words (of Japanese: the phrases) that stand in 80 % of captions or more, the longest first.

    The trigger may be everywhere, and no run goes across it. A run that a longer one explains is left out. Where the
    run is a whole phrase in all of its captions, the suggestion is to remove it.
    """
    if len(phrases) < MIN_CAPTIONS:
        return
    holders = _holders(phrases, fold(trigger).split())
    least = ceil(len(phrases) * SHARE)
    common = {run: items for run, items in holders.items() if len(items) >= least}
    told: list[tuple[str, ...]] = []
    for run in sorted(common, key=lambda run: (-len(run), -len(common[run]), run)):
        if not any(_explains(longer, run) and len(common[longer]) == len(common[run]) for longer in told):
            if not any(_pairs(run) & _pairs(longer) for longer in told):
                yield _finding(" ".join(run), common[run], phrases)
            told.append(run)


def _finding(fragment: str, items: Sequence[str], phrases: Mapping[str, Sequence[str]]) -> Finding:
    is_phrase = all(fragment in map(fold, phrases[item]) for item in items)
    return Finding(
        code="fragment_everywhere",
        items=tuple(items),
        phrase=fragment,
        suggestion="" if is_phrase else None,
        params={"percent": round(100 * len(items) / len(phrases))},
    )


def _holders(phrases: Mapping[str, Sequence[str]], trigger: Sequence[str]) -> dict[tuple[str, ...], list[str]]:
    holders: dict[tuple[str, ...], list[str]] = {}
    for item, parts in phrases.items():
        runs = {run for part in parts for words in _between(_words(fold(part)), trigger) for run in _runs(words)}
        for run in runs:
            holders.setdefault(run, []).append(item)
    return holders


def _words(key: str) -> list[str]:
    return [key] if is_japanese(key) else key.split()


def _between(words: list[str], trigger: Sequence[str]) -> Iterator[list[str]]:
    """Yield the stretches of words before, between and after each trigger."""
    start, size = 0, len(trigger)
    for place in range(len(words) if size else 0):
        if place >= start and words[place : place + size] == list(trigger):
            yield words[start:place]
            start = place + size
    yield words[start:]


def _runs(words: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield every run of up to MAX_WORDS words, and the whole, without those of little words alone."""
    for start in range(len(words)):
        for end in range(start + 1, min(start + MAX_WORDS, len(words)) + 1):
            if not LITTLE_WORDS.issuperset(words[start:end]):
                yield tuple(words[start:end])
    if len(words) > MAX_WORDS:
        yield tuple(words)


def _explains(longer: tuple[str, ...], run: tuple[str, ...]) -> bool:
    size = len(run)
    return any(longer[start : start + size] == run for start in range(len(longer) - size + 1))


def _pairs(run: tuple[str, ...]) -> set[tuple[str, ...]]:
    return {run[start : start + 2] for start in range(len(run) - 1)}
