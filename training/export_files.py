"""Where files that were prepared for download lie, and how long."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from .models import AdapterExport

FOLDER = "exports"
KEPT_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """A file that waits to be downloaded: its path under MEDIA_ROOT, its sha256 and its size in bytes."""

    path: str
    sha256: str
    size: int


@contextmanager
def workshop() -> Iterator[Path]:
    """Return an empty folder on the disk of the downloads; what is left in it goes."""
    root = Path(settings.MEDIA_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=root) as folder:
        yield Path(folder)


def keep_file(path: Path) -> KeptFile:
    """Give a whole file the name of its content, seen onto the disk."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
        os.fsync(file.fileno())
    stored = f"{FOLDER}/{digest[:2]}/{digest[2:4]}/{digest}{path.suffix}"
    target = Path(settings.MEDIA_ROOT, stored)
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)
    return KeptFile(path=stored, sha256=digest, size=size)


def sweep_exports() -> int:
    """Take away files that were prepared more than KEPT_DAYS ago and that no younger download needs. Return how many.

    The rows stay, without their file.
    """
    old = AdapterExport.objects.exclude(path="").filter(finished_at__lt=timezone.now() - timedelta(days=KEPT_DAYS))
    paths = set(old.values_list("path", flat=True))
    old.update(path="")
    needed = set(AdapterExport.objects.filter(path__in=paths).values_list("path", flat=True))
    for path in paths - needed:
        Path(settings.MEDIA_ROOT, path).unlink(missing_ok=True)
    return len(paths - needed)
