"""The list of contents at a ZIP's end, read record by record and within limits, before any of it is believed.

Layout of the records: APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.
"""

import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

END = struct.Struct("<4s4H2LH")
END64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR64 = struct.Struct("<4sLQL")
CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
MAX_COMMENT = 0xFFFF
FULL16, FULL32 = 0xFFFF, 0xFFFF_FFFF
ZIP64_FIELD = 1
SPARE_BYTES = 64 * 1024
BYTES_PER_RECORD = 1024
OTHER_FORMATS = ((b"Rar!", "RAR"), (b"7z\xbc\xaf\x27\x1c", "7z"), (b"\x1f\x8b", "gzip"), (b"MSCF", "CAB"))

SENTENCES = {
    "archive_empty": "The archive holds no files.",
    "archive_too_big": "The archive has {size} bytes; at most {limit} are accepted.",
    "archive_truncated": "The archive ends too early: part of the file is missing.",
    "archive_format_refused": "The file is a {format} archive; only ZIP archives are accepted.",
    "archive_split": "The archive is one part of several.",
    "not_a_zip": "The file is not a ZIP archive.",
    "directory_damaged": "The list of contents inside the archive is damaged.",
    "directory_too_big": "The list of contents inside the archive has {size} bytes; at most {limit} are accepted.",
    "too_many_entries": "The archive holds more than {limit} files.",
    "entries_overlap": "Files inside the archive lie on top of each other.",
    "unpacks_too_big": "The archive unpacks to {size} bytes; at most {limit} are accepted.",
    "size_lies": "“{name}” unpacks to more than the {size} bytes that the archive states.",
    "entry_damaged": "“{name}” is damaged inside the archive.",
}


class ArchiveError(Exception):
    """Say why an archive, or one file of it, is refused. `code` is stable, `params` fill the translated sentence."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(SENTENCES[code].format(**params))
        self.code = code
        self.params: Mapping[str, str | int] = params


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Hold what the list of contents claims of one file: sizes in bytes, `mode` as Unix writes it, or 0."""

    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed_size: int
    size: int
    mode: int
    is_folder: bool
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Say where the list of contents lies in the file, and how many records it claims to have."""

    count: int
    size: int
    offset: int


def read_records(file: BinaryIO, *, max_bytes: int, max_entries: int) -> tuple[tuple[Record, ...], int]:
    """Return the records of a ZIP and where their list begins. Raises ArchiveError.

    Nothing is built before the count and the size of the list are within limits.
    """
    directory = _find_directory(file, max_bytes)
    if not directory.count and not directory.size:
        raise ArchiveError("archive_empty")
    if directory.count > max_entries:
        raise ArchiveError("too_many_entries", limit=max_entries)
    limit = max_entries * BYTES_PER_RECORD + SPARE_BYTES
    if directory.size > limit:
        raise ArchiveError("directory_too_big", size=directory.size, limit=limit)
    data = read_at(file, directory.offset, directory.size)
    records = tuple(islice(_split(data), directory.count + 1))
    if len(records) != directory.count:
        raise ArchiveError("directory_damaged")
    return records, directory.offset


def find_data(file: BinaryIO, records: tuple[Record, ...], end: int) -> tuple[int | None, ...]:
    """Return where each record's data begins; None where the file's own header is missing or names another file.

    `end` is where the list of contents begins. Raises ArchiveError when two files share bytes or reach past `end`.
    """
    if any(record.offset >= end for record in records):
        raise ArchiveError("directory_damaged")
    starts = tuple(_data_offset(file, record) for record in records)
    spans = sorted(_span(record, start) for record, start in zip(records, starts, strict=True))
    followers = [offset for offset, _ in spans[1:]] + [end]
    for (_, span_end), follower in zip(spans, followers, strict=True):
        if span_end > follower:
            raise ArchiveError("entries_overlap")
    return starts


def read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Return the bytes at a place in the file. Raises ArchiveError when there are fewer."""
    file.seek(offset)
    data = file.read(size)
    if len(data) != size:
        raise ArchiveError("archive_truncated")
    return data


def _find_directory(file: BinaryIO, max_bytes: int) -> Directory:
    size = file.seek(0, os.SEEK_END)
    if size > max_bytes:
        raise ArchiveError("archive_too_big", size=size, limit=max_bytes)
    tail_at = max(0, size - END.size - MAX_COMMENT)
    tail = read_at(file, tail_at, size - tail_at)
    at = _find_end(tail)
    if at is None:
        raise _no_end(read_at(file, 0, min(size, 8)))
    _, disk, start_disk, here, count, length, offset, _ = END.unpack_from(tail, at)
    directory = Directory(count=count, size=length, offset=offset)
    end_at = tail_at + at
    if count == FULL16 or length == FULL32 or offset == FULL32:
        directory, end_at = _read_end64(file, end_at, directory)
    elif disk or start_disk or here != count:
        raise ArchiveError("archive_split")
    if directory.offset + directory.size != end_at:
        raise ArchiveError("directory_damaged")
    return directory


