"""Steps and epochs, and the parts of a set that is learned from several times."""

from collections.abc import Collection, Iterable, Mapping
from math import ceil

from assets.splits import draw_order, join_clusters

SENTENCES = {
    "folds_out_of_range": "A set of {clusters} different pictures can be parted in 2 to {clusters} parts, not in {k}.",
}


class PartsError(ValueError):
    """Refuse to part a set. `code` is stable, `params` fill the translated sentence."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(SENTENCES[code].format(**params))
        self.code = code
        self.params: Mapping[str, str | int] = params


def steps_of(epochs: float, *, pictures: int, batch_size: int, accumulation: int = 1) -> int:
    """Return the steps in which every picture is seen `epochs` times, at least one."""
    return max(1, ceil(epochs * pictures / (batch_size * accumulation)))


def epochs_of(steps: int, *, pictures: int, batch_size: int, accumulation: int = 1) -> float:
    """Return how many times every picture is seen in so many steps."""
    return steps * batch_size * accumulation / max(pictures, 1)


def folds(
    keys: Iterable[str], clusters: Iterable[Collection[str]], *, k: int, seed: int = 0
) -> tuple[tuple[str, ...], ...]:
    """Part keys into `k` sets of about equal size, whole clusters of near duplicates at a time.

    Every key is in exactly one part, whatever the order; each part is held out once. Raises PartsError when there
    are not `k` different pictures.
    """
    parts = join_clusters(sorted(keys), clusters)
    if not 2 <= k <= len(parts):
        raise PartsError("folds_out_of_range", k=k, clusters=len(parts))
    found: list[list[str]] = [[] for _ in range(k)]
    # The largest first, each into the part that is smallest so far: sizes differ by one cluster at most.
    for part in sorted(parts, key=lambda each: (-len(each), draw_order(seed, each[0]))):
        min(found, key=len).extend(part)
    return tuple(tuple(sorted(each)) for each in found)
