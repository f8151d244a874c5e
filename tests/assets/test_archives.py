"""Archives from strangers: each bad one or bad file gets its reason, and no byte comes out that was not allowed."""

import contextlib
import io
import struct
import time
import tracemalloc
import unicodedata
import zipfile
import zlib
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assets.archives import ArchiveError, ArchiveLimits, Listing, fold_name, list_entries, read_entry
from tests.assets.bad_archives import (
    DEVICE,
    ENCRYPTED,
    FIFO,
    LINK,
    UTF8,
    File,
    archive,
    end,
    many,
    named,
    names_of,
    quoted_overlap,
    raw_zeros,
)

LIMITS = ArchiveLimits()
GOOD = named("a.png", "b.png")
GA_DECOMPOSED = unicodedata.normalize("NFD", "が.png")
BELOW = b"\0" * 100
VARIED = bytes(range(256))


def listed(data: bytes, **limits: int) -> Listing:
    return list_entries(io.BytesIO(data), limits=ArchiveLimits(**limits))


def refusals(listing: Listing) -> dict[str, str]:
    return {each.name: each.code for each in listing.refused}


REFUSED_ARCHIVES = {
    "0 bytes": (b"", "not_a_zip"),
    "text": (b"file,title\na.png,x\n", "not_a_zip"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + BELOW, "not_a_zip"),
    "no files": (end(0, 0, 0), "archive_empty"),
    "interrupted upload": (GOOD[:-30], "archive_truncated"),
    "cut inside its comment": (archive(File(), comment=b"from the agency")[:-4], "archive_truncated"),
    "bytes after its end": (GOOD + BELOW, "archive_truncated"),
    "bytes before its start": (BELOW + GOOD, "directory_damaged"),
    "RAR": (b"Rar!\x1a\x07\x01\0" + BELOW, "archive_format_refused"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + BELOW, "archive_format_refused"),
    "gzip": (b"\x1f\x8b\x08" + BELOW, "archive_format_refused"),
    "part of several by its end": (end(1, 0, 0, disk=1), "archive_split"),
    "part of several by its start": (b"PK\7\x08PK\3\4" + BELOW, "archive_split"),
    "a million files": (many(1_000_000), "too_many_entries"),
    "a million files that claim to be 5": (many(1_000_000, stated=5), "directory_too_big"),
    "more files than stated": (archive(File(), File(name=b"b.png"), count=1), "directory_damaged"),
    "fewer files than stated": (archive(File(), count=2), "directory_damaged"),
    "a broken record": (GOOD.replace(b"PK\1\2", b"PK\1\3", 1), "directory_damaged"),
    "overlapping: the same place twice": (archive(File(), File(name=b"b.png", offset=0)), "entries_overlap"),
    "overlapping: into the next file": (archive(File(packed_size=60), File(name=b"b.png")), "entries_overlap"),
    "overlapping: into the directory": (archive(File(packed_size=60)), "entries_overlap"),
    "overlapping: header quoted by the one before": (
        archive(File(local_extra=b"x" * 9, packed=b"", packed_size=40), File(name=b"b.png")),
        "entries_overlap",
    ),
    "overlapping: a thousand files in one kernel": (quoted_overlap(1000), "entries_overlap"),
    "a file that begins after the directory": (archive(File(offset=1 << 20)), "directory_damaged"),
    "a 64-bit size that is not there": (archive(File(size=0xFFFFFFFF)), "directory_damaged"),
    "a file at 2^63": (
        archive(File(offset=0xFFFFFFFF, extra=struct.pack("<2HQ", 1, 8, 1 << 63))),
        "directory_damaged",
    ),
}


