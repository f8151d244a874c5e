"""The API's rooms about datasets: choose pictures, caption them, freeze versions, prove what is in them."""

import io
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.http import FileResponse, Http404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from projects.access import get_project
from projects.api_rows import PROJECT, InProjects
from projects.models import Role, Scope
from projects.problems import Problem

from . import storage
from .exports import KohyaOptions
from .licensing import Action, Decision
from .manifests import diff
from .models import Dataset, DatasetItem, DatasetVersion
from .serializers_datasets import (
    AddedSerializer,
    CaptionEditSerializer,
    CaptionsSerializer,
    ChosenPicturesSerializer,
    DatasetSerializer,
    DatasetWordsSerializer,
    ExportingSerializer,
    FreezingSerializer,
    FullFrozenSerializer,
    GroupedSerializer,
    GroupingSerializer,
    ItemSerializer,
    NewDatasetSerializer,
    PictureProofSerializer,
    RenamingSerializer,
    StandingSerializer,
    VersionDiffSerializer,
    WrittenCaptionsSerializer,
)
from .services import decide_pictures
from .services.datasets import (
    add_items,
    captions_of,
    change_dataset,
    create_dataset,
    freeze_version,
    remove_item,
    rename_in_captions,
    save_captions,
    undo_edit,
)
from .services.exports import export_version, manifest_in, pictures_of
from .services.groups import set_group
from .services.papers import outdated_in, own_licenses_of
from .version_pages import proof_of
from .version_terms import is_changed, standings_of

MAX_NUMBER = 2**31 - 1
LANGUAGE = OpenApiParameter("language", str, required=True, enum=[code for code, _name in settings.LANGUAGES])
AGAINST = OpenApiParameter("against", int, description="Number of the other version; the one before it by default.")
VERSION = "versions/<int:number>"
JSON_LINES = {(200, "application/jsonlines"): OpenApiTypes.BINARY}
ZIP = {(200, "application/zip"): OpenApiTypes.BINARY}
KOHYA = ("trigger", "class_word", "repeats", "resolution", "texts")


def counted(rows: QuerySet[Any]) -> Coalesce:
    """Return how many rows of another table name this dataset."""
    found = rows.filter(dataset=OuterRef("pk")).order_by().values("dataset")
    return Coalesce(Subquery(found.annotate(count=Count("pk")).values("count")), 0)


