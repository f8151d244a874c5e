"""The API's rooms about templates, presets, and the text inside pictures."""

from typing import Any

from django.conf import settings
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from assets.pictures import PictureError, open_picture
from engine.schedulers import find_scheduler
from projects.access import get_project
from projects.models import Role, Scope
from projects.problems import Problem

from .api import PROJECT, InProjects
from .models import PromptTemplate, TemplateAlias, TemplateVersion
from .parameters import claims_of, claims_to_form
from .sentences import sentence
from .serializers import AliasSerializer, NewTemplateSerializer, TemplateSerializer, VersionSerializer
from .services.templates import archive_template, create_template, move_alias, save_version, undo_alias


class MoveSerializer(serializers.Serializer):
    """Where an alias should point; without a version it moves back."""

    version = serializers.IntegerField(min_value=1, required=False)


class ArchiveSerializer(serializers.Serializer):
    """Whether the template is archived."""

    archived = serializers.BooleanField()


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


class UploadSerializer(serializers.Serializer):
    """A PNG, JPEG or WebP."""

    file = serializers.FileField()


class ReadView(APIView):
    """Read what a picture's text claims. Nothing is kept."""

    parser_classes = (MultiPartParser,)
    scope = Scope.GENERATE

    @extend_schema(request=UploadSerializer, responses={200: OpenApiTypes.OBJECT}, operation_id="read_parameters")
    def post(self, request: Request) -> Response:
        """Return the claims, marked as unverified, and the request that they would make."""
        serializer = UploadSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        upload = serializer.validated_data["file"]
        try:
            if upload.size > settings.UPLOAD_MAX_BYTES:
                raise PictureError("too_many_bytes", size=upload.size, limit=settings.UPLOAD_MAX_BYTES)
            picture = open_picture(
                upload.read(), max_bytes=settings.UPLOAD_MAX_BYTES, max_pixels=settings.UPLOAD_MAX_PIXELS
            )
        except PictureError as error:
            message = sentence(error.code, error.params)
            raise Problem(error.code, message, fields={"file": message}) from error
        claims = claims_of(picture.texts, find_scheduler=find_scheduler)
        if claims is None:
            return Response({"claims": None, "request": None, "warnings": list(picture.warnings)})
        return Response(
            {
                "claims": {"source": claims.source, "unverified": True, "raw": claims.raw},
                "request": claims_to_form(claims),
                "warnings": [*picture.warnings, *claims.warnings],
            }
        )
