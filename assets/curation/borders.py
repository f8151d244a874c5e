"""Finds frames and bars: rows and columns at a picture's edge that have one color all along."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAME_LEVELS = 10
SAME_SHARE = 0.985

Levels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """Count the rows and columns of one color at each edge."""

    left: int
    top: int
    right: int
    bottom: int


def find_margins(levels: Levels) -> Margins:
    """Measure the margins of a picture (height × width × channels), each against the color of its own outermost line.

    A picture of one color has margins of its whole width and height.
    """
    turned = levels.transpose(1, 0, 2)
    return Margins(
        left=_count_plain(turned),
        top=_count_plain(levels),
        right=_count_plain(turned[::-1]),
        bottom=_count_plain(levels[::-1]),
    )


def _count_plain(lines: Levels) -> int:
    """Count the first lines whose pixels nearly all have the median color of the first."""
    color = np.median(lines[0], axis=0).astype(np.int16)
    for number, line in enumerate(lines):
        if (np.abs(line - color).max(-1) <= SAME_LEVELS).mean() < SAME_SHARE:
            return number
    return len(lines)
