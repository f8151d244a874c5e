"""Opens ZIP archives from strangers: lists what is inside, and unpacks one file at a time into memory, never to disk.

Names are labels. What an archive says of its sizes is checked before unpacking and enforced while unpacking.
"""

import io
import stat
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from assets.archive_directory import ArchiveError, Record, find_data, read_records
from assets.archive_names import (
    base_name,
    decode_name,
    find_clashes,
    find_name_fault,
    fold_name,
    is_nested_archive,
    is_system_file,
    show_name,
)

__all__ = [
    "ArchiveError",
    "ArchiveLimits",
    "Entry",
    "Listing",
    "Skipped",
    "fold_name",
    "list_entries",
    "read_entry",
]

MEBIBYTE = 1024 * 1024
PIECE_BYTES = 256 * 1024
ENCRYPTED_FLAG = 0x1
STORED, DEFLATED = 0, 8
METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """Say how much an archive may hold: sizes in bytes, unpacked except `max_bytes`.

    `max_ratio` is unpacked to packed size, judged only above `small_bytes`: short texts pack very well.
    """

    max_bytes: int = 4096 * MEBIBYTE
    max_entries: int = 10_000
    max_entry_bytes: int = 64 * MEBIBYTE
    max_total_bytes: int = 8192 * MEBIBYTE
    max_ratio: int = 100
    small_bytes: int = MEBIBYTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Point at one file inside an archive: `name` and `base_name` label it, `size` is its unpacked bytes."""

    index: int
    name: str
    base_name: str
    size: int
    packed_size: int
    method: int
    crc: int
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Name one thing inside an archive that is not read, with the code of the reason."""

    index: int
    name: str
    code: str
    params: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """List what an archive holds: files to read, files refused with an error each, and what nobody would miss.

    Reasons of `ignored`: folder, system_file. Codes of `refused`: name_absolute, name_backslash, name_climbs,
    name_collides, name_drive, name_empty, name_hidden_characters, name_too_long, name_twice, entry_is_link,
    entry_is_device, entry_encrypted, compression_unsupported, nested_archive, entry_too_big, ratio_too_high,
    entry_damaged.
    """

    entries: tuple[Entry, ...]
    refused: tuple[Skipped, ...]
    ignored: tuple[Skipped, ...]


def list_entries(file: BinaryIO, *, limits: ArchiveLimits) -> Listing:
    """List a ZIP archive without unpacking anything. Raises ArchiveError when the archive as a whole is refused."""
    records, end = read_records(file, max_bytes=limits.max_bytes, max_entries=limits.max_entries)
    starts = find_data(file, records, end)
    names = [decode_name(record.raw_name) for record in records]
    reasons = [_reason_to_ignore(record, name) for record, name in zip(records, names, strict=True)]
    clashes = find_clashes([None if reason else name for name, reason in zip(names, reasons, strict=True)])
    entries: list[Entry] = []
    refused: list[Skipped] = []
    ignored: list[Skipped] = []
    for index, (record, name, start) in enumerate(zip(records, names, starts, strict=True)):
        if reason := reasons[index]:
            ignored.append(Skipped(index=index, name=show_name(name), code=reason))
        elif fault := _find_fault(record, name, start, limits) or _clash_fault(clashes.get(index)):
            refused.append(Skipped(index=index, name=show_name(name), code=fault[0], params=fault[1]))
        else:
            entries.append(_entry(index, record, name, start or 0))
    total = sum(entry.size for entry in entries)
    if total > limits.max_total_bytes:
        raise ArchiveError("unpacks_too_big", size=total, limit=limits.max_total_bytes)
    return Listing(entries=tuple(entries), refused=tuple(refused), ignored=tuple(ignored))


def read_entry(file: BinaryIO, entry: Entry) -> bytes:
    """Unpack one listed file into memory, up to the size that the listing accepted.

    Raises ArchiveError `size_lies` as soon as more comes out, `entry_damaged` when less does or the checksum differs.
    """
    unpacked = io.BytesIO()
    crc = 0
    for piece in _unpack(file, entry):
        if unpacked.tell() + len(piece) > entry.size:
            raise ArchiveError("size_lies", name=entry.name, size=entry.size)
        crc = zlib.crc32(piece, crc)
        unpacked.write(piece)
    if unpacked.tell() != entry.size or crc != entry.crc:
        raise ArchiveError("entry_damaged", name=entry.name)
    return unpacked.getvalue()


def _entry(index: int, record: Record, name: str, start: int) -> Entry:
    shown = show_name(name)
    return Entry(
        index=index,
        name=shown,
        base_name=base_name(shown),
        size=record.size,
        packed_size=record.packed_size,
        method=record.method,
        crc=record.crc,
        start=start,
    )


def _reason_to_ignore(record: Record, name: str) -> str:
    if find_name_fault(name) or _kind_fault(record):
        return ""
    if record.is_folder:
        return "folder"
    return "system_file" if is_system_file(name) else ""


def _find_fault(
    record: Record, name: str, start: int | None, limits: ArchiveLimits
) -> tuple[str, dict[str, str | int]] | None:
    if code := find_name_fault(name) or _kind_fault(record):
        return code, {}
    if record.flags & ENCRYPTED_FLAG:
        return "entry_encrypted", {}
    if record.method not in (STORED, DEFLATED):
        return "compression_unsupported", {"method": METHODS.get(record.method, str(record.method))}
    if is_nested_archive(name):
        return "nested_archive", {}
    if record.size > limits.max_entry_bytes:
        return "entry_too_big", {"size": record.size, "limit": limits.max_entry_bytes}
    if record.size > max(limits.small_bytes, record.packed_size * limits.max_ratio):
        return "ratio_too_high", {"limit": limits.max_ratio}
    return ("entry_damaged", {}) if start is None else None


def _kind_fault(record: Record) -> str:
    kind = stat.S_IFMT(record.mode)
    if kind == stat.S_IFLNK:
        return "entry_is_link"
    return "" if kind in (0, stat.S_IFREG, stat.S_IFDIR) else "entry_is_device"


def _clash_fault(clash: tuple[str, str] | None) -> tuple[str, dict[str, str | int]] | None:
    return (clash[0], {"other": show_name(clash[1])}) if clash else None


def _unpack(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    if entry.method == STORED:
        yield from _read_packed(file, entry)
        return
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for packed in _read_packed(file, entry):
            piece = unpacker.decompress(packed, PIECE_BYTES)
            while piece:
                yield piece
                piece = unpacker.decompress(unpacker.unconsumed_tail, PIECE_BYTES)
    except zlib.error as error:
        raise ArchiveError("entry_damaged", name=entry.name) from error
    if not unpacker.eof or unpacker.unused_data:
        raise ArchiveError("entry_damaged", name=entry.name)


def _read_packed(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    file.seek(entry.start)
    left = entry.packed_size
    while left:
        piece = file.read(min(left, PIECE_BYTES))
        if not piece:
            raise ArchiveError("entry_damaged", name=entry.name)
        left -= len(piece)
        yield piece
