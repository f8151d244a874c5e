"""What if this is withdrawn? What it would touch, the withdrawal itself, and the report."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from assets import storage
from assets.forms_review import FindForm
from assets.review_pages import Thing, find_things, get_thing
from assets.services import may_review
from projects.access import get_project
from projects.models import Project, Role, User
from projects.paging import read_page

from ..filters import PAGE_SIZE
from ..services.withdrawals import withdraw
from ..withdrawal_forms import WithdrawForm
from ..withdrawal_pages import (
    MAX_LISTED,
    blast_of,
    csv_report,
    heading_of,
    json_report,
    page_of,
    rows_of,
    shown,
    withdrawal_number,
    withdrawn_in,
    withdrawn_of,
)

TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


@login_required
@require_GET
@never_cache
def withdrawals(request: HttpRequest, slug: str) -> HttpResponse:
    """Find something to withdraw, and list what was withdrawn."""
    project = get_project(request.user, slug)
    find, rows = FindForm(request.GET), list(withdrawn_in(project)[:MAX_LISTED])
    context = {
        "project": project,
        "find": find,
        "found": [{"thing": each, "url": page_of(project, each)} for each in find_things(project, find.text)],
        "withdrawn": [withdrawn_of(project, each) for each in rows],
    }
    return render(request, "generation/withdraw/index.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def withdraw_thing(request: HttpRequest, slug: str, **named: UUID) -> HttpResponse:
    """Show what a withdrawal touches; a reviewer then withdraws, and the same page is the report."""
    project = get_project(request.user, slug, Role.REVIEWER if request.method == "POST" else Role.VIEWER)
    thing = thing_named(project, **named)
    form = WithdrawForm(request.POST) if request.method == "POST" else WithdrawForm()
    if form.is_bound and form.is_valid():
        withdraw(thing.holder, actor=request.user, reason=form.cleaned_data["reason"])
        messages.success(request, _("“%(name)s” is withdrawn. Everything below is closed.") % {"name": thing.name})
        return redirect(page_of(project, thing))
    return render(
        request,
        "generation/withdraw/thing.html",
        page_context(project, thing, form, request.user),
        status=422 if form.errors else 200,
    )


@login_required
@require_GET
@never_cache
def withdraw_outputs(request: HttpRequest, slug: str, **named: UUID) -> HttpResponse:
    """List every picture that is touched, newest first, a page at a time."""
    project = get_project(request.user, slug)
    blast = blast_of(project, thing_named(project, **named))
    page = read_page(shown(blast.found.outputs), request.GET.get("cursor", ""), size=PAGE_SIZE)
    context = {"project": project, "blast": blast, "page": page, "back": page_of(project, blast.thing)}
    return render(request, "generation/withdraw/outputs.html", context)


@login_required
@require_GET
@never_cache
def withdraw_report(request: HttpRequest, slug: str, format: str, **named: UUID) -> StreamingHttpResponse:
    """Send the report: a row for each touched thing, as CSV or JSON."""
    project = get_project(request.user, slug)
    if format not in TYPES:
        raise Http404
    blast = blast_of(project, thing_named(project, **named))
    rows = rows_of(blast)
    content = csv_report(rows) if format == "csv" else json_report(heading_of(project, blast), rows)
    response = StreamingHttpResponse(content, content_type=TYPES[format])
    name = storage.download_name(f"withdrawal {blast.thing.holder.id}", f".{format}")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def thing_named(project: Project, picture_id: UUID | None = None, model_id: UUID | None = None) -> Thing:
    """Return the thing that the address names, also one that was taken out. Raises Http404."""
    return get_thing(project, picture=picture_id, model=model_id, with_removed=True)


def page_context(project: Project, thing: Thing, form: WithdrawForm, user: User) -> dict[str, Any]:
    """Return everything that the page of a withdrawal shows."""
    blast = blast_of(project, thing)
    return {
        "project": project,
        "thing": thing,
        "blast": blast,
        "newest": blast.newest(),
        "form": form,
        "can_withdraw": may_review(user, thing.holder.project) and not blast.is_closed,
        "seq": withdrawal_number(project, thing) if blast.is_withdrawn else None,
        "is_in_chain": thing.holder.project_id is not None,
        "page": page_of(project, thing),
    }
