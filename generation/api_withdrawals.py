"""The API's room for withdrawals: what it would close, the withdrawal itself, and the report."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from assets.api_rights import thing_with
from assets.models import ModelFile, Picture, Rights
from assets.review_pages import thing_of
from assets.serializers_rights import ReasonSerializer, ReviewSerializer
from projects.access import get_project
from projects.api_rows import ONE_PROJECT, project_named
from projects.models import Project, Role, Scope

from .serializers_rights import ReportSerializer, TouchedOutputSerializer, WithdrawalSerializer
from .services.withdrawals import withdraw
from .withdrawal_pages import Blast, blast_of, heading_of, json_report, rows_of, withdrawn_in

SHARED = OpenApiParameter(
    "project", str, description="Slug: for a model that the whole house shares, the project whose things are named."
)


class WithdrawalViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """Withdrawals by the id of the rights that they end."""

    queryset = Rights.objects.none()
    serializer_class = ReviewSerializer
    lookup_value_converter = "uuid"
    ordering = ("-closed_at", "-id")
    scope = Scope.REVIEW

    def get_queryset(self) -> QuerySet[Rights]:
        """Return what was withdrawn in a project."""
        return withdrawn_in(project_named(self.request)).select_related("model_file__project")

    @extend_schema(parameters=[ONE_PROJECT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List what was withdrawn, the latest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(parameters=[SHARED], responses=WithdrawalSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Say what a withdrawal would close, or has closed. Nothing is written."""
        return self.answer(self.blast())

    @extend_schema(parameters=[SHARED], request=ReasonSerializer, responses=WithdrawalSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: UUID) -> Response:
        """End the rights in a thing, with a reason. Everything made from it is closed; it cannot be taken back."""
        thing = thing_with(request.user, pk, Role.REVIEWER)
        project = self.project_of(thing)
        serializer = ReasonSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        withdraw(thing, actor=request.user, reason=serializer.validated_data["reason"])
        return self.answer(blast_of(project, thing_of(project, thing.rights)))

    @extend_schema(parameters=[SHARED], responses=TouchedOutputSerializer(many=True))
    @action(detail=True, ordering=("-created_at", "-id"))
    def outputs(self, request: Request, pk: UUID) -> Response:
        """List every picture that is closed, newest first."""
        rows = self.blast().found.outputs.select_related("project").defer("decision", "spec", "environment")
        return self.get_paginated_response(TouchedOutputSerializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(parameters=[SHARED], responses=ReportSerializer)
    @action(detail=True)
    def report(self, request: Request, pk: UUID) -> StreamingHttpResponse:
        """Send the report: a heading, and a row for each touched thing, whatever their number."""
        blast, project = self.blast(), self.project_of(thing_with(request.user, pk))
        content = json_report(heading_of(project, blast), rows_of(blast))
        response = StreamingHttpResponse(content, content_type="application/json")
        response.headers["Cache-Control"] = "private, no-store"
        return response

    def blast(self) -> Blast:
        """Return what the withdrawal of the address touches. Raises Http404."""
        thing = thing_with(self.request.user, self.kwargs["pk"])
        project = self.project_of(thing)
        return blast_of(project, thing_of(project, thing.rights))

    def project_of(self, thing: Picture | ModelFile) -> Project:
        """Return the thing's project, or the one that the address names for what the whole house shares."""
        return get_project(self.request.user, thing.project.slug) if thing.project else project_named(self.request)

    def answer(self, blast: Blast) -> Response:
        """Answer with what a withdrawal touches."""
        context = {**self.get_serializer_context(), "blast": blast}
        return Response(WithdrawalSerializer(blast.thing.rights, context=context).data)
