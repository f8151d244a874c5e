"""The API's rooms about pictures: bring them in, one or many, say what they show, and let a machine look at them."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from projects.access import get_in_project, get_project
from projects.api_rows import ONE_PROJECT, PROJECT, InProjects, project_named
from projects.models import Role, Scope
from projects.problems import Problem
from projects.protocol import BoundedMultiPartParser

from .api_rights import keeping_files
from .containers.parts import PictureError
from .licensing import Action
from .material_files import is_closed_to, send_picture
from .models import Curation, Dataset, ImportBatch, ImportRow, Picture, PictureTag, Rights, Tagging
from .picture_filters import FLAGS, RELEASES, PictureFilter
from .sentences import sentence
from .serializers_pictures import (
    ConfirmationSerializer,
    CurationSerializer,
    FullImportSerializer,
    FullPictureSerializer,
    ImportRowSerializer,
    ImportSerializer,
    NewCurationSerializer,
    NewImportSerializer,
    NewPictureSerializer,
    NewTaggingSerializer,
    NewTagsSerializer,
    PictureSerializer,
    TagDecisionSerializer,
    TaggingSerializer,
    TagSerializer,
)
from .serializers_rights import DeclarationSerializer, FullRightsSerializer, facts_of
from .services import Declaration, decide_pictures, edit_rights
from .services.curation import decide_tag, request_curation, request_tagging
from .services.import_steps import confirm, repeat_walk, stop_walk, undo
from .services.imports import create_batch
from .services.pictures import SUFFIXES, Read, add_picture, claims_notices, read_picture, remove_picture
from .services.tags import add_tags, remove_tag

ANSWERS = {"train": Action.TRAIN, "generate": Action.GENERATE, "publish": Action.PUBLISH}
PICTURE_BYTES = {(200, f"image/{kind.lower()}"): OpenApiTypes.BINARY for kind in SUFFIXES}
THUMBNAIL_BYTES = {(200, "image/webp"): OpenApiTypes.BINARY}
FILTERS = [
    OpenApiParameter("q", str, description="Literal text in name, title, creator, captions or tags."),
    OpenApiParameter("license", str, description="An identifier, or `unknown`."),
    OpenApiParameter("state", str, enum=Rights.State.values),
    OpenApiParameter("flag", str, enum=[name for name, _words in FLAGS]),
    OpenApiParameter("tag", str, description="An accepted tag, with its other spellings and kinds."),
    OpenApiParameter("creator", str),
    OpenApiParameter("release", str, enum=[name for name, _words in RELEASES]),
    OpenApiParameter("expiry", int, description="Rights that end within so many days, or have ended."),
]
ROW_STATE = OpenApiParameter("state", str, enum=ImportRow.State.values)


class ImportParser(BoundedMultiPartParser):
    """Read a form with as many files as an import may hold."""

    limit_setting = "IMPORT_MAX_BYTES"


class PictureViewSet(mixins.ListModelMixin, InProjects):
    """Pictures to learn from or to draw upon, with their rights."""

    queryset = Picture.objects.filter(removed_at=None).select_related("project", "rights__evidence")
    serializer_class = PictureSerializer
    filter_backends = ()
    lookup_value_converter = "uuid"
    ordering = ("-added_at", "-id")
    scope = Scope.EDIT

    def get_queryset(self) -> QuerySet[Picture]:
        """Return the project's pictures, narrowed as in the portal. Raises ValidationError for an unknown value."""
        project = project_named(self.request)
        filters = PictureFilter(self.request.query_params, self.queryset.filter(project=project), project=project)
        if not filters.is_valid():
            raise serializers.ValidationError({name: list(found) for name, found in filters.errors.items()})
        return filters.qs

    @extend_schema(parameters=[ONE_PROJECT, *FILTERS])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List a project's pictures, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(
        request={"multipart/form-data": NewPictureSerializer},
        responses={201: FullPictureSerializer, 200: FullPictureSerializer},
    )
    def create(self, request: Request) -> Response:
        """Bring a picture in; its rights wait for review. The same pixels are kept once: 200 with what is there."""
        serializer = NewPictureSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        project = get_project(request.user, values["project"], Role.EDITOR)
        facts, file = facts_of(values["declaration"], project), values["file"]
        declaration = Declaration(expression=facts.pop("expression", ""), facts=facts)
        name = values.get("name") or str(file.name)
        read = opened(file)
        with keeping_files():
            picture, is_new = add_picture(request.user, project, read, name=name, declaration=declaration)
        return self.answer(picture, status=201 if is_new else 200)

    @extend_schema(responses=FullPictureSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Return a picture with everything declared, its tags, and what the gates say now."""
        return self.answer(self.get_row())

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Take a picture out of the library and of every dataset; frozen versions keep it."""
        if not remove_picture(self.get_row(Role.EDITOR), actor=request.user):
            raise Http404
        return Response(status=204)

    @extend_schema(request=DeclarationSerializer(partial=True), responses=FullRightsSerializer)
    @action(detail=True, methods=["patch"])
    def rights(self, request: Request, pk: UUID) -> Response:
        """Change what was declared; what was cleared waits for review again."""
        picture = self.get_row(Role.EDITOR)
        serializer = DeclarationSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        edit_rights(picture.rights, actor=request.user, changes=serializer.facts(picture.project))
        return Response(FullRightsSerializer(picture.rights).data)

    @extend_schema(responses=PICTURE_BYTES)
    @action(detail=True)
    def file(self, request: Request, pk: UUID) -> HttpResponse | FileResponse:
        """Send the picture as it is used: decoded, without a word about itself."""
        picture = self.open_picture()
        return send_picture(request, picture, picture.path, is_download=True)

    @extend_schema(responses=THUMBNAIL_BYTES)
    @action(detail=True)
    def thumbnail(self, request: Request, pk: UUID) -> HttpResponse | FileResponse:
        """Send the small WebP."""
        picture = self.open_picture()
        return send_picture(request, picture, picture.thumbnail)

    @extend_schema(request=NewTagsSerializer, responses=TagSerializer(many=True), operation_id="pictures_tags_add")
    @action(detail=True, methods=["post"], pagination_class=None)
    def tags(self, request: Request, pk: UUID) -> Response:
        """Add words; one that was proposed or rejected is accepted."""
        picture = self.get_row(Role.EDITOR)
        serializer = NewTagsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        add_tags(request.user, picture, "\n".join(serializer.validated_data["tags"]))
        return Response(TagSerializer(picture.tags.all(), many=True).data)

    @extend_schema(request=TagDecisionSerializer, responses=TagSerializer, operation_id="pictures_tags_decide")
    @action(detail=True, methods=["post"], url_path="tags/<int:tag>", url_name="tag")
    def decide_tag(self, request: Request, pk: UUID, tag: int) -> Response:
        """Accept or reject a word."""
        found = self.get_tag(tag)
        serializer = TagDecisionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        decide_tag(request.user, found, accepted=serializer.validated_data["accepted"])
        found.refresh_from_db(fields=["state", "decided_by", "decided_at"])
        return Response(TagSerializer(found).data)

    @extend_schema(request=None, responses={204: None})
    @decide_tag.mapping.delete
    def remove_tag(self, request: Request, pk: UUID, tag: int) -> Response:
        """Take a word away; a machine's is rejected instead, so that it is not proposed again."""
        remove_tag(request.user, self.get_tag(tag))
        return Response(status=204)

    def get_tag(self, tag: int) -> PictureTag:
        """Return a word of the address's picture. Raises Http404 or PermissionDenied."""
        picture = self.get_row(Role.EDITOR)
        found = picture.tags.filter(pk=tag).first() if tag < 2**63 else None
        if found is None:
            raise Http404
        found.picture = picture
        return found

    def open_picture(self) -> Picture:
        """Return the picture of the address. Raises Problem once its rights were withdrawn, but for reviewers."""
        picture = self.get_row()
        if is_closed_to(get_project(self.request.user, picture.project.slug).role, picture.rights):
            raise Problem("withdrawn", _("The rights in this picture were withdrawn."), status=410)
        return picture

    def answer(self, picture: Picture, *, status: int = 200) -> Response:
        """Answer with a picture, what the gates say of it, and where its file says otherwise."""
        notices = [sentence(each["code"], each["params"]) for each in claims_notices(picture)]
        answers = {name: decide_pictures(picture.project, gate, [picture]) for name, gate in ANSWERS.items()}
        context = {**self.get_serializer_context(), "answers": answers, "notices": notices}
        return Response(FullPictureSerializer(picture, context=context).data, status=status)


def opened(file: Any) -> Read:
    """Open an uploaded picture. Raises Problem in words when it is none."""
    try:
        if file.size > settings.UPLOAD_MAX_BYTES:
            raise PictureError("too_many_bytes", size=file.size, limit=settings.UPLOAD_MAX_BYTES)
        return read_picture(file.read())
    except PictureError as error:
        message = sentence(error.code, error.params)
        raise Problem(error.code, message, fields={"file": message}) from error


class ImportViewSet(mixins.ListModelMixin, InProjects):
    """Bring many pictures in: a trial first, then in earnest, and back."""

    queryset = ImportBatch.objects.select_related("project", "dataset")
    serializer_class = ImportSerializer
    lookup_value_converter = "uuid"
    ordering = ("-made_at", "-id")
    scope = Scope.EDIT

    def get_parsers(self) -> list[BaseParser]:
        """Read large forms where files are sent."""
        return [ImportParser()] if getattr(self, "action_map", {}).get("post") == "create" else super().get_parsers()

    @extend_schema(parameters=[PROJECT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List imports, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(request={"multipart/form-data": NewImportSerializer}, responses={202: FullImportSerializer})
    def create(self, request: Request) -> Response:
        """Send one zip, or pictures, with at most one table; a worker reads them as a trial."""
        serializer = NewImportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        project = get_project(request.user, values["project"], Role.EDITOR)
        batch = create_batch(
            request.user,
            project,
            values["files"],
            dataset=serializer.dataset_of(project),
            defaults=values.get("defaults", {}),
        )
        return self.answer(batch)

    @extend_schema(responses=FullImportSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Return an import: how far it is, its counts, and the written licences to confirm."""
        return self.answer(self.get_row(), status=200)

    @extend_schema(parameters=[ROW_STATE], responses=ImportRowSerializer(many=True))
    @action(detail=True, ordering=("number",))
    def rows(self, request: Request, pk: UUID) -> Response:
        """List the files in order, with what is wrong and what they became."""
        rows, state = self.get_row().rows.all(), request.query_params.get("state")
        if state and state not in ImportRow.State.values:
            message = serializers.ChoiceField.default_error_messages["invalid_choice"].format(input=state[:80])
            raise serializers.ValidationError({"state": [message]})
        page = self.paginate_queryset(rows.filter(state=state) if state else rows)
        return self.get_paginated_response(ImportRowSerializer(page, many=True).data)

    @extend_schema(request=ConfirmationSerializer, responses={202: FullImportSerializer})
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: UUID) -> Response:
        """Say what the written licences mean, and take the good files in. What is not said stays unknown."""
        batch = self.get_row(Role.EDITOR)
        serializer = ConfirmationSerializer(data=request.data, context={"own": batch.own_profiles})
        serializer.is_valid(raise_exception=True)
        confirm(batch, confirmed=serializer.validated_data.get("confirmed", {}), user=request.user)
        return self.answer(self.get_row())

    @extend_schema(request=None, responses={202: FullImportSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: UUID) -> Response:
        """Take out again what the import brought in; what a frozen version holds stays."""
        undo(self.get_row(Role.EDITOR), user=request.user)
        return self.answer(self.get_row())

    @extend_schema(request=None, responses={202: FullImportSerializer})
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: UUID) -> Response:
        """Ask the worker to stop at its next file; what is done stays done."""
        stop_walk(self.get_row(Role.EDITOR))
        return self.answer(self.get_row())

    @extend_schema(request=None, responses={202: FullImportSerializer})
    @action(detail=True, methods=["post"])
    def repeat(self, request: Request, pk: UUID) -> Response:
        """Ask again for what failed or was stopped."""
        repeat_walk(self.get_row(Role.EDITOR), user=request.user)
        return self.answer(self.get_row())

    def answer(self, batch: ImportBatch, *, status: int = 202) -> Response:
        """Answer with an import and its newest walk."""
        return Response(FullImportSerializer(batch, context=self.get_serializer_context()).data, status=status)


class LookViewSet(InProjects):
    """A worker's look at pictures: how far it is, and an end before its time."""

    lookup_value_converter = "uuid"
    scope = Scope.EDIT

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Return how far the look is."""
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop looking; what was found stays."""
        job = self.get_row(Role.EDITOR)
        job.request_cancel()
        job.refresh_from_db()
        return Response(self.get_serializer(job).data)


class CurationViewSet(LookViewSet):
    """Let a worker measure new pictures, and find those that are nearly the same."""

    queryset = Curation.objects.select_related("project")
    serializer_class = CurationSerializer

    @extend_schema(request=NewCurationSerializer, responses={202: CurationSerializer})
    def create(self, request: Request) -> Response:
        """Ask for a look; while one waits, return that one."""
        serializer = NewCurationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project = get_project(request.user, serializer.validated_data["project"], Role.EDITOR)
        return Response(self.get_serializer(request_curation(request.user, project)).data, status=202)


class TaggingViewSet(LookViewSet):
    """Let a model propose tags for pictures that it has not seen; a person decides about each."""

    queryset = Tagging.objects.select_related("project", "dataset")
    serializer_class = TaggingSerializer

    @extend_schema(request=NewTaggingSerializer, responses={202: TaggingSerializer})
    def create(self, request: Request) -> Response:
        """Ask for proposals for a dataset's pictures, or for all; while a model looks, return that look."""
        serializer = NewTaggingSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project = get_project(request.user, serializer.validated_data["project"], Role.EDITOR)
        slug = serializer.validated_data.get("dataset")
        dataset = get_in_project(project, Dataset.objects.all(), slug=slug) if slug else None
        return Response(self.get_serializer(request_tagging(request.user, project, dataset)).data, status=202)
