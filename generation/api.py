"""The API's rooms where pictures are asked for, followed, and looked at."""

from typing import Any

from django.http import FileResponse, HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from assets.licensing import Action, obligations_text
from assets.services import decide_use, reading_language
from projects.access import get_project
from projects.api_rows import PROJECT, InProjects, refuse_over
from projects.models import Role, Scope
from projects.problems import Problem

from .composing import compose
from .filters import OutputFilter
from .models import Generation, Output, Replay
from .output_files import send_download, send_picture, send_thumbnail
from .serializers import (
    ComposedSerializer,
    CreditsSerializer,
    GenerationRequestSerializer,
    GenerationSerializer,
    OutputSerializer,
    ParametersSerializer,
    RatingSerializer,
    RejectionSerializer,
    ReplaySerializer,
)
from .services.generations import cancel_generation, find_asked, repeat_request, submit_once
from .services.outputs import download_output, parameters_text, rate_output, reject_output
from .services.replays import cancel_replay, model_files, request_replay

KEY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="Any text of at most 80 characters; the same key returns the same job.",
)
MAX_KEY_CHARS = 80
PICTURE_BYTES = {(200, "image/png"): OpenApiTypes.BINARY}
THUMBNAIL_BYTES = {(200, "image/webp"): OpenApiTypes.BINARY}


class ComposeView(APIView):
    """Compile, translate, count and judge a request without asking for it."""

    scope = Scope.GENERATE

    @extend_schema(request=GenerationRequestSerializer, responses=ComposedSerializer, operation_id="compose")
    def post(self, request: Request) -> Response:
        """Say what would be drawn, and what may be done with it."""
        serializer = GenerationRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project = get_project(request.user, serializer.validated_data["project"])
        with serializer.naming_fields():
            composed = compose(project, serializer.picture_request(project))
        return Response(ComposedSerializer(composed).data)


def key_of(request: Request) -> str:
    """Return the request's idempotency key. Raises Problem when there is none, or none that can be kept."""
    key = request.headers.get("Idempotency-Key", "")
    if not 0 < len(key) <= MAX_KEY_CHARS or not key.isprintable():
        message = _("Send an Idempotency-Key header of 1 to 80 characters, so that a retry makes no second job.")
        raise Problem("idempotency_key_missing", message)
    return key


