"""The API's rooms about rights: evidence, review with four eyes, and rules that are set aside."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from projects.access import get_for_user, get_project
from projects.api_rows import ONE_PROJECT, PROJECT, InProjects, project_named
from projects.models import Role, Scope, User
from projects.problems import Problem
from projects.protocol import BoundedMultiPartParser

from .material_files import send_evidence
from .models import Evidence, ModelFile, Picture, Rights, Waiver
from .review_pages import in_order, rights_in
from .sentences import sentence
from .serializers_rights import (
    ClearingSerializer,
    EvidenceSerializer,
    NewEvidenceSerializer,
    NewWaiverSerializer,
    RefusalSerializer,
    ReviewSerializer,
    WaiverSerializer,
)
from .services import clear_rights, may_review, refuse_rights
from .services.pictures import add_evidence
from .services.waivers import approve_waiver, request_waiver, revoke_waiver
from .storage import StorageError

DOWNLOAD = {(200, "application/octet-stream"): OpenApiTypes.BINARY}


@contextmanager
def keeping_files() -> Iterator[None]:
    """Answer in words, naming the field, when a file cannot be kept: the disk is full, or refuses."""
    try:
        yield
    except StorageError as error:
        message = sentence(error.code, error.params)
        raise Problem(error.code, message, status=507, fields={"file": message}) from error


def thing_with(user: User, rights_id: UUID, role: Role = Role.VIEWER) -> Picture | ModelFile:
    """Return the picture or model that has these rights, also one that was taken out: versions may hold it.

    What the whole house shares is for everybody to see, and for the house's staff to judge. Raises Http404 or
    PermissionDenied.
    """
    pictures = Picture.objects.filter(rights=rights_id).select_related("rights__evidence")
    if pictures.exists():
        return get_for_user(user, pictures, role)
    files = ModelFile.objects.filter(rights=rights_id).select_related("rights__evidence", "project")
    shared = files.filter(project=None).first()
    if shared is None:
        return get_for_user(user, files, role)
    if role is not Role.VIEWER and not may_review(user, None):
        raise PermissionDenied
    return shared


class ReviewViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """What waits for review; nobody clears what they submitted."""

    queryset = Rights.objects.none()
    serializer_class = ReviewSerializer
    lookup_value_converter = "uuid"
    ordering = ("at", "id")
    scope = Scope.REVIEW

    def get_queryset(self) -> QuerySet[Rights]:
        """Return the project's pending rights, and those of models that the whole house shares."""
        rows = rights_in(project_named(self.request)).select_related("model_file__project")
        return in_order(rows).filter(state=Rights.State.PENDING)

    @extend_schema(parameters=[ONE_PROJECT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List what waits, the longest first."""
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Return the rights in one thing, whatever their state."""
        return self.answer(thing_with(request.user, pk))

    @extend_schema(request=ClearingSerializer, responses=ReviewSerializer)
    @action(detail=True, methods=["post"])
    def clear(self, request: Request, pk: UUID) -> Response:
        """Clear declared rights, as a reviewer who did not submit them; what is in quarantine needs a reason."""
        thing = thing_with(request.user, pk, Role.REVIEWER)
        serializer = ClearingSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        clear_rights(thing, reviewer=request.user, seen=values.get("revision"), reason=values["reason"])
        return self.answer(thing)

    @extend_schema(request=RefusalSerializer, responses=ReviewSerializer)
    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, pk: UUID) -> Response:
        """Refuse declared rights with a reason, as a reviewer who did not submit them."""
        thing = thing_with(request.user, pk, Role.REVIEWER)
        serializer = RefusalSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        refuse_rights(thing, reviewer=request.user, reason=values["reason"], seen=values.get("revision"))
        return self.answer(thing)

    def answer(self, thing: Picture | ModelFile) -> Response:
        """Answer with the rights in a thing as they are now."""
        return Response(self.get_serializer(thing.rights).data)


class EvidenceViewSet(mixins.ListModelMixin, InProjects):
    """Documents that show where rights come from."""

    queryset = Evidence.objects.select_related("project")
    serializer_class = EvidenceSerializer
    lookup_value_converter = "uuid"
    ordering = ("-added_at", "-id")
    parser_classes = (BoundedMultiPartParser,)

    @extend_schema(parameters=[PROJECT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List documents, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(request={"multipart/form-data": NewEvidenceSerializer}, responses={201: EvidenceSerializer})
    def create(self, request: Request) -> Response:
        """Keep a document; the same bytes are kept once."""
        serializer = NewEvidenceSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project = get_project(request.user, serializer.validated_data["project"], Role.EDITOR)
        file = serializer.validated_data["file"]
        with keeping_files():
            evidence = add_evidence(request.user, project, file.read(), name=str(file.name))
        return Response(self.get_serializer(evidence).data, status=201)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Return what a document is called, its hash and size."""
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(responses=DOWNLOAD)
    @action(detail=True)
    def file(self, request: Request, pk: UUID) -> FileResponse:
        """Send the document, always as a download."""
        return send_evidence(self.get_row())


class WaiverViewSet(mixins.ListModelMixin, InProjects):
    """Rules that two persons set aside."""

    queryset = Waiver.objects.select_related("project", "evidence", "rights")
    serializer_class = WaiverSerializer
    lookup_value_converter = "uuid"
    ordering = ("-requested_at", "-id")
    scope = Scope.EDIT

    @extend_schema(parameters=[PROJECT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List waivers and requests, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(request=NewWaiverSerializer, responses={201: WaiverSerializer})
    def create(self, request: Request) -> Response:
        """Ask that a rule be set aside; another person has to approve it."""
        serializer = NewWaiverSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project = get_project(request.user, serializer.validated_data["project"], Role.EDITOR)
        waiver = request_waiver(request.user, project, **serializer.asked(project))
        return Response(self.get_serializer(waiver).data, status=201)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Return a waiver."""
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(request=None, responses=WaiverSerializer)
    @action(detail=True, methods=["post"], scope=Scope.REVIEW)
    def approve(self, request: Request, pk: UUID) -> Response:
        """Let a waiver count that somebody else asked for."""
        waiver = self.get_row(Role.REVIEWER)
        approve_waiver(waiver, approver=request.user)
        return Response(self.get_serializer(waiver).data)

    @extend_schema(request=None, responses=WaiverSerializer)
    @action(detail=True, methods=["post"], scope=Scope.REVIEW)
    def revoke(self, request: Request, pk: UUID) -> Response:
        """End a waiver at once, or decline one that waits."""
        waiver = self.get_row(Role.REVIEWER)
        revoke_waiver(waiver, actor=request.user)
        return Response(self.get_serializer(waiver).data)
