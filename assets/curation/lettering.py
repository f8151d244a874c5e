"""Counts letter-like shapes that stand in lines: captions, signatures and watermarks."""

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Boxes = NDArray[np.int32]

MIN_HEIGHT, MAX_HEIGHT = 6, 96
STROKE = 17
CUTS = (90, 95, 97.5, 99)
MIN_CONTRAST = 14
LINE = 5
MOST_BOXES = 1500
NEIGHBORS = 64


def count_letters(gray: Bytes) -> float:
    """Return how many letter-like shapes stand in lines of at least five, lighter or darker than what is around."""
    ring = cv2.getStructuringElement(cv2.MORPH_RECT, (STROKE, STROKE))
    responses = (cv2.morphologyEx(gray, kind, ring) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT))
    return float(max(_count(np.asarray(response, np.uint8)) for response in responses))


def _count(response: Bytes) -> int:
    """Count in one polarity, cut at several levels: faint marks need a low one, busy backgrounds a high one."""
    few = response[::3, ::3]
    levels = {max(MIN_CONTRAST, int(np.percentile(few, share))) for share in CUTS}
    return max(_count_at(response, level) for level in levels)


def _count_at(response: Bytes, level: int) -> int:
    _, mask = cv2.threshold(response, level, 255, cv2.THRESH_BINARY)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return _count_lined(_letters(stats[1:]))


def _letters(stats: Boxes) -> Boxes:
    """Keep the boxes (left, top, width, height, area) with the proportions and the fill of a letter."""
    width, height, area = stats[:, 2], stats[:, 3], stats[:, 4]
    fill = area / np.maximum(width * height, 1)
    proportion = width / np.maximum(height, 1)
    kept = (height >= MIN_HEIGHT) & (height <= MAX_HEIGHT) & (proportion > 0.1) & (proportion < 1.8)
    return stats[kept & (fill > 0.18) & (fill < 0.92)]


def _count_lined(boxes: Boxes) -> int:
    """Count the boxes that stand in lines of at least five."""
    if not LINE <= len(boxes) <= MOST_BOXES:
        return 0
    boxes = boxes[np.argsort(boxes[:, 0], kind="stable")]
    length, before = np.ones(len(boxes), int), np.full(len(boxes), -1)
    for at in range(1, len(boxes)):
        since = max(0, at - NEIGHBORS)
        fits = np.flatnonzero(_continue(boxes[since:at], boxes[at]))
        if fits.size:
            best = since + int(fits[length[since:at][fits].argmax()])
            length[at], before[at] = length[best] + 1, best
    ends = length[np.setdiff1d(np.arange(len(boxes)), before)]
    return int(ends[ends >= LINE].sum())


def _continue(earlier: Boxes, box: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Tell which earlier boxes the box continues: close to its left, about as high, on one line above or below."""
    left, top, height = box[0], box[1], box[3]
    gap = left - earlier[:, 0] - earlier[:, 2]
    slack = max(1.0, 0.12 * height)
    grounded = np.abs(earlier[:, 1] + earlier[:, 3] - top - height) <= slack
    aligned = grounded | (np.abs(earlier[:, 1] - top) <= slack)
    ratio = earlier[:, 3] / height
    return np.asarray(aligned & (gap > -0.25 * height) & (gap < 0.9 * height) & (ratio > 0.55) & (ratio < 1.8))
