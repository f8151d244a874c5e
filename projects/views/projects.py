"""A project's door and its settings."""

from copy import copy

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from ..access import get_project
from ..forms import ProjectForm
from ..models import Role
from ..services import change_settings


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
