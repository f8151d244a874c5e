"""Measures what makes a picture a bad teacher, and says so by thresholds that stand in one table.

Fine detail is measured on pixels as they are; edges, light, color, bars and letters on a copy of at most 768 pixels.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assets.curation.borders import Margins, find_margins
from assets.curation.detail import (
    measure_blocks,
    measure_edges,
    measure_noise,
    measure_reach,
)
from assets.curation.flags import Flag
from assets.curation.lettering import count_letters
from assets.curation.levels import find_levels
from assets.pictures import flatten

Levels = NDArray[np.uint8]
# Tuned on the curation benchmark and reported on a seed that tuning never saw; see `Measures` for the units.
LIMITS = {
    "aspect": 2.5,
    "edges": 0.28,
    "soft_edges": 0.20,
    "reach": 0.80,
    "noise": 4.5,
    "blocks": 0.17,
    "lightest": 66.0,
    "clipped": 0.15,
    "contrast": 58.0,
    "color": 3.0,
    "bars": 0.04,
    "letters": 6.0,
}
WHITE = 250
BLOWN = 253
PURE_COLOR = 64
GROUND = 2
GROUND_EDGES = 3
LEAST_THING = 0.05
BESIDE = 0.6
COPY_SIDE = 768
CROP_SIDE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Hold the measures of one picture.

    `width` and `height` are pixels. `edges` and `reach` are shares (see `detail`); `noise` is
    levels; `blocks` is 0 without a grid. `median` and `lightest` are the 50th and 99th percentile of luma in levels,
    `contrast` the widest range of a channel from its 1st to its 99th percentile, `clipped` the share of pixels that
    too much light has burnt out, without plain bars and the white ground of a thing. `color` is the distance between
    channels in levels that 1 % of the pixels exceed. `bars` is the share of the picture that plain bars at opposite
    edges take; `letters` counts.
    """

    width: float
    height: float
    edges: float
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
    """Measure a picture of any mode and size; a megapixel takes some 40 ms of one core."""
    levels = np.asarray(flatten(image))
    gray, small = _to_gray(levels), _shrink(levels, cv2.INTER_LINEAR)
    native, seen = _crop(gray).astype(np.float32), _shrink(gray, cv2.INTER_AREA)
    channels, margins = _split(small[::3, ::3]), find_margins(small)
    median, lightest = (float(level) for level in find_levels(seen, (50, 99)))
    return Measures(
        width=float(levels.shape[1]),
        height=float(levels.shape[0]),
        edges=measure_edges(seen),
        reach=measure_reach(native),
        noise=measure_noise(native),
        blocks=measure_blocks(native),
        median=median,
        lightest=lightest,
        contrast=_measure_contrast(channels),
        clipped=_measure_clipped(small, margins),
        color=_measure_color(channels),
        bars=_measure_bars(small, margins),
        letters=count_letters(seen),
    )


def flags(measures: Measures, *, target_side: int = 512) -> tuple[Flag, ...]:
    """Name what is wrong with a picture that is to be trained at `target_side` pixels; empty when nothing is."""
    short, long = sorted((measures.width, measures.height))
    found: list[Flag] = [flag for flag, is_wrong in RULES if is_wrong(measures, long / short)]
    return ("small", *found) if short < target_side else tuple(found)


def _is_dark(measures: Measures) -> bool:
    return measures.lightest < LIMITS["lightest"]


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


def _crop(levels: Levels) -> Levels:
    """Return the middle of a picture, at most 512 × 512 pixels."""
    top, left = (max(0, (side - CROP_SIDE) // 2) for side in levels.shape[:2])
    return levels[top : top + CROP_SIDE, left : left + CROP_SIDE]


def _shrink(levels: Levels, method: int) -> Levels:
    """Return the whole picture with at most 768 pixels on the longest side."""
    factor = COPY_SIDE / max(levels.shape[:2])
    if factor >= 1:
        return levels
    size = (max(1, round(levels.shape[1] * factor)), max(1, round(levels.shape[0] * factor)))
    return np.asarray(cv2.resize(levels, size, interpolation=method), np.uint8)


def _to_gray(levels: Levels) -> Levels:
    return np.asarray(cv2.cvtColor(levels, cv2.COLOR_RGB2GRAY), np.uint8)


def _split(levels: Levels) -> list[Levels]:
    return [np.asarray(channel, np.uint8) for channel in cv2.split(levels)]


def _measure_color(channels: Sequence[Levels]) -> float:
    """Return the distance between the channels that all but 1 % of the pixels keep."""
    red, green, blue = channels
    lightest, darkest = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
    return float(find_levels(np.asarray(cv2.subtract(lightest, darkest), np.uint8), (99,))[0])


def _measure_contrast(channels: Sequence[Levels]) -> float:
    """Return the widest range of a channel: a picture of equally light colors is not faint."""
    ranges = (find_levels(channel, (1, 99)) for channel in channels)
    return float(max(high - low for low, high in ranges))


def _measure_clipped(small: Levels, margins: Margins) -> float:
    """Return the share of burnt-out pixels; of a thing on white, all where next to nothing of it is left."""
    counted = _find_content(small, margins)
    if counted.mean() < LEAST_THING:
        return 1.0
    return float((_find_blown(small) & counted).sum() / counted.sum())


def _find_blown(small: Levels) -> NDArray[np.bool_]:
    """Tell where two channels are full; the third must not be near zero, or it is a drawn yellow or cyan."""
    red, green, blue = _split(small)
    middle = cv2.max(cv2.min(red, green), cv2.min(cv2.max(red, green), blue))
    least = cv2.min(cv2.min(red, green), blue)
    return np.asarray((middle >= BLOWN) & (least >= PURE_COLOR), bool)


def _find_content(small: Levels, margins: Margins) -> NDArray[np.bool_]:
    """Tell where the picture is, as against plain margins, or the white ground of a thing that leaves three edges."""
    white = (cv2.inRange(small, (WHITE, WHITE, WHITE), (255, 255, 255)) > 0).astype(np.uint8)
    corners = int(white[[0, 0, -1, -1], [0, -1, 0, -1]].sum())
    edges = sum(width > 0 for width in (margins.left, margins.top, margins.right, margins.bottom))
    if edges >= GROUND_EDGES and corners >= 2:
        white = np.pad(white, 1, constant_values=1)
        cv2.floodFill(white, None, (0, 0), GROUND)
        return np.asarray(white[1:-1, 1:-1] != GROUND)
    inside = np.zeros(white.shape, bool)
    height, width = white.shape
    inside[margins.top : height - margins.bottom, margins.left : width - margins.right] = True
    return inside if inside.mean() >= LEAST_THING else np.ones(white.shape, bool)


def _measure_bars(levels: Levels, margins: Margins) -> float:
    """Return the share of the height or the width that bars at both opposite edges take; 0 where one edge has none.

    The picture beside a bar must differ from it over most of the line: a thing on a plain background has no bars.
    """
    turned = levels.transpose(1, 0, 2)
    return max(_pair_bars(levels, margins.top, margins.bottom), _pair_bars(turned, margins.left, margins.right))


def _pair_bars(lines: Levels, before: int, after: int) -> float:
    if not before or not after or before + after >= len(lines) - 8:
        return 0.0
    steps = (_step(lines, before), _step(lines[::-1], after))
    return (before + after) / len(lines) if min(steps) >= BESIDE else 0.0


def _step(lines: Levels, bar: int) -> float:
    """Return the share of the fourth line after a bar that differs from the bar."""
    return float((np.abs(lines[bar + 3].astype(np.int16) - np.median(lines[0], axis=0)) > 12).any(-1).mean())
