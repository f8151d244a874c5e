"""Finds percentiles of 8-bit pixels by counting them, many times quicker than sorting."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


def find_levels(values: NDArray[np.uint8], percents: Sequence[float]) -> list[int]:
    """Return for each percentage the lowest level that so many of the pixels (height × width) do not exceed."""
    counts = np.cumsum(cv2.calcHist([values], [0], None, [256], [0, 256]), dtype=np.float64)
    return [int(level) for level in np.searchsorted(counts, counts[-1] * np.asarray(percents) / 100)]
