"""Reads the rights fields of the two old formats, IPTC-IIM and EXIF, with bounds on every length.

Source: IPTC-IIM 4.2 (record 2); CIPA DC-008 (EXIF 2.32). A damaged block gives what could be read, never an error.
"""

import struct
from collections.abc import Iterator

from assets.claims.cleaning import clean_texts, decode_text
from assets.claims.values import Said
from assets.containers.exif import MAX_FIELDS, TYPE_SIZES, byte_order

IPTC_FIELDS = {80: "creators", 110: "credit_lines", 115: "sources", 116: "copyright_notices"}
IPTC_MARK = 0x1C
EXIF_FIELDS = {0x013B: "creators", 0x8298: "copyright_notices"}
EXIF_LIMIT = 8192


def read_iptc(block: bytes) -> Said:
    """Return by-lines, credit, source and copyright notice of an IPTC-IIM block."""
    found: dict[str, list[str]] = {}
    for record, dataset, value in _datasets(block):
        if record == 2 and dataset in IPTC_FIELDS:
            found.setdefault(IPTC_FIELDS[dataset], []).append(decode_text(value))
    return {name: texts for name, values in found.items() if (texts := clean_texts(values))}


def read_exif_rights(block: bytes) -> Said:
    """Return Artist and Copyright of an EXIF block without its prefix; Copyright may name two holders."""
    order = byte_order(block)
    if order is None:
        return {}
    found: dict[str, list[str]] = {}
    start = struct.unpack_from(f"{order}I", block.ljust(8, b"\0"), 4)[0]
    count = int.from_bytes(block[start : start + 2], "little" if order == "<" else "big")
    for at in range(start + 2, start + 2 + 12 * min(count, MAX_FIELDS), 12):
        if at + 12 > len(block):
            break
        tag, kind, number, offset = struct.unpack_from(f"{order}HHII", block, at)
        size = TYPE_SIZES.get(kind, 0) * number
        place = at + 8 if size <= 4 else offset
        if tag in EXIF_FIELDS and size <= EXIF_LIMIT:
            separator = b";" if tag == 0x013B else b"\0"
            value = block[place : place + size].strip(b"\0")
            found.setdefault(EXIF_FIELDS[tag], []).extend(decode_text(part) for part in value.split(separator))
    return {name: texts for name, values in found.items() if (texts := clean_texts(values))}


def _datasets(block: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at + 5 <= len(block) and block[at] == IPTC_MARK:
        record, dataset = block[at + 1], block[at + 2]
        size = int.from_bytes(block[at + 3 : at + 5], "big")
        # A size over 32767 is the length of a longer number; none of our fields may be that long.
        if size & 0x8000:
            return
        yield record, dataset, block[at + 5 : at + 5 + size]
        at += 5 + size