@pytest.mark.parametrize(("data", "code"), REFUSED_ARCHIVES.values(), ids=REFUSED_ARCHIVES.keys())
def test_an_archive_is_refused_with_its_reason(data: bytes, code: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        listed(data)
    assert caught.value.code == code
    assert str(caught.value).endswith(".")


LIMITED = {
    "bytes": ({"max_bytes": len(GOOD) - 1}, "archive_too_big"),
    "files": ({"max_entries": 1}, "too_many_entries"),
    "unpacked bytes": ({"max_total_bytes": 13}, "unpacks_too_big"),
}


@pytest.mark.parametrize(("limits", "code"), LIMITED.values(), ids=LIMITED.keys())
def test_a_limit_refuses_what_is_one_over_it(limits: dict[str, int], code: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        listed(GOOD, **limits)
    assert caught.value.code == code
    assert len(listed(GOOD, **{name: value + 1 for name, value in limits.items()}).entries) == 2


REFUSED_FILES = {
    "zip-slip": (File(name=b"../../x.png"), "name_climbs"),
    "zip-slip inside": (File(name=b"a/../../x.png"), "name_climbs"),
    "zip-slip with backslashes": (File(name=b"..\\..\\x.png"), "name_climbs"),
    "zip-slip with a space that Windows drops": (File(name=b".. /x.png"), "name_climbs"),
    "zip-slip folder": (File(name=b"../", data=b""), "name_climbs"),
    "absolute": (File(name=b"/etc/passwd"), "name_absolute"),
    "drive": (File(name=b"C:\\x.png"), "name_drive"),
    "drive with a slash": (File(name=b"c:/x.png"), "name_drive"),
    "backslash": (File(name=b"photos\\x.png"), "name_backslash"),
    "server share": (File(name=b"\\\\server\\x.png"), "name_backslash"),
    "NUL": (File(name=b"a.png\0.exe"), "name_hidden_characters"),
    "CRLF": (File(name=b"a\r\nSet-Cookie: x.png"), "name_hidden_characters"),
    "right-to-left override": (File(name="a\u202egnp.exe".encode()), "name_hidden_characters"),
    "no name": (File(name=b""), "name_empty"),
    "only slashes": (File(name=b"//"), "name_empty"),
    "300 bytes": (File(name=b"x" * 296 + b".png"), "name_too_long"),
    "symlink": (File(data=b"/etc/passwd", mode=LINK), "entry_is_link"),
    "symlink that is called a folder": (File(name=b"a/", data=b"/etc", mode=LINK), "entry_is_link"),
    "device": (File(mode=DEVICE), "entry_is_device"),
    "pipe": (File(mode=FIFO), "entry_is_device"),
    "encrypted": (File(flags=ENCRYPTED), "entry_encrypted"),
    "AES": (File(flags=ENCRYPTED, method=99), "entry_encrypted"),
    "bzip2": (File(method=12), "compression_unsupported"),
    "Zstandard": (File(method=93), "compression_unsupported"),
    "42.zip": (File(name=b"lib 0.zip", data=named("book 0.zip")), "nested_archive"),
    "nested with capitals": (File(name=b"PHOTOS.RAR"), "nested_archive"),
    "bottom of 42.zip": (File(name=b"0.dll", packed=raw_zeros(1 << 20), size=(4 << 30) - 2), "entry_too_big"),
    "ratio over the cap": (File(packed=raw_zeros(8 << 20), size=8 << 20), "ratio_too_high"),
    "local header of another file": (File(local_name=b"b.png"), "entry_damaged"),
    "local header of a longer name": (File(local_name=b"a.pngx"), "entry_damaged"),
}


@pytest.mark.parametrize(("file", "code"), REFUSED_FILES.values(), ids=REFUSED_FILES.keys())
def test_a_bad_file_is_refused_and_its_neighbour_stays(file: File, code: str) -> None:
    listing = listed(archive(File(name=b"good.jpg"), replace(file)))
    assert [(each.index, each.code) for each in listing.refused] == [(1, code)]
    assert names_of(listing.entries) == ["good.jpg"]
    assert not listing.ignored


CLASHES = {
    "twice": (("a.png", "a.png"), "name_twice"),
    "case": (("a.png", "A.PNG"), "name_collides"),
    "NFC and NFD": (("が.png", GA_DECOMPOSED), "name_collides"),
    "case of a folder": (("photos/a.png", "Photos/a.png"), "name_collides"),
    "sharp s": (("straße.png", "STRASSE.png"), "name_collides"),
}


@pytest.mark.parametrize(("names", "code"), CLASHES.values(), ids=CLASHES.keys())
def test_all_files_of_a_clash_are_refused(names: tuple[str, str], code: str) -> None:
    listing = listed(named(*names, "other.png"))
    assert [each.code for each in listing.refused] == [code, code]
    assert names_of(listing.entries) == ["other.png"]
    assert listing.refused[0].params["other"] == unicodedata.normalize("NFC", names[1])


def test_the_same_name_in_two_folders_is_no_clash() -> None:
    listing = listed(named("x/a.png", "y/a.png"))
    assert [entry.base_name for entry in listing.entries] == ["a.png", "a.png"]


def test_what_systems_leave_behind_is_ignored_and_said() -> None:
    names = ("__MACOSX/._a.png", "x/.DS_Store", "Thumbs.db", "x/desktop.ini", "._b.png")
    listing = listed(archive(*(File(name=name.encode()) for name in names), File(name=b"x/", data=b""), File()))
    assert names_of(listing.entries) == ["a.png"]
    assert [each.code for each in listing.ignored] == ["system_file"] * 5 + ["folder"]
    assert not listing.refused


NAMES = {
    "cp932 without the UTF-8 flag": ("表示/能力ソース.png".encode("cp932"), 0, "表示/能力ソース.png"),
    "UTF-8 with the flag": ("写真/猫.png".encode(), UTF8, "写真/猫.png"),
    "UTF-8 without the flag, decomposed, as macOS writes it": (GA_DECOMPOSED.encode(), 0, "が.png"),
    "cp932 with a flag that lies": ("猫.png".encode("cp932"), UTF8, "猫.png"),
    "cp437": (b"caf\x82.png", 0, "café.png"),
    "cp437 with bytes that cp932 does not use": (b"x\xfd.png", 0, "x².png"),
}


@pytest.mark.parametrize(("raw", "flags", "name"), NAMES.values(), ids=NAMES.keys())
def test_names_are_read_as_their_writer_meant_them(raw: bytes, flags: int, name: str) -> None:
    (entry,) = listed(archive(File(name=raw, flags=flags))).entries
    assert (entry.name, entry.base_name) == (name, name.rpartition("/")[2])


def read_only(data: bytes, **limits: int) -> bytes:
    (entry,) = listed(data, **limits).entries
    return read_entry(io.BytesIO(data), entry)


DAMAGED = {
    "states fewer bytes than come out": (File(packed=raw_zeros(1 << 20), size=5), "size_lies"),
    "stored, states fewer": (File(method=0, size=3), "size_lies"),
    "states more bytes than come out": (File(size=8), "entry_damaged"),
    "stored, states more": (File(method=0, size=8), "entry_damaged"),
    "wrong checksum": (File(crc=1), "entry_damaged"),
    "not deflate": (File(packed=b"\xff" * 20), "entry_damaged"),
    "deflate that does not end": (
        File(data=VARIED, packed=zlib.compress(VARIED)[2:99]),
        "entry_damaged",
    ),
    "bytes after the deflate data": (File(packed=raw_zeros(1 << 20) + b"PK", data=bytes(1 << 20)), "entry_damaged"),
}


@pytest.mark.parametrize(("file", "code"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_file_that_lies_is_refused_while_it_unpacks(file: File, code: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        read_only(archive(file))
    assert caught.value.code == code
    assert caught.value.params["name"] == "a.png"


def test_a_file_that_is_cut_after_listing_is_refused() -> None:
    data = archive(File(method=0))
    (entry,) = listed(data).entries
    with pytest.raises(ArchiveError, match="damaged"):
        read_entry(io.BytesIO(data[:38]), entry)


def test_a_lying_bomb_costs_no_memory() -> None:
    data = archive(File(packed=raw_zeros(256 << 20), size=100))
    (entry,) = listed(data).entries
    tracemalloc.start()
    with pytest.raises(ArchiveError, match="more than"):
        read_entry(io.BytesIO(data), entry)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_pictures_are_read_one_at_a_time_in_flat_memory() -> None:
    picture = b"\x89PNG" + bytes(range(256)) * 8192
    data = archive(*(File(name=b"%d.png" % index, data=picture, method=0) for index in range(12)))
    file = io.BytesIO(data)
    tracemalloc.start()
    sizes = [len(read_entry(file, entry)) for entry in list_entries(file, limits=LIMITS).entries]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sizes == [len(picture)] * 12
    assert peak < 3 * len(picture)


def test_a_million_files_are_refused_at_once() -> None:
    data = many(1_000_000)
    began = time.perf_counter()
    with pytest.raises(ArchiveError):
        listed(data)
    assert time.perf_counter() - began < 1


def test_wide_records_are_read() -> None:
    wide = struct.pack("<2H3Q", 1, 24, 7, 7, 0)
    data = archive(
        File(method=0, size=0xFFFFFFFF, packed_size=0xFFFFFFFF, offset=0xFFFFFFFF, extra=b"\7\7\1\0x" + wide), wide=True
    )
    assert read_only(data) == b"picture"


def test_a_comment_that_holds_an_end_record_deceives_nobody() -> None:
    data = archive(File(), comment=b"PK\5\6" + bytes(30))
    assert read_only(data) == b"picture"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_other_programs_write_is_read_as_a_stream_too(method: int) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", method) as writer:
        writer.writestr("写真.png", b"picture" * 999)
    assert read_only(pipe.getvalue()) == b"picture" * 999


@given(
    st.lists(
        st.tuples(st.text("abcdeかが漢é", min_size=1, max_size=8), st.binary(max_size=200), st.booleans()),
        unique_by=lambda each: fold_name(each[0]),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_what_was_packed_comes_out_the_same(files: list[tuple[str, bytes, bool]]) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as writer:
        for name, data, packs in files:
            writer.writestr(f"{name}.png", data, zipfile.ZIP_DEFLATED if packs else zipfile.ZIP_STORED)
    entries = list_entries(file, limits=LIMITS).entries
    assert [(entry.name, read_entry(file, entry)) for entry in entries] == [
        (unicodedata.normalize("NFC", f"{name}.png"), data) for name, data, _ in files
    ]


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
@example(len(GOOD) - 1, 1)
@settings(max_examples=400, deadline=None)
def test_one_changed_byte_is_survived(at: int, value: int) -> None:
    data = GOOD[:at] + bytes((value,)) + GOOD[at + 1 :]
    file = io.BytesIO(data)
    with contextlib.suppress(ArchiveError):
        for entry in list_entries(file, limits=LIMITS).entries:
            assert zlib.crc32(read_entry(file, entry)) == entry.crc


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_survived(data: bytes) -> None:
    with pytest.raises(ArchiveError):
        listed(b"PK\3\4" + data)
