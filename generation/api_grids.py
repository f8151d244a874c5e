"""The API's room where grids are planned, asked for, followed and cancelled."""

from typing import Any

from django.db.models import Prefetch
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from projects.access import get_project
from projects.api_rows import PROJECT, InProjects, refuse_over
from projects.models import Role, Scope

from .api import KEY_HEADER, key_of
from .grid_plans import plan_grid
from .models import Grid, GridCell, Output
from .serializers_grids import GridRequestSerializer, GridSerializer, GridSummarySerializer, PlanSerializer
from .services.grids import cancel_grid, find_grid, redraw_grid, request_grid


class GridViewSet(mixins.ListModelMixin, InProjects):
    """Ask for pictures that differ in one to three ways, and follow them."""

    queryset = Grid.objects.select_related("project").prefetch_related(
        "cells__generation", Prefetch("cells__generation__outputs", Output.objects.only("generation_id"))
    )
    serializer_class = GridSerializer
    lookup_value_converter = "uuid"
    ordering = ("-created_at", "-id")
    scope = Scope.GENERATE

    @extend_schema(parameters=[PROJECT], responses=GridSummarySerializer(many=True))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List grids, newest first, without their cells."""
        return super().list(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        """Return what the person may see; a list reads of its cells only how far they are."""
        rows = super().get_queryset()
        if self.action != "list":
            return rows
        states = GridCell.objects.select_related("generation").only("grid_id", "generation__status")
        return rows.defer("closed").prefetch_related(None).prefetch_related(Prefetch("cells", states))

    def get_serializer_class(self) -> Any:
        """Return the words for a list or for one grid."""
        return GridSummarySerializer if self.action == "list" else GridSerializer

    def retrieve(self, request: Request, pk: Any) -> Response:
        """Return a grid with its cells."""
        return self.answer(self.get_row())

    @extend_schema(
        parameters=[KEY_HEADER], request=GridRequestSerializer, responses={201: GridSerializer, 200: GridSerializer}
    )
    def create(self, request: Request) -> Response:
        """Ask for a grid: 201 for a new one, 200 with the first one when the key was used before."""
        key = key_of(request)
        serializer = GridRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project = get_project(request.user, serializer.validated_data["project"], Role.EDITOR)
        grid, is_new = find_grid(request.user, project, key), False
        if grid is None:
            with serializer.naming_fields():
                grid, is_new = request_grid(request.user, project, serializer.order(project), key=key)
        return self.answer(self.queryset.get(pk=grid.pk), 201 if is_new else 200)

    @extend_schema(request=GridRequestSerializer, responses=PlanSerializer)
    @action(detail=False, methods=["post"])
    def plan(self, request: Request) -> Response:
        """Say what a grid would draw, and what may be done with each cell. Nothing is written."""
        serializer = GridRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project = get_project(request.user, serializer.validated_data["project"])
        with serializer.naming_fields():
            return Response(PlanSerializer(plan_grid(project, serializer.order(project))).data)

    @extend_schema(request=None, responses=GridSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: Any) -> Response:
        """Ask everything that waits or runs to stop; what is drawn stays. Raises 409 when nothing did."""
        grid = self.get_row(Role.EDITOR)
        refuse_over(was_asked=cancel_grid(grid, actor=request.user))
        return self.answer(self.get_row())

    @extend_schema(request=None, responses=GridSerializer)
    @action(detail=True, methods=["post"])
    def redraw(self, request: Request, pk: Any) -> Response:
        """Ask again for the cells that have no picture, as far as the rights allow it now."""
        redraw_grid(request.user, self.get_row(Role.EDITOR))
        return self.answer(self.get_row())

    def answer(self, grid: Grid, status: int = 200) -> Response:
        """Return a grid with its cells."""
        return Response(GridSerializer(grid).data, status=status)
