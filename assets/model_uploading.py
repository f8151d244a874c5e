"""What holds for a request with a model file in it, before any of it is read: how large, and where it goes."""

from django.conf import settings
from django.http import HttpRequest

from projects.problems import Problem

from .sentences import sentence
from .services.intake_files import BesideModels

# What a form weighs beside its file.
SLACK_BYTES = 1024 * 1024


def prepare_upload(request: HttpRequest) -> None:
    """Let what is uploaded go to the disk that models lie on. Raises Problem for more than a model may have."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.MODEL_MAX_BYTES + SLACK_BYTES:
        message = sentence("model_too_many_bytes", {"limit": settings.MODEL_MAX_BYTES})
        raise Problem("model_too_many_bytes", message, status=413)
    request.upload_handlers = [BesideModels(request)]
