"""Reads the few EXIF fields that matter from a TIFF block, with bounds on every offset, and writes only orientation.

Source: TIFF 6.0 and CIPA DC-008 (EXIF 2.32). A damaged block gives what could be read, never an error.
"""

import struct
from typing import Literal

from assets.containers.parts import MAX_TEXT_BYTES, Exif

PREFIX = b"Exif\0\0"
ORIENTATION = 0x0112
EXIF_FOLDER = 0x8769
GPS_FOLDER = 0x8825
USER_COMMENT = 0x9286
TEXT_TAGS = {
    0x010E: "exif:description",
    0x010F: "exif:make",
    0x0110: "exif:model",
    0x0131: "exif:software",
    0x927C: "exif:maker_note",
    USER_COMMENT: "exif:user_comment",
}
WANTED = frozenset((ORIENTATION, EXIF_FOLDER, GPS_FOLDER, *TEXT_TAGS))
TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
MAX_FIELDS = 512

ByteOrder = Literal["<", ">"]


def read_exif(data: bytes) -> Exif:
    """Return orientation, texts and the presence of a location from an EXIF block, with or without its prefix."""
    block = data.removeprefix(PREFIX)
    order = byte_order(block)
    if order is None:
        return Exif()
    fields = _fields(block, order, _number(block[4:8], order))
    inner = _fields(block, order, _number(fields[EXIF_FOLDER], order)) if EXIF_FOLDER in fields else {}
    said = inner | fields
    texts = {name: _text(tag, said[tag], order) for tag, name in TEXT_TAGS.items() if tag in said}
    return Exif(
        orientation=_number(fields[ORIENTATION], order) if ORIENTATION in fields else 1,
        texts={name: text for name, text in texts.items() if text},
        has_location=GPS_FOLDER in fields,
    )


def write_orientation(orientation: int) -> bytes:
    """Return the smallest EXIF block that turns a picture, without its prefix."""
    entry = struct.pack(">HHIHH", ORIENTATION, 3, 1, orientation, 0)
    return b"MM\0*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)


def byte_order(block: bytes) -> ByteOrder | None:
    if block[:4] == b"II*\0":
        return "<"
    return ">" if block[:4] == b"MM\0*" else None


def _number(value: bytes, order: ByteOrder) -> int:
    return int.from_bytes(value, "little" if order == "<" else "big")


def _fields(block: bytes, order: ByteOrder, start: int) -> dict[int, bytes]:
    """Return the raw values of one directory that are wanted: the first of each tag, of at most 4 MiB."""
    values: dict[int, bytes] = {}
    count = _number(block[start : start + 2], order)
    for at in range(start + 2, start + 2 + 12 * min(count, MAX_FIELDS), 12):
        if at + 12 > len(block):
            break
        tag, kind, number = struct.unpack_from(f"{order}HHI", block, at)
        size = TYPE_SIZES.get(kind, 0) * number
        offset = at + 8 if size <= 4 else _number(block[at + 8 : at + 12], order)
        if tag in WANTED and tag not in values and 0 < size <= MAX_TEXT_BYTES and offset + size <= len(block):
            values[tag] = block[offset : offset + size]
    return values


def _text(tag: int, value: bytes, order: ByteOrder) -> str:
    return _user_comment(value, order) if tag == USER_COMMENT else _plain(value)


def _user_comment(value: bytes, order: ByteOrder) -> str:
    code, body = value[:8], value[8:]
    if code == b"UNICODE\0":
        return _utf16(body, order)
    if code == b"JIS\0\0\0\0\0":
        return body.decode("iso2022_jp", errors="replace").rstrip("\0")
    if code in (b"ASCII\0\0\0", b"\0" * 8):
        return _plain(body)
    return _plain(value)


def _utf16(body: bytes, order: ByteOrder) -> str:
    """Decode UTF-16 whose byte order writers often get wrong: a mark decides, then where the zero bytes are."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return body.decode("utf-16", errors="replace").rstrip("\0")
    even, odd = body[0::2].count(0), body[1::2].count(0)
    little = order == "<" if even == odd else odd > even
    return body.decode("utf-16-le" if little else "utf-16-be", errors="replace").rstrip("\0")


def _plain(value: bytes) -> str:
    body = value.rstrip(b"\0")
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1")
