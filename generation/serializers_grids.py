"""The API's words for grids. They translate; the services decide."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from assets.licensing import Decision, Verdict
from assets.services import explain_here
from jobs.models import LIVE
from projects.models import Project
from projects.problems import Problem
from projects.protocol import StrictSerializer

from . import starting
from .grid_axes import read_axis
from .grid_pages import CLOSED
from .grid_plans import ONE_MORE, Cell, Order, Plan
from .grids import KINDS, MAX_CELLS, SIDES, GridError
from .models import Grid, GridCell
from .sentences import sentence
from .serializers import PictureRequestSerializer

STATES = (*LIVE, "succeeded", "failed", "canceled", "blocked", CLOSED)


class AxisSerializer(StrictSerializer):
    """What varies in one direction."""

    kind = serializers.ChoiceField(choices=KINDS, help_text="The part of the request that varies.")
    values = serializers.ListField(
        child=serializers.CharField(allow_blank=True, max_length=2000),
        max_length=2 * MAX_CELLS,
        help_text="Numbers or ranges such as `0.5-0.9 (+0.1)`, ids of files, keys of schedulers, or words. "
        "An empty one is no adapter, the model's own VAE, or no words.",
    )


class GridRequestSerializer(PictureRequestSerializer):
    """What to draw in every cell, and what varies: columns, rows, tables."""

    project = serializers.SlugField()
    axes = AxisSerializer(many=True, min_length=1, max_length=len(SIDES))
    varied = serializers.CharField(
        required=False,
        default="",
        max_length=40,
        help_text="The adapter that weights and other adapters are for: the id of one of `adapters` (the first unless "
        f"said otherwise), or `{ONE_MORE}` for one besides them.",
    )

    def get_fields(self) -> dict[str, Any]:
        """Return the fields of a request, but for the number of pictures: every cell is one."""
        return {name: field for name, field in super().get_fields().items() if name != "count"}

    def order(self, project: Project) -> Order:
        """Return what is asked for. Raises Problem naming the axis or the field that must change."""
        values = {name: self.validated_data.pop(name) for name in ("axes", "varied")}
        request, shelf = self.picture_request(project), starting.Shelf(project)
        if values["varied"] not in ("", ONE_MORE, *(str(each.file.id) for each in request.adapters)):
            message = _("There is no such adapter in this request.")
            raise Problem("adapter_unknown", message, fields={"varied": message})
        found = [self.read_axis(shelf, side, axis) for side, axis in zip(SIDES, values["axes"], strict=False)]
        files = {key: file for _axis, named in found for key, file in named.items()}
        return Order(request=request, axes=tuple(axis for axis, _files in found), files=files, varied=values["varied"])

    def read_axis(self, shelf: starting.Shelf, side: str, axis: Mapping[str, Any]) -> tuple[Any, Mapping[Any, Any]]:
        """Return one axis with its files. What is not the project's to use is not found. Raises Problem."""
        try:
            return read_axis(shelf, axis["kind"], axis["values"])
        except GridError as error:
            message = sentence(error.code, error.params)
            status = 404 if error.code == "axis_choice_unknown" else 400
            raise Problem(error.code, message, fields={side: message}, status=status) from error

    def field_of(self, name: str) -> str:
        """Return the request's name for an axis or a field of the recipe."""
        return f"axes.{SIDES.index(name)}.values" if name in SIDES else super().field_of(name)


class ValueSerializer(serializers.Serializer):
    """One value of an axis, and what its file was called when the grid was asked for."""

    key = serializers.JSONField()
    name = serializers.CharField()


class AxisReadSerializer(serializers.Serializer):
    """What varies in one direction, with its values in their order."""

    kind = serializers.ChoiceField(choices=KINDS)
    values = ValueSerializer(many=True)


class GridCellSerializer(serializers.ModelSerializer):
    """One cell: its place on each axis, its job and its picture, or why the rights have closed it."""

    status = serializers.SerializerMethodField()
    generation = serializers.UUIDField(source="generation_id", allow_null=True)
    output = serializers.SerializerMethodField()
    reasons = serializers.SerializerMethodField()

    class Meta:
        model = GridCell
        fields = ("x", "y", "z", "status", "generation", "output", "reasons")
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=STATES))
    def get_status(self, cell: GridCell) -> str:
        """Return the job's status, or that the rights have closed the cell."""
        return str(cell.generation.status) if cell.generation else CLOSED

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_output(self, cell: GridCell) -> str | None:
        """Return the picture, once it is there."""
        outputs = cell.generation.outputs.all() if cell.generation else ()
        return next((str(output.id) for output in outputs), None)

    def get_reasons(self, cell: GridCell) -> list[str]:
        """Say why the cell was not drawn."""
        if cell.generation:
            return [cell.generation.reason] if cell.generation.reason else []
        return explain_here(Decision.from_dict(cell.grid.closed[cell.closed_by]))


class GridSummarySerializer(serializers.ModelSerializer):
    """A grid: what was asked for, and how many of its cells are how far."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    axes = AxisReadSerializer(many=True)
    counts = serializers.SerializerMethodField()

    class Meta:
        model = Grid
        fields = ("id", "project", "created_at", "axes", "varied", "request", "counts")
        read_only_fields = fields

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_counts(self, grid: Grid) -> dict[str, int]:
        """Count the cells by their status."""
        return dict(Counter(str(cell.generation.status) if cell.generation else CLOSED for cell in grid.cells.all()))


class GridSerializer(GridSummarySerializer):
    """A grid with all its cells."""

    cells = GridCellSerializer(many=True, read_only=True)

    class Meta(GridSummarySerializer.Meta):
        fields = (*GridSummarySerializer.Meta.fields, "cells")
        read_only_fields = fields


class PlannedCellSerializer(serializers.Serializer):
    """One cell before it is drawn: its recipe, and what may be done with it."""

    x = serializers.IntegerField(source="place.x")
    y = serializers.IntegerField(source="place.y")
    z = serializers.IntegerField(source="place.z")
    recipe_sha256 = serializers.CharField(source="composed.spec.recipe_sha256")
    prompt = serializers.CharField(source="composed.spec.prompt")
    generate = serializers.ChoiceField(choices=list(Verdict), source="composed.generate.verdict")
    publish = serializers.ChoiceField(choices=list(Verdict), source="composed.publish.verdict")
    reasons = serializers.SerializerMethodField()

    def get_reasons(self, cell: Cell) -> list[str]:
        """Say what stands against drawing it, then what against publishing it."""
        said = [*explain_here(cell.composed.generate), *explain_here(cell.composed.publish)]
        return list(dict.fromkeys(said))


class PlanSerializer(serializers.Serializer):
    """What a grid would draw. Cells with one recipe are drawn once."""

    cells = PlannedCellSerializer(many=True)
    pictures = serializers.SerializerMethodField()
    closed = serializers.SerializerMethodField()

    def get_pictures(self, plan: Plan) -> int:
        """Count the pictures that would be drawn."""
        return len(plan.pictures)

    def get_closed(self, plan: Plan) -> int:
        """Count the cells that the rights close."""
        return len(plan.closed)
