"""Ask for grids of pictures, cancel what waits, and ask again for what is missing."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from jobs.models import LIVE, Status
from projects.models import Project, User
from projects.problems import Problem
from projects.services import record

from ..composing import refuse
from ..grid_facts import facts_of, order_of
from ..grid_plans import Cell, Order, Plan, in_drawing_order, plan_grid
from ..grids import Place
from ..models import Generation, Grid, GridCell
from .generations import cancel_generation, create_generation, find_asked


def request_grid(user: User, project: Project, order: Order, *, key: str) -> tuple[Grid, bool]:
    """Ask for a grid once per idempotency key; say whether it was this call that asked for it.

    Raises Problem when a value is wrong or the rights allow none of the cells; nothing is written then.
    """
    asked = find_grid(user, project, key)
    if asked is not None:
        return asked, False
    plan = plan_grid(project, order)
    if not plan.pictures:
        raise refuse(plan.closed[0].composed.generate)
    try:
        return create_grid(user, project, plan, key), True
    except IntegrityError:
        asked = find_grid(user, project, key)
        if asked is None:
            raise
        return asked, False


def find_grid(user: User, project: Project, key: str) -> Grid | None:
    """Return the grid that this person asked for under this key. Raises Problem when it is another project's."""
    asked = Grid.objects.filter(requested_by=user, idempotency_key=key).first()
    if asked is not None and asked.project_id != project.id:
        raise Problem("key_reused", _("This idempotency key was used in another project."), status=409)
    return asked


@transaction.atomic
def create_grid(user: User, project: Project, plan: Plan, key: str) -> Grid:
    """Write the grid, a job for each picture in the order of drawing, and the ledger's entries."""
    grid = Grid.objects.create(
        project=project,
        requested_by=user,
        idempotency_key=key,
        request=facts_of(plan.order.request),
        axes=[axis.as_dict() for axis in plan.order.axes],
        varied=plan.order.varied,
        closed=decisions_of(plan.closed),
    )
    jobs = draw_cells(user, grid, plan.pictures)
    GridCell.objects.bulk_create(cell_of(grid, cell, jobs) for cell in plan.cells)
    payload: dict[str, object] = {
        "axes": grid.axes,
        "request": grid.request,
        "cells": len(plan.cells),
        "pictures": len(jobs),
        "closed": {key: closed_places(plan.closed, key) for key in grid.closed},
    }
    record(project, "generation.grid.requested", actor=user, subject=f"grid:{grid.id}", payload=payload)
    return grid


def draw_cells(user: User, grid: Grid, cells: Iterable[Cell]) -> dict[str, Generation]:
    """Ask for the pictures of cells, and return their jobs by recipe."""
    return {
        cell.recipe: create_generation(user, grid.project, cell.request, cell.composed, key_at(grid, cell.place))
        for cell in cells
    }


def key_at(grid: Grid, place: Place) -> str:
    """Return the key under which the first picture of a cell is asked for."""
    return f"grid {grid.id} {'-'.join(map(str, place))}"


def cell_of(grid: Grid, cell: Cell, jobs: Mapping[str, Generation]) -> GridCell:
    """Return the row of a cell: with its job, or closed by a decision."""
    closed_by = cell.composed.generate.sha256() if cell.is_closed else ""
    return GridCell(grid=grid, **cell.place._asdict(), generation=jobs.get(cell.recipe), closed_by=closed_by)


def decisions_of(cells: Iterable[Cell]) -> dict[str, Any]:
    """Return the decisions that close cells, by their hash."""
    found = {id(cell.composed.generate): cell.composed.generate for cell in cells}
    return {decision.sha256(): decision.as_dict() for decision in found.values()}


def closed_places(cells: Iterable[Cell], key: str) -> list[list[int]]:
    """Return where the cells stand that one decision has closed."""
    return [list(cell.place) for cell in cells if cell.composed.generate.sha256() == key]


def cancel_grid(grid: Grid, *, actor: User) -> int:
    """Ask every job of a grid that waits or runs to stop, and return how many did. What is drawn stays."""
    jobs = Generation.objects.filter(id__in=grid.cells.values("generation"), status__in=LIVE).select_related("project")
    # The last that wait first: else a worker takes the next one while the others are being stopped.
    return sum(cancel_generation(job, actor=actor) for job in jobs.order_by("status", "-queued_at"))


@transaction.atomic
def redraw_grid(user: User, grid: Grid) -> int:
    """Ask again for every cell that has no picture and waits for none, as far as the rights allow it now.

    Returns for how many pictures. Raises Problem when something that the grid was asked for with is gone.
    """
    Grid.objects.select_for_update().get(pk=grid.pk)
    missing = {cell.place: cell for cell in grid.cells.select_related("generation") if is_missing(cell)}
    if not missing:
        return 0
    plan = plan_grid(grid.project, order_of(grid.project, grid))
    cells = [cell for cell in plan.cells if cell.place in missing and not cell.is_closed]
    jobs = {cell.recipe: draw_again(user, grid, cell, missing[cell.place]) for cell in in_drawing_order(cells)}
    for cell in cells:
        grid.cells.filter(pk=missing[cell.place].pk).update(generation=jobs[cell.recipe], closed_by="")
    if jobs:
        payload: dict[str, object] = {"pictures": len(jobs)}
        record(grid.project, "generation.grid.redrawn", actor=user, subject=f"grid:{grid.id}", payload=payload)
    return len(jobs)


def is_missing(cell: GridCell) -> bool:
    """Has a cell no picture, and no job that may still make it?"""
    if cell.generation is None:
        return True
    return cell.generation.is_terminal and cell.generation.status != Status.SUCCEEDED


def draw_again(user: User, grid: Grid, cell: Cell, row: GridCell) -> Generation:
    """Ask for a cell's picture once more, or return the job that its own page has asked for meanwhile."""
    key = f"retry {row.generation_id}" if row.generation_id else key_at(grid, cell.place)
    asked = find_asked(user, grid.project, key)
    if asked is not None:
        return asked
    try:
        return create_generation(user, grid.project, cell.request, cell.composed, key)
    except IntegrityError:
        asked = find_asked(user, grid.project, key)
        if asked is None:
            raise
        return asked
