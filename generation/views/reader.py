"""Read what a picture from elsewhere says about how it was made, and offer to use it."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from assets.pictures import PictureError, open_picture
from engine.schedulers import find_scheduler
from projects.access import get_project
from projects.models import Project

from .. import starting
from ..claimed_files import HASH, claimed_files, describe, form_values
from ..forms import ReadForm
from ..parameters import claims_to_form, read_claims
from ..sentences import sentence
from ..words import SOURCES, claim_rows

SESSION_KEY = "reading"


@login_required
@require_http_methods(["GET", "POST"])
def studio_read(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a picture and show what its text claims; nothing of the file is kept but these words."""
    project = get_project(request.user, slug)
    form = ReadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            request.session[SESSION_KEY] = read_upload(project, form.cleaned_data["file"])
            return redirect("studio_read", slug=slug)
        except PictureError as error:
            form.add_error("file", sentence(error.code, error.params))
    context = {"project": project, "form": form, "reading": reading_in_hand(request, starting.Shelf(project))}
    return render(request, "generation/reader.html", context, status=422 if form.errors else 200)


def read_upload(project: Project, upload: UploadedFile) -> dict[str, Any]:
    """Return what a picture claims, as values that the session can keep. Raises PictureError."""
    if (upload.size or 0) > settings.UPLOAD_MAX_BYTES:
        raise PictureError("too_many_bytes", size=upload.size or 0, limit=settings.UPLOAD_MAX_BYTES)
    data = upload.read()
    picture = open_picture(data, max_bytes=settings.UPLOAD_MAX_BYTES, max_pixels=settings.UPLOAD_MAX_PIXELS)
    claims = read_claims(data, find_scheduler=find_scheduler, max_bytes=settings.UPLOAD_MAX_BYTES)
    reading = {"project": project.slug, "name": upload.name or "", "warnings": list(picture.warnings)}
    reading["size"] = [picture.width, picture.height]
    if claims is not None:
        found = claimed_files(starting.Shelf(project), claims)
        reading["source"] = SOURCES[claims.source]
        reading["files"] = [each.as_dict() for each in found]
        reading["rows"] = claim_rows(claims)
        reading["values"] = claims_to_form(claims) | form_values(found)
        reading["raw"] = claims.raw
        reading["warnings"] += claims.warnings
    return reading


def reading_in_hand(request: HttpRequest, shelf: starting.Shelf) -> dict[str, Any] | None:
    """Return the last reading of this person in this project, with its warnings in words."""
    reading = request.session.get(SESSION_KEY)
    if not reading or reading["project"] != shelf.project.slug:
        return None
    warnings = [sentence(code) for code in reading["warnings"]]
    files = [describe(each, str(shelf.usual_model or "–")) for each in reading.get("files", ())]
    words = {"warnings": warnings, "size_words": _("%d × %d pixels") % tuple(reading["size"])}
    return {**reading, **words, "files": files, "unsure": [each for each in files if each["how"] != HASH]}
