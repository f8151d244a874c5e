"""Completing and correcting what is said about a model after it came in: its rights, and how it predicts."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from projects.access import get_project
from projects.models import Project, Role
from projects.problems import Problem

from ..forms_intake import PredictionForm
from ..forms_rights import EvidenceForm, PeopleForms, RightsForm
from ..library import STATE_MARKS, get_file
from ..model_pages import may_edit
from ..models import ModelFile, OwnLicense, Rights
from ..services import edit_rights
from ..services.pictures import attach_evidence
from ..services.predictions import choose_prediction
from .library import page_context


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def model_edit(request: HttpRequest, slug: str, model_id: str) -> HttpResponse:
    """Change what is declared about a model; whoever reviews looks at it again."""
    project = get_project(request.user, slug)
    file = get_editable(request, project, model_id)
    data = request.POST if request.method == "POST" else None
    form, people = rights_form(project, file, data), PeopleForms.of(file.rights, data)
    mark = STATE_MARKS[Rights.State(file.rights.state)]
    context = {"project": project, "file": file, "mark": mark, "form": form, "people": people}
    if data is not None and "ask" in data:
        return render(request, "assets/material/edit.html#license", context | {"form": form.ask_only()})
    if data is not None and all([form.is_valid(), people.is_valid()]):
        try:
            is_changed = edit_rights(file.rights, actor=request.user, changes=form.changes() | people.changes())
        except Problem as problem:
            form.add_error(None, str(problem))
        else:
            return answer_edit(request, project, file, is_changed=is_changed)
    return render(request, "assets/model_edit.html", context, status=200 if data is None else 422)


@login_required
@require_POST
def model_evidence(request: HttpRequest, slug: str, model_id: str) -> HttpResponse:
    """Keep a document in this project that shows where the rights in a model come from."""
    project = get_project(request.user, slug, Role.EDITOR)
    file = get_editable(request, project, model_id)
    form = EvidenceForm(request.POST, request.FILES)
    if form.is_valid():
        sent = form.cleaned_data["evidence"]
        try:
            attach_evidence(request.user, file, sent.read(), name=sent.name, project=project)
        except Problem as problem:
            form.add_error("evidence", str(problem))
        else:
            messages.success(request, _("“%(name)s” is kept as evidence. The rights wait for review.") % {"name": sent})
            return redirect("model_file", slug, file.id)
    context = page_context(request, project, file) | {"evidence_form": form}
    return render(request, "assets/model_file.html", context, status=422)


@login_required
@require_POST
def model_prediction(request: HttpRequest, slug: str, model_id: str) -> HttpResponse:
    """Say how a base model predicts, from the next picture on."""
    project = get_project(request.user, slug, Role.EDITOR)
    file = get_editable(request, project, model_id)
    form = PredictionForm(request.POST)
    if form.is_valid() and choose_prediction(file, form.cleaned_data["prediction_type"], actor=request.user):
        messages.success(request, _("New pictures are made so; those that were made keep their recipe."))
    return redirect("model_file", slug, file.id)


def get_editable(request: HttpRequest, project: Project, model_id: str) -> ModelFile:
    """Return a model of the project or of the house whose rights the person may change.

    Raises Http404 or PermissionDenied.
    """
    file = get_file(project, model_id)
    if not may_edit(request.user, project.role, file):
        raise PermissionDenied
    return file


def rights_form(project: Project, file: ModelFile, data: object) -> RightsForm:
    """Return the form; a licence that only one project knows is not offered for what every project uses."""
    own = OwnLicense.objects.profiles_in(project) if file.project_id else {}
    return RightsForm(data, rights=file.rights, own=own)


def answer_edit(request: HttpRequest, project: Project, file: ModelFile, *, is_changed: bool) -> HttpResponse:
    """Say what came of an edit, and ask on while the licence has questions without an answer."""
    if is_changed:
        messages.success(request, _("The rights are changed. They wait for review again."))
    else:
        messages.info(request, _("Nothing was changed."))
    if rights_form(project, file, None).has_open_questions:
        messages.warning(request, _("The licence asks more about this model. Until it is answered, it blocks."))
        return redirect("model_edit", project.slug, file.id)
    return redirect("model_file", project.slug, file.id)
