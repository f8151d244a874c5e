"""The values that every container reader returns, the error that it raises, and the limits that all of them keep."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Format = Literal["PNG", "JPEG", "WEBP"]

MAX_TEXT_BYTES = 4 * 1024 * 1024
MAX_ALL_TEXT_BYTES = 16 * 1024 * 1024
MAX_TEXTS = 256
MAX_PROFILE_BYTES = 4 * 1024 * 1024
MAX_PIECES = 50_000

SENTENCES = {
    "empty": "The file is empty.",
    "too_many_bytes": "The file has {size} bytes; at most {limit} are accepted.",
    "not_a_picture": "The file is not a PNG, JPEG or WebP picture.",
    "format_refused": "The file is {format}; only PNG, JPEG and WebP pictures are accepted.",
    "too_many_pixels": "The picture is {width} × {height} pixels; at most {limit} pixels are accepted.",
    "side_too_long": "The picture is {width} × {height} pixels; no side may exceed {limit}.",
    "animated": "The picture is animated ({frames} frames); only still pictures are accepted.",
    "metadata_bomb": "The {part} inside the picture unpacks to more than {limit} bytes.",
    "too_many_pieces": "The file is cut into more than {limit} pieces.",
    "truncated": "The picture ends too early: part of the file is missing.",
    "broken": "The picture is damaged ({reason}).",
}


class PictureError(Exception):
    """Say why a picture is refused. `code` is stable, `params` fill the translated sentence.

    The reason of `broken` is one of checksum, chunk, frames, header, pixels, segment, size; the part of
    `metadata_bomb` is text or profile.
    """

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(SENTENCES[code].format(**params))
        self.code = code
        self.params: Mapping[str, str | int] = params


@dataclass(frozen=True, slots=True, kw_only=True)
class Exif:
    """Hold what Daicho uses of EXIF: orientation as written, texts by name, and whether a place is in it."""

    orientation: int = 1
    texts: Mapping[str, str] = field(default_factory=dict)
    has_location: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """Hold a picture file taken apart: size in pixels, the pieces that make pixels, and what was said beside them.

    `pieces` are the file's own bytes in order, without any metadata; `trailing` counts bytes after the picture's end.
    """

    format: Format
    width: int
    height: int
    pieces: tuple[bytes, ...]
    texts: Mapping[str, str] = field(default_factory=dict)
    exif: Exif = field(default_factory=Exif)
    profile: bytes | None = None
    trailing: int = 0
    warnings: tuple[str, ...] = ()


def inflate(data: bytes, *, limit: int, part: str) -> bytes | None:
    """Unpack zlib data up to `limit` bytes; None when it is damaged. Raises PictureError `metadata_bomb`."""
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(data, limit + 1)
    except zlib.error:
        return None
    if len(unpacked) > limit:
        raise PictureError("metadata_bomb", part=part, limit=limit)
    return unpacked if unpacker.eof else None
