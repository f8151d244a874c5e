"""One version of an adapter: what may be done with it, what is in it, and taking it back."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from projects.access import get_project
from projects.models import Project, Role
from projects.problems import Problem

from ..access import VERSIONS, get_below, version_in
from ..forms_adapters import ExportForm, PromoteForm, WhyForm
from ..models import AdapterVersion
from ..services.withdrawals import withdraw_version
from ..version_pages import version_page


@login_required
@require_GET
@never_cache
def adapter_version(request: HttpRequest, slug: str, aslug: str, number: int) -> HttpResponse:
    """Show a version with the gates' answers of now, its chain, its samples and its downloads."""
    project = get_project(request.user, slug)
    return show_version(request, project, version_in(project, aslug, number))


@login_required
@require_GET
def version_by_id(request: HttpRequest, slug: str, adapter_version_id: str) -> HttpResponse:
    """Lead from what the ledger names to a version's page."""
    project = get_project(request.user, slug)
    return redirect(get_below(project, VERSIONS, "adapter__project", id=adapter_version_id))


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def version_withdraw(request: HttpRequest, slug: str, aslug: str, number: int) -> HttpResponse:
    """Ask once, then take a version back for good: its rights end, and everything below it is closed."""
    project = get_project(request.user, slug, Role.REVIEWER)
    version = version_in(project, aslug, number)
    form = WhyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        withdraw_version(version, actor=request.user, reason=form.cleaned_data["reason"])
        messages.success(request, _("%(version)s is taken back. Its row stays as a tombstone.") % {"version": version})
        return redirect(version)
    context = {"project": project, "version": version, "adapter": version.adapter, "form": form}
    context["children"] = list(version.children.select_related("version__adapter__project"))
    return render(request, "training/version_withdraw.html", context, status=422 if form.is_bound else 200)


def show_version(
    request: HttpRequest,
    project: Project,
    version: AdapterVersion,
    *,
    problem: Problem | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    """Render a version's page; a problem stands on top with every reason."""
    version.adapter.project = project
    view = version_page(project, version)
    is_reviewer, can_make = project.role.includes(Role.REVIEWER), project.role.includes(Role.EDITOR)
    form = ExportForm(project=project, offered=view.forms, is_reviewer=is_reviewer)
    context = {
        "project": project,
        "adapter": version.adapter,
        "version": version,
        "view": view,
        "problem": problem,
        "can_make": can_make,
        "can_judge": is_reviewer,
        "can_take": can_make and not version.is_withdrawn and version.file.removed_at is None,
        "can_approve": is_reviewer and view.promotion is not None and view.promotion.asked_by_id != request.user.id,
        "export_form": form,
        "promote_form": PromoteForm(),
        **more,
    }
    return render(request, "training/version.html", context, status=status)
