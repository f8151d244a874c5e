"""Send the pictures of a run's strips."""

from django.conf import settings
from django.http import FileResponse, Http404

from assets import storage

from .models import TrainingSample
from .sentences import sentence

NEVER_KEPT = "private, no-store"


def send_sample(sample: TrainingSample, *, small: bool = False) -> FileResponse:
    """Show one picture of a strip, or its thumbnail. Raises Http404 when it is lost."""
    path, kind = (sample.thumbnail, "image/webp") if small else (sample.path, "image/png")
    try:
        file = storage.open_stored(settings.MEDIA_ROOT, path)
    except storage.StorageError as error:
        raise Http404(sentence(error.code, error.params)) from error
    response = FileResponse(file, content_type=kind)
    response.headers["Cache-Control"] = NEVER_KEPT
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
