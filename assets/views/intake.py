"""How a model comes into the library: said what it is, brought by a worker, and watched on its way."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from projects.access import get_in_project, get_project
from projects.models import Project, Role
from projects.problems import Problem

from .. import intake_pages as pages
from ..forms_intake import FileForm, LicenseForm
from ..model_pages import may_edit
from ..model_uploading import prepare_upload
from ..models import ModelIntake, OwnLicense
from ..services.intake import Asked, cancel_intake, start_intake
from ..services.intake_files import Kept, content_path, keep_upload, list_waiting, wrong_format

KEPT = "kept_models"


@csrf_exempt
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def model_add(request: HttpRequest, slug: str) -> HttpResponse:
    """Decide who may send gigabytes, and where they go, before they are read with the form's token among them."""
    project = get_project(request.user, slug, Role.EDITOR)
    prepare_upload(request)
    return receive(request, project) if request.method == "POST" else begin(request, project)


def begin(request: HttpRequest, project: Project) -> HttpResponse:
    """Show the forms: empty, or with what was said about an intake that failed."""
    waiting = list_waiting(project)
    again, file, license = again_of(request, project), {}, {}
    if again is not None:
        file, license = pages.initial_of(again)
    first = {"source": "folder" if waiting else "upload", "kind": "base"}
    forms = FileForm(None, None, project=project, waiting=waiting, kept=None, initial={**first, **file})
    return show_forms(
        request, project, forms, LicenseForm(None, own=OwnLicense.objects.profiles_in(project), initial=license)
    )


@csrf_protect
def receive(request: HttpRequest, project: Project) -> HttpResponse:
    """Keep what was uploaded, and start the intake when both forms can be read."""
    kept = kept_of(request)
    file = FileForm(request.POST, request.FILES, project=project, waiting=list_waiting(project), kept=kept)
    license = LicenseForm(request.POST, own=OwnLicense.objects.profiles_in(project))
    if file.is_valid() & license.is_valid():
        asked = Asked(**file.facts(), declaration=license.declaration())
        try:
            job = start_intake(request.user, project, asked, **file.place())
        except Problem as problem:
            file.add_problem(problem)
        else:
            return go_to(request, reverse("model_intake", args=[project.slug, job.id]))
    return show_forms(request, project, file, license)


def kept_of(request: HttpRequest) -> Kept | None:
    """Return the upload of this request, or the one of an earlier request that the form names; None for neither.

    What a form got wrong never costs a second upload; a browser session owns what it has uploaded.
    """
    upload, listed = request.FILES.get("upload"), request.session.get(KEPT, {})
    if upload is not None and not wrong_format(str(upload.name)):
        kept = keep_upload(upload)
        still_there = {key: value for key, value in listed.items() if content_path(key).is_file()}
        request.session[KEPT] = {**still_there, str(kept.id): [kept.name, kept.size]}
        return kept
    found = listed.get(request.POST.get("kept", ""))
    if upload is not None or found is None or not content_path(request.POST["kept"]).is_file():
        return None
    return Kept(id=UUID(request.POST["kept"]), name=found[0], size=found[1])


def show_forms(request: HttpRequest, project: Project, file: FileForm, license: LicenseForm) -> HttpResponse:
    """Render the page."""
    context = {"project": project, "file": file, "license": license, "max_bytes": settings.MODEL_MAX_BYTES}
    return render(request, "assets/intake/add.html", context)


def go_to(request: HttpRequest, url: str) -> HttpResponse:
    """Lead to another page, also a form that a script has sent."""
    return HttpResponse(status=204, headers={"HX-Redirect": url}) if request.htmx else redirect(url)


def again_of(request: HttpRequest, project: Project) -> ModelIntake | None:
    """Return the intake that the address asks to try again."""
    try:
        return get_in_project(project, pages.intakes_of(project), id=UUID(request.GET["again"]))
    except (KeyError, ValueError):
        return None


@login_required
@require_GET
@never_cache
def model_license(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what a written licence may mean, and what it asks."""
    project = get_project(request.user, slug, Role.EDITOR)
    values: Mapping[str, Any] = {name: request.GET.get(name, "")[:300] for name in ("expression", "meaning")}
    context = {
        "project": project,
        "license": LicenseForm(None, own=OwnLicense.objects.profiles_in(project), initial=values),
    }
    return render(request, "assets/intake/license.html", context)


@login_required
@require_GET
@never_cache
def model_intake(request: HttpRequest, slug: str, intake_id: str) -> HttpResponse:
    """Show how far a model is: the card alone to htmx, a page to anyone else."""
    project = get_project(request.user, slug)
    job = get_in_project(project, pages.intakes_of(project), id=intake_id)
    [arrival] = pages.arrivals([job])
    template = "assets/intake/arrival.html#card" if request.htmx else "assets/intake/arrival.html"
    context = {"project": project, "arrival": arrival, "can_make": project.role.includes(Role.EDITOR)}
    if job.was_known and job.result:
        context["can_edit"] = may_edit(request.user, project.role, job.result)
    return render(request, template, context)


@login_required
@require_POST
def model_intake_cancel(request: HttpRequest, slug: str, intake_id: str) -> HttpResponse:
    """Ask an intake to stop."""
    project = get_project(request.user, slug, Role.EDITOR)
    job = get_in_project(project, pages.intakes_of(project), id=intake_id)
    if not cancel_intake(job):
        messages.info(request, _("It was over already."))
    return redirect("model_intake", project.slug, job.id)
