"""Rules that two persons set aside: ask, approve, end."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from projects.access import get_in_project, get_project
from projects.models import Project, Role, User
from projects.problems import Problem

from ..forms_review import FindForm, WaiverForm, end_of
from ..licensing import Action
from ..models import Waiver
from ..review_pages import Thing, find_things, get_thing, ids_in
from ..services.pictures import add_evidence
from ..services.waivers import approve_waiver, request_waiver, revoke_waiver
from ..waiver_pages import lines_of, waivers_in


@login_required
@require_GET
@never_cache
def waivers(request: HttpRequest, slug: str) -> HttpResponse:
    """List what was asked for, what holds, and what is over."""
    project = get_project(request.user, slug)
    lines, is_cut = lines_of(request.user, project)
    context = {
        "project": project,
        "lines": lines,
        "is_cut": is_cut,
        "can_ask": project.role.includes(Role.EDITOR),
        "can_decide": project.role.includes(Role.REVIEWER),
    }
    return render(request, "assets/review/waivers.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def waiver_new(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask that a rule be set aside for one thing, or for the project's policy."""
    project = get_project(request.user, slug, Role.EDITOR)
    thing = thing_asked(request, project)
    form = WaiverForm(request.POST, request.FILES) if request.method == "POST" else WaiverForm()
    if form.is_bound and form.is_valid():
        try:
            ask(request.user, project, thing, form)
        except Problem as problem:
            form.add_problem(problem)
        else:
            messages.success(request, _("The request waits for another reviewer’s approval."))
            return redirect("waivers", slug)
    find = FindForm(request.GET)
    context = {"project": project, "thing": thing, "form": form, "find": find, "found": []}
    context["found"] = find_things(project, find.text) if thing is None else []
    return render(request, "assets/review/waiver_new.html", context, status=422 if form.is_bound else 200)


@login_required
@require_POST
def waiver_approve(request: HttpRequest, slug: str, waiver_id: UUID) -> HttpResponse:
    """Let a waiver count that somebody else asked for."""
    project = get_project(request.user, slug, Role.REVIEWER)
    approve_waiver(get_in_project(project, waivers_in(project), id=waiver_id), approver=request.user)
    messages.success(request, _("The waiver is in force."))
    return redirect("waivers", slug)


@login_required
@require_POST
def waiver_revoke(request: HttpRequest, slug: str, waiver_id: UUID) -> HttpResponse:
    """End a waiver at once, or decline one that waits."""
    project = get_project(request.user, slug, Role.REVIEWER)
    waiver: Waiver = get_in_project(project, waivers_in(project), id=waiver_id)
    revoke_waiver(waiver, actor=request.user)
    messages.success(request, _("The waiver has ended.") if waiver.approved_at else _("The request is declined."))
    return redirect("waivers", slug)


def thing_asked(request: HttpRequest, project: Project) -> Thing | None:
    """Return the thing that the address names; none stands for the project's policy. Raises Http404."""
    pictures, models = (ids_in([request.GET.get(name, "")]) for name in ("picture", "model"))
    if not pictures and not models:
        return None
    return get_thing(project, picture=pictures[0] if pictures else None, model=models[0] if models else None)


@transaction.atomic
def ask(user: User, project: Project, thing: Thing | None, form: WaiverForm) -> None:
    """Keep the evidence and write the request. Raises Problem."""
    asked, file = form.cleaned_data, form.cleaned_data["evidence"]
    request_waiver(
        user,
        project,
        action=Action(asked["action"]),
        reason=asked["reason"],
        expires_at=end_of(asked["last_day"]),
        rights=thing.rights if thing else None,
        evidence=add_evidence(user, project, file.read(), name=file.name) if file else None,
    )
