"""A new project, a project's door, and its settings."""

from copy import copy

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from ..access import get_project
from ..forms import NewProjectForm, ProjectForm
from ..models import Role
from ..problems import Problem
from ..services import change_settings, open_project


@login_required
@require_http_methods(["GET", "POST"])
def project_new(request: HttpRequest) -> HttpResponse:
    """Open a project; whoever opens it owns it."""
    form = NewProjectForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = open_project(request.user, **form.cleaned_data)
        except Problem as problem:
            form.add_problem(problem)
        else:
            messages.success(request, _("The project “%(name)s” is open, and you own it.") % {"name": made})
            return redirect("studio", made.slug)
    return render(request, "projects/new.html", {"form": form}, status=422 if form.is_bound else 200)


@login_required
@require_GET
def project(request: HttpRequest, slug: str) -> HttpResponse:
    """Lead to the main room."""
    return redirect("studio", get_project(request.user, slug).slug)


@login_required
@require_http_methods(["GET", "POST"])
def project_settings(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what the project is and what its rights are judged by; an owner changes it."""
    project = get_project(request.user, slug, Role.OWNER if request.method == "POST" else Role.VIEWER)
    # The form writes into its instance before anything is valid; the service compares with the real one.
    form = ProjectForm(request.POST or None, instance=copy(project))
    if form.is_valid():
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        if changes:
            change_settings(project, actor=request.user, changes=changes)
            messages.success(request, _("The settings are saved, and the ledger says what changed."))
        else:
            messages.info(request, _("Nothing was different, so nothing is changed."))
        return redirect("project_settings", slug)
    context = {"project": project, "form": form, "is_owner": project.role == Role.OWNER}
    return render(request, "projects/settings.html", context, status=422 if form.is_bound else 200)
