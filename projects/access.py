"""The only door to a project and to what is in it.

"Not yours" and "not there" are the same 404, so that an id tells a stranger nothing. A member whose role
is too small gets a 403, because a member may know that the thing exists.
"""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Q
from django.http import Http404

from .models import Membership, Project, Role, User

Row = TypeVar("Row", bound=models.Model)


def get_project(user: User, slug: str, role: Role = Role.VIEWER) -> Project:
    """Return a project of this person, with `project.role` set. Raises Http404 or PermissionDenied."""
    membership = find_one(Membership.objects.select_related("project").filter(user=user, project__slug=slug))
    if membership is None:
        raise Http404
    if not Role(membership.role).includes(role):
        raise PermissionDenied
    project = membership.project
    project.role = Role(membership.role)
    return project


def get_in_project(project: Project, rows: models.QuerySet[Row], **lookup: Any) -> Row:
    """Return one row of a project that `get_project` has opened, which it then belongs to. Raises Http404."""
    row = find_one(rows.filter(project=project, **lookup))
    if row is None:
        raise Http404
    row.project = project  # type: ignore[attr-defined]
    return row


def get_for_user(user: User, rows: models.QuerySet[Row], role: Role = Role.VIEWER, **lookup: Any) -> Row:
    """Return one row by its public id from any project of this person. Raises Http404 or PermissionDenied."""
    row = find_one(visible_to(user, rows).filter(**lookup).select_related("project"))
    if row is None:
        raise Http404
    get_project(user, row.project.slug, role)
    return row


def find_one(rows: models.QuerySet[Row]) -> Row | None:
    """Return the only row that can be found, or None; to put one row in order would cost as much as to read it."""
    return next(iter(rows.order_by()[:1]), None)


def memberships_of(user: User) -> dict[UUID, Membership]:
    """Return a person's memberships with their projects, by project, the newest first."""
    rows = Membership.objects.filter(user=user).select_related("project").order_by("-created_at")
    return {each.project_id: each for each in rows}


def reviewed_among(memberships: Mapping[UUID, Membership]) -> dict[UUID, Membership]:
    """Return the memberships in which a person approves what others ask for."""
    return {key: each for key, each in memberships.items() if Role(each.role).includes(Role.REVIEWER)}


def visible_to(user: User, rows: models.QuerySet[Row]) -> models.QuerySet[Row]:
    """Keep the rows that belong to a project of this person."""
    return rows.filter(project__in=Membership.objects.filter(user=user).values("project"))


def usable_in(project: Project, rows: models.QuerySet[Row]) -> models.QuerySet[Row]:
    """Keep the rows of this project and those that the whole house shares (project is null)."""
    return rows.filter(Q(project=project) | Q(project=None))
