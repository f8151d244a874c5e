"""What rooms of the API share whose rows belong to projects."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import viewsets
from rest_framework.request import Request

from .access import get_for_user, get_project, visible_to
from .models import Project, Role
from .problems import Problem
from .protocol import project_asked

PROJECT = OpenApiParameter("project", str, description="Slug: only what belongs to this project.")
ONE_PROJECT = OpenApiParameter("project", str, required=True, description="Slug of the project.")


class InProjects(viewsets.GenericViewSet):
    """Rows of the person's projects; `?project=` narrows them to one."""

    ordering = ("-queued_at", "-id")

    def get_queryset(self) -> QuerySet[Any]:
        """Return what the person may see."""
        slug = project_asked(self.request)
        if slug:
            return self.queryset.filter(project=get_project(self.request.user, slug))
        return visible_to(self.request.user, self.queryset)

    def get_row(self, role: Role = Role.VIEWER) -> Any:
        """Return the row of the address."""
        return get_for_user(self.request.user, self.queryset, role, id=self.kwargs["pk"])


def project_named(request: Request, role: Role = Role.VIEWER) -> Project:
    """Return the project in `?project=`. Raises Problem when none is named, Http404 or PermissionDenied."""
    slug = project_asked(request)
    if not slug:
        message = _("Name a project: ?project=slug.")
        raise Problem("project_missing", message, fields={"project": message})
    return get_project(request.user, slug, role)


def refuse_over(*, was_asked: bool) -> None:
    """Raise Problem where a job could not be asked to stop because it had ended."""
    if not was_asked:
        raise Problem("job_over", _("This job has ended already."), status=409)
