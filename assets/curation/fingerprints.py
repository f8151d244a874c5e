"""Reduces a picture to what finding its duplicates needs: a hash of its pixels and one or two small gray views."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assets.curation.borders import Margins, find_margins
from assets.pictures import flatten, pixels_hash

VIEW_SIDE = 64
VIEW_BYTES = VIEW_SIDE * VIEW_SIDE
HASH_BYTES = 32
HEADER = b"daicho-fingerprint-1\n"
TRIMMED_FROM = 256
MIN_TRIMMED = 0.01
MIN_KEPT = 0.3
FLAT_LEVELS = 2.0

SENTENCES = {"fingerprint_unreadable": "These {size} bytes are not a fingerprint; compute it again from the picture."}


class FingerprintError(Exception):
    """Say why stored bytes are no fingerprint. `code` is stable, `params` fill the translated sentence."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(SENTENCES[code].format(**params))
        self.code = code
        self.params: Mapping[str, str | int] = params


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Hold the SHA-256 of the pixels, and gray views of 64 × 64 bytes: the whole, and the part inside a border.

    The views are squashed to squares, so that a crop, a turn and another aspect are all a box in the same square.
    A picture without structure (one color, or nearly) has no view: only its hash can match.
    """

    pixels: bytes
    views: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """Return the fingerprint as bytes, the same for the same picture."""
        return HEADER + self.pixels + b"".join(self.views)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Fingerprint":
        """Read what `to_bytes` wrote. Raises FingerprintError `fingerprint_unreadable`."""
        rest = len(data) - len(HEADER) - HASH_BYTES
        if not data.startswith(HEADER) or rest < 0 or rest % VIEW_BYTES or rest > 2 * VIEW_BYTES:
            raise FingerprintError("fingerprint_unreadable", size=len(data))
        start = len(HEADER) + HASH_BYTES
        views = tuple(data[at : at + VIEW_BYTES] for at in range(start, len(data), VIEW_BYTES))
        return cls(pixels=data[len(HEADER) : start], views=views)


def fingerprint(image: Image.Image) -> Fingerprint:
    """Reduce a picture (any mode) to its fingerprint: 32 bytes of hash and 4 or 8 KiB of views."""
    levels = np.asarray(flatten(image))
    gray = cv2.cvtColor(levels, cv2.COLOR_RGB2GRAY)
    views = [gray]
    inner = _trim(levels)
    if inner is not None:
        views.append(gray[inner])
    squares = [cv2.resize(view, (VIEW_SIDE, VIEW_SIDE), interpolation=cv2.INTER_AREA) for view in views]
    kept = tuple(square.tobytes() for square in squares if square.std() >= FLAT_LEVELS)
    return Fingerprint(pixels=bytes.fromhex(pixels_hash(image)), views=kept)


def _trim(levels: NDArray[np.uint8]) -> tuple[slice, slice] | None:
    """Return the rows and columns inside a border, or None where there is none, or hardly anything inside it."""
    height, width = levels.shape[:2]
    factor = max(1.0, max(height, width) / TRIMMED_FROM)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    margins = find_margins(np.asarray(cv2.resize(levels, size, interpolation=cv2.INTER_NEAREST), np.uint8))
    rows = _inside(margins.top, margins.bottom, size[1], height)
    columns = _inside(margins.left, margins.right, size[0], width)
    if rows is None or columns is None or _covers(margins, size):
        return None
    return rows, columns


def _inside(before: int, after: int, small: int, full: int) -> slice | None:
    if small - before - after < small * MIN_KEPT:
        return None
    return slice(round(before / small * full), full - round(after / small * full))


def _covers(margins: Margins, size: tuple[int, int]) -> bool:
    """Tell whether the margins are too thin to matter."""
    widest = max((margins.left + margins.right) / size[0], (margins.top + margins.bottom) / size[1])
    return widest < MIN_TRIMMED
