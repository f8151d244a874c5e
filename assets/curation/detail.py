"""Measures the fine detail of gray pictures: edges, noise, JPEG blocks, and how far the spectrum reaches."""

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.curation.levels import find_levels

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

EDGE_REACH = 11
STRONG_EDGES = 99.0
MIN_EDGE = 12.0
TILE = 32
USUAL_TILES = 60
TEXTURE = 2.0
BLOCK = 8
STEEPEST = 24.0
SPECTRUM_TILE = 128
SPECTRUM_TILES = 6
MIN_SPECTRUM = 8
FLOOR_LEVELS = 0.25
REACHED = 0.95
IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def measure_edges(gray: Bytes) -> float:
    """Return how steep the strongest edges are: the share of their height that one pixel climbs (0 to 1).

    A sharp edge climbs about half of its height in a pixel, whatever the contrast; one blurred by a Gaussian of
    s pixels climbs 0.4/s. Only the strongest hundredth of the places counts, so that a soft background does no harm;
    rows and columns are measured apart and the softer counts, because a shaken camera blurs only one of them.
    """
    return min(_climb(gray), _climb(np.ascontiguousarray(gray.T)))


def _climb(gray: Bytes) -> float:
    """Measure the edges along the rows; a picture of one or two columns has none."""
    if gray.shape[1] < 3:
        return 0.0
    line = np.ones((1, EDGE_REACH), np.uint8)
    height = np.asarray(cv2.subtract(cv2.dilate(gray, line), cv2.erode(gray, line)), np.uint8)
    twice = np.zeros_like(gray)
    twice[:, 1:-1] = cv2.absdiff(gray[:, 2:], gray[:, :-2])
    strong = height >= max(MIN_EDGE, find_levels(height, (STRONG_EDGES,))[0] * 0.7)
    if not strong.any():
        return 0.0
    return float(np.median(cv2.dilate(twice, line)[strong] / height[strong].astype(np.float32)) / 2)


def measure_noise(gray: Floats) -> float:
    """Return the standard deviation of the noise in levels, as most tiles of 32 × 32 pixels show it.

    Immerkaer's mask cancels planes and edges. Halving a picture quarters the variance of white noise and keeps most of
    texture's, so twice what is left is taken away. Tiles clipped to black or white hide their noise and do not count.
    """
    rows, columns = gray.shape[0] // TILE, gray.shape[1] // TILE
    if not rows or not columns:
        return 0.0
    part = gray[: rows * TILE, : columns * TILE]
    half, level = _reduce(part, 2), _reduce(part, TILE)
    lost = _spread(part, TILE) ** 2 - TEXTURE * _spread(half, TILE // 2) ** 2
    usable = (level > 10) & (level < 245)
    if not usable.any():
        return 0.0
    return float(np.sqrt(max(0.0, float(np.percentile(lost[usable], USUAL_TILES))) / (1 - TEXTURE / 4)))


def _spread(gray: Floats, tile: int) -> Floats:
    """Return Immerkaer's estimate of the standard deviation, tile by tile."""
    high = np.abs(np.asarray(cv2.filter2D(gray, -1, IMMERKAER), np.float32))
    return np.asarray(_reduce(high, tile) * (np.sqrt(np.pi / 2) / 6), np.float32)


def _reduce(gray: Floats, factor: int) -> Floats:
    """Return the means of squares of factor × factor pixels."""
    size = (gray.shape[1] // factor, gray.shape[0] // factor)
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.float32)


def measure_blocks(gray: Floats) -> float:
    """Return how much more the picture jumps at every eighth line than between, at the place where it does so most.

    0 is no grid; 1 is jumps twice as high on the grid. The grid may start anywhere (a cropped JPEG still shows it).
    Jumps of more than 24 levels are drawn, not left by JPEG, and so are cells of other sizes (pixel art).
    """
    return min(_grid(gray), _grid(np.ascontiguousarray(gray.T)))


def _grid(gray: Floats) -> float:
    jumps = np.abs(np.diff(gray, axis=1))
    around = (jumps[:, :-2] + jumps[:, 2:]) / 2
    excess = jumps[:, 1:-1] - around
    excess[np.abs(excess) > STEEPEST] = 0
    lines = excess[:, : excess.shape[1] // BLOCK * BLOCK].mean(0).reshape(-1, BLOCK)
    if len(lines) < 2:
        return 0.0
    phases = lines.mean(0)
    best = int(phases.argmax())
    others = np.delete(phases, [(best - 1) % BLOCK, best, (best + 1) % BLOCK])
    usual = float(np.minimum(jumps, STEEPEST).mean())
    return float((phases[best] - others.max()) / (usual + 0.25))


def measure_reach(gray: Floats) -> float:
    """Return the share of the spectrum that holds detail, seen from the busiest tiles: 1 reaches the finest lines.

    A picture enlarged by a factor of f has nothing above 1/f, except what its file's rounding adds.
    """
    side = min(SPECTRUM_TILE, *gray.shape)
    if side < MIN_SPECTRUM:
        return 0.0
    tiles = [gray[y : y + side, x : x + side] for y, x in _busiest(gray, side)]
    fade = np.outer(np.hanning(side), np.hanning(side)).astype(np.float32)
    waves = np.stack([np.fft.rfft2((tile - tile.mean()) * fade) for tile in tiles])
    power = (np.abs(waves) ** 2).mean(0)
    across, down = np.fft.rfftfreq(side)[None], np.fft.fftfreq(side)[:, None]
    ring = np.minimum((np.hypot(across, down) * 2 * 32).astype(int), 32)
    count = np.bincount(ring.ravel(), minlength=33)[:32]
    levels = np.sqrt(np.bincount(ring.ravel(), power.ravel(), 33)[:32] / np.maximum(count, 1) / (fade**2).sum())
    slope = np.clip(levels - FLOOR_LEVELS, 0, None) * (np.arange(32) + 0.5)
    if not slope.any():
        return 0.0
    return float((np.searchsorted(np.cumsum(slope), slope.sum() * REACHED) + 1) / 32)


def _busiest(gray: Floats, side: int) -> list[tuple[int, int]]:
    """Return the corners of the tiles with the most contrast."""
    rows = range(0, gray.shape[0] - side + 1, side)
    corners = [(y, x) for y in rows for x in range(0, gray.shape[1] - side + 1, side)]
    return sorted(corners, key=lambda at: -gray[at[0] : at[0] + side : 4, at[1] : at[1] + side : 4].std())[
        :SPECTRUM_TILES
    ]
