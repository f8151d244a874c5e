"""Send weights to be kept, to a browser or a program."""

from django.http import FileResponse

from assets import storage

from .services.downloads import Opened

TYPES = {".zip": "application/zip"}
UNKNOWN = "application/octet-stream"


def send(opened: Opened) -> FileResponse:
    """Send an opened file to be kept, under a name that every system accepts, and never from a browser's memory."""
    stem, _dot, ending = opened.name.rpartition(".")
    suffix = f".{ending}"
    response = FileResponse(
        opened.file,
        content_type=TYPES.get(suffix, UNKNOWN),
        filename=storage.download_name(stem, suffix),
        as_attachment=True,
    )
    response.headers["Content-Length"] = str(opened.size)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
