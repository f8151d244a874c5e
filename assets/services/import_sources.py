"""The files of a batch: told apart as they are uploaded, kept where a worker finds them, and read one by one."""

import json
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from projects.problems import Problem

from ..archive_names import fold_name
from ..archives import ArchiveLimits, Entry, Listing, list_entries, read_entry
from ..containers.parts import PictureError
from ..models import ImportBatch
from ..tables import MAX_BYTES as MAX_TABLE_BYTES
from ..tables import Table, TableError, read_table

ARCHIVE, TABLE, FILES, NAMES = "archive.zip", "table.csv", "files", "names.json"
TABLE_SUFFIXES = (".csv", ".tsv", ".txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file of a batch: what it is called, and where it lies in the archive or the folder."""

    number: int
    name: str
    entry: Entry | None = None
    path: Path | None = None
    fault: Mapping[str, Any] | None = None

    @property
    def names(self) -> tuple[str, str]:
        """Return the names by which a table may call the file: with its folders, or without."""
        return self.name, self.name.rsplit("/", 1)[-1]

    def read(self, archive: IO[bytes] | None) -> bytes:
        """Return the bytes. Raises ArchiveError, OSError, or PictureError for a file that is too large to be read."""
        if self.entry is not None and archive is not None:
            return read_entry(archive, self.entry)
        if self.path is None:
            return b""
        if (size := self.path.stat().st_size) > settings.UPLOAD_MAX_BYTES:
            raise PictureError("too_many_bytes", size=size, limit=settings.UPLOAD_MAX_BYTES)
        return self.path.read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """What was uploaded, by kind."""

    archive: UploadedFile | None
    table: UploadedFile | None
    pictures: list[UploadedFile]


def sort_uploads(files: list[UploadedFile]) -> Uploads:
    """Tell archive, table and pictures apart by how they begin and what they are called. Raises Problem."""
    archives = [each for each in files if each.read(4) == b"PK\x03\x04"]
    tables = [each for each in files if each not in archives and str(each.name).lower().endswith(TABLE_SUFFIXES)]
    pictures = [each for each in files if each not in archives and each not in tables]
    for each in files:
        each.seek(0)
    if len(archives) > 1 or len(tables) > 1 or (archives and pictures):
        message = _("Bring one zip, or pictures, with at most one table beside them.")
        raise Problem("import_mixed", message, fields={"files": message})
    if not archives and not pictures:
        message = _("There is no picture among the files.")
        raise Problem("import_empty", message, fields={"files": message})
    return Uploads(archive=next(iter(archives), None), table=next(iter(tables), None), pictures=pictures)


def name_of(kept: Uploads) -> str:
    """Return what the batch is called."""
    if kept.archive is not None:
        return str(kept.archive.name)
    first = str(kept.pictures[0].name)
    return first if len(kept.pictures) == 1 else f"{first} + {len(kept.pictures) - 1}"


def save_uploads(folder: Path, kept: Uploads) -> None:
    """Write the files where the worker finds them, under names of our own."""
    named = [(ARCHIVE, kept.archive), (TABLE, kept.table)]
    (folder / FILES).mkdir()
    named += [(f"{FILES}/{number:05d}", each) for number, each in enumerate(kept.pictures)]
    for name, upload in named:
        if upload is not None:
            with (folder / name).open("xb") as file:
                for chunk in upload.chunks():
                    file.write(chunk)
    names = [str(each.name) for each in kept.pictures]
    (folder / NAMES).write_text(json.dumps(names), "utf-8")


def sources_of(batch: ImportBatch, documents: Container[str] = ()) -> Iterator[Source]:
    """Yield the pictures of a batch. Raises ArchiveError when an archive is refused as a whole.

    `documents` are the folded names that the table gives to evidence: those files are not to become pictures.
    """
    return (each for each in files_of(batch) if not any(fold_name(name) in documents for name in each.names))


def documents_of(batch: ImportBatch, names: Container[str]) -> dict[str, Source]:
    """Return the files with these folded names, whatever they are. Raises ArchiveError."""
    found = [*files_of(batch), *texts_of(batch)]
    return {fold_name(name): each for each in found for name in each.names if fold_name(name) in names}


def files_of(batch: ImportBatch) -> Iterator[Source]:
    """Yield the files of a batch but for tables and texts, numbered from 1. Raises ArchiveError."""
    if not (batch.folder / ARCHIVE).exists():
        names = json.loads((batch.folder / NAMES).read_text("utf-8"))
        for number, name in enumerate(names, start=1):
            yield Source(number=number, name=name, path=batch.folder / FILES / f"{number - 1:05d}")
        return
    listing = listing_of(batch)
    entries = [each for each in listing.entries if not each.base_name.lower().endswith(TABLE_SUFFIXES)]
    for number, entry in enumerate(entries, start=1):
        yield Source(number=number, name=entry.name, entry=entry)
    for number, each in enumerate(listing.refused, start=len(entries) + 1):
        yield Source(number=number, name=each.name, fault={"code": each.code, "params": {**each.params}})


def texts_of(batch: ImportBatch) -> Iterator[Source]:
    """Yield the tables and texts of a batch's archive."""
    if (batch.folder / ARCHIVE).exists():
        for entry in listing_of(batch).entries:
            if entry.base_name.lower().endswith(TABLE_SUFFIXES):
                yield Source(number=0, name=entry.name, entry=entry)


def listing_of(batch: ImportBatch) -> Listing:
    """Return what lies in a batch's archive. Raises ArchiveError."""
    limits = ArchiveLimits(max_bytes=settings.IMPORT_MAX_BYTES, max_entry_bytes=settings.UPLOAD_MAX_BYTES)
    with (batch.folder / ARCHIVE).open("rb") as file:
        return list_entries(file, limits=limits)


def table_of(batch: ImportBatch) -> Table | None:
    """Return the table that came beside the pictures, or the one within the archive. Raises TableError."""
    if (batch.folder / TABLE).exists():
        if (size := (batch.folder / TABLE).stat().st_size) > MAX_TABLE_BYTES:
            raise TableError("table_too_big", size=size, limit=MAX_TABLE_BYTES)
        return read_table((batch.folder / TABLE).read_bytes())
    # A text beside a table is a document; only without one it is the table.
    tables = sorted(texts_of(batch), key=lambda each: each.name.lower().endswith(".txt"))
    if not tables:
        return None
    with open_archive(batch) as archive:
        return read_table(tables[0].read(archive))


class open_archive:  # noqa: N801 - read as a verb in a with statement
    """Open the batch's archive while the body runs; None where there is none."""

    def __init__(self, batch: ImportBatch) -> None:
        self.path = batch.folder / ARCHIVE
        self.file: IO[bytes] | None = None

    def __enter__(self) -> IO[bytes] | None:
        self.file = self.path.open("rb") if self.path.exists() else None
        return self.file

    def __exit__(self, *_details: object) -> None:
        if self.file is not None:
            self.file.close()
