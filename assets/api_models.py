"""The API's rooms about model files: which there are, what is declared about one, and how one comes in."""

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from projects.access import get_project, usable_in
from projects.api_rows import ONE_PROJECT, PROJECT, InProjects, project_named, refuse_over
from projects.models import Membership, Project, Role, Scope, User
from projects.protocol import BoundedJSONParser, BoundedMultiPartParser, project_asked

from .model_pages import may_edit
from .model_uploading import prepare_upload
from .models import Evidence, ModelFile, ModelIntake
from .serializers import ModelFileSerializer
from .serializers_models import (
    FullIntakeSerializer,
    FullModelFileSerializer,
    IntakeSerializer,
    NewModelSerializer,
    PredictionSerializer,
    WaitingSerializer,
)
from .serializers_rights import DeclarationSerializer, FullRightsSerializer
from .services import edit_rights
from .services.intake import cancel_intake, start_intake
from .services.intake_files import keeping, list_waiting
from .services.predictions import choose_prediction

MODEL_PROJECT = OpenApiParameter("project", str, description="Slug: only what this project may use.")


class ModelParser(BoundedMultiPartParser):
    """Read a form with a file as large as a model may be."""

    limit_setting = "MODEL_MAX_BYTES"


class ModelFileViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """Model files that a project may use: base models, VAEs, adapters and upscalers."""

    queryset = ModelFile.objects.none()
    serializer_class = ModelFileSerializer
    lookup_value_converter = "uuid"
    ordering = ("name", "id")
    scope = Scope.EDIT

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Decide how much may be sent, and where it goes, before a session's token is looked for in the form."""
        if self.action == "create":
            if request._request.user.is_authenticated:
                check_sender(request._request.user)
            prepare_upload(request._request)
        super().initial(request, *args, **kwargs)

    def get_parsers(self) -> list[BaseParser]:
        """Read large forms where files are sent."""
        is_intake = getattr(self, "action_map", {}).get("post") == "create"
        return [BoundedJSONParser(), ModelParser()] if is_intake else super().get_parsers()

    def get_queryset(self) -> Any:
        """Return the files of one project, or of all the person's projects, with those that the house shares."""
        rows = ModelFile.objects.filter(removed_at=None).select_related("rights", "project")
        slug = project_asked(self.request)
        if slug:
            return usable_in(get_project(self.request.user, slug), rows)
        mine = Membership.objects.filter(user=self.request.user).values("project")
        return rows.filter(project__in=mine) | rows.filter(project=None)

    @extend_schema(parameters=[MODEL_PROJECT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List model files by name."""
        return super().list(request, *args, **kwargs)

    @extend_schema(
        request={"multipart/form-data": NewModelSerializer, "application/json": NewModelSerializer},
        responses={202: FullIntakeSerializer},
    )
    def create(self, request: Request) -> Response:
        """Ask a worker to take a model file in; its rights then wait for somebody else's review."""
        check_sender(request.user)
        serializer = NewModelSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        project = get_project(request.user, values["project"], Role.EDITOR)
        with keeping(values.get("file")) as kept:
            asked, place = serializer.asked(project, kept)
            job = start_intake(request.user, project, asked, **place)
        return Response(FullIntakeSerializer(job).data, status=202)

    @extend_schema(responses=FullModelFileSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Return a file's facts, everything declared about its rights, and what it was made from."""
        mine = set(Membership.objects.filter(user=request.user).values_list("project_id", flat=True))
        context = {**self.get_serializer_context(), "projects": mine}
        return Response(FullModelFileSerializer(self.get_file(), context=context).data)

    @extend_schema(request=DeclarationSerializer(partial=True), responses=FullRightsSerializer)
    @action(detail=True, methods=["patch"])
    def rights(self, request: Request, pk: UUID) -> Response:
        """Change what was declared; what was cleared waits for review again."""
        file = self.get_file()
        role = get_project(request.user, file.project.slug).role if file.project else Role.VIEWER
        if not may_edit(request.user, role, file):
            raise PermissionDenied
        serializer = DeclarationSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        home = file.project or keeper_of(request.user, serializer.validated_data.get("evidence"))
        edit_rights(file.rights, actor=request.user, changes=serializer.facts(home))
        return Response(FullRightsSerializer(file.rights).data)

    @extend_schema(request=PredictionSerializer, responses=FullModelFileSerializer)
    @action(detail=True, methods=["patch"])
    def prediction(self, request: Request, pk: UUID) -> Response:
        """Say how a base model predicts, from the next picture on."""
        file = self.get_file()
        role = get_project(request.user, file.project.slug).role if file.project else Role.VIEWER
        if not may_edit(request.user, role, file):
            raise PermissionDenied
        serializer = PredictionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        choose_prediction(file, serializer.validated_data["prediction_type"], actor=request.user)
        return self.retrieve(request, pk)

    @extend_schema(parameters=[ONE_PROJECT], responses=WaitingSerializer(many=True))
    @action(detail=False, pagination_class=None)
    def waiting(self, request: Request) -> Response:
        """List what lies on the server and can be registered."""
        project = project_named(request, Role.EDITOR)
        return Response(WaitingSerializer(list_waiting(project), many=True).data)

    def get_file(self) -> ModelFile:
        """Return the file of the address. Raises Http404."""
        found = self.get_queryset().filter(pk=self.kwargs["pk"]).first()
        if found is None:
            raise Http404
        return found


def check_sender(user: User) -> None:
    """Refuse whoever adds models to no project before gigabytes are read. Raises PermissionDenied."""
    if not Membership.objects.filter(user=user, role__in=Role.at_least(Role.EDITOR)).exists():
        raise PermissionDenied


def keeper_of(user: User, evidence_id: UUID | None) -> Project | None:
    """Return the project that keeps a document for what the whole house shares: one in which the person is editor."""
    mine = Membership.objects.filter(user=user, role__in=Role.at_least(Role.EDITOR)).values("project")
    found = Evidence.objects.filter(id=evidence_id, project__in=mine).select_related("project").first()
    return found.project if found else None


class IntakeViewSet(mixins.ListModelMixin, InProjects):
    """Model files on their way into the library."""

    queryset = ModelIntake.objects.select_related("project", "result").prefetch_related("bases")
    serializer_class = IntakeSerializer
    lookup_value_converter = "uuid"
    scope = Scope.EDIT

    @extend_schema(parameters=[PROJECT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List intakes, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=FullIntakeSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Return how far a model is, or why it did not come in."""
        return Response(FullIntakeSerializer(self.get_row()).data)

    @extend_schema(request=None, responses=FullIntakeSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Ask an intake to stop. Raises 409 when it had ended."""
        refuse_over(was_asked=cancel_intake(self.get_row(Role.EDITOR)))
        return Response(FullIntakeSerializer(self.get_row()).data)
