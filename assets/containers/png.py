"""Takes a PNG apart into chunks, and puts it together again without what is not needed for its pixels.

Source: PNG Third Edition (W3C), chunk layout and text chunks.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping

from assets.containers.exif import read_exif, write_orientation
from assets.containers.parts import (
    MAX_ALL_TEXT_BYTES,
    MAX_PIECES,
    MAX_PROFILE_BYTES,
    MAX_TEXT_BYTES,
    MAX_TEXTS,
    Container,
    Exif,
    PictureError,
    inflate,
)

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXEL_CHUNKS = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT"))
XMP_KEYWORD = "XML:com.adobe.xmp"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
BLOCK = 1024 * 1024

Chunk = tuple[bytes, bytes]


def scan_png(data: bytes) -> Container:
    """Take a PNG apart. Raises PictureError when a chunk is damaged, missing, animated or unpacks to too much."""
    chunks = list(read_chunks(data))
    pieces = tuple(_pack(kind, body) for kind, body in chunks if kind in PIXEL_CHUNKS)
    width, height = _size(pieces)
    frames = [int.from_bytes(body[:4], "big") for kind, body in chunks if kind == b"acTL"]
    if frames:
        raise PictureError("animated", frames=frames[0])
    if not any(kind == b"IDAT" for kind, _ in chunks):
        raise PictureError("truncated")
    texts, warnings = _texts(chunks)
    exif = _exif(chunks)
    return Container(
        format="PNG",
        width=width,
        height=height,
        pieces=pieces,
        texts={**exif.texts, **texts},
        exif=exif,
        profile=_profile(chunks),
        trailing=len(data) - len(SIGNATURE) - sum(12 + len(body) for _, body in chunks),
        warnings=tuple(warnings),
    )


def build_png(container: Container, *, orientation: int = 1, profile: bytes | None = None) -> bytes:
    """Put a PNG together from its pixel chunks, with an orientation and a colour profile only when given."""
    header, *rest = container.pieces
    extra = [] if profile is None else [_pack(b"iCCP", b"icc\0\0" + zlib.compress(profile))]
    if orientation != 1:
        extra.append(_pack(b"eXIf", write_orientation(orientation)))
    return b"".join((SIGNATURE, header, *extra, *rest, _pack(b"IEND", b"")))


def check_rows(container: Container) -> None:
    """Unpack the pixel data without keeping it, and count that every row is there. Raises PictureError.

    Decoders leave rows black, without an error, when the packed data ends too early but cleanly.
    """
    unpacker = zlib.decompressobj()
    missing = _row_bytes(container.pieces[0])
    for piece in container.pieces:
        waiting = piece[8:-4] if piece[4:8] == b"IDAT" else b""
        while waiting and missing > 0 and not unpacker.eof:
            try:
                missing -= len(unpacker.decompress(waiting, BLOCK))
            except zlib.error as error:
                raise PictureError("broken", reason="pixels") from error
            waiting = unpacker.unconsumed_tail
    if missing > 0:
        missing -= len(unpacker.flush())
    if missing > 0:
        raise PictureError("truncated")


def _row_bytes(header: bytes) -> int:
    """Return how many bytes of filtered rows a header promises."""
    width, height, depth, color, _, _, interlace = struct.unpack(">IIBBBBB", header[8:21])
    bits = depth * CHANNELS.get(color, 1)
    total = 0
    for left, top, right, down in ADAM7 if interlace else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // right), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def read_chunks(data: bytes) -> Iterator[Chunk]:
    at = len(SIGNATURE)
    for _ in range(MAX_PIECES):
        if at + 12 > len(data):
            raise PictureError("truncated")
        length = int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if not kind.isalpha():
            raise PictureError("broken", reason="chunk")
        if length > len(data) - at - 12:
            raise PictureError("truncated")
        body = data[at + 8 : at + 8 + length]
        if zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(data[at + 8 + length : at + 12 + length], "big"):
            raise PictureError("broken", reason="checksum")
        yield kind, body
        if kind == b"IEND":
            return
        at += 12 + length
    raise PictureError("too_many_pieces", limit=MAX_PIECES)


def _pack(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def _size(pieces: tuple[bytes, ...]) -> tuple[int, int]:
    headers = [piece for piece in pieces if piece[4:8] == b"IHDR"]
    if len(headers) != 1 or pieces[0] is not headers[0] or len(headers[0]) != 25:
        raise PictureError("broken", reason="header")
    width, height = struct.unpack(">II", headers[0][8:16])
    return width, height


def _exif(chunks: list[Chunk]) -> Exif:
    return next((read_exif(body) for kind, body in chunks if kind == b"eXIf"), Exif())


def _profile(chunks: list[Chunk]) -> bytes | None:
    for kind, body in chunks:
        if kind == b"iCCP":
            packed = body.partition(b"\0")[2][1:]
            return inflate(packed, limit=MAX_PROFILE_BYTES, part="profile")
    return None


def _texts(chunks: list[Chunk]) -> tuple[Mapping[str, str], list[str]]:
    texts: dict[str, str] = {}
    warnings: list[str] = []
    room = MAX_ALL_TEXT_BYTES
    found = [(kind, body) for kind, body in chunks if kind in (b"tEXt", b"zTXt", b"iTXt")]
    if len(found) > MAX_TEXTS:
        warnings.append("texts_left_out")
    for kind, body in found[:MAX_TEXTS]:
        keyword, raw = _keyword(body)
        if keyword == XMP_KEYWORD:
            warnings.append("xmp_left_out")
            continue
        text = _text(kind, raw, min(MAX_TEXT_BYTES, room))
        if text is None or len(text) > min(MAX_TEXT_BYTES, room):
            warnings.append("text_unreadable" if text is None else "texts_left_out")
            continue
        room -= len(text)
        texts.setdefault(keyword, text)
    return texts, sorted(set(warnings))


def _keyword(body: bytes) -> tuple[str, bytes]:
    keyword, _, rest = body.partition(b"\0")
    return keyword[:79].decode("latin-1"), rest


def _text(kind: bytes, raw: bytes, limit: int) -> str | None:
    if kind == b"tEXt":
        return raw.decode("latin-1")
    if kind == b"zTXt":
        unpacked = inflate(raw[1:], limit=limit, part="text")
        return None if unpacked is None else unpacked.decode("latin-1")
    packed, _, rest = raw[:1], raw[1:2], raw[2:]
    body: bytes | None = rest.partition(b"\0")[2].partition(b"\0")[2]
    if packed == b"\1":
        body = inflate(body or b"", limit=limit, part="text")
    return None if body is None else body.decode("utf-8", errors="replace")
