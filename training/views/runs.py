"""Runs: the table of all, one with its curves while it trains, two side by side, and what people do with them."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from assets.models import DatasetVersion
from projects.access import get_project
from projects.models import Project, Role
from projects.paging import read_page
from projects.problems import Problem

from .. import run_overview
from ..access import run_in
from ..forms import RunFilterForm
from ..forms_again import AgainForm
from ..forms_notes import NotesForm
from ..models import TrainingRun
from ..run_pages import RunView
from ..run_sides import side_by_side
from ..services.notes import note_run
from ..services.runs import cancel_run, duplicate_run, resume_run, sweep_runs

PAGE_SIZE = 40


@login_required
@require_GET
@never_cache
def training(request: HttpRequest, slug: str) -> HttpResponse:
    """List the project's runs, newest first, a page at a time."""
    project = get_project(request.user, slug)
    form = RunFilterForm(
        request.GET,
        datasets=run_overview.datasets_with_runs(project),
        people=run_overview.people_with_runs(project),
    )
    rows = form.narrow(run_overview.shown_runs(project))
    page = read_page(rows, request.GET.get("cursor", ""), size=PAGE_SIZE, field="queued_at")
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {
        "project": project,
        "form": form,
        "lines": run_overview.lines_of(page.rows),
        "next_cursor": page.next_cursor,
        "query": query.urlencode(),
        "has_versions": DatasetVersion.objects.filter(dataset__project=project).exists(),
        "can_make": project.role.includes(Role.EDITOR),
    }
    return render(request, "training/runs.html", context)


@login_required
@require_GET
@never_cache
def training_run(request: HttpRequest, slug: str, run_id: str) -> HttpResponse:
    """Show a run: its curves as they grow, its strips, its verdict, and everything that it was made from."""
    project = get_project(request.user, slug)
    return show_run(request, project, run_in(project, run_id))


@login_required
@require_GET
@never_cache
def training_run_news(request: HttpRequest, slug: str, run_id: str) -> HttpResponse:
    """Send what moves on a run's page; its strips only when there are more than the page shows already."""
    project = get_project(request.user, slug)
    run = run_in(project, run_id)
    context = {**frame_of(project, run), "shown_strips": request.GET.get("strips", "")}
    return render(request, "training/run.html#news", context)


@login_required
@require_POST
def training_run_cancel(request: HttpRequest, slug: str, run_id: str) -> HttpResponse:
    """Ask a run to stop. Its last checkpoint stays."""
    project = get_project(request.user, slug, Role.EDITOR)
    run = run_in(project, run_id)
    if not cancel_run(run, actor=request.user):
        messages.info(request, _("This run had ended already."))
    return redirect(run)


@login_required
@require_POST
def training_run_resume(request: HttpRequest, slug: str, run_id: str) -> HttpResponse:
    """Let a stopped run go on from its last checkpoint."""
    project = get_project(request.user, slug, Role.EDITOR)
    run = run_in(project, run_id)
    try:
        resume_run(run, actor=request.user)
    except Problem as problem:
        messages.error(request, " ".join([str(problem), *problem.details.get("reasons", ())[1:]]))
    return redirect(run)


@login_required
@require_POST
def training_run_again(request: HttpRequest, slug: str, run_id: str) -> HttpResponse:
    """Train the same again with one field changed: once for each value that was given."""
    project = get_project(request.user, slug, Role.EDITOR)
    run = run_in(project, run_id)
    form = AgainForm(request.POST, run=run)
    if not form.is_valid():
        return show_run(request, project, run, again=form)
    try:
        made = train_again(request, run, form)
    except Problem as problem:
        form.add_problem(problem)
    except forms.ValidationError as error:
        form.add_error("values", error)
    else:
        said = ngettext("%(count)d run is asked for.", "%(count)d runs are asked for.", len(made))
        messages.success(request, said % {"count": len(made)})
        return redirect(made[0]) if len(made) == 1 else redirect("training", slug=slug)
    return show_run(request, project, run, again=form)


def train_again(request: HttpRequest, run: TrainingRun, form: AgainForm) -> list[TrainingRun]:
    """Ask for the same again. Raises Problem, and ValidationError for values that cannot be read."""
    field, values, key = form.cleaned_data["field"], form.wanted(), form.cleaned_data["again_key"]
    if len(values) == 1:
        return [duplicate_run(request.user, run, field=field, value=values[0], key=key)]
    return sweep_runs(request.user, run, field=field, values=values, key=key)


@login_required
@require_POST
def training_run_notes(request: HttpRequest, slug: str, run_id: str) -> HttpResponse:
    """Keep notes, and what was seen on the pictures."""
    project = get_project(request.user, slug, Role.EDITOR)
    run = run_in(project, run_id)
    form = NotesForm(request.POST)
    if form.is_valid():
        try:
            note_run(request.user, run, notes=form.cleaned_data["notes"], checklist=form.checklist())
        except Problem as problem:
            form.add_problem(problem)
        else:
            messages.success(request, _("The notes are kept."))
            return redirect(run)
    return show_run(request, project, run, notes=form)


@login_required
@require_GET
@never_cache
def training_compare(request: HttpRequest, slug: str) -> HttpResponse:
    """Show two runs side by side, what differs first."""
    project = get_project(request.user, slug)
    runs = [run_in(project, each) for each in dict.fromkeys(filter(None, map(as_id, request.GET.getlist("ids"))))]
    if len(runs) < 2:
        messages.info(request, _("Choose two runs to compare."))
        return redirect("training", slug=slug)
    context = {"project": project, "view": side_by_side(*runs[:2]), "can_make": project.role.includes(Role.EDITOR)}
    return render(request, "training/compare.html", context)


def as_id(text: str) -> uuid.UUID | None:
    """Return an id that the address names. Raises Http404 for anything else."""
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Http404 from error


def frame_of(project: Project, run: TrainingRun) -> dict[str, Any]:
    """Return what every part of a run's page needs."""
    return {
        "project": project,
        "run": run,
        "view": RunView(run),
        "can_make": project.role.includes(Role.EDITOR),
    }


def show_run(request: HttpRequest, project: Project, run: TrainingRun, **forms_shown: Any) -> HttpResponse:
    """Answer with a run's page; a form that was sent with mistakes is shown as it was."""
    notes = forms_shown.get("notes") or NotesForm(notes=run.notes, checklist=run.checklist)
    opening = {"again_key": str(uuid.uuid4()), "field": "learning_rate"}
    again = forms_shown.get("again") or AgainForm(run=run, initial=opening)
    context = {**frame_of(project, run), "notes": notes, "again": again}
    return render(request, "training/run.html", context, status=422 if forms_shown else 200)
