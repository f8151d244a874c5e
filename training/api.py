"""The API's rooms where trainings are asked for, followed and compared."""

from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from projects.access import get_project
from projects.api_rows import PROJECT, InProjects, refuse_over
from projects.models import Role, Scope
from projects.problems import Problem

from .access import sample_in
from .models import TrainingRun
from .requests import plan
from .sample_files import send_sample
from .serializers import (
    DuplicateSerializer,
    FullRunSerializer,
    NotesSerializer,
    SweepSerializer,
    TrainingPlanSerializer,
    TrainingRequestSerializer,
    TrainingRunSerializer,
)
from .services.notes import note_run
from .services.runs import cancel_run, duplicate_run, find_asked, resume_run, start_once, sweep_runs

KEY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="Any text of at most 80 characters; the same key returns the same run.",
)
MAX_KEY_CHARS = 80
BOTH = {201: TrainingRunSerializer, 200: TrainingRunSerializer}


def key_of(request: Request) -> str:
    """Return the request's idempotency key. Raises Problem when there is none, or none that can be kept."""
    key = request.headers.get("Idempotency-Key", "")
    if not 0 < len(key) <= MAX_KEY_CHARS or not key.isprintable():
        message = _("Send an Idempotency-Key header of 1 to 80 characters, so that a retry makes no second job.")
        raise Problem("idempotency_key_missing", message)
    return key


def status_for(request: Request, jobs: QuerySet[Any], key: str) -> int:
    """Return how a request for a job is answered: 200 where this person asked with this key before, 201 otherwise."""
    return 200 if jobs.filter(requested_by=request.user, idempotency_key=key).exists() else 201


class TrainingRunViewSet(mixins.ListModelMixin, InProjects):
    """Ask for trainings and follow them."""

    queryset = TrainingRun.objects.select_related("project", "adapter", "dataset_version__dataset", "version")
    serializer_class = TrainingRunSerializer
    lookup_value_converter = "uuid"
    scope = Scope.EDIT

    @extend_schema(parameters=[PROJECT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List trainings, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=FullRunSerializer)
    def retrieve(self, request: Request, pk: Any) -> Response:
        """Return a training with its progress and its curve."""
        return Response(FullRunSerializer(self.get_row()).data)

    @extend_schema(parameters=[KEY_HEADER], request=TrainingRequestSerializer, responses=BOTH)
    def create(self, request: Request) -> Response:
        """Ask for a training: 201 for a new one, 200 with the first one when the key was used before."""
        key = key_of(request)
        serializer = TrainingRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project = get_project(request.user, serializer.validated_data["project"], Role.EDITOR)
        run, is_new = find_asked(request.user, project, key), False
        if run is None:
            run, is_new = start_once(request.user, project, serializer.training_request(project), key=key)
        return Response(self.get_serializer(run).data, status=201 if is_new else 200)

    @extend_schema(request=TrainingRequestSerializer, responses=TrainingPlanSerializer)
    @action(detail=False, methods=["post"], pagination_class=None)
    def plan(self, request: Request) -> Response:
        """Say what would be trained, what it needs, and whether it may be, without asking for it."""
        serializer = TrainingRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project = get_project(request.user, serializer.validated_data["project"], Role.EDITOR)
        return Response(TrainingPlanSerializer(plan(project, serializer.training_request(project))).data)

    @extend_schema(request=None, responses=TrainingRunSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: Any) -> Response:
        """Ask a training to stop; its last checkpoint stays. Raises 409 when it had ended."""
        refuse_over(was_asked=cancel_run(self.get_row(Role.EDITOR), actor=request.user))
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(request=None, responses=TrainingRunSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: Any) -> Response:
        """Let a stopped training go on from its last checkpoint. Raises 409 when it was not stopped."""
        run = resume_run(self.get_row(Role.EDITOR), actor=request.user)
        return Response(self.get_serializer(run).data)

    @extend_schema(parameters=[KEY_HEADER], request=DuplicateSerializer, responses={201: TrainingRunSerializer})
    @action(detail=True, methods=["post"])
    def duplicate(self, request: Request, pk: Any) -> Response:
        """Train the same again with one field changed, compared with this one."""
        key, serializer = key_of(request), DuplicateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        run = duplicate_run(request.user, self.get_row(Role.EDITOR), key=key, **serializer.validated_data)
        return Response(self.get_serializer(run).data, status=201)

    @extend_schema(parameters=[KEY_HEADER], request=SweepSerializer, responses={201: TrainingRunSerializer(many=True)})
    @action(detail=True, methods=["post"], pagination_class=None)
    def sweep(self, request: Request, pk: Any) -> Response:
        """Train the same again for several values of one field, all or none."""
        key, serializer = key_of(request), SweepSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        runs = sweep_runs(request.user, self.get_row(Role.EDITOR), key=key, **serializer.validated_data)
        return Response(self.get_serializer(runs, many=True).data, status=201)

    @extend_schema(request=NotesSerializer, responses=TrainingRunSerializer)
    @action(detail=True, methods=["post"])
    def notes(self, request: Request, pk: Any) -> Response:
        """Write notes, and what was seen on the pictures."""
        serializer = NotesSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        note_run(request.user, self.get_row(Role.EDITOR), **serializer.validated_data)
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(responses={(200, "image/png"): OpenApiTypes.BINARY})
    @action(detail=True, url_path="samples/<int:step>/<int:index>", url_name="sample")
    def sample(self, request: Request, pk: Any, step: int, index: int) -> FileResponse:
        """Show one picture of the strip that was drawn at a step."""
        run = self.get_row()
        return send_sample(sample_in(run.project, run.id, step, index))
