"""Counts letter-like shapes that stand in lines: captions, signatures and watermarks."""

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.curation.levels import find_levels

Bytes = NDArray[np.uint8]
Boxes = NDArray[np.int32]

MIN_HEIGHT, MAX_HEIGHT = 6, 96
STROKE = 17
CUTS = (90, 96, 99)
MIN_CONTRAST = 14
LINE = 5
MOST_BOXES = 1000
NEIGHBORS = 40
MOST_LABELS = 65_000


def count_letters(gray: Bytes) -> float:
    """Return how many letter-like shapes stand in lines of at least five, lighter or darker than what is around."""
    ring = cv2.getStructuringElement(cv2.MORPH_RECT, (STROKE, STROKE))
    responses = (cv2.morphologyEx(gray, kind, ring) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT))
    return float(max(_count(np.asarray(response, np.uint8)) for response in responses))


def _count(response: Bytes) -> int:
    """Count in one polarity, cut at several levels: faint marks need a low one, busy backgrounds a high one."""
    levels = {max(MIN_CONTRAST, level) for level in find_levels(response, CUTS)}
    return max(_count_at(response, level) for level in levels)


def _count_at(response: Bytes, level: int) -> int:
    _, mask = cv2.threshold(response, level, 255, cv2.THRESH_BINARY)
    # There are no more shapes than light pixels, and short labels take half the time.
    labels = cv2.CV_16U if cv2.countNonZero(mask) < MOST_LABELS else cv2.CV_32S
    _, _, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, labels, cv2.CCL_GRANA)
    return _count_lined(_letters(np.asarray(stats[1:], np.int32)))


def _letters(stats: Boxes) -> Boxes:
    """Keep the boxes (left, top, width, height, area) with the proportions and the fill of a letter."""
    width, height, area = stats[:, 2], stats[:, 3], stats[:, 4]
    fill = area / np.maximum(width * height, 1)
    proportion = width / np.maximum(height, 1)
    kept = (height >= MIN_HEIGHT) & (height <= MAX_HEIGHT) & (proportion > 0.1) & (proportion < 1.8)
    return np.asarray(stats[kept & (fill > 0.18) & (fill < 0.92)], np.int32)


def _count_lined(boxes: Boxes) -> int:
    """Count the boxes that stand in lines of at least five."""
    if not LINE <= len(boxes) <= MOST_BOXES:
        return 0
    boxes = boxes[np.argsort(boxes[:, 0], kind="stable")]
    before = _link(boxes)
    length = np.ones(len(boxes), int)
    for at in np.flatnonzero(before >= 0):
        length[at] = length[before[at]] + 1
    ends = length[np.setdiff1d(np.arange(len(boxes)), before)]
    return int(ends[ends >= LINE].sum())


def _link(boxes: Boxes) -> NDArray[np.int64]:
    """Return for each box, ordered by the left edge, the nearest earlier one that it continues, or -1."""
    steps = np.arange(1, min(NEIGHBORS, len(boxes)))
    later = np.arange(len(boxes))[:, None]
    earlier = np.maximum(later - steps, 0)
    gap = np.where(later >= steps, _gap(boxes[earlier], boxes[later]), np.inf)
    nearest = gap.argmin(1)
    return np.where(np.isfinite(gap.min(1)), later[:, 0] - steps[nearest], -1)


def _gap(earlier: Boxes, later: Boxes) -> NDArray[np.float64]:
    """Return the gap between two letters of one line, in heights; infinite where the later does not continue."""
    height, ratio = later[..., 3], earlier[..., 3] / later[..., 3]
    gap = (later[..., 0] - earlier[..., 0] - earlier[..., 2]) / height
    slack = np.maximum(1.0, 0.12 * height)
    grounded = np.abs(earlier[..., 1] + earlier[..., 3] - later[..., 1] - height) <= slack
    aligned = grounded | (np.abs(earlier[..., 1] - later[..., 1]) <= slack)
    fits = aligned & (gap > -0.25) & (gap < 0.9) & (ratio > 0.55) & (ratio < 1.8)
    return np.where(fits, np.abs(gap), np.inf)
