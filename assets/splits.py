"""Parts a dataset into training and validation pictures so that near duplicates never stand on both sides. Pure."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

SENTENCES = {
    "split_share_unfit": "The validation share must be more than 0 and less than 1.",
    "split_key_twice": "The picture {key} is there twice.",
}


class SplitError(ValueError):
    """Refuse a split. `code` is stable, `params` fill the translated sentence."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(SENTENCES[code].format(**params))
        self.code = code
        self.params: Mapping[str, str | int] = params


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The keys of both sides, each sorted; together they are all keys, and no key is on both."""

    train: tuple[str, ...]
    validation: tuple[str, ...]


def split(keys: Iterable[str], clusters: Iterable[Collection[str]], *, seed: int, validation_share: float) -> Split:
    """Part keys into training and validation, whole clusters at a time.

    `clusters` are groups of near duplicates; groups that share a key are one, keys in none stand alone, and a key
    that is not among `keys` still links the others of its group. The same keys, clusters and seed give the same
    split in any order. Both sides get a picture, unless all pictures are one cluster: then all are for training.
    Validation never exceeds its share, rounded, except where every cluster is larger. Raises SplitError.
    """
    listed = _checked(keys, validation_share)
    parts = sorted(join_clusters(listed, clusters), key=lambda part: draw_order(seed, part[0]))
    if len(parts) < 2:
        return Split(train=tuple(listed), validation=())
    wanted = min(max(1, round(len(listed) * validation_share)), len(listed) - 1)
    chosen: list[tuple[str, ...]] = []
    for part in parts:
        if len(part) <= wanted:
            chosen.append(part)
            wanted -= len(part)
    held_out = {key for part in chosen or [min(parts, key=len)] for key in part}
    return Split(
        train=tuple(key for key in listed if key not in held_out),
        validation=tuple(key for key in listed if key in held_out),
    )


def _checked(keys: Iterable[str], share: float) -> list[str]:
    if not 0 < share < 1:
        raise SplitError("split_share_unfit")
    listed = sorted(keys)
    for key, after in pairwise(listed):
        if key == after:
            raise SplitError("split_key_twice", key=key[:80])
    return listed


def join_clusters(keys: list[str], clusters: Iterable[Collection[str]]) -> list[tuple[str, ...]]:
    """Return the keys in parts, each sorted, where clusters that touch have become one."""
    parents = {key: key for key in keys}

    def root(key: str) -> str:
        while parents.setdefault(key, key) != key:
            parents[key] = parents[parents[key]]
            key = parents[key]
        return key

    for cluster in clusters:
        for one, other in pairwise(cluster):
            parents[root(other)] = root(one)
    parts: dict[str, list[str]] = {}
    for key in keys:
        parts.setdefault(root(key), []).append(key)
    return [tuple(part) for part in parts.values()]


def draw_order(seed: int, key: str) -> str:
    """Return a key's place in an order that a seed shuffles."""
    return hashlib.sha256(f"{seed}\n{key}".encode()).hexdigest()
