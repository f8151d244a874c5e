"""Finds pictures that are the same or nearly: flipped, turned, cropped to 80 %, re-encoded, resized, marked, framed.

Candidates come from waves that turns and flips cannot change, over 81 windows of every picture; each is then laid
over the other and compared place by place, so that two pictures with one background are not taken for copies.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assets.curation.alignment import compare
from assets.curation.fingerprints import VIEW_SIDE, Fingerprint, FingerprintError, fingerprint
from assets.curation.groups import Pair, group
from assets.curation.windows import ORIENTATIONS, WINDOWS, blind, orient, orient_waves, transform

__all__ = ["Fingerprint", "FingerprintError", "Pair", "find_pairs", "fingerprint", "group"]

Floats = NDArray[np.float32]

NEAREST = 16
BLOCK = 512
TRIES = 4
BLIND_FLOOR = 0.87
WAVES_FLOOR = 0.80
MIN_SIMILARITY = 0.83


@dataclass(frozen=True, slots=True, kw_only=True)
class _Views:
    """Hold all views of all pictures (n × side × side) and whose they are."""

    squares: NDArray[np.uint8]
    owners: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """Say that a window of the wide view looks like the whole of the narrow one, turned, and how sure the waves are."""

    score: float
    wide: int
    narrow: int
    window: int
    orientation: int


def find_pairs(fingerprints: Mapping[str, Fingerprint], *, min_similarity: float = MIN_SIMILARITY) -> list[Pair]:
    """Return the pairs of duplicates, ordered by key, the same for the same pictures in any order.

    Pictures with equal pixels are paired with the first of them alone, and so is what is near to them: `group` joins
    them. A picture with more than 16 near duplicates is paired with the nearest 16.
    """
    same = defaultdict(list)
    for key in sorted(fingerprints):
        same[fingerprints[key].pixels].append(key)
    exact = [_pair(keys[0], other, 1.0, "exact") for keys in same.values() for other in keys[1:]]
    alone = {keys[0]: fingerprints[keys[0]] for keys in same.values()}
    return sorted(exact + _find_near(alone, min_similarity), key=lambda pair: (pair.first, pair.second))


def _pair(one: str, other: str, similarity: float, kind: Literal["exact", "near"]) -> Pair:
    first, second = sorted((one, other))
    return Pair(first=first, second=second, similarity=similarity, kind=kind)


def _find_near(fingerprints: Mapping[str, Fingerprint], min_similarity: float) -> list[Pair]:
    """Return the near pairs among pictures whose pixels differ."""
    keys, views = list(fingerprints), _collect(fingerprints)
    candidates = defaultdict(list)
    for candidate in _candidates(views):
        owners = sorted((int(views.owners[candidate.wide]), int(views.owners[candidate.narrow])))
        candidates[owners[0], owners[1]].append(candidate)
    pairs = []
    for (one, other), each in candidates.items():
        similarity = _compare_best(views, each, min_similarity)
        if similarity >= min_similarity:
            pairs.append(_pair(keys[one], keys[other], similarity, "near"))
    return pairs


def _compare_best(views: _Views, candidates: list[_Candidate], enough: float) -> float:
    """Return how alike two pictures are, by the surest of the candidates for them; stop at the first that is enough."""
    best = 0.0
    for candidate in sorted(candidates, key=lambda each: each.score, reverse=True)[:TRIES]:
        (left, right), (top, bottom) = WINDOWS[candidate.window]
        part = orient(views.squares[candidate.narrow], candidate.orientation)
        best = max(best, compare(views.squares[candidate.wide], part, (left, top, right, bottom)))
        if best >= enough:
            break
    return round(best, 4)


def _collect(fingerprints: Mapping[str, Fingerprint]) -> _Views:
    owned = [(owner, view) for owner, each in enumerate(fingerprints.values()) for view in each.views]
    data = np.frombuffer(b"".join(view for _, view in owned), np.uint8)
    owners = np.array([owner for owner, _ in owned], np.int64)
    return _Views(squares=data.reshape(-1, VIEW_SIDE, VIEW_SIDE), owners=owners)


def _candidates(views: _Views) -> Iterator[_Candidate]:
    """Yield the views that are worth laying over each other."""
    if len(views.owners) < 2:
        return
    wholes = np.concatenate([transform(block)[:, 0] for block in _blocks(views.squares)])
    known = blind(wholes)
    turned = orient_waves(wholes).reshape(len(wholes), ORIENTATIONS, -1)
    for number, block in enumerate(_blocks(views.squares)):
        waves, start = transform(block), number * BLOCK
        windows = waves.reshape(*waves.shape[:2], -1)
        for row, narrow in _nearest(blind(waves), known, views.owners, start):
            scores = windows[row] @ turned[narrow].T
            window, orientation = divmod(int(scores.argmax()), ORIENTATIONS)
            score = float(scores[window, orientation])
            if score >= WAVES_FLOOR:
                wide = start + row
                yield _Candidate(score=score, wide=wide, narrow=narrow, window=window, orientation=orientation)


def _blocks(squares: NDArray[np.uint8]) -> Iterator[Floats]:
    for start in range(0, len(squares), BLOCK):
        yield squares[start : start + BLOCK].astype(np.float32)


def _nearest(windows: Floats, known: Floats, owners: NDArray[np.int64], start: int) -> Iterator[tuple[int, int]]:
    """Yield each row of a block with the nearest views of other pictures, by its best window."""
    best = np.full((len(windows), len(known)), -1, np.float32)
    for window in range(windows.shape[1]):
        np.maximum(best, windows[:, window] @ known.T, out=best)
    best[owners[start : start + len(windows), None] == owners[None]] = -1
    count = min(NEAREST, len(known) - 1)
    columns = np.argpartition(best, -count, axis=1)[:, -count:]
    for row, chosen in enumerate(columns):
        for narrow in chosen[best[row, chosen] >= BLIND_FLOOR]:
            yield row, int(narrow)
