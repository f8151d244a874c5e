"""Send pictures and evidence: never longer from a browser's memory than the rights hold, and never as a program."""

import math
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils import timezone

from projects.models import Role

from . import storage
from .models import Evidence, Picture, Rights
from .services.pictures import SUFFIXES

# How long a browser may show a picture without asking again; a withdrawal is seen after it at the latest.
KEPT_SECONDS = 600
CONTENT_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
OVER = (Rights.State.REFUSED, Rights.State.WITHDRAWN)


def is_closed_to(role: Role, rights: Rights) -> bool:
    """Say whether a picture is not shown any more: withdrawn ones are for reviewers only."""
    return rights.state == Rights.State.WITHDRAWN and not role.includes(Role.REVIEWER)


def cache_words(rights: Rights) -> str:
    """Return how long a browser may keep the picture: never beyond its term, and not at all once it is over."""
    seconds = KEPT_SECONDS
    if rights.expires_at is not None:
        seconds = min(seconds, math.floor((rights.expires_at - timezone.now()).total_seconds()))
    if rights.state in OVER or seconds <= 0:
        return "private, no-store"
    return f"private, max-age={seconds}, must-revalidate"


def send_picture(
    request: HttpRequest, picture: Picture, path: str, *, is_download: bool = False
) -> HttpResponse | FileResponse:
    """Send a kept picture. Its content never changes, so a browser that has it is told so. Raises Http404."""
    etag = f'"{storage.parse_stored_path(path)}"'
    if request.headers.get("If-None-Match") == etag:
        response: HttpResponse | FileResponse = HttpResponse(status=304)
    else:
        is_thumbnail = path == picture.thumbnail
        kind = "WEBP" if is_thumbnail else picture.format
        name = storage.download_name(PurePosixPath(picture.name).stem, SUFFIXES[kind])
        response = open_file(path, CONTENT_TYPES[kind], name=name, is_download=is_download)
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = cache_words(picture.rights)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def send_evidence(evidence: Evidence) -> FileResponse:
    """Send a document as a download under a type that nothing is run from. Raises Http404."""
    suffix = Path(evidence.path).suffix
    content_type = "text/plain; charset=utf-8" if suffix == ".txt" else "application/octet-stream"
    name = storage.download_name(PurePosixPath(evidence.name).stem, suffix, fallback="evidence")
    response = open_file(evidence.path, content_type, name=name, is_download=True)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def open_file(path: str, content_type: str, *, name: str, is_download: bool) -> FileResponse:
    """Return a kept file as an answer. Raises Http404 when it is gone."""
    try:
        file = storage.open_stored(settings.MEDIA_ROOT, path)
    except storage.StorageError as error:
        raise Http404 from error
    return FileResponse(file, content_type=content_type, filename=name, as_attachment=is_download)
