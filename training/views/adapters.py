"""Adapters: the list, one with its versions, its names, and versions made from others or brought in."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from projects.access import get_in_project, get_project
from projects.models import Project, Role
from projects.paging import read_page
from projects.problems import Problem

from ..access import ADAPTERS, adapter_in
from ..adapter_list import cards_of, shown_adapters
from ..adapter_pages import adapter_page
from ..forms_adapters import AdapterFilterForm, AdapterNamesForm, PromoteForm, WhyForm, library_files
from ..models import Adapter
from ..promotion_pages import count_waiting
from ..services.adapters import archive_adapter, change_adapter

PAGE_SIZE = 24


@login_required
@require_GET
@never_cache
def adapters(request: HttpRequest, slug: str) -> HttpResponse:
    """List the project's adapters, newest first, a page at a time."""
    project = get_project(request.user, slug)
    form = AdapterFilterForm(request.GET, project=project)
    page = read_page(form.narrow(shown_adapters(project)), request.GET.get("cursor", ""), size=PAGE_SIZE)
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {
        "project": project,
        "form": form,
        "cards": cards_of(project, page.rows),
        "next_cursor": page.next_cursor,
        "query": query.urlencode(),
        "waiting": count_waiting(request.user, project) if project.role.includes(Role.REVIEWER) else 0,
        "has_files": library_files(project).exists(),
        "can_make": project.role.includes(Role.EDITOR),
    }
    return render(request, "training/adapters.html", context)


@login_required
@require_GET
@never_cache
def adapter(request: HttpRequest, slug: str, aslug: str) -> HttpResponse:
    """Show an adapter with its versions, which of them counts, and what waits."""
    project = get_project(request.user, slug)
    return show_adapter(request, project, adapter_in(project, aslug))


@login_required
@require_GET
def adapter_by_id(request: HttpRequest, slug: str, adapter_id: str) -> HttpResponse:
    """Lead from what the ledger names to an adapter's page."""
    return redirect(get_in_project(get_project(request.user, slug), ADAPTERS, id=adapter_id))


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def adapter_edit(request: HttpRequest, slug: str, aslug: str) -> HttpResponse:
    """Change what an adapter is called and what is said of it."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = adapter_in(project, aslug)
    names = {name: getattr(row, name) for name in ("name", "name_ja", "description")}
    form = AdapterNamesForm(request.POST if request.method == "POST" else None, initial=names)
    if form.is_valid():
        try:
            if change_adapter(request.user, row, form.cleaned_data):
                messages.success(request, _("Saved."))
            return redirect(row)
        except Problem as problem:
            form.add_problem(problem)
    context = {"project": project, "adapter": row, "form": form}
    return render(request, "training/adapter_edit.html", context, status=422 if form.is_bound else 200)


@login_required
@require_POST
def adapter_archive(request: HttpRequest, slug: str, aslug: str) -> HttpResponse:
    """Take an adapter out of the lists, or bring it back."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = adapter_in(project, aslug)
    archived = request.POST.get("archived", "1") == "1"
    if archive_adapter(request.user, row, archived=archived):
        said = _("“%(name)s” is in the archive.") if archived else _("“%(name)s” is back in the lists.")
        messages.success(request, said % {"name": row})
    return redirect(row)


def show_adapter(
    request: HttpRequest, project: Project, row: Adapter, *, status: int = 200, **more: Any
) -> HttpResponse:
    """Render an adapter's page, with a problem where there is one."""
    row.project = project
    view = adapter_page(project, row)
    is_reviewer = project.role.includes(Role.REVIEWER)
    context = {
        "project": project,
        "adapter": row,
        "view": view,
        "can_make": project.role.includes(Role.EDITOR),
        "can_judge": is_reviewer,
        "can_approve": is_reviewer and view.promotion is not None and view.promotion.asked_by_id != request.user.id,
        "is_asker": view.promotion is not None and view.promotion.asked_by_id == request.user.id,
        "promote_form": PromoteForm(),
        "why_form": WhyForm(),
        **more,
    }
    return render(request, "training/adapter.html", context, status=status)
