"""Weights that leave the library: ask, wait, and take the file out."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from projects.access import get_in_project, get_project
from projects.models import Project, Role
from projects.problems import Problem

from ..access import EXPORTS, version_in
from ..adapter_cards import kind_of
from ..adapter_headers import is_lycoris
from ..exports import forms_of
from ..forms_adapters import ExportForm
from ..models import AdapterExport
from ..sending import send
from ..services.downloads import cancel_export, open_export, open_version, request_export
from ..version_pages import export_line
from .versions import show_version


@login_required
@require_POST
def version_download(request: HttpRequest, slug: str, aslug: str, number: int) -> HttpResponseBase:
    """Send a version's own file, for use inside the house."""
    project = get_project(request.user, slug, Role.EDITOR)
    version = version_in(project, aslug, number)
    try:
        return send(open_version(request.user, version))
    except Problem as problem:
        return show_version(request, project, version, problem=problem, status=problem.status)


@login_required
@require_POST
def version_export(request: HttpRequest, slug: str, aslug: str, number: int) -> HttpResponse:
    """Ask for a file in a layout and for whom, once however often it is pressed; a closed gate says why."""
    project = get_project(request.user, slug, Role.EDITOR)
    version = version_in(project, aslug, number)
    offered = forms_of(kind_of(version), version.file.architecture, is_lycoris=is_lycoris(version.file))
    is_reviewer = project.role.includes(Role.REVIEWER)
    form = ExportForm(request.POST, project=project, offered=offered, is_reviewer=is_reviewer)
    if not form.is_valid():
        return show_version(request, project, version, export_form=form, status=422)
    try:
        key = form.cleaned_data["idempotency_key"]
        return redirect(request_export(request.user, project, version, form.order, key=key))
    except Problem as problem:
        if problem.status == 403:
            raise
        return show_version(request, project, version, problem=problem, export_form=form, status=problem.status)


@login_required
@require_GET
@never_cache
def adapter_export(request: HttpRequest, slug: str, export_id: str) -> HttpResponse:
    """Show how far a file is, and the button that takes it out; htmx asks for the card alone."""
    project = get_project(request.user, slug)
    return show_export(request, project, get_in_project(project, EXPORTS, id=export_id))


@login_required
@require_POST
def adapter_export_download(request: HttpRequest, slug: str, export_id: str) -> HttpResponseBase:
    """Send a prepared file to be kept, which the ledger notes."""
    project = get_project(request.user, slug, Role.EDITOR)
    export = get_in_project(project, EXPORTS, id=export_id)
    try:
        return send(open_export(request.user, export))
    except Problem as problem:
        if problem.status == 403:
            raise
        return show_export(request, project, export, problem=problem, status=problem.status)


@login_required
@require_POST
def adapter_export_cancel(request: HttpRequest, slug: str, export_id: str) -> HttpResponse:
    """Ask the worker to stop."""
    project = get_project(request.user, slug, Role.EDITOR)
    export = get_in_project(project, EXPORTS, id=export_id)
    cancel_export(export, actor=request.user)
    return redirect(export)


def show_export(
    request: HttpRequest, project: Project, export: AdapterExport, *, status: int = 200, **more: Any
) -> HttpResponse:
    """Render the page of a file that was asked for."""
    context = {
        "project": project,
        "export": export,
        "version": export.version,
        "adapter": export.version.adapter,
        "line": export_line(export),
        "can_make": project.role.includes(Role.EDITOR),
        "can_take": project.role.includes(Role.REVIEWER if export.is_public else Role.EDITOR),
        **more,
    }
    is_part = request.htmx and request.method == "GET"
    return render(request, "training/adapter_export.html" + ("#card" if is_part else ""), context, status=status)
