"""Send pictures that were made: never from a browser's memory beyond the end of a term, and never as a program."""

import math
from typing import IO

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from assets import storage

from .models import Output
from .sentences import sentence
from .services.lineages import Standing, standing_of

WEEK_SECONDS = 604_800
NEVER_KEPT = "private, no-store"


def send_picture(request: HttpRequest | Request, output: Output) -> HttpResponse | FileResponse:
    """Show the stored PNG with its recipe inside. Raises Http404 when it is lost."""
    return send_stored(request, output, output.path, "image/png", name=name_of(output))


def send_thumbnail(request: HttpRequest | Request, output: Output) -> HttpResponse | FileResponse:
    """Show the small picture of lists. Raises Http404 when it is lost."""
    return send_stored(request, output, output.thumbnail, "image/webp")


def send_download(output: Output, file: IO[bytes]) -> FileResponse:
    """Send an opened PNG to be kept, under a name that every system accepts."""
    response = FileResponse(file, content_type="image/png", filename=name_of(output), as_attachment=True)
    response.headers["Cache-Control"] = NEVER_KEPT
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def send_stored(
    request: HttpRequest | Request, output: Output, path: str, content_type: str, *, name: str = ""
) -> HttpResponse | FileResponse:
    """Send a kept file. Its content never changes, so a browser that has it is told so."""
    etag = f'"{storage.parse_stored_path(path)}"'
    if request.headers.get("If-None-Match") == etag:
        response: HttpResponse | FileResponse = HttpResponse(status=304)
    else:
        response = FileResponse(open_kept(path), content_type=content_type, filename=name)
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = cache_words(standing_of(output.project, output.lineage_id))
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def open_kept(path: str) -> IO[bytes]:
    """Open a kept file. Raises Http404 when it is lost."""
    try:
        return storage.open_stored(settings.MEDIA_ROOT, path)
    except storage.StorageError as error:
        raise Http404(sentence(error.code, error.params)) from error


def name_of(output: Output) -> str:
    """Return what a picture's file is called where it is kept."""
    return storage.download_name(f"{output.spec.get('prompt', '')[:80]} {output.seed}", ".png")


def cache_words(standing: Standing) -> str:
    """Return how long a browser may keep a picture: while it may be published, and never beyond the end of a term."""
    left = WEEK_SECONDS
    if standing.until is not None:
        left = min(left, math.floor((standing.until - timezone.now()).total_seconds()))
    if not standing.is_open or left <= 0:
        return NEVER_KEPT
    return f"private, max-age={left}, {'immutable' if left == WEEK_SECONDS else 'must-revalidate'}"
