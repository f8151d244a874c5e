"""The library's room: the models there are, what we may do with each, and what each has made."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from projects.access import get_project
from projects.models import Project, Role

from .. import library as shelves
from ..forms import LibraryFilterForm
from ..forms_intake import PredictionForm
from ..forms_rights import EvidenceForm
from ..intake_pages import arrivals_of
from ..model_notices import notices_of
from ..model_pages import may_edit, record_of
from ..models import ModelFile
from ..services.decisions import Sources
from ..services.predictions import leaves_choice
from ..services.rights import OPEN, may_review

MAX_SHOWN = 200


@login_required
@require_GET
@never_cache
def library(request: HttpRequest, slug: str) -> HttpResponse:
    """List the models that the project can use, with their licence and how much they were used."""
    project = get_project(request.user, slug)
    files = shelves.files_of(project)
    form = LibraryFilterForm(request.GET, files=files)
    found = list(form.narrow(files)[: MAX_SHOWN + 1])
    context = {
        "project": project,
        "form": form,
        "shelves": shelves.shelves_of(project, found[:MAX_SHOWN]),
        "is_cut": len(found) > MAX_SHOWN,
        "arrivals": arrivals_of(project),
        "can_make": project.role.includes(Role.EDITOR),
    }
    return render(request, "assets/library.html", context)


@login_required
@require_GET
@never_cache
def model_file(request: HttpRequest, slug: str, model_id: str) -> HttpResponse:
    """Show one model: facts, rights in words, decisions, what it was made from, and what was made with it."""
    project = get_project(request.user, slug)
    file = shelves.get_file(project, model_id)
    return render(request, "assets/model_file.html", page_context(request, project, file))


def page_context(request: HttpRequest, project: Project, file: ModelFile) -> dict[str, Any]:
    """Return what a model's page shows."""
    [shelf] = shelves.shelves_of(project, [file])
    inputs = Sources([file]).inputs_of([file])
    can_edit = may_edit(request.user, project.role, file)
    return {
        "project": project,
        "file": file,
        "shelf": shelf,
        "record": record_of(file),
        "notices": [] if file.removed_at else notices_of(file),
        "answers": shelves.answers_of(project, inputs),
        "licenses": shelves.licenses_of(project, inputs),
        "pictures": shelves.pictures_of(project, file),
        "origins": shelves.origins_of(file),
        "products": shelves.products_of(project, file),
        "version": getattr(file, "adapter_version", None),
        "is_base": file.kind == ModelFile.Kind.BASE,
        "can_withdraw": may_review(request.user, file.project) and file.rights.state in OPEN,
        "can_edit": can_edit,
        "can_make": project.role.includes(Role.EDITOR),
        "can_attach": can_edit and project.role.includes(Role.EDITOR),
        "evidence_form": EvidenceForm(),
        "prediction_form": PredictionForm(initial=file.defaults) if can_edit and leaves_choice(file) else None,
    }
