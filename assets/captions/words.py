"""English words: singular and plural, parts of phrases, and the nearest spelling."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from itertools import zip_longest

from .phrases import fold, is_japanese

WORD = re.compile(r"[a-z]+(?:['’-][a-z]+)*")
IRREGULAR = {
    "children": "child",
    "feet": "foot",
    "geese": "goose",
    "halves": "half",
    "hooves": "hoof",
    "knives": "knife",
    "leaves": "leaf",
    "loaves": "loaf",
    "men": "man",
    "mice": "mouse",
    "people": "person",
    "scarves": "scarf",
    "shelves": "shelf",
    "teeth": "tooth",
    "wolves": "wolf",
    "women": "woman",
}
# These end like plurals, and mean something else without the s, or nothing.
NO_SINGULAR = frozenset(
    (
        *("bangs", "binoculars", "canvas", "clothes", "glasses", "goggles", "jeans", "lens", "news", "pajamas"),
        *("pants", "scissors", "series", "shorts", "species", "sunglasses", "tights", "trousers"),
    )
)
SIBILANTS = ("sses", "shes", "ches", "xes", "zes")
CLOSE = 0.8


def words_of(phrase: str) -> list[str]:
    """Return the folded English words of a phrase, in order."""
    return WORD.findall(fold(phrase).replace("_", " "))


def singular(phrase: str) -> str:
    """Return a folded phrase with its last word in the singular, by rule; Japanese has no plural to take away."""
    if is_japanese(phrase):
        return phrase
    start = max(phrase.rfind(" "), phrase.rfind(":")) + 1
    return phrase[:start] + _singular_word(phrase[start:])


def _singular_word(word: str) -> str:
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word in NO_SINGULAR or len(word) < 4 or not word.isascii() or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(SIBILANTS):
        return word[:-2]
    return word[:-1] if word.endswith("s") else word


class Spellings:
    """Known words, ready to be asked for the nearest one."""

    def __init__(self, words: Iterable[str]) -> None:
        self._by_start: dict[str, set[str]] = {}
        for word in words:
            self._by_start.setdefault(word[:1], set()).add(word)

    def __contains__(self, word: str) -> bool:
        return word in self._by_start.get(word[:1], ())

    def nearest(self, word: str) -> str | None:
        """Return the known word most like this one and with the same first letter, or None where none is close."""
        near = sorted(each for each in self._by_start.get(word[:1], ()) if abs(len(each) - len(word)) <= 2)
        found = get_close_matches(word, [each for each in near if each != word], n=1, cutoff=CLOSE)
        return found[0] if found else None


def is_misspelled(phrase: str, known: str) -> bool:
    """Say whether a phrase is likely a known one with a slip: one longer word differs, and starts with its letter."""
    pairs = [pair for pair in zip_longest(phrase.split(), known.split(), fillvalue="") if pair[0] != pair[1]]
    return len(pairs) == 1 and all(len(word) > 3 and word.isalpha() and word[0] == pairs[0][0][0] for word in pairs[0])


def replace_word(phrase: str, old: str, new: str) -> str:
    """Return a phrase with a whole word replaced, whatever its case."""
    return re.sub(rf"(?<![a-z]){re.escape(old)}(?![a-z])", lambda _: new, phrase, flags=re.IGNORECASE)


def most_used(counts: Mapping[str, int], preferred: str = "") -> str:
    """Return the spelling used most; among equals the preferred one, then the one in lower case."""
    return min(counts, key=lambda each: (-counts[each], each != preferred, each != each.lower(), each))
