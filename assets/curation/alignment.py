"""Lays one small view over a part of another and says how alike they are, place by place."""

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.curation.fingerprints import VIEW_SIDE

Floats = NDArray[np.float32]

STEPS = 15
PATIENCE = 1e-3
FIRST_BLUR = 3
SOFTEN = 1.0
PATCH = 9
CALM = 30.0
WORST_SHARE = 12
MIN_OVERLAP = 0.85
MAX_STRETCH = 1.12

Box = tuple[float, float, float, float]


def compare(whole: NDArray[np.uint8], part: NDArray[np.uint8], box: Box) -> float:
    """Return how alike `part` is to what `whole` shows in and around the box: 0 (different) to 1 (the same).

    Both are square views; the box is left, top, right and bottom as shares of the side. The fit is refined first
    (enhanced correlation, affine). The answer is the structural likeness that all but the worst eighth of the places
    reach: a small mark does not hide a copy, and a shared background does not make one.
    """
    wide, narrow = _soften(whole), _soften(part)
    warp = _refine(wide, narrow, box)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (VIEW_SIDE, VIEW_SIDE)
    laid = np.asarray(cv2.warpAffine(wide, warp, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)
    seen = cv2.warpAffine(np.ones_like(wide), warp, size, flags=flags) > 0.99
    if seen.mean() < MIN_OVERLAP:
        return 0.0
    places = _likeness(laid, narrow, seen)
    return float(np.clip(np.percentile(places[seen], WORST_SHARE), 0, 1))


def _soften(view: NDArray[np.uint8]) -> Floats:
    return np.asarray(cv2.GaussianBlur(view.astype(np.float32), (0, 0), SOFTEN), np.float32)


def _refine(wide: Floats, narrow: Floats, box: Box) -> Floats:
    """Return the affine map from places of `narrow` to places of `wide`: the box itself where no fit near it is found.

    The fit works at half the size, which is four times as quick and exact to a quarter of a pixel.
    """
    first, half = _map_box(box, VIEW_SIDE), VIEW_SIDE // 2
    small, large = (cv2.resize(view, (half, half), interpolation=cv2.INTER_AREA) for view in (narrow, wide))
    everywhere = np.ones((half, half), np.uint8)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, STEPS, PATIENCE)
    start = _map_box(box, half)
    try:
        found = cv2.findTransformECC(small, large, start, cv2.MOTION_AFFINE, criteria, everywhere, FIRST_BLUR)[1]
    except cv2.error:
        return first
    fitted = np.asarray(found, np.float32)
    fitted[:, 2] = 2 * fitted[:, 2] + 0.5 - fitted[:, :2].sum(1) / 2
    return fitted if _is_near(fitted, first) else first


def _map_box(box: Box, side: int) -> Floats:
    """Return the map from the pixels of a square to those of its box in another square of the same side."""
    scale, start = np.array([box[2] - box[0], box[3] - box[1]]), np.array(box[:2])
    return np.concatenate([np.diag(scale), (side * start + scale / 2 - 0.5)[:, None]], 1).astype(np.float32)


def _is_near(found: Floats, first: Floats) -> bool:
    """Tell whether a map is still the crop that it started from, neither stretched nor turned into another."""
    ratio = np.diag(found[:, :2]) / np.diag(first[:, :2])
    sheared = max(abs(float(found[0, 1])), abs(float(found[1, 0])))
    return bool((ratio < MAX_STRETCH).all() and (ratio > 1 / MAX_STRETCH).all() and sheared < MAX_STRETCH - 1)


def _likeness(laid: Floats, narrow: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Return the contrast and structure terms of SSIM around every place, after one gain for the whole picture."""
    gain = float(narrow[seen].std()) / max(float(laid[seen].std()), 1e-3)
    one, other = laid * gain, narrow
    mean_one, mean_other = _mean(one), _mean(other)
    both = _mean(one * one) - mean_one**2 + _mean(other * other) - mean_other**2
    shared = _mean(one * other) - mean_one * mean_other
    return np.asarray((2 * shared + CALM) / (both + CALM), np.float32)


def _mean(levels: Floats) -> Floats:
    return np.asarray(cv2.blur(levels, (PATCH, PATCH)), np.float32)
