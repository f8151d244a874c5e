"""Who is in a project, and what each may do."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from ..access import get_in_project, get_project
from ..forms import MemberForm, NewPersonForm, RoleForm
from ..invitations import find_person, invitation_path, invite_person, is_first_project, is_waiting
from ..models import Membership, Project, Role
from ..problems import Problem
from ..services import remove_member, set_role


@login_required
@require_GET
def members(request: HttpRequest, slug: str) -> HttpResponse:
    """List the members; an owner can change them."""
    return page(request, get_project(request.user, slug))


@login_required
@require_POST
def member_add(request: HttpRequest, slug: str) -> HttpResponse:
    """Add a person who has an account."""
    project = get_project(request.user, slug, Role.OWNER)
    form = MemberForm(request.POST, prefix="add")
    try:
        if not form.is_valid():
            return page(request, project, form=form, status=422)
        user = find_person(form.cleaned_data["email"])
        refuse_known(project, user)
    except Problem as problem:
        return refused(request, project, problem, form=form)
    set_role(project, actor=request.user, user=user, role=Role(form.cleaned_data["role"]))
    messages.success(request, _("%(name)s is a member now.") % {"name": user})
    return redirect("members", slug)


@login_required
@require_POST
@never_cache
def member_invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Make an account for a new person and show the link that lets them in, once."""
    project = get_project(request.user, slug, Role.OWNER)
    form = NewPersonForm(request.POST, prefix="new")
    if not form.is_valid():
        return page(request, project, new_form=form, status=422)
    try:
        membership = invite_person(project, actor=request.user, **form.cleaned_data)
    except Problem as problem:
        return refused(request, project, problem, new_form=form)
    return show_link(request, project, membership)


@login_required
@require_POST
@never_cache
def member_link(request: HttpRequest, slug: str, user_id: UUID) -> HttpResponse:
    """Show the way in again for a person who has not come in yet, to owners of the project that invited them."""
    project = get_project(request.user, slug, Role.OWNER)
    membership = membership_of(project, user_id)
    if not is_first_project(project, membership.user):
        raise PermissionDenied
    return show_link(request, project, membership)


@login_required
@require_POST
def member_role(request: HttpRequest, slug: str, user_id: UUID) -> HttpResponse:
    """Change a member's role."""
    project = get_project(request.user, slug, Role.OWNER)
    membership = membership_of(project, user_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        raise Problem("unknown_role", _("Choose one of the roles in the list."))
    try:
        set_role(project, actor=request.user, user=membership.user, role=Role(form.cleaned_data["role"]))
    except Problem as problem:
        return page(request, project, problem=problem, status=problem.status)
    messages.success(request, _("The role of %(name)s is changed.") % {"name": membership.user})
    return redirect("members", slug)


@login_required
@require_POST
def member_remove(request: HttpRequest, slug: str, user_id: UUID) -> HttpResponse:
    """Take a person out of the project; what they made stays."""
    project = get_project(request.user, slug, Role.OWNER)
    membership = membership_of(project, user_id)
    try:
        remove_member(project, actor=request.user, membership=membership)
    except Problem as problem:
        return page(request, project, problem=problem, status=problem.status)
    messages.success(request, _("%(name)s is not a member any more.") % {"name": membership.user})
    return redirect("home") if membership.user_id == request.user.id else redirect("members", slug)


def membership_of(project: Project, user_id: UUID) -> Membership:
    """Return one person's membership. Raises Http404."""
    return get_in_project(project, Membership.objects.select_related("user"), user_id=user_id)


def refuse_known(project: Project, user: Any) -> None:
    """Raise Problem when this person is a member already, so that adding never changes a role unseen."""
    if project.memberships.filter(user=user).exists():
        message = _("This person is a member already. Change the role in the list.")
        raise Problem("member_already", message, fields={"email": message}, status=409)


def refused(request: HttpRequest, project: Project, problem: Problem, **forms_: forms.Form) -> HttpResponse:
    """Show a problem beside the field that it belongs to."""
    for form in forms_.values():
        for name, message in (problem.fields or {None: problem.message}).items():
            form.add_error(name, str(message))
    return page(request, project, status=422, **forms_)


def show_link(request: HttpRequest, project: Project, membership: Membership) -> HttpResponse:
    """Render the page with the way in for one person."""
    link = request.build_absolute_uri(invitation_path(membership.user))
    return page(request, project, link=link, invited=membership.user)


def page(request: HttpRequest, project: Project, *, status: int = 200, **extra: Any) -> HttpResponse:
    """Render the members of a project with the forms that an owner has."""
    rows = [
        {"membership": each, "is_waiting": waits, "has_link": waits and is_first_project(project, each.user)}
        for each in project.memberships.select_related("user").order_by("created_at")
        for waits in [is_waiting(each.user)]
    ]
    context = {
        "project": project,
        "rows": rows,
        "roles": Role.choices,
        "is_owner": project.role == Role.OWNER,
        "form": MemberForm(prefix="add"),
        "new_form": NewPersonForm(prefix="new"),
        **extra,
    }
    return render(request, "projects/members.html", context, status=status)
