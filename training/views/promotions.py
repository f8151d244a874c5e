"""Promotions: one person asks that a version becomes production, another one decides; and back again."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from projects.access import get_project
from projects.models import Project, Role
from projects.problems import Problem

from ..access import adapter_in, promotion_in, version_in
from ..forms_adapters import PromoteForm, WhyForm
from ..models import Adapter, AdapterAlias, AdapterVersion, Promotion
from ..promotion_pages import decided_of, wishes_of
from ..services.promotions import approve_promotion, ask_promotion, refuse_promotion, roll_back
from .adapters import show_adapter
from .versions import show_version


@login_required
@require_GET
@never_cache
def promotions(request: HttpRequest, slug: str) -> HttpResponse:
    """List what waits for a second person, and what was decided last."""
    project = get_project(request.user, slug)
    return show_promotions(request, project)


@login_required
@require_POST
def version_promote(request: HttpRequest, slug: str, aslug: str, number: int) -> HttpResponse:
    """Ask that a version becomes production."""
    project = get_project(request.user, slug, Role.EDITOR)
    version = version_in(project, aslug, number)
    form = PromoteForm(request.POST)
    try:
        ask_promotion(request.user, version, note=form.cleaned_data["note"] if form.is_valid() else "")
    except Problem as problem:
        return show_version(request, project, version, problem=problem, status=problem.status)
    messages.success(request, _("Asked. A reviewer who is not you decides."))
    return redirect(version.adapter)


@login_required
@require_POST
def promotion_approve(request: HttpRequest, slug: str, promotion_id: str) -> HttpResponse:
    """Let a version count, as a reviewer who did not ask for it."""
    project = get_project(request.user, slug, Role.REVIEWER)
    promotion = promotion_in(project, promotion_id)
    try:
        approve_promotion(promotion, approver=request.user, reason=request.POST.get("reason", ""))
    except Problem as problem:
        return show_promotions(request, project, problem=problem)
    messages.success(request, _("%(version)s is in production.") % {"version": promotion.version})
    return redirect(place_after(request, promotion))


@login_required
@require_POST
def promotion_refuse(request: HttpRequest, slug: str, promotion_id: str) -> HttpResponse:
    """Refuse a promotion with a reason; whoever asked may take it back."""
    project = get_project(request.user, slug, Role.EDITOR)
    promotion = promotion_in(project, promotion_id)
    form = WhyForm(request.POST)
    is_own = promotion.asked_by_id == request.user.id
    reason = form.cleaned_data["reason"] if form.is_valid() else _("Taken back by whoever asked.") if is_own else ""
    try:
        refuse_promotion(promotion, actor=request.user, reason=reason)
    except Problem as problem:
        if problem.status == 403:
            raise
        return show_promotions(request, project, problem=problem)
    said = _("The promotion is taken back.") if is_own else _("The promotion is refused.")
    messages.success(request, said)
    return redirect(place_after(request, promotion))


@login_required
@require_POST
def adapter_roll_back(request: HttpRequest, slug: str, aslug: str) -> HttpResponse:
    """Put the version that was in production before back; the form names the one that it leaves."""
    project = get_project(request.user, slug, Role.REVIEWER)
    row = adapter_in(project, aslug)
    row.project = project
    try:
        alias = roll_back(request.user, leaving_of(project, row, request.POST.get("version", "")))
    except Problem as problem:
        return show_adapter(request, project, row, problem=problem, status=problem.status)
    messages.success(request, _("%(version)s is in production again.") % {"version": alias.version})
    return redirect(row)


def leaving_of(project: Project, row: Adapter, number: str) -> AdapterVersion:
    """Return the version that the form showed as production. Raises Problem where none was, Http404 for no number."""
    if not row.aliases.filter(name=AdapterAlias.Name.PRODUCTION).exists():
        raise Problem("nothing_to_undo", _("There was no other version in production before."), status=409)
    return version_in(project, row.slug, int(number) if number.isdecimal() and len(number) < 9 else 0)


def show_promotions(request: HttpRequest, project: Project, *, problem: Problem | None = None) -> HttpResponse:
    """Render the room of promotions, with a problem where there is one."""
    context = {
        "project": project,
        "wishes": wishes_of(request.user, project),
        "decided": decided_of(project),
        "problem": problem,
        "can_decide": project.role.includes(Role.REVIEWER),
    }
    return render(request, "training/promotions.html", context, status=problem.status if problem else 200)


def place_after(request: HttpRequest, promotion: Promotion) -> str:
    """Return where a person goes on: where they came from, of the two places that have the buttons."""
    if request.POST.get("back") == "adapter":
        return promotion.adapter.get_absolute_url()
    return reverse("promotions", args=[promotion.adapter.project.slug])
