"""The API's rooms that read a file: what a picture claims, and presets of other tools."""

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from assets.pictures import PictureError, Verified, open_picture
from engine.schedulers import find_scheduler
from projects.access import get_project
from projects.models import Project, Role, Scope
from projects.problems import Problem
from projects.protocol import BoundedMultiPartParser, StrictSerializer

from . import starting
from .parameters import Claims, claims_of, claims_to_form
from .presets import MAX_FILE_BYTES, PresetError, Presets, preset_to_body, read_presets
from .sentences import sentence
from .serializers import TemplateSerializer
from .services.templates import import_templates

MAX_TEMPLATES = 300


class UploadSerializer(StrictSerializer):
    """A PNG, JPEG or WebP; with a project, its models are looked for by the hashes that the picture names."""

    file = serializers.FileField(allow_empty_file=True)
    project = serializers.SlugField(required=False)


class ClaimsSerializer(serializers.Serializer):
    """What a picture's text says. Nobody has proved it."""

    source = serializers.CharField()
    unverified = serializers.BooleanField()
    raw = serializers.CharField()
    prompt = serializers.CharField()
    negative_prompt = serializers.CharField()
    model_name = serializers.CharField()
    model_hash = serializers.CharField(allow_null=True)
    vae_name = serializers.CharField()
    vae_hash = serializers.CharField(allow_null=True)


class ReadingSerializer(serializers.Serializer):
    """Claims, the values that a request would take from them, and what could not be read."""

    claims = ClaimsSerializer(allow_null=True)
    request = serializers.DictField(allow_null=True)
    warnings = serializers.ListField(child=serializers.CharField())


class ReadView(APIView):
    """Read what a picture's text claims. Nothing is kept."""

    parser_classes = (BoundedMultiPartParser,)
    scope = Scope.GENERATE

    @extend_schema(
        request={"multipart/form-data": UploadSerializer}, responses=ReadingSerializer, operation_id="read_parameters"
    )
    def post(self, request: Request) -> Response:
        """Return the claims, marked as unverified, and the request that they would make."""
        serializer = UploadSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        slug = serializer.validated_data.get("project")
        project = get_project(request.user, slug) if slug else None
        try:
            picture, claims = read_picture(serializer.validated_data["file"])
        except PictureError as error:
            message = sentence(error.code, error.params)
            raise Problem(error.code, message, fields={"file": message}) from error
        warnings = [*picture.warnings, *(claims.warnings if claims else ())]
        values = {"claims": claims, "request": claims and request_of(claims, project), "warnings": warnings}
        return Response(ReadingSerializer({**values, "warnings": [sentence(code) for code in warnings]}).data)


def read_picture(upload: UploadedFile) -> tuple[Verified, Claims | None]:
    """Open an uploaded picture and return it with its claims. Raises PictureError."""
    size, limit = upload.size or 0, settings.UPLOAD_MAX_BYTES
    if size > limit:
        raise PictureError("too_many_bytes", size=size, limit=limit)
    picture = open_picture(upload.read(), max_bytes=limit, max_pixels=settings.UPLOAD_MAX_PIXELS)
    return picture, claims_of(picture.texts, find_scheduler=find_scheduler)


def request_of(claims: Claims, project: Project | None) -> dict[str, Any]:
    """Return what `POST /generations/` would take from the claims."""
    values = claims_to_form(claims)
    slots = {"subject": values.pop("subject")}
    model = starting.Shelf(project).model_by_hash(claims.model_hash) if project else None
    named = {"project": project.slug} if project else {}
    return {**named, "slots": slots, **values, **({"base_model": str(model.id)} if model else {})}


class PresetsSerializer(StrictSerializer):
    """A file of presets, and for which project; a trial says what would be made and writes nothing."""

    project = serializers.SlugField()
    file = serializers.FileField(allow_empty_file=True)
    trial = serializers.BooleanField(default=False)


class PresetSerializer(serializers.Serializer):
    """One preset of another tool."""

    name = serializers.CharField()
    prompt = serializers.CharField()
    negative_prompt = serializers.CharField()


class RowErrorSerializer(serializers.Serializer):
    """A row that gave no preset."""

    row = serializers.IntegerField()
    code = serializers.CharField()
    message = serializers.CharField()


class ImportedSerializer(serializers.Serializer):
    """What a file of presets held, and the templates that were made of it."""

    source = serializers.CharField()
    presets = PresetSerializer(many=True)
    errors = RowErrorSerializer(many=True)
    templates = TemplateSerializer(many=True)


class ImportView(APIView):
    """Bring style presets of A1111, InvokeAI or Fooocus in as templates."""

    parser_classes = (BoundedMultiPartParser,)
    scope = Scope.EDIT

    @extend_schema(
        request={"multipart/form-data": PresetsSerializer},
        responses={200: ImportedSerializer, 201: ImportedSerializer},
        operation_id="import_templates",
    )
    def post(self, request: Request) -> Response:
        """Make one template of each preset, all or none: 201; a trial makes none: 200."""
        serializer = PresetsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        project = get_project(request.user, values["project"], Role.EDITOR)
        found = presets_of(values["file"])
        pairs = [] if values["trial"] else [(each.name, preset_to_body(each)) for each in found.presets]
        made = import_templates(request.user, project, pairs)
        errors = [{"row": e.row, "code": e.code, "message": sentence(e.code, e.params)} for e in found.errors]
        answer = {"source": found.source, "presets": found.presets, "errors": errors, "templates": made}
        return Response(ImportedSerializer(answer).data, status=200 if values["trial"] else 201)


def presets_of(upload: UploadedFile) -> Presets:
    """Return what a file holds. Raises Problem when it cannot be read, or holds too much for one request."""
    try:
        found = read_presets(upload.read(MAX_FILE_BYTES + 1))
    except PresetError as error:
        message = sentence(error.code, error.params)
        raise Problem(error.code, message, fields={"file": message}) from error
    if len(found.presets) > MAX_TEMPLATES:
        message = _("The file holds more than %(limit)d presets. Split it.") % {"limit": MAX_TEMPLATES}
        raise Problem("too_many_rows", message, fields={"file": message})
    return found