class DatasetViewSet(mixins.ListModelMixin, InProjects):
    """Datasets, their pictures, captions and versions."""

    queryset = Dataset.objects.select_related("project").annotate(
        picture_count=counted(DatasetItem.objects.all()), version_count=counted(DatasetVersion.objects.all())
    )
    serializer_class = DatasetSerializer
    lookup_value_converter = "uuid"
    ordering = ("-created_at", "-id")
    scope = Scope.EDIT

    @extend_schema(parameters=[PROJECT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List datasets, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(request=NewDatasetSerializer, responses={201: DatasetSerializer})
    def create(self, request: Request) -> Response:
        """Open a dataset."""
        serializer = NewDatasetSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = dict(serializer.validated_data)
        project = get_project(request.user, values.pop("project"), Role.EDITOR)
        dataset = create_dataset(request.user, project, **values)
        return Response(self.get_serializer(self.queryset.get(pk=dataset.pk)).data, status=201)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Return a dataset."""
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(request=DatasetWordsSerializer(partial=True), responses=DatasetSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Give a dataset other names, another description or trigger word; its versions stay."""
        dataset = self.get_row(Role.EDITOR)
        serializer = DatasetWordsSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        change_dataset(request.user, dataset, dict(serializer.validated_data))
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(responses=ItemSerializer(many=True))
    @action(detail=True, ordering=("number",))
    def pictures(self, request: Request, pk: UUID) -> Response:
        """List the pictures in order, with their captions."""
        items = self.get_row().items.select_related("picture__rights").prefetch_related("captions")
        return self.get_paginated_response(ItemSerializer(self.paginate_queryset(items), many=True).data)

    @extend_schema(request=ChosenPicturesSerializer, responses=AddedSerializer)
    @pictures.mapping.post
    def add_pictures(self, request: Request, pk: UUID) -> Response:
        """Put pictures of the project in; those that are in it already stay where they are."""
        dataset = self.get_row(Role.EDITOR)
        serializer = ChosenPicturesSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        added = add_items(request.user, dataset, serializer.rows(dataset.project))
        return Response(AddedSerializer({"added": added}).data)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["delete"], url_path="pictures/<int:number>", url_name="picture")
    def remove_picture(self, request: Request, pk: UUID, number: int) -> Response:
        """Take a picture out; its versions keep it."""
        items = self.get_row(Role.EDITOR).items.select_related("dataset__project", "picture")
        remove_item(request.user, found(items, number=number))
        return Response(status=204)

    @extend_schema(request=GroupingSerializer, responses=GroupedSerializer)
    @action(detail=True, methods=["post"])
    def groups(self, request: Request, pk: UUID) -> Response:
        """Name the group of pictures; it is frozen with a version, and counts before near duplicates."""
        dataset = self.get_row(Role.EDITOR)
        serializer = GroupingSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        changed = set_group(request.user, dataset, serializer.items(dataset), serializer.validated_data["group"])
        return Response(GroupedSerializer({"changed": changed}).data)

    @extend_schema(parameters=[LANGUAGE], responses=WrittenCaptionsSerializer)
    @action(detail=True, pagination_class=None)
    def captions(self, request: Request, pk: UUID) -> Response:
        """Return every caption in one language by the number of its picture; empty where there is none."""
        dataset, language = self.get_row(), request.query_params.get("language", "")
        return self.answer_captions(dataset, serializers.ChoiceField(settings.LANGUAGES).run_validation(language))

    @extend_schema(request=CaptionsSerializer, responses=WrittenCaptionsSerializer)
    @captions.mapping.put
    def write_captions(self, request: Request, pk: UUID) -> Response:
        """Write captions, all or none; numbers that are not named stay as they are."""
        dataset = self.get_row(Role.EDITOR)
        serializer = CaptionsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        save_captions(dataset, serializer.validated_data["language"], serializer.validated_data["captions"])
        return self.answer_captions(dataset, serializer.validated_data["language"])

    @extend_schema(request=RenamingSerializer, responses=CaptionEditSerializer)
    @action(detail=True, methods=["post"], url_path="captions/rename", url_name="rename")
    def rename(self, request: Request, pk: UUID) -> Response:
        """Say something else for a phrase in every caption; it can be undone."""
        dataset = self.get_row(Role.EDITOR)
        serializer = RenamingSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        edit = rename_in_captions(request.user, dataset, **serializer.validated_data)
        if edit is None:
            message = _("No caption has this phrase.")
            raise Problem("unchanged", message, status=409, fields={"old": message})
        return Response(CaptionEditSerializer(edit).data)

    @extend_schema(responses=CaptionEditSerializer(many=True))
    @action(detail=True, ordering=("-made_at", "-id"))
    def edits(self, request: Request, pk: UUID) -> Response:
        """List what was changed in captions in one go, newest first."""
        page = self.paginate_queryset(self.get_row().edits.all())
        return self.get_paginated_response(CaptionEditSerializer(page, many=True).data)

    @extend_schema(request=None, responses=CaptionEditSerializer)
    @action(detail=True, methods=["post"], url_path="edits/<uuid:edit>/undo", url_name="undo")
    def undo(self, request: Request, pk: UUID, edit: UUID) -> Response:
        """Bring captions back to what they were; those that were changed since stay."""
        row = found(self.get_row(Role.EDITOR).edits.select_related("dataset__project"), id=edit)
        undo_edit(request.user, row)
        row.refresh_from_db()
        return Response(CaptionEditSerializer(row).data)

    @extend_schema(responses=StandingSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def versions(self, request: Request, pk: UUID) -> Response:
        """List the frozen versions, newest first, with what the train gate said then and says now."""
        dataset = self.get_row()
        rows = list(dataset.versions.defer("decision").annotate(verdict=KT("decision__verdict")))
        standings = standings_of(dataset, rows)
        for row in rows:
            now = standings[row.id].decision
            row.verdict_now, row.effective_license = now.verdict.value, now.effective_license
        return Response(StandingSerializer(rows, many=True).data)

    @extend_schema(request=FreezingSerializer, responses={201: FullFrozenSerializer})
    @versions.mapping.post
    def freeze(self, request: Request, pk: UUID) -> Response:
        """Freeze the dataset as it is into its next version. The train gate's answer is kept with it."""
        dataset = self.get_row(Role.EDITOR)
        serializer = FreezingSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        version = freeze_version(request.user, dataset, **serializer.validated_data)
        return self.answer_version(version, status=201)

    @extend_schema(responses=FullFrozenSerializer)
    @action(detail=True, url_path=VERSION, url_name="version")
    def version(self, request: Request, pk: UUID, number: int) -> Response:
        """Return a version with what the train gate said then and says now."""
        return self.answer_version(self.get_version())

    @extend_schema(responses=JSON_LINES)
    @action(detail=True, url_path=f"{VERSION}/manifest", url_name="manifest")
    def manifest(self, request: Request, pk: UUID, number: int) -> FileResponse:
        """Send the manifest: one line for each picture, whose Merkle root names the version."""
        version = self.get_version()
        file = io.BytesIO(manifest_in(version).text().encode())
        return attachment(file, version, "manifest", ".jsonl", "application/jsonlines")

    @extend_schema(responses=PictureProofSerializer)
    @action(detail=True, url_path=f"{VERSION}/proofs/<uuid:picture>", url_name="proof")
    def proof(self, request: Request, pk: UUID, number: int, picture: UUID) -> Response:
        """Return what proves that a picture is in a version, for anybody who has the root."""
        version = self.get_version()
        item = found(version.items, picture=picture)
        return Response(PictureProofSerializer(proof_of(version, manifest_in(version), item.number)).data)

    @extend_schema(parameters=[AGAINST], responses=VersionDiffSerializer)
    @action(detail=True, url_path=f"{VERSION}/diff", url_name="diff")
    def diff(self, request: Request, pk: UUID, number: int) -> Response:
        """Say what changed between two versions; moved pictures are those that stand elsewhere among the rest."""
        version = self.get_version()
        field = serializers.IntegerField(min_value=1, max_value=MAX_NUMBER)
        against = field.run_validation(request.query_params.get("against", max(number - 1, 1)))
        other = found(version.dataset.versions, number=against)
        changes = diff(manifest_in(other), manifest_in(version))
        return Response(
            VersionDiffSerializer(
                {
                    "old": other.number,
                    "new": version.number,
                    "added": changes.added,
                    "removed": changes.removed,
                    "changed": changes.changed,
                    "moved": changes.reordered,
                }
            ).data
        )

    @extend_schema(request=ExportingSerializer, responses=ZIP)
    @action(detail=True, methods=["post"], url_path=f"{VERSION}/export", url_name="export")
    def export(self, request: Request, pk: UUID, number: int) -> FileResponse:
        """Send a version as a zip file, when the publish gate lets all of it through now."""
        version = self.get_version(Role.EDITOR)
        serializer = ExportingSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.asked(version)
        export = export_version(
            request.user,
            version,
            format=asked["format"],
            url=request.build_absolute_uri(version.get_absolute_url()),
            language=asked["language"],
            kohya=KohyaOptions(**{name: asked[name] for name in KOHYA}) if asked["format"] == "kohya" else None,
        )
        return attachment(export.file, version, asked["format"], ".zip", "application/zip")

    def get_version(self, role: Role = Role.VIEWER) -> DatasetVersion:
        """Return the version of the address. Raises Http404 or PermissionDenied."""
        rows = self.get_row(role).versions.select_related("dataset__project")
        version: DatasetVersion = found(rows, number=self.kwargs["number"])
        return version

    def answer_version(self, version: DatasetVersion, *, status: int = 200) -> Response:
        """Answer with a version and the train gate's answers."""
        project, pictures = version.dataset.project, pictures_of(version)
        own = own_licenses_of(project, pictures)
        version.decided_then = Decision.from_dict(version.decision)
        version.decided_now = decide_pictures(project, Action.TRAIN, pictures, own=own)
        version.is_changed = is_changed(version.decided_then, version.decided_now)
        outdated = outdated_in(project, manifest_in(version), pictures, own)
        version.outdated = [each.item.number for each in outdated]
        version.verdict = version.decision["verdict"]
        return Response(FullFrozenSerializer(version).data, status=status)

    def answer_captions(self, dataset: Dataset, language: str) -> Response:
        """Answer with a dataset's captions in one language."""
        values = {"language": language, "captions": captions_of(dataset, language)}
        return Response(WrittenCaptionsSerializer(values).data)


def found(rows: Any, **lookup: Any) -> Any:
    """Return one row of things that the person may see. Raises Http404."""
    if lookup.get("number", 0) > MAX_NUMBER:
        raise Http404
    row = rows.filter(**lookup).first()
    if row is None:
        raise Http404
    return row


def attachment(file: Any, version: DatasetVersion, what: str, suffix: str, content_type: str) -> FileResponse:
    """Send a file about a version as a download."""
    name = storage.download_name(f"{version.dataset.slug}-v{version.number}-{what}", suffix)
    response = FileResponse(file, as_attachment=True, filename=name, content_type=content_type)
    response.headers["Cache-Control"] = "private, no-store"
    return response
