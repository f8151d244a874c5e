"""The small picture that a running job shows. It is a convenience: losing it loses nothing."""

import io
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from assets.storage import INCOMING

INTERVAL_SECONDS = 1.0


def preview_path(job_id: uuid.UUID) -> Path:
    """Return where a job's preview lies."""
    return Path(settings.MEDIA_ROOT, "previews", f"{job_id}.webp")


def write_preview(job_id: uuid.UUID, image: Any) -> None:
    """Replace a job's preview in one step."""
    path = preview_path(job_id)
    # Where half-written files are swept from when a worker was killed.
    temporary = Path(settings.MEDIA_ROOT, INCOMING, f"{uuid.uuid4().hex}.part")
    for folder in (path.parent, temporary.parent):
        folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=70)
    temporary.write_bytes(buffer.getvalue())
    temporary.replace(path)


def drop_preview(job_id: uuid.UUID) -> None:
    """Remove a job's preview."""
    preview_path(job_id).unlink(missing_ok=True)


class Previews:
    """Write a preview now and then, never more often than INTERVAL_SECONDS."""

    def __init__(self, job_id: uuid.UUID, clock: Callable[[], float] = time.monotonic) -> None:
        self.job_id = job_id
        self.clock = clock
        self.due_at = clock() + INTERVAL_SECONDS

    def offer(self, make: Callable[[], Any] | None) -> bool:
        """Write the picture that `make` gives when one is due. Return whether it was."""
        if make is None or self.clock() < self.due_at:
            return False
        write_preview(self.job_id, make())
        self.due_at = self.clock() + INTERVAL_SECONDS
        return True
