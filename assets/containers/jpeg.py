"""Takes a JPEG apart into segments, and puts it together again without what is not needed for its pixels.

Source: ITU-T T.81 annex B; JFIF 1.02; Adobe APP14; ICC.1 annex B.4 for profiles in APP2.
"""

import re
import struct
from collections.abc import Iterator

from assets.containers.exif import PREFIX, read_exif, write_orientation
from assets.containers.parts import MAX_PIECES, MAX_PROFILE_BYTES, Container, Exif, PictureError

START = b"\xff\xd8"
END = b"\xff\xd9"
SCAN = 0xDA
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PIXEL_SEGMENTS = FRAMES | {0xC4, 0xCC, 0xDB, 0xDC, 0xDD}
JFIF = b"JFIF\0"
ADOBE = b"Adobe"
ICC = b"ICC_PROFILE\0"
XMP = (b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0")
NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
REPEATED = re.compile(rb"\xff\xff+")
NOT_MARKER = re.compile(rb"[^\xff]")
# Each scan makes the decoder visit every block again; encoders write about ten.
MAX_SCANS = 50
MAX_SEGMENT = 65_533

Segment = tuple[int, bytes, bytes, int]


def scan_jpeg(data: bytes) -> Container:
    """Take a JPEG apart. Raises PictureError when a segment is damaged or missing."""
    segments = list(_segments(data))
    sizes = [_size(body) for marker, body, _, _ in segments if marker in FRAMES]
    if len(sizes) != 1:
        raise PictureError("broken", reason="header")
    others = [body for marker, body, _, _ in segments if marker in (0xE1, 0xE2)]
    exif = next((read_exif(body) for body in others if body.startswith(PREFIX)), Exif())
    return Container(
        format="JPEG",
        width=sizes[0][0],
        height=sizes[0][1],
        pieces=tuple(filter(None, map(_pixel_piece, segments))),
        exif=exif,
        texts=exif.texts,
        profile=_profile(others),
        trailing=len(data) - segments[-1][3],
        warnings=("xmp_left_out",) if any(body.startswith(XMP) for body in others) else (),
    )


def build_jpeg(container: Container, *, orientation: int = 1, profile: bytes | None = None) -> bytes:
    """Put a JPEG together from its pixel segments, with an orientation and a colour profile only when given."""
    extra = [] if orientation == 1 else [_pack(0xE1, PREFIX + write_orientation(orientation))]
    extra.extend(_pack_profile(profile or b""))
    leading = sum(piece[1] == 0xE0 for piece in container.pieces[:1])
    return b"".join((START, *container.pieces[:leading], *extra, *container.pieces[leading:], END))


def _segments(data: bytes) -> Iterator[Segment]:
    at, scans = len(START), 0
    for _ in range(MAX_PIECES):
        at = _skip_fill(data, at)
        if at + 2 > len(data):
            raise PictureError("truncated")
        if data[at] != 0xFF:
            raise PictureError("broken", reason="segment")
        marker = data[at + 1]
        if marker == 0xD9:
            yield marker, b"", END, at + 2
            return
        stop = _segment_end(data, at, marker)
        scans += marker == SCAN
        if scans > MAX_SCANS:
            raise PictureError("too_many_pieces", limit=MAX_SCANS)
        body_end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, data[at + 4 : body_end], data[at:stop], stop
        at = stop
    raise PictureError("too_many_pieces", limit=MAX_PIECES)


def _pixel_piece(segment: Segment) -> bytes | None:
    """Return what of a segment the pixels need; JFIF loses its thumbnail, Adobe keeps its colour transform."""
    marker, body, whole, _ = segment
    if marker in PIXEL_SEGMENTS:
        return whole
    if marker == SCAN:
        return _without_fill(whole)
    if marker == 0xEE and body.startswith(ADOBE):
        return _pack(0xEE, body[:12])
    if marker == 0xE0 and body.startswith(JFIF) and len(body) >= 12:
        return _pack(0xE0, body[:12] + b"\0\0")
    return None


def _skip_fill(data: bytes, at: int) -> int:
    """Return where the last of several marker bytes in a row is; writers may repeat it."""
    if data[at : at + 2] != b"\xff\xff":
        return at
    other = NOT_MARKER.search(data, at)
    return other.start() - 1 if other else len(data)


def _without_fill(scan: bytes) -> bytes:
    """Return a scan in which no marker byte is repeated: decoders read long repeats again and again."""
    body = 2 + int.from_bytes(scan[2:4], "big")
    return scan[:body] + REPEATED.sub(b"\xff", scan[body:]) if b"\xff\xff" in scan[body:] else scan


def _segment_end(data: bytes, at: int, marker: int) -> int:
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    if marker < 0xC0 or 0xD0 <= marker <= 0xD8 or length < 2:
        raise PictureError("broken", reason="segment")
    stop = at + 2 + length
    if stop > len(data):
        raise PictureError("truncated")
    if marker != SCAN:
        return stop
    following = NEXT_MARKER.search(data, stop)
    if not following:
        raise PictureError("truncated")
    return following.start()


def _size(body: bytes) -> tuple[int, int]:
    if len(body) < 6:
        raise PictureError("broken", reason="header")
    height, width = struct.unpack(">HH", body[1:5])
    return width, height


def _pack(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _pack_profile(profile: bytes) -> Iterator[bytes]:
    room = MAX_SEGMENT - len(ICC) - 2
    parts = [profile[start : start + room] for start in range(0, len(profile), room)]
    for number, part in enumerate(parts, start=1):
        yield _pack(0xE2, ICC + bytes((number, len(parts))) + part)


def _profile(bodies: list[bytes]) -> bytes | None:
    parts = sorted((body[12], body[13], body[14:]) for body in bodies if body.startswith(ICC) and len(body) > 14)
    if not parts or [number for number, _, _ in parts] != list(range(1, parts[0][1] + 1)):
        return None
    profile = b"".join(part for _, _, part in parts)
    if len(profile) > MAX_PROFILE_BYTES:
        raise PictureError("metadata_bomb", part="profile", limit=MAX_PROFILE_BYTES)
    return profile
