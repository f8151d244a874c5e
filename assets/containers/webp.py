"""Takes a WebP apart into RIFF chunks, and puts it together again without what is not needed for its pixels.

Source: RFC 9649 (WebP container, VP8 and VP8L headers).
"""

import struct
from collections.abc import Iterator

from assets.containers.exif import read_exif, write_orientation
from assets.containers.parts import MAX_PIECES, MAX_PROFILE_BYTES, Container, Exif, PictureError

HEADER = 12
PICTURES = frozenset((b"VP8 ", b"VP8L"))
HAS_PROFILE, HAS_ALPHA, HAS_EXIF = 0x20, 0x10, 0x08

Chunk = tuple[bytes, bytes]


def scan_webp(data: bytes) -> Container:
    """Take a WebP apart. Raises PictureError when a chunk is damaged, missing or animated."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise PictureError("truncated")
    chunks = list(read_chunks(data[:end]))
    frames = sum(kind == b"ANMF" for kind, _ in chunks)
    if frames or any(kind == b"ANIM" for kind, _ in chunks):
        raise PictureError("animated", frames=frames)
    pictures = [(kind, body) for kind, body in chunks if kind in PICTURES]
    if len(pictures) != 1:
        raise PictureError("truncated" if not pictures else "broken", **({"reason": "frames"} if pictures else {}))
    width, height = _size(*pictures[0])
    exif = next((read_exif(body) for kind, body in chunks if kind == b"EXIF"), Exif())
    return Container(
        format="WEBP",
        width=width,
        height=height,
        pieces=tuple(_pack(kind, body) for kind, body in chunks if kind in PICTURES | {b"ALPH"}),
        exif=exif,
        texts=exif.texts,
        profile=_profile(chunks),
        trailing=len(data) - end,
        warnings=("xmp_left_out",) if any(kind == b"XMP " for kind, _ in chunks) else (),
    )


def build_webp(container: Container, *, orientation: int = 1, profile: bytes | None = None) -> bytes:
    """Put a WebP together from its pixel chunks, with an orientation and a colour profile only when given."""
    flags = HAS_ALPHA * _has_alpha(container.pieces)
    before, after = [], []
    if profile:
        flags |= HAS_PROFILE
        before.append(_pack(b"ICCP", profile))
    if orientation != 1:
        flags |= HAS_EXIF
        after.append(_pack(b"EXIF", write_orientation(orientation)))
    canvas = (container.width - 1).to_bytes(3, "little") + (container.height - 1).to_bytes(3, "little")
    extended = _pack(b"VP8X", struct.pack("<I", flags) + canvas)
    chunks = b"".join((extended, *before, *container.pieces, *after))
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def read_chunks(data: bytes) -> Iterator[Chunk]:
    at = HEADER
    for _ in range(MAX_PIECES):
        if at + 8 > len(data):
            return
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if length > len(data) - at - 8:
            raise PictureError("truncated")
        yield kind, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    raise PictureError("too_many_pieces", limit=MAX_PIECES)


def _pack(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _size(kind: bytes, body: bytes) -> tuple[int, int]:
    if kind == b"VP8L":
        if len(body) < 5 or body[0] != 0x2F:
            raise PictureError("broken", reason="header")
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if len(body) < 10 or body[3:6] != b"\x9d\x01\x2a":
        raise PictureError("broken", reason="header")
    width, height = struct.unpack("<HH", body[6:10])
    return width & 0x3FFF, height & 0x3FFF


def _has_alpha(pieces: tuple[bytes, ...]) -> bool:
    lossless = [piece for piece in pieces if piece[:4] == b"VP8L"]
    return any(piece[:4] == b"ALPH" for piece in pieces) or any(piece[12] >> 4 & 1 for piece in lossless)


def _profile(chunks: list[Chunk]) -> bytes | None:
    profile = next((body for kind, body in chunks if kind == b"ICCP"), None)
    if profile is not None and len(profile) > MAX_PROFILE_BYTES:
        raise PictureError("metadata_bomb", part="profile", limit=MAX_PROFILE_BYTES)
    return profile
