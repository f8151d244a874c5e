"""Finds the blocks of a picture file in which rights are written: XMP, IPTC-IIM, EXIF and C2PA.

Source: XMP Part 3 (places and ExtendedXMP), Photoshop image resources (0x0404), C2PA 2.2 (embedding).
ImageMagick keeps such blocks of a converted file in PNG texts named "Raw profile type …", in hex.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from assets.containers import jpeg, png, webp
from assets.containers.exif import PREFIX
from assets.containers.parts import Container, PictureError

MAX_XMP_BYTES = 1024 * 1024
MAX_IPTC_BYTES = 1024 * 1024
# Writers leave one block of a kind, ExtendedXMP and copies by careless programs a few.
MAX_BLOCKS = 8
PHOTOSHOP = b"Photoshop 3.0\0"
RESOURCE = b"8BIM"
IPTC_RESOURCE = 0x0404
XMP_MAIN, XMP_MORE = jpeg.XMP
# GUID in hex, whole length, offset.
XMP_MORE_HEAD = struct.Struct(">32sII")
PNG_XMP = png.XMP_KEYWORD.encode() + b"\0"
RAW_PROFILE = "Raw profile type "


Block = tuple[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Hold the raw blocks of one file; `has_large_xmp` tells that a packet over MAX_XMP_BYTES was left out."""

    xmp: tuple[bytes, ...] = ()
    iptc: tuple[bytes, ...] = ()
    exif: tuple[bytes, ...] = ()
    has_c2pa: bool = False
    has_large_xmp: bool = False


def find_blocks(data: bytes, container: Container) -> Blocks:
    """Return the blocks of a file that `read_container` has accepted."""
    finders = {"PNG": _in_png, "JPEG": _in_jpeg, "WEBP": _in_webp}
    found = list(finders[container.format](data))
    found.extend(_raw_profiles(container.texts))
    packets = [block for kind, block in found if kind == "xmp"]
    resources = b"".join(block for kind, block in found if kind == "photoshop")[:MAX_IPTC_BYTES]
    return Blocks(
        xmp=tuple(packet for packet in packets if len(packet) <= MAX_XMP_BYTES)[:MAX_BLOCKS],
        iptc=tuple(_iptc_resources(resources))[:MAX_BLOCKS],
        exif=tuple(block.removeprefix(PREFIX) for kind, block in found if kind == "exif")[:MAX_BLOCKS],
        has_c2pa=any(kind == "c2pa" for kind, _ in found),
        has_large_xmp=any(
            kind == "large_xmp" or (kind == "xmp" and len(block) > MAX_XMP_BYTES) for kind, block in found
        ),
    )


def _in_png(data: bytes) -> Iterator[Block]:
    for kind, body in png.read_chunks(data):
        if kind == b"caBX":
            yield "c2pa", b""
        elif kind == b"eXIf":
            yield "exif", body
        elif kind == b"iTXt" and body.startswith(PNG_XMP):
            yield _png_xmp(body)


def _png_xmp(body: bytes) -> Block:
    try:
        text = png._text(b"iTXt", body.removeprefix(PNG_XMP), MAX_XMP_BYTES)
    except PictureError:
        return "large_xmp", b""
    return "xmp", (text or "").encode()


def _in_jpeg(data: bytes) -> Iterator[Block]:
    more: dict[bytes, list[tuple[int, bytes]]] = {}
    for marker, body, _, _ in jpeg._segments(data):
        if marker == 0xE1 and body.startswith(XMP_MORE):
            head = body[len(XMP_MORE) :]
            guid, _, offset = XMP_MORE_HEAD.unpack_from(head.ljust(XMP_MORE_HEAD.size))
            more.setdefault(guid, []).append((offset, head[XMP_MORE_HEAD.size :]))
        elif marker == 0xE1 and body.startswith(XMP_MAIN):
            yield "xmp", body.removeprefix(XMP_MAIN)
        elif marker == 0xE1 and body.startswith(PREFIX):
            yield "exif", body
        elif marker == 0xED and body.startswith(PHOTOSHOP):
            yield "photoshop", body.removeprefix(PHOTOSHOP)
        elif marker == 0xEB and body.startswith(b"JP") and b"jumb" in body[:16] and b"c2pa" in body[:64]:
            yield "c2pa", b""
    # Whether the main packet names a GUID is not asked: what stands in the file is a claim.
    for parts in more.values():
        yield "xmp", b"".join(part for _, part in sorted(parts, key=lambda each: each[0]))


def _in_webp(data: bytes) -> Iterator[Block]:
    kinds = {b"XMP ": "xmp", b"EXIF": "exif", b"C2PA": "c2pa"}
    for kind, body in webp.read_chunks(data[: 8 + int.from_bytes(data[4:8], "little")]):
        if kind in kinds:
            yield kinds[kind], body


def _raw_profiles(texts: Mapping[str, str]) -> Iterator[Block]:
    kinds = {"xmp": "xmp", "exif": "exif", "APP1": "exif", "iptc": "photoshop", "8bim": "photoshop"}
    for name, kind in kinds.items():
        parts = texts.get(RAW_PROFILE + name, "").split(None, 2)
        try:
            block = bytes.fromhex(parts[2]) if len(parts) == 3 else b""
        except ValueError:
            continue
        is_xmp = block.startswith(XMP_MAIN)
        if block:
            yield ("xmp" if is_xmp else kind), block.removeprefix(XMP_MAIN)


def _iptc_resources(block: bytes) -> Iterator[bytes]:
    at = 0
    while block[at : at + 4] == RESOURCE and at + 12 <= len(block):
        identifier = int.from_bytes(block[at + 4 : at + 6], "big")
        name_bytes = 1 + block[at + 6]
        at += 6 + name_bytes + name_bytes % 2
        size = int.from_bytes(block[at : at + 4], "big")
        if identifier == IPTC_RESOURCE:
            yield block[at + 4 : at + 4 + size]
        at += 4 + size + size % 2