def _find_end(tail: bytes) -> int | None:
    """Find the last end record whose comment ends exactly where the file does."""
    at = tail.rfind(b"PK\5\6")
    while at >= 0:
        if at + END.size <= len(tail) and at + END.size + END.unpack_from(tail, at)[-1] == len(tail):
            return at
        at = tail.rfind(b"PK\5\6", 0, at)
    return None


def _no_end(start: bytes) -> ArchiveError:
    if start.startswith(b"PK\3\4"):
        return ArchiveError("archive_truncated")
    if start.startswith(b"PK\7\x08"):
        return ArchiveError("archive_split")
    name = next((name for mark, name in OTHER_FORMATS if start.startswith(mark)), None)
    return ArchiveError("archive_format_refused", format=name) if name else ArchiveError("not_a_zip")


def _read_end64(file: BinaryIO, end_at: int, small: Directory) -> tuple[Directory, int]:
    """Read the larger end record where the small one overflows; without one, the small one means what it says."""
    locator_at = end_at - LOCATOR64.size
    if locator_at < 0:
        return small, end_at
    mark, _, at, disks = LOCATOR64.unpack(read_at(file, locator_at, LOCATOR64.size))
    if mark != b"PK\6\7":
        return small, end_at
    if disks > 1:
        raise ArchiveError("archive_split")
    if at + END64.size > locator_at:
        raise ArchiveError("directory_damaged")
    mark, *_, count, length, offset = END64.unpack(read_at(file, at, END64.size))
    if mark != b"PK\6\6":
        raise ArchiveError("directory_damaged")
    return Directory(count=count, size=length, offset=offset), at


def _split(data: bytes) -> Iterator[Record]:
    at = 0
    while at < len(data):
        if at + CENTRAL.size > len(data):
            raise ArchiveError("directory_damaged")
        fields = CENTRAL.unpack_from(data, at)
        name_at = at + CENTRAL.size
        extra_at = name_at + fields[10]
        at = extra_at + fields[11] + fields[12]
        if fields[0] != b"PK\1\2" or at > len(data):
            raise ArchiveError("directory_damaged")
        yield _record(fields, data[name_at:extra_at], data[extra_at : extra_at + fields[11]])


def _record(fields: tuple[int, ...], raw_name: bytes, extra: bytes) -> Record:
    size, packed_size, offset = _wide((fields[9], fields[8], fields[16]), extra)
    return Record(
        raw_name=raw_name,
        flags=fields[3],
        method=fields[4],
        crc=fields[7],
        packed_size=packed_size,
        size=size,
        mode=fields[15] >> 16,
        is_folder=raw_name.endswith(b"/") or bool(fields[15] & 0x10),
        offset=offset,
    )


def _wide(values: tuple[int, int, int], extra: bytes) -> tuple[int, ...]:
    """Take the 64-bit values of the ZIP64 field in place of those that do not fit 32 bits."""
    if FULL32 not in values:
        return values
    field = _extra_field(extra, ZIP64_FIELD)
    wide = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
    settled = tuple(next(wide, -1) if value == FULL32 else value for value in values)
    if -1 in settled:
        raise ArchiveError("directory_damaged")
    return settled


def _extra_field(extra: bytes, number: int) -> bytes:
    at = 0
    while at + 4 <= len(extra):
        found, size = struct.unpack_from("<2H", extra, at)
        if found == number:
            return extra[at + 4 : at + 4 + size]
        at += 4 + size
    return b""


def _data_offset(file: BinaryIO, record: Record) -> int | None:
    file.seek(record.offset)
    header = file.read(LOCAL.size + len(record.raw_name))
    if len(header) < LOCAL.size:
        return None
    mark, _, _, method, *_, name_size, extra_size = LOCAL.unpack_from(header)
    if mark != b"PK\3\4" or method != record.method or header[LOCAL.size :] != record.raw_name:
        return None
    if name_size != len(record.raw_name):
        return None
    return record.offset + LOCAL.size + int(name_size) + int(extra_size)


def _span(record: Record, start: int | None) -> tuple[int, int]:
    data_at = record.offset + LOCAL.size + len(record.raw_name) if start is None else start
    return record.offset, data_at + record.packed_size
