"""Join pairs of pictures that are nearly the same into groups. Looks at no pixels, so that any process may ask."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol


class Joined(Protocol):
    """What `group` reads of a pair."""

    @property
    def first(self) -> str:
        """Return the key of one picture."""

    @property
    def second(self) -> str:
        """Return the key of the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Name two pictures, in order of their keys, and how alike they are (0 to 1; exactly the same pixels: 1)."""

    first: str
    second: str
    similarity: float
    kind: Literal["exact", "near"]


def group(pairs: Iterable[Joined], keys: Collection[str]) -> list[frozenset[str]]:
    """Join pairs into groups, ordered by their first key; every key is in exactly one, alone if nothing matches it."""
    root = {key: key for key in keys}

    def find(key: str) -> str:
        while root[key] != key:
            root[key] = root[root[key]]
            key = root[key]
        return key

    for pair in pairs:
        one, other = sorted((find(pair.first), find(pair.second)))
        root[other] = one
    members = defaultdict(set)
    for key in sorted(keys):
        members[find(key)].add(key)
    return [frozenset(each) for each in members.values()]
