"""What the pages of grids show: tables of cells as they are now, dry runs, and the list with its small mosaics."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Count, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.utils.translation import gettext as _

from assets.licensing import Decision
from assets.services import explain_here
from jobs.models import LIVE, Status
from jobs.words import remaining_words
from projects.models import Project

from .grid_words import says_axes, says_kind, says_value
from .grids import Axis, Place, chosen_at, places
from .models import Grid, GridCell, Output
from .previews import preview_path
from .sentences import failure_sentence
from .services.lineages import closed_lineages
from .templates import SLOT_NAMES
from .words import stage_word

Shown = TypeVar("Shown")
DRAWN, CLOSED = "drawn", "closed"
# One letter for each state, so that a page can say in its address what it shows of a hundred cells.
LETTERS = {
    Status.QUEUED: "q",
    Status.RUNNING: "r",
    DRAWN: "d",
    Status.SUCCEEDED: "s",
    Status.FAILED: "f",
    Status.BLOCKED: "b",
    Status.CANCELED: "c",
    CLOSED: "x",
}
MOSAIC_ACROSS, MOSAIC_DOWN = 4, 3
TILE_FIELDS = ("id", "project_id", "lineage_id", "generation_id", "seed", "width", "height", "rejected_at", "license")
JOB_FIELDS = (
    "status", "progress", "stage", "error", "error_params", "started_at", "finished_at", "cancel_requested_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Generic[Shown]):
    """One row of a table: the value that it stands for, and its cells."""

    label: str
    cells: Sequence[Shown]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Generic[Shown]):
    """One table of a grid: the value of the third axis that it stands for, its columns and its rows."""

    number: int
    label: str
    columns: Sequence[str]
    rows: Sequence[Row[Shown]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellView:
    """One cell as people see it. `differences` are what it is drawn with where others are drawn with something else."""

    place: Place
    name: str
    state: str
    differences: Sequence[tuple[str, str]]
    generation_id: UUID | None = None
    output: Output | None = None
    is_closed: bool = False
    reason: str = ""
    stage: str = ""
    percent: int = 0
    width: int = 1
    height: int = 1
    has_preview: bool = False

    @property
    def key(self) -> str:
        """Return its place as a page names it."""
        return "-".join(map(str, self.place))

    @property
    def letter(self) -> str:
        """Return its state as one letter."""
        return LETTERS[self.state]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridView:
    """A grid as it is now."""

    grid: Grid
    cells: Mapping[Place, CellView]
    counts: Mapping[str, int]
    remaining: str

    @property
    def is_live(self) -> bool:
        """Does anything wait or run?"""
        return any(self.counts.get(state, 0) for state in LIVE)

    @property
    def drawn(self) -> int:
        """Count the cells that have their picture."""
        return self.counts.get(DRAWN, 0)

    @property
    def missing(self) -> int:
        """Count the cells that have no picture and wait for none."""
        return len(self.cells) - self.drawn - sum(self.counts.get(state, 0) for state in LIVE)

    @property
    def closed(self) -> int:
        """Count the cells that the rights have closed."""
        return self.counts.get(CLOSED, 0)

    @property
    def stopped(self) -> int:
        """Count the cells whose jobs have ended without a picture."""
        return self.missing - self.closed

    @property
    def letters(self) -> str:
        """Return the state of every cell, in order."""
        return "".join(cell.letter for cell in self.cells.values())

    def changed_since(self, letters: str) -> list[CellView]:
        """Return the cells that a page shows otherwise, and those that move while they stay what they are."""
        cells = list(self.cells.values())
        if len(letters) != len(cells):
            return cells
        return [cell for cell, seen in zip(cells, letters, strict=True) if cell.letter != seen or seen == "r"]


def lay_out(axes: Sequence[Axis], cell_at: Callable[[Place], Shown], *, is_swapped: bool = False) -> list[Table[Shown]]:
    """Return a grid as tables, one for each value of the third axis; swapped, columns and rows change places."""
    across, down, deep = ([*labels_of(axes, side)] for side in range(3))
    columns, rows = (down, across) if is_swapped else (across, down)

    def at(column: int, row: int, z: int) -> Shown:
        return cell_at(Place(row, column, z) if is_swapped else Place(column, row, z))

    return [
        Table(
            number=z,
            label=label,
            columns=columns,
            rows=[
                Row(label=name, cells=[at(column, row, z) for column in range(len(columns))])
                for row, name in enumerate(rows)
            ],
        )
        for z, label in enumerate(deep)
    ]


def labels_of(axes: Sequence[Axis], side: int) -> Iterable[str]:
    """Return what the values of an axis are called; one empty name where there is no axis."""
    return [says_value(axes[side].kind, value) for value in axes[side].values] if side < len(axes) else [""]


def view_of(project: Project, grid: Grid) -> GridView:
    """Return a grid as it is now, in as many queries however many cells it has."""
    rows = {cell.place: cell for cell in shown_cells(grid)}
    drawing = Drawing(project, grid, list(rows.values()))
    cells = {place: drawing.view_cell(rows[place]) for place in places(grid.read_axes)}
    counts = Counter(cell.state for cell in cells.values())
    return GridView(grid=grid, cells=cells, counts=counts, remaining=remaining_of(list(rows.values())))


def shown_cells(grid: Grid) -> QuerySet[GridCell]:
    """Return a grid's cells with all that the page shows of their jobs."""
    jobs = [f"generation__{name}" for name in JOB_FIELDS]
    rows = grid.cells.select_related("generation").only("grid_id", "x", "y", "z", "closed_by", *jobs)
    spec = {name: KeyTextTransform(name, "generation__spec") for name in ("prompt", "width", "height")}
    return rows.annotate(**spec)


