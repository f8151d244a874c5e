"""The API's room of licences: those that Daicho knows, and a team's own, with four eyes."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from projects.access import get_project
from projects.api_rows import PROJECT, InProjects
from projects.models import Role, Scope

from .models import OwnLicense
from .serializers_licenses import NewOwnLicenseSerializer, OwnLicenseSerializer
from .services.licenses import approve_license, end_license, write_license


class OwnLicenseViewSet(mixins.ListModelMixin, InProjects):
    """Licence profiles that a team has written itself, version by version."""

    queryset = OwnLicense.objects.with_newest_approved().select_related("project", "evidence")
    serializer_class = OwnLicenseSerializer
    lookup_value_converter = "uuid"
    ordering = ("-written_at", "-id")
    scope = Scope.EDIT

    @extend_schema(parameters=[PROJECT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List versions, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(request=NewOwnLicenseSerializer, responses={201: OwnLicenseSerializer})
    def create(self, request: Request) -> Response:
        """Write the next version of an own licence, as an owner; a second person has to approve it."""
        serializer = NewOwnLicenseSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project = get_project(request.user, serializer.validated_data["project"], Role.OWNER)
        row = write_license(request.user, project, **serializer.written(project))
        return self.answer(row, status=201)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Return one version."""
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(request=None, responses=OwnLicenseSerializer)
    @action(detail=True, methods=["post"], scope=Scope.REVIEW)
    def approve(self, request: Request, pk: UUID) -> Response:
        """Let a version count that somebody else wrote."""
        row = self.get_row(Role.REVIEWER)
        approve_license(row, approver=request.user)
        return self.answer(row)

    @extend_schema(request=None, responses=OwnLicenseSerializer)
    @action(detail=True, methods=["post"], scope=Scope.REVIEW)
    def end(self, request: Request, pk: UUID) -> Response:
        """Decline a version that waits, or end one that counts: what is under it is blocked at once."""
        row = self.get_row(Role.REVIEWER)
        end_license(row, actor=request.user)
        return self.answer(row)

    def answer(self, row: OwnLicense, status: int = 200) -> Response:
        """Answer with a version as it is now."""
        return Response(self.get_serializer(self.get_queryset().get(pk=row.pk)).data, status=status)
