"""Describes 81 windows of a small square view by their lowest cosine waves, for all pictures at once.

A window of a view is a crop of its picture; turning or flipping a window only swaps and negates its waves.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from assets.curation.fingerprints import VIEW_SIDE

Floats = NDArray[np.float32]

WAVES = 8
# Starts and ends as shares of the side: the whole, and crops to 90 % and 80 % in steps of 5 %.
SPANS = tuple((start / 20, (start + length) / 20) for length in (20, 18, 16) for start in range(21 - length))
WINDOWS = tuple((across, down) for down in SPANS for across in SPANS)
ORIENTATIONS = 8


def _basis(start: float, end: float) -> Floats:
    """Return cosine waves over a span of the side, integrated over each pixel's share of it (waves × side)."""
    edges = np.clip(np.arange(VIEW_SIDE + 1) / VIEW_SIDE, start, end)
    at = (edges - start) / (end - start)
    waves = np.arange(1, WAVES)[:, None]
    integrals = np.diff(np.sin(np.pi * waves * at) / (np.pi * waves), axis=1)
    return np.concatenate([np.diff(at)[None], integrals * np.sqrt(2)]).astype(np.float32)


def _weights() -> Floats:
    """Return weights that undo the fall of natural spectra, and leave the mean out."""
    row, column = np.mgrid[0:WAVES, 0:WAVES]
    return np.asarray(np.hypot(row, column), np.float32)


BASES = np.stack([_basis(*span) for span in SPANS])
WEIGHTS = _weights()
EVEN = np.arange(WAVES) % 2 == 0
SIGNS = np.where(EVEN, 1, -1).astype(np.float32)
UPPER = np.triu_indices(WAVES, 1)


def transform(views: Floats) -> Floats:
    """Return the weighted waves of every window: views n × side × side to n × 81 × 8 × 8, each of length 1."""
    rows = np.einsum("skr,nrc->nskc", BASES, views, optimize=True)
    waves = np.einsum("nskc,tlc->nstkl", rows, BASES, optimize=True) * WEIGHTS
    waves = waves.reshape(len(views), len(WINDOWS), WAVES, WAVES)
    return np.asarray(waves / np.maximum(np.linalg.norm(waves, axis=(2, 3), keepdims=True), 1e-6), np.float32)


def blind(waves: Floats) -> Floats:
    """Return what turning and flipping cannot change: … × 8 × 8 to … × 63, each of length 1."""
    signed = EVEN[:, None] & EVEN[None, :]
    known = np.where(signed, waves, np.abs(waves))
    one, other = known[..., UPPER[0], UPPER[1]], known[..., UPPER[1], UPPER[0]]
    diagonal = np.diagonal(known, axis1=-2, axis2=-1)[..., 1:]
    parts = np.concatenate([(one + other) / np.sqrt(2), np.abs(one - other) / np.sqrt(2), diagonal], -1)
    return np.asarray(parts / np.maximum(np.linalg.norm(parts, axis=-1, keepdims=True), 1e-6), np.float32)


def orient_waves(waves: Floats) -> Floats:
    """Return the waves of all eight turns and flips: … × 8 × 8 to … × 8 orientations × 8 × 8, as `orient` orders."""
    swapped = np.swapaxes(waves, -1, -2)
    upright = [each * across * down for each in (waves, swapped) for across, down in _flips()]
    return np.stack(upright, -3)


def orient(square: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn or flip a square view: bit 4 transposes, then bit 2 reverses rows and bit 1 columns."""
    turned = square.T if orientation & 4 else square
    turned = turned[::-1] if orientation & 2 else turned
    return np.ascontiguousarray(turned[:, ::-1] if orientation & 1 else turned)


def _flips() -> Iterator[tuple[Floats, Floats]]:
    """Yield the signs for columns and rows that no flip, a mirror, an upside-down and both give."""
    plain = np.ones(WAVES, np.float32)
    for down in (plain, SIGNS):
        for across in (plain, SIGNS):
            yield across[None, :], down[:, None]
