"""Files kept under the sha256 of their content, so that a name is a proof and writing twice is writing once."""

import errno
import hashlib
import os
import re
import time
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

INCOMING = ".incoming"
NAME_BYTES = 150
STORED_PATH = re.compile(r"([a-z0-9_-]{1,40})/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{64})(\.[a-z0-9]{1,16})")
FOLDER = re.compile(r"[a-z0-9_-]{1,40}")
SUFFIX = re.compile(r"\.[a-z0-9]{1,16}")
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN_IN_NAMES = frozenset('/\\:*?"<>|')
RESERVED_DEVICES = frozenset(("CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"))
RESERVED_PORTS = frozenset(f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³")
ZERO_WIDTH_JOINER = "\u200d"


class StorageError(Exception):
    """Say why a file could not be kept or read. `code` is stable, `params` fill the translated sentence."""

    def __init__(self, code: str, message: str, **params: str | int) -> None:
        super().__init__(message)
        self.code = code
        self.params: Mapping[str, str | int] = params


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """Name a kept file: its sha256, its path relative to the root, and its size in bytes."""

    sha256: str
    path: str
    size: int


def store_bytes(root: Path, folder: str, data: bytes, suffix: str) -> StoredFile:
    """Keep bytes at `folder/ab/cd/<sha256><suffix>` and return where.

    The file appears whole or not at all, and is on disk when this returns. Content that is there already is not
    written again, unless the disk's copy has changed. Raises StorageError `disk_full` or `write_failed`.
    """
    if not FOLDER.fullmatch(folder) or not SUFFIX.fullmatch(suffix):
        raise StorageError("path_invalid", f"{folder!r} or {suffix!r} cannot name a stored file.", path=folder + suffix)
    digest = hashlib.sha256(data).hexdigest()
    stored = StoredFile(sha256=digest, path=f"{folder}/{digest[:2]}/{digest[2:4]}/{digest}{suffix}", size=len(data))
    try:
        if not _holds(root / stored.path, digest):
            _write_whole(root, root / stored.path, data)
    except OSError as error:
        raise _explain(error) from error
    return stored


def open_stored(root: Path, path: str) -> BufferedReader:
    """Open a kept file for reading. Raises StorageError `path_invalid` or `file_missing`."""
    parse_stored_path(path)
    try:
        descriptor = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise StorageError("file_missing", f"The stored file {path} cannot be opened.", path=path) from error
    return open(descriptor, "rb")


def verify_stored(root: Path, path: str) -> StoredFile:
    """Read a kept file again and return it. Raises StorageError `file_missing` or `file_changed`."""
    digest = parse_stored_path(path)
    with open_stored(root, path) as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    if found != digest:
        raise StorageError("file_changed", f"The stored file {path} has changed on disk.", path=path, found=found)
    return StoredFile(sha256=digest, path=path, size=size)


def parse_stored_path(path: str) -> str:
    """Return the sha256 that a stored path promises. Raises StorageError `path_invalid`."""
    match = STORED_PATH.fullmatch(path)
    if not match or not match[4].startswith(match[2] + match[3]):
        raise StorageError("path_invalid", f"{path!r} is not the path of a stored file.", path=path)
    return match[4]


def sweep_incoming(root: Path, *, older_than_seconds: float) -> int:
    """Delete half-written files that a killed process left behind, and return how many there were."""
    folder = root / INCOMING
    if not folder.is_dir():
        return 0
    swept = 0
    deadline = time.time() - older_than_seconds
    for entry in os.scandir(folder):
        if entry.stat(follow_symlinks=False).st_mtime <= deadline:
            Path(entry.path).unlink(missing_ok=True)
            swept += 1
    return swept


def download_name(title: str, suffix: str, *, fallback: str = "daicho") -> str:
    """Return a file name that every system accepts, made from a person's title.

    The name is NFC, at most 150 bytes of UTF-8 with its suffix, and holds no separators, control or bidi characters.
    """
    stem = "".join(_safe_character(character) for character in unicodedata.normalize("NFC", title))
    stem = unicodedata.normalize("NFC", stem)
    stem = _cut_bytes(" ".join(stem.split()).strip(". "), NAME_BYTES - len(suffix) - 1).rstrip(". " + ZERO_WIDTH_JOINER)
    if stem.split(".")[0].rstrip().upper() in RESERVED_DEVICES | RESERVED_PORTS:
        stem = f"_{stem}"
    return (stem or fallback) + suffix


def _safe_character(character: str) -> str:
    if character in FORBIDDEN_IN_NAMES:
        return "_"
    category = unicodedata.category(character)
    if category in ("Zs", "Zl", "Zp") or character in "\t\r\n":
        return " "
    return "" if category.startswith("C") and character != ZERO_WIDTH_JOINER else character


def _cut_bytes(text: str, limit: int) -> str:
    cut = text.encode()[:limit].decode(errors="ignore")
    if len(cut) == len(text):
        return cut
    while cut and unicodedata.combining(text[len(cut)]):
        text, cut = cut, cut[:-1]
    return cut


def _holds(path: Path, digest: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest
    except FileNotFoundError:
        return False


def _write_whole(root: Path, target: Path, data: bytes) -> None:
    incoming = root / INCOMING
    _make_folders(root, incoming)
    _make_folders(root, target.parent)
    temporary = incoming / f"{uuid.uuid4().hex}.part"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _make_folders(root: Path, folder: Path) -> None:
    if folder.is_dir():
        return
    root.mkdir(parents=True, exist_ok=True)
    current = root
    for part in folder.relative_to(root).parts:
        (current / part).mkdir(exist_ok=True)
        _sync_folder(current)
        current /= part


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explain(error: OSError) -> StorageError:
    if error.errno in NO_ROOM:
        return StorageError("disk_full", "The disk is full: the file was not kept, and nothing was changed.")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return StorageError("write_failed", f"The file could not be written: {reason}.", reason=reason)
