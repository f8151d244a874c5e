"""The API's rooms that read a file: what a picture claims, and presets of other tools."""

from collections.abc import Sequence
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
from .claimed_files import ClaimedFile, adapters_in, claimed_files, files_in
from .parameters import Claims, claims_of, claims_to_form
from .presets import MAX_FILE_BYTES, PresetError, Presets, preset_to_body, read_presets
from .sentences import sentence
from .serializers import TemplateSerializer
from .services.templates import import_templates

MAX_TEMPLATES = 300


class UploadSerializer(StrictSerializer):
    """A PNG, JPEG or WebP; with a project, its files are looked for by the hashes or names that the picture gives."""

    file = serializers.FileField(allow_empty_file=True)
    project = serializers.SlugField(required=False)


class LoraClaimSerializer(serializers.Serializer):
    """A LoRA that a picture names."""

    name = serializers.CharField()
    weight = serializers.FloatField()
    hash = serializers.CharField(allow_null=True)


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
    loras = LoraClaimSerializer(many=True)


class ClaimedFileSerializer(serializers.Serializer):
    """A file that the picture names, and the one that stands for it here: by `hash`, by `name`, or nowhere."""

    kind = serializers.ChoiceField(choices=["base", "vae", "adapter"])
    claimed = serializers.CharField()
    weight = serializers.FloatField()
    how = serializers.ChoiceField(choices=["hash", "name", "several", "nowhere"])
    id = serializers.CharField()
    name = serializers.CharField()


class ReadingSerializer(serializers.Serializer):
    """Claims, the values that a request would take from them, the project's files for them, what was not read."""

    claims = ClaimsSerializer(allow_null=True)
    request = serializers.DictField(allow_null=True)
    files = ClaimedFileSerializer(many=True)
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
        found = claimed_files(starting.Shelf(project), claims) if project and claims else []
        values = {"claims": claims, "request": claims and request_of(claims, project, found), "files": found}
        return Response(ReadingSerializer({**values, "warnings": [sentence(code) for code in warnings]}).data)


def read_picture(upload: UploadedFile) -> tuple[Verified, Claims | None]:
    """Open an uploaded picture and return it with its claims. Raises PictureError."""
    size, limit = upload.size or 0, settings.UPLOAD_MAX_BYTES
    if size > limit:
        raise PictureError("too_many_bytes", size=size, limit=limit)
    picture = open_picture(upload.read(), max_bytes=limit, max_pixels=settings.UPLOAD_MAX_PIXELS)
    return picture, claims_of(picture.texts, find_scheduler=find_scheduler)


def request_of(claims: Claims, project: Project | None, found: Sequence[ClaimedFile]) -> dict[str, Any]:
    """Return what `POST /generations/` would take from the claims, with the project's files that were found."""
    values = claims_to_form(claims)
    slots = {"subject": values.pop("subject")}
    named = {"project": project.slug} if project else {}
    adapters = [{"id": file_id, "weight": weight} for file_id, weight in adapters_in(found).items()]
    return {**named, "slots": slots, **values, **files_in(found), **({"adapters": adapters} if adapters else {})}


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
