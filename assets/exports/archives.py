"""Zip files written front to back, the same bytes every time, one entry in memory at once."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

# The oldest time that a zip file can hold: an export says nothing about when it was written.
TIMESTAMP = (1980, 1, 1, 0, 0, 0)
UNIX = 3
FILE_MODE = 0o100644 << 16


class Sink(Protocol):
    """Anything that takes bytes: a file, a pipe, a response."""

    def write(self, data: bytes, /) -> object:
        """Take all of the bytes."""


class Archive:
    """A zip file of stored entries, written to a sink that need not seek.

    zipfile goes back to fill in an entry's header, and where it cannot, it writes one that some readers of
    uncompressed entries refuse. So each entry is made in memory, and sent on when it is whole.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._entry = _Window()
        self._zip = zipfile.ZipFile(self._entry, "w", zipfile.ZIP_STORED)  # type: ignore[call-overload]

    def add(self, name: str, data: bytes) -> None:
        """Write one file."""
        info = zipfile.ZipInfo(name, TIMESTAMP)
        info.create_system, info.external_attr = UNIX, FILE_MODE
        self._zip.writestr(info, data)
        self._sink.write(self._entry.take())

    def finish(self) -> None:
        """Write the table of contents."""
        self._zip.close()
        self._sink.write(self._entry.take())


class _Window:
    """A file of which only the end is in memory: what was taken is gone, and places count from the very start."""

    def __init__(self) -> None:
        self._start = 0
        self._buffer = io.BytesIO()

    def write(self, data: bytes) -> int:
        return self._buffer.write(data)

    def tell(self) -> int:
        return self._start + self._buffer.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._start + self._buffer.seek(offset - self._start, whence)

    def flush(self) -> None:
        """Do nothing: `take` is what sends bytes on."""

    def take(self) -> bytes:
        data = self._buffer.getvalue()
        self._start += len(data)
        self._buffer = io.BytesIO()
        return data


@contextmanager
def open_archive(sink: Sink) -> Iterator[Archive]:
    """Open an archive, and write its table of contents unless an error came first: half a zip must not look whole."""
    archive = Archive(sink)
    yield archive
    archive.finish()
