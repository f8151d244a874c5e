"""The API's rooms about templates, their versions and aliases."""

from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from projects.access import get_project
from projects.api_rows import PROJECT, InProjects
from projects.models import Role, Scope
from projects.problems import Problem

from .models import PromptTemplate, TemplateAlias, TemplateVersion
from .serializers import (
    AliasSerializer,
    ArchiveSerializer,
    MoveSerializer,
    NewTemplateSerializer,
    TemplateNamesSerializer,
    TemplateSerializer,
    VersionSerializer,
)
from .services.templates import (
    archive_template,
    create_template,
    move_alias,
    rename_template,
    save_version,
    undo_alias,
)

ALIAS = OpenApiParameter("name", str, OpenApiParameter.PATH, enum=TemplateAlias.Name.values)


class TemplateViewSet(mixins.ListModelMixin, InProjects):
    """Templates, their versions and aliases."""

    queryset = PromptTemplate.objects.select_related("project").prefetch_related("aliases__version")
    serializer_class = TemplateSerializer
    lookup_value_converter = "uuid"
    ordering = ("-created_at", "-id")
    scope = Scope.EDIT

    @extend_schema(parameters=[PROJECT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List templates."""
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, pk: Any) -> Response:
        """Return a template with its aliases."""
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(request=TemplateNamesSerializer(partial=True), responses=TemplateSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        """Give a template other words; its slug and its versions stay."""
        template = self.get_row(Role.EDITOR)
        serializer = TemplateNamesSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        names = {name: getattr(template, name) for name in ("name", "name_ja", "description")}
        rename_template(request.user, template, **{**names, **serializer.validated_data})
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(request=NewTemplateSerializer, responses={201: TemplateSerializer})
    def create(self, request: Request) -> Response:
        """Make a template; its first version is on production."""
        serializer = NewTemplateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = dict(serializer.validated_data)
        project = get_project(request.user, values.pop("project"), Role.EDITOR)
        template = create_template(request.user, project, **values)
        return Response(self.get_serializer(template).data, status=201)

    @extend_schema(request=ArchiveSerializer, responses=TemplateSerializer)
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, pk: Any) -> Response:
        """Take a template out of the pickers, or bring it back."""
        serializer = ArchiveSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        archive_template(request.user, self.get_row(Role.EDITOR), archived=serializer.validated_data["archived"])
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(responses=VersionSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def versions(self, request: Request, pk: Any) -> Response:
        """List a template's versions, newest first."""
        return Response(VersionSerializer(self.get_row().versions.all(), many=True).data)

    @extend_schema(request=VersionSerializer, responses={201: VersionSerializer})
    @versions.mapping.post
    def save_version(self, request: Request, pk: Any) -> Response:
        """Save the next version; aliases stay where they are."""
        serializer = VersionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        version = save_version(request.user, self.get_row(Role.EDITOR), **serializer.validated_data)
        return Response(VersionSerializer(version).data, status=201)

    @extend_schema(parameters=[ALIAS], request=MoveSerializer, responses=AliasSerializer)
    @action(detail=True, methods=["post"], url_path="aliases/<slug:name>", url_name="alias")
    def alias(self, request: Request, pk: Any, name: str) -> Response:
        """Point production or candidate at a version; without one, undo the last move."""
        if name not in TemplateAlias.Name.values:
            raise Http404
        serializer = MoveSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        template, number = self.get_row(Role.EDITOR), serializer.validated_data.get("version")
        if number is None:
            return Response(AliasSerializer(undo_alias(request.user, template, name)).data)
        return Response(AliasSerializer(move_alias(request.user, template, name, version_of(template, number))).data)


def version_of(template: PromptTemplate, number: int) -> TemplateVersion:
    """Return a template's version. Raises Problem when there is none."""
    found = template.versions.filter(number=number).first() if number < 2**31 else None
    if found is None:
        message = _("This template has no such version.")
        raise Problem("version_unknown", message, status=404, fields={"version": message})
    return found
