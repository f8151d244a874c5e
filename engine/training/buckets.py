"""Give pictures of every shape a size to learn at, and pictures of one size to one batch. Pure.

Sides are in pixels. A bucket has at most the area of the resolution squared, and sides that are multiples of the step,
as in NovelAI's bucketing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.training.randomness import rng_for

MAX_ASPECT = 2.0
VAE_FACTOR = 8


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Bucket:
    """A size to learn at."""

    width: int
    height: int


def step_of(resolution: int) -> int:
    """Return the step between sides: 64 pixels from 512 on, an eighth of smaller resolutions."""
    return max(VAE_FACTOR, min(64, resolution // 8 // VAE_FACTOR * VAE_FACTOR))


def choose_bucket(width: int, height: int, *, resolution: int, is_square: bool = False) -> Bucket:
    """Return the bucket whose shape is nearest to a picture's; the largest among equally near ones."""
    if is_square:
        return Bucket(width=resolution, height=resolution)
    aspect = min(max(width / height, 1 / MAX_ASPECT), MAX_ASPECT)
    found = list_buckets(resolution)
    return min(found, key=lambda each: (abs(math.log(each.width / each.height / aspect)), -each.width * each.height))


def list_buckets(resolution: int) -> list[Bucket]:
    """Return every bucket of a resolution: for each width the tallest that fits into the area."""
    step, area = step_of(resolution), resolution * resolution
    found = set()
    for width in range(step, int(resolution * math.sqrt(MAX_ASPECT)) + step, step):
        height = min(area // width // step * step, int(resolution * math.sqrt(MAX_ASPECT)) // step * step)
        if height and width * height <= area and 1 / MAX_ASPECT <= width / height <= MAX_ASPECT:
            found.add(Bucket(width=width, height=height))
    return sorted(found | {Bucket(width=resolution, height=resolution)})


def plan_epoch(rows: Mapping[Bucket, Sequence[int]], *, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Return the batches of one epoch in order, each from one bucket and all of the same size.

    Every row comes at least once; a bucket's last batch is filled up with rows of the same bucket.
    """
    batches = []
    for bucket in sorted(rows):
        order = rng_for(seed, "order", epoch, bucket.width, bucket.height).permutation(len(rows[bucket]))
        listed = [rows[bucket][place] for place in order]
        for start in range(0, len(listed), batch_size):
            batches.append([listed[(start + more) % len(listed)] for more in range(batch_size)])
    return [batches[place] for place in rng_for(seed, "batches", epoch).permutation(len(batches))]


class Plan:
    """The batches of all steps, worked out an epoch at a time from the seed."""

    def __init__(self, rows: Mapping[Bucket, Sequence[int]], *, batch_size: int, seed: int) -> None:
        self.rows, self.batch_size, self.seed = rows, batch_size, seed
        self.per_epoch = sum(math.ceil(len(each) / batch_size) for each in rows.values())
        self._epoch, self._batches = -1, list[list[int]]()

    def batch(self, index: int) -> list[int]:
        """Return the rows of the batch with this number, counted over all epochs."""
        epoch, place = divmod(index, self.per_epoch)
        if epoch != self._epoch:
            planned = plan_epoch(self.rows, batch_size=self.batch_size, seed=self.seed, epoch=epoch)
            self._epoch, self._batches = epoch, planned
        return self._batches[place]
