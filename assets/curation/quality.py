"""Measures what makes a picture a bad teacher, and says so by thresholds that stand in one table.

Detail is measured on pixels as they are; light, color, bars and letters on a copy of at most 768 pixels.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assets.curation.borders import Margins, find_margins
from assets.curation.detail import (
    measure_blocks,
    measure_edges,
    measure_laplacian,
    measure_noise,
    measure_reach,
    measure_reblur,
)
from assets.curation.lettering import count_letters
from assets.pictures import flatten

Flag = Literal[
    "small",
    "odd_aspect",
    "blurry",
    "upscaled",
    "noisy",
    "blocky",
    "dark",
    "bright",
    "low_contrast",
    "gray",
    "letterbox",
    "text",
]

# Tuned on the curation benchmark (seed 1) and reported on another seed; see `Measures` for the units.
LIMITS = {
    "aspect": 2.5,
    "edges": 0.28,
    "soft_edges": 0.20,
    "reach": 0.80,
    "noise": 6.8,
    "blocks": 0.22,
    "dark_median": 40.0,
    "dark_lightest": 75.0,
    "clipped": 0.25,
    "contrast": 65.0,
    "color": 3.0,
    "bars": 0.04,
    "letters": 6.0,
}
WHITE = 250
GROUND = 2
COPY_SIDE = 768
CROP_SIDE = 768


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Hold the measures of one picture.

    `width` and `height` are pixels. `edges`, `laplacian`, `reblur` and `reach` are shares (see `detail`); `noise` is
    levels; `blocks` is 0 without a grid. `median` and `lightest` are the 50th and 99th percentile of luma in levels,
    `contrast` the widest range of a channel from its 1st to its 99th percentile, `clipped` the share of white pixels
    on what is not the white ground of a cut-out thing. `color` is the distance between channels in levels that 1 %
    of the pixels exceed. `bars` is the share of the picture that plain bars at opposite edges take; `letters` counts.
    """

    width: float
    height: float
    edges: float
    laplacian: float
    reblur: float
    reach: float
    noise: float
    blocks: float
    median: float
    lightest: float
    contrast: float
    clipped: float
    color: float
    bars: float
    letters: float

    def as_dict(self) -> dict[str, float]:
        """Return the measures by name, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, float]) -> "Measures":
        """Read what `as_dict` wrote."""
        return cls(**{field.name: float(values[field.name]) for field in fields(cls)})


def measure(image: Image.Image) -> Measures:
    """Measure a picture of any mode and size; takes about 60 ms for one megapixel."""
    levels = np.asarray(flatten(image))
    height, width = levels.shape[:2]
    native = _crop(levels)
    gray = _to_gray(native).astype(np.float32)
    small = _shrink(levels)
    seen = _to_gray(small)
    working = seen.astype(np.float32)
    margins = find_margins(small)
    median, lightest = (float(level) for level in np.percentile(seen[::3, ::3], (50, 99)))
    return Measures(
        width=float(width),
        height=float(height),
        edges=measure_edges(working),
        laplacian=measure_laplacian(working),
        reblur=measure_reblur(working),
        reach=measure_reach(gray),
        noise=measure_noise(gray),
        blocks=measure_blocks(gray),
        median=median,
        lightest=lightest,
        contrast=_measure_contrast(small),
        clipped=_measure_clipped(seen, margins),
        color=_measure_color(small),
        bars=_measure_bars(small, margins),
        letters=count_letters(seen),
    )


def flags(measures: Measures, *, target_side: int = 512) -> tuple[Flag, ...]:
    """Name what is wrong with a picture that is to be trained at `target_side` pixels; empty when nothing is."""
    short, long = sorted((measures.width, measures.height))
    return ("small",) * (short < target_side) + tuple(
        flag for flag, is_wrong in RULES if is_wrong(measures, long / short)
    )


def _is_dark(measures: Measures) -> bool:
    return measures.median < LIMITS["dark_median"] and measures.lightest < LIMITS["dark_lightest"]


def _is_bright(measures: Measures) -> bool:
    return measures.clipped > LIMITS["clipped"]


def _is_faint(measures: Measures) -> bool:
    """Tell whether the contrast is low for another reason than darkness or overexposure."""
    faint = measures.contrast < LIMITS["contrast"]
    return faint and not _is_dark(measures) and not _is_bright(measures)


def _is_upscaled(measures: Measures) -> bool:
    """Tell whether the finest detail is missing although the edges are too steep for a plain blur.

    Darkness hides the finest detail too.
    """
    soft = measures.edges < LIMITS["soft_edges"]
    return measures.reach < LIMITS["reach"] and not soft and not _is_dark(measures)


RULES: tuple[tuple[Flag, Callable[[Measures, float], bool]], ...] = (
    ("odd_aspect", lambda _, aspect: aspect > LIMITS["aspect"]),
    ("blurry", lambda measures, _: measures.edges < LIMITS["edges"]),
    ("upscaled", lambda measures, _: _is_upscaled(measures)),
    ("noisy", lambda measures, _: measures.noise > LIMITS["noise"]),
    ("blocky", lambda measures, _: measures.blocks > LIMITS["blocks"]),
    ("dark", lambda measures, _: _is_dark(measures)),
    ("bright", lambda measures, _: _is_bright(measures)),
    ("low_contrast", lambda measures, _: _is_faint(measures)),
    ("gray", lambda measures, _: measures.color < LIMITS["color"]),
    ("letterbox", lambda measures, _: measures.bars >= LIMITS["bars"]),
    ("text", lambda measures, _: measures.letters >= LIMITS["letters"]),
)


def _crop(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the middle of a picture, at most 768 × 768 pixels."""
    top, left = (max(0, (side - CROP_SIDE) // 2) for side in levels.shape[:2])
    return levels[top : top + CROP_SIDE, left : left + CROP_SIDE]


def _shrink(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the whole picture with at most 768 pixels on the longest side."""
    factor = COPY_SIDE / max(levels.shape[:2])
    if factor >= 1:
        return levels
    size = (max(1, round(levels.shape[1] * factor)), max(1, round(levels.shape[0] * factor)))
    return np.asarray(cv2.resize(levels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _to_gray(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(levels, cv2.COLOR_RGB2GRAY), np.uint8)


def _measure_color(levels: NDArray[np.uint8]) -> float:
    """Return the distance between the channels that all but 1 % of the pixels keep."""
    few = levels[::3, ::3].astype(np.int16)
    return float(np.percentile(few.max(-1) - few.min(-1), 99))


def _measure_contrast(levels: NDArray[np.uint8]) -> float:
    """Return the widest range of a channel: a picture of equally light colors is not faint."""
    low, high = np.percentile(levels[::3, ::3].reshape(-1, 3), (1, 99), axis=0)
    return float((high - low).max())


def _measure_clipped(seen: NDArray[np.uint8], margins: Margins) -> float:
    """Return the share of white pixels; of a thing that touches no edge, without the white ground around it."""
    white = (seen >= WHITE).astype(np.uint8)
    if min(margins.left, margins.top, margins.right, margins.bottom) and white[0, 0]:
        cv2.floodFill(white, None, (0, 0), GROUND)
    return float((white == 1).sum() / max(1, (white != GROUND).sum()))


def _measure_bars(levels: NDArray[np.uint8], margins: Margins) -> float:
    """Return the share of the height or the width that bars at both opposite edges take; 0 where one edge has none.

    The picture beside a bar must differ from it over most of the line: a thing on a plain background has no bars.
    """
    turned = levels.transpose(1, 0, 2)
    return max(_pair_bars(levels, margins.top, margins.bottom), _pair_bars(turned, margins.left, margins.right))


def _pair_bars(lines: NDArray[np.uint8], before: int, after: int) -> float:
    if not before or not after or before + after >= len(lines) - 8:
        return 0.0
    steps = (_step(lines, before), _step(lines[::-1], after))
    return (before + after) / len(lines) if min(steps) >= 0.5 else 0.0


def _step(lines: NDArray[np.uint8], bar: int) -> float:
    """Return the share of the fourth line after a bar that differs from the bar."""
    return float((np.abs(lines[bar + 3].astype(np.int16) - np.median(lines[0], axis=0)) > 12).any(-1).mean())
