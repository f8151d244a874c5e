"""Where model files lie before they are in the library: on the server, or in a folder of their own below `uploads`."""

import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, TemporaryFileUploadHandler

from engine.errors import ModelError
from engine.headers import UNSAFE_SUFFIXES
from projects.models import Project

from ..model_kinds import size_of
from ..models import ModelFile, ModelIntake
from ..storage import INCOMING, sweep_incoming

UPLOADS = "uploads"
SUFFIX = ".safetensors"
CONTENT = f"model{SUFFIX}"
MAX_DEPTH = 5
MAX_LISTED = 500
KEPT_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A model file or folder on the server that can be registered; `location` is its path below MODELS_ROOT."""

    location: str
    size_bytes: int
    has_changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An upload that lies on the disk, and waits for what is to be said about it."""

    id: uuid.UUID
    name: str
    size: int


def models_root() -> Path:
    """Return the folder that model files lie in, with no link on the way."""
    return Path(settings.MODELS_ROOT).resolve()


def list_waiting(project: Project) -> list[Waiting]:
    """List what lies on the server and is registered by nobody, or has changed since this project saw it last."""
    root = models_root()
    rows = {row.path: row for row in ModelFile.objects.order_by("registered_at")}
    found: dict[str, Waiting] = {}
    for path in walk(root):
        location = str(path.resolve().relative_to(root))
        row = rows.get(location)
        if row is None or (may_renew(row, project) and has_changed(path, row)):
            changed = row is not None
            found[location] = Waiting(location=location, size_bytes=size_of(path), has_changed=changed)
        if len(found) == MAX_LISTED:
            break
    return list(found.values())


def walk(folder: Path, depth: int = MAX_DEPTH) -> Iterator[Path]:
    """Yield model files and folders below a folder; what is hidden, ours, or leads outside is passed over."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or not stays_inside(entry) or entry == models_root() / UPLOADS:
            continue
        if looks_like_model(entry):
            yield entry
        elif entry.is_dir() and depth > 1:
            yield from walk(entry, depth - 1)


def looks_like_model(path: Path) -> bool:
    """May a file or folder be a model, by its name and its parts?"""
    if not path.is_dir():
        return path.suffix.lower() == SUFFIX
    if (path / "unet").is_dir() or (path / "transformer").is_dir():
        return True
    return (path / "config.json").is_file() and any(path.glob("*.safetensors"))


def stays_inside(path: Path) -> bool:
    """Does a path stay below MODELS_ROOT when every link on it is followed?"""
    try:
        return path.resolve().is_relative_to(models_root())
    except (OSError, RuntimeError):
        return False


def may_renew(row: ModelFile, project: Project) -> bool:
    """Does a registered file belong to those that this project sees, and was not taken out?"""
    return row.project_id in (None, project.id) and row.removed_at is None


def has_changed(path: Path, row: ModelFile) -> bool:
    """Was a file written since it was registered, as far as can be told without reading it?"""
    if size_of(path) != row.size_bytes:
        return True
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return max(file.stat().st_mtime for file in files) > row.registered_at.timestamp()


def find_on_server(location: str) -> Path:
    """Return where a location below MODELS_ROOT lies. Raises ModelError for one that is gone, or leads outside."""
    steps = PurePosixPath(location)
    if steps.is_absolute() or ".." in steps.parts or "\0" in location or not steps.parts:
        raise ModelError("model_path_outside", "The path leads out of the models' folder.", path=location[:200])
    path = models_root() / steps
    links = [path] if not path.is_dir() else [path, *(each for each in path.rglob("*") if each.is_symlink())]
    if not all(map(stays_inside, links)):
        raise ModelError("model_path_outside", "The path leads out of the models' folder.", path=location[:200])
    if not path.exists():
        raise ModelError("file_unreadable", f"{path.name} cannot be read.", file=path.name)
    return path


class BesideModels(TemporaryFileUploadHandler):
    """Write an upload piece by piece to the disk that it will stay on, so that keeping it is a change of name."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        FileUploadHandler.new_file(self, *args, **kwargs)
        self.file = OnModelsDisk(self.file_name, self.content_type, 0, self.charset, self.content_type_extra)


class OnModelsDisk(TemporaryUploadedFile):
    """A file that is being uploaded; one that nobody keeps is deleted when the request ends."""

    def __init__(self, name: Any, content_type: Any, size: int, charset: Any, content_type_extra: Any) -> None:
        incoming = models_root() / UPLOADS / INCOMING
        incoming.mkdir(parents=True, exist_ok=True)
        file = tempfile.NamedTemporaryFile(suffix=".part", dir=incoming)  # noqa: SIM115 - the request closes it
        UploadedFile.__init__(self, file, name, content_type, size, charset, content_type_extra)


def keep_upload(file: OnModelsDisk) -> Kept:
    """Give an upload a folder and a name of ours, where a worker finds it."""
    kept = Kept(id=uuid.uuid4(), name=str(file.name), size=file.size or 0)
    target = content_path(kept.id)
    target.parent.mkdir(parents=True)
    file.flush()
    os.fsync(file.fileno())
    os.replace(file.temporary_file_path(), target)
    target.chmod(0o644)
    return kept


def wrong_format(name: str) -> str:
    """Return the code of what a file's name says against it, "" for nothing; a worker looks at the bytes."""
    suffix = PurePath(name).suffix.lower()
    if suffix == SUFFIX:
        return ""
    return "unsafe_format" if suffix in UNSAFE_SUFFIXES else "not_safetensors"


@contextmanager
def keeping(file: OnModelsDisk | None) -> Iterator[Kept | None]:
    """Keep an upload for an intake that begins in the body; when none does, it is deleted at once."""
    kept = keep_upload(file) if file else None
    try:
        yield kept
    except BaseException:
        if kept:
            drop_files(kept.id)
        raise


def content_path(intake_id: Any) -> Path:
    """Return where the content of an intake lies."""
    return models_root() / UPLOADS / str(intake_id) / CONTENT


def drop_files(intake_id: Any) -> None:
    """Delete what was uploaded or fetched, unless it has become a model."""
    if not ModelFile.objects.filter(path__startswith=f"{UPLOADS}/{intake_id}/").exists():
        shutil.rmtree(models_root() / UPLOADS / str(intake_id), ignore_errors=True)


def sweep_uploads() -> None:
    """Delete uploads that nobody said anything about for a day, and what dead workers left of jobs that are over."""
    uploads, limit = models_root() / UPLOADS, time.time() - KEPT_SECONDS
    sweep_incoming(uploads, older_than_seconds=KEPT_SECONDS)
    folders = {each.name: each for each in uploads.glob("*-*") if each.is_dir()}
    asked = {str(job.id): job for job in ModelIntake.objects.filter(id__in=filter(is_uuid, folders))}
    for name, folder in folders.items():
        job = asked.get(name)
        if (job is None and folder.stat().st_mtime < limit) or (job is not None and job.is_terminal):
            drop_files(name)


def is_uuid(text: str) -> bool:
    """Is this the name of an intake's folder?"""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