class GenerationViewSet(mixins.ListModelMixin, InProjects):
    """Ask for pictures and follow them."""

    queryset = Generation.objects.select_related("project", "template_version__template").prefetch_related("outputs")
    serializer_class = GenerationSerializer
    lookup_value_converter = "uuid"
    scope = Scope.GENERATE

    @extend_schema(parameters=[PROJECT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List jobs, newest first."""
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, pk: Any) -> Response:
        """Return a job with its progress."""
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(
        parameters=[KEY_HEADER],
        request=GenerationRequestSerializer,
        responses={201: GenerationSerializer, 200: GenerationSerializer},
    )
    def create(self, request: Request) -> Response:
        """Ask for pictures: 201 for a new job, 200 with the first one when the key was used before."""
        key = key_of(request)
        serializer = GenerationRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project = get_project(request.user, serializer.validated_data["project"], Role.EDITOR)
        job, is_new = find_asked(request.user, project, key), False
        if job is None:
            with serializer.naming_fields():
                asked = serializer.picture_request(project)
                job, is_new = submit_once(request.user, project, asked, key=key)
        return Response(self.get_serializer(job).data, status=201 if is_new else 200)

    @extend_schema(
        parameters=[KEY_HEADER], request=None, responses={201: GenerationSerializer, 200: GenerationSerializer}
    )
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: Any) -> Response:
        """Ask for the same pictures again, with the same seed."""
        row, key = self.get_row(Role.EDITOR), key_of(request)
        job, is_new = submit_once(request.user, row.project, repeat_request(row), key=key)
        return Response(self.get_serializer(job).data, status=201 if is_new else 200)

    @extend_schema(request=None, responses=GenerationSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: Any) -> Response:
        """Ask the job to stop. Raises 409 when it had ended."""
        job = self.get_row(Role.EDITOR)
        refuse_over(was_asked=cancel_generation(job, actor=request.user))
        return Response(self.get_serializer(self.get_row()).data)


class OutputViewSet(mixins.ListModelMixin, InProjects):
    """Pictures with their recipes and licences."""

    queryset = Output.objects.prefetch_related("project").defer("decision", "search_text")
    serializer_class = OutputSerializer
    filterset_class = OutputFilter
    lookup_value_converter = "uuid"
    ordering = ("-created_at", "-id")
    scope = Scope.GENERATE

    @extend_schema(parameters=[PROJECT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List pictures, newest first."""
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, pk: Any) -> Response:
        """Return a picture with its recipe, environment and licence."""
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(responses=PICTURE_BYTES)
    @action(detail=True, url_name="file")
    def file(self, request: Request, pk: Any) -> HttpResponse | FileResponse:
        """Show the PNG, with its recipe inside."""
        return send_picture(request, self.get_row())

    @extend_schema(responses=THUMBNAIL_BYTES)
    @action(detail=True, url_name="thumbnail")
    def thumbnail(self, request: Request, pk: Any) -> HttpResponse | FileResponse:
        """Show the small WebP."""
        return send_thumbnail(request, self.get_row())

    @extend_schema(request=None, responses=PICTURE_BYTES)
    @action(detail=True, methods=["post"], scope=Scope.READ)
    def download(self, request: Request, pk: Any) -> FileResponse:
        """Take the PNG out, which the ledger notes. Raises 409 when anything in it was withdrawn or refused."""
        output = self.get_row()
        return send_download(output, download_output(request.user, output))

    @extend_schema(responses=ParametersSerializer)
    @action(detail=True)
    def parameters(self, request: Request, pk: Any) -> Response:
        """Return the recipe as A1111 writes it."""
        return Response({"parameters": parameters_text(self.get_row())})

    @extend_schema(responses=CreditsSerializer)
    @action(detail=True)
    def credits(self, request: Request, pk: Any) -> Response:
        """Return what must be said where the picture is shown, as the licences stand now."""
        output = self.get_row()
        decision = decide_use(output.project, Action.PUBLISH, model_files(output))
        values = {"publish": decision, "credits": obligations_text(decision, reading_language())}
        return Response(CreditsSerializer(values).data)

    @extend_schema(request=None, responses={202: ReplaySerializer})
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: Any) -> Response:
        """Ask for the picture to be drawn again from its ledger entry."""
        replay = request_replay(request.user, self.get_row(Role.EDITOR))
        return Response(ReplaySerializer(replay).data, status=202)

    @extend_schema(request=RatingSerializer, responses=OutputSerializer)
    @action(detail=True, methods=["post"])
    def rate(self, request: Request, pk: Any) -> Response:
        """Give one to five stars, or take them back with zero."""
        serializer = RatingSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        output = rate_output(request.user, self.get_row(Role.EDITOR), serializer.validated_data["rating"])
        return Response(self.get_serializer(output).data)

    @extend_schema(request=RejectionSerializer, responses=OutputSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: Any) -> Response:
        """Put a picture aside, or take it back."""
        serializer = RejectionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        output = reject_output(request.user, self.get_row(Role.EDITOR), rejected=serializer.validated_data["rejected"])
        return Response(self.get_serializer(output).data)


class ReplayViewSet(InProjects):
    """Replays and their verdicts."""

    queryset = Replay.objects.select_related("project", "output")
    serializer_class = ReplaySerializer
    lookup_value_converter = "uuid"
    scope = Scope.GENERATE

    def retrieve(self, request: Request, pk: Any) -> Response:
        """Return a replay with its progress or its verdict."""
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(request=None, responses=ReplaySerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: Any) -> Response:
        """Ask a replay to stop. Raises 409 when it had ended."""
        refuse_over(was_asked=cancel_replay(self.get_row(Role.EDITOR), actor=request.user))
        return Response(self.get_serializer(self.get_row()).data)
