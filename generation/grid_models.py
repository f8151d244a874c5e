"""Grids: pictures that differ in one to three ways, side by side."""

import uuid
from functools import cached_property

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from .grids import Axis, Place


class Grid(models.Model):
    """A request for many pictures that differ in one to three ways.

    `request` is what every cell starts from (`generation.grid_plans.facts_of`), `axes` what varies, `varied` the
    adapter that the axes are about, and `closed` the decisions that let nothing be drawn, by their hash.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="grids")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    idempotency_key = models.CharField(max_length=80)
    request = models.JSONField()
    axes = models.JSONField()
    varied = models.CharField(max_length=40, blank=True)
    closed = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["requested_by", "idempotency_key"], name="grid_asked_once")]
        indexes = [models.Index(fields=["project", "-created_at", "-id"], name="grid_newest")]

    def __str__(self) -> str:
        return " × ".join(f"{axis.kind} ({len(axis.values)})" for axis in self.read_axes)

    def get_absolute_url(self) -> str:
        return reverse("grid", args=[self.project.slug, self.id])

    @cached_property
    def read_axes(self) -> tuple[Axis, ...]:
        """The axes as they were asked for, in the order x, y, z."""
        return tuple(map(Axis.from_dict, self.axes))


class GridCell(models.Model):
    """One cell: where it stands, and the job of one picture that fills it. Cells of one recipe share their job.

    A cell that the rights have closed has no job; `closed_by` names the decision in its grid.
    """

    grid = models.ForeignKey(Grid, on_delete=models.PROTECT, related_name="cells")
    x = models.PositiveSmallIntegerField()
    y = models.PositiveSmallIntegerField()
    z = models.PositiveSmallIntegerField()
    generation = models.ForeignKey(
        "generation.Generation", on_delete=models.PROTECT, null=True, blank=True, related_name="grid_cells"
    )
    closed_by = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["z", "y", "x"]
        constraints = [
            models.UniqueConstraint(fields=["grid", "x", "y", "z"], name="grid_cell_once"),
            models.CheckConstraint(
                condition=Q(generation__isnull=False, closed_by="") | (Q(generation__isnull=True) & ~Q(closed_by="")),
                name="grid_cell_drawn_or_closed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.grid_id} {self.x}-{self.y}-{self.z}"

    @property
    def place(self) -> Place:
        """Return where it stands."""
        return Place(self.x, self.y, self.z)