def outputs_of(project: Project, rows: Iterable[GridCell]) -> dict[UUID, Output]:
    """Return the pictures of cells by their jobs, as far as they are drawn."""
    jobs = {row.generation_id for row in rows if row.generation_id is not None}
    found = Output.objects.filter(project=project, generation__in=jobs).only(*TILE_FIELDS)
    outputs = {output.generation_id: output for output in found}
    for output in outputs.values():
        output.project = project
    return outputs


def remaining_of(rows: Sequence[GridCell]) -> str:
    """Say about how long a grid still takes, from how long its pictures took so far; nothing before the first."""
    jobs = {row.generation_id: row.generation for row in rows if row.generation is not None}.values()
    took = [
        (job.finished_at - job.started_at).total_seconds()
        for job in jobs
        if job.status == Status.SUCCEEDED and job.finished_at and job.started_at
    ]
    waiting = sum(job.status in LIVE for job in jobs)
    return remaining_words(sum(took) / len(took) * waiting) if took and waiting else ""


class Drawing:
    """Everything that is known about a grid's cells, read once for all of them."""

    def __init__(self, project: Project, grid: Grid, rows: Sequence[GridCell]) -> None:
        self.axes = grid.read_axes
        self.outputs = outputs_of(project, rows)
        self.closed = closed_lineages(self.outputs.values())
        self.reasons = {key: explain_here(Decision.from_dict(each))[0] for key, each in grid.closed.items()}
        self.has_prompts = len({row.prompt for row in rows if row.generation_id is not None}) > 1

    def view_cell(self, row: GridCell) -> CellView:
        """Return one cell as people see it."""
        values = [(says_kind(kind), says_value(kind, value)) for kind, value in chosen_at(self.axes, row.place).items()]
        output = self.outputs.get(row.generation_id)
        prompt = [(_("Prompt"), row.prompt)] if self.has_prompts and row.generation_id is not None else []
        return CellView(
            place=row.place,
            name=", ".join(f"{label}: {value}" for label, value in values),
            differences=[*values, *prompt],
            output=output,
            is_closed=output is not None and output.lineage_id in self.closed,
            **(self.job_facts(row, output) if row.generation is not None else self.closed_facts(row)),
        )

    def closed_facts(self, row: GridCell) -> dict[str, Any]:
        """Return what a cell shows that the rights have closed."""
        return {"state": CLOSED, "reason": self.reasons.get(row.closed_by, "")}

    def job_facts(self, row: GridCell, output: Output | None) -> dict[str, Any]:
        """Return what a cell shows of its job."""
        job = row.generation
        is_running = output is None and job.status == Status.RUNNING
        return {
            "generation_id": job.id,
            "state": job.status if output is None else DRAWN,
            "reason": failure_sentence(job.error, job.error_params),
            "stage": stage_word(job.stage) if is_running else "",
            "percent": round(job.progress * 100),
            "width": int(row.width or 1),
            "height": int(row.height or 1),
            "has_preview": is_running and preview_path(job.id).is_file(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCard:
    """A grid in the list: what it varies, from what, how far it is, and its first pictures as a mosaic."""

    grid: Grid
    title: str
    words: str
    total: int
    drawn: int
    is_live: bool
    mosaic: Sequence[Sequence[UUID | None]]


def cards_of(grids: Sequence[Grid]) -> list[GridCard]:
    """Return grids as cards, in three queries however many they are."""
    counts, thumbnails = counts_of(grids), thumbnails_of(grids)
    return [
        GridCard(
            grid=grid,
            title=says_axes(grid.read_axes),
            words=words_of(grid),
            total=sum(counts[grid.id].values()),
            drawn=counts[grid.id][Status.SUCCEEDED],
            is_live=any(counts[grid.id][state] for state in LIVE),
            mosaic=mosaic_of(grid, thumbnails.get(grid.id, {})),
        )
        for grid in grids
    ]


def words_of(grid: Grid) -> str:
    """Return what was typed to be drawn, in one line, with the variables filled in."""
    slots = grid.request["slots"]
    words = " · ".join(slots[name] for name in SLOT_NAMES if slots.get(name))
    for name, value in grid.request["variables"].items():
        words = words.replace(f"{{{name}}}", value)
    return words


def counts_of(grids: Sequence[Grid]) -> dict[UUID, Counter[str]]:
    """Count the cells of grids by the states of their jobs; those that are closed have none."""
    found: dict[UUID, Counter[str]] = {grid.id: Counter() for grid in grids}
    rows = GridCell.objects.filter(grid__in=grids).order_by().values_list("grid_id", "generation__status")
    for grid_id, status, count in rows.annotate(count=Count("id")):
        found[grid_id][status or CLOSED] += count
    return found


def thumbnails_of(grids: Sequence[Grid]) -> dict[UUID, dict[Place, UUID]]:
    """Return the pictures of the first corner of grids, by their cells."""
    corner = GridCell.objects.filter(grid__in=grids, z=0, x__lt=MOSAIC_ACROSS, y__lt=MOSAIC_DOWN)
    rows = list(corner.exclude(generation=None).values_list("grid_id", "x", "y", "z", "generation_id"))
    made = dict(Output.objects.filter(generation__in={row[-1] for row in rows}).values_list("generation_id", "id"))
    found: dict[UUID, dict[Place, UUID]] = {}
    for grid_id, x, y, z, job in rows:
        if job in made:
            found.setdefault(grid_id, {})[Place(x, y, z)] = made[job]
    return found


def mosaic_of(grid: Grid, pictures: Mapping[Place, UUID]) -> list[list[UUID | None]]:
    """Return the first rows of a grid with the pictures that are there."""
    across, down = (len(each.values) for each in (*grid.read_axes, *[Axis(kind="", values=())] * 2)[:2])
    shown = range(min(max(down, 1), MOSAIC_DOWN)), range(min(max(across, 1), MOSAIC_ACROSS))
    return [[pictures.get(Place(x, y, 0)) for x in shown[1]] for y in shown[0]]
