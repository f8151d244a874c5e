"""What the dry run of a grid shows: every cell that would be drawn, what the rights say of it, and its prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assets.licensing import Verdict, license_name
from assets.services import explain_here
from assets.services.decisions import reading_language

from .grid_pages import Table, lay_out
from .grid_plans import Cell, Plan
from .grid_words import says_axes, says_kind, says_value
from .grids import Place, chosen_at
from .sentences import sentence
from .strips import Gate, gate_of

MAX_PROMPTS = 8
MAX_LINEAGES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCell:
    """One cell of the dry run: whether it would be drawn, shares the picture of another cell, or is closed, and why."""

    name: str
    is_closed: bool
    is_shared: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What the rights say of files that are used together, and for how many cells they are."""

    names: str
    count: int
    generate: Gate
    publish: Gate
    license: str

    @property
    def reasons(self) -> list[str]:
        """Return every reason once, those against generating first."""
        return list(dict.fromkeys([*self.generate.reasons, *self.publish.reasons]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A grid before it is asked for."""

    plan: Plan
    title: str
    corner: Sequence[str]
    tables: Sequence[Table[TrialCell]]
    asks: Sequence[Ask]
    asks_left: int
    prompts: Sequence[str]
    prompts_left: int
    warnings: Sequence[str]
    unknown_words: Sequence[str]


def trial_of(plan: Plan) -> Trial:
    """Return a plan as people read it."""
    axes, cells = plan.order.axes, {cell.place: cell for cell in plan.cells}
    own = {cell.place for cell in plan.pictures}
    asks = asks_of(plan)
    prompts = list(dict.fromkeys(cell.composed.spec.prompt for cell in plan.cells))
    return Trial(
        plan=plan,
        title=says_axes(axes),
        corner=[says_kind(axis.kind) for axis in axes],
        tables=lay_out(axes, lambda place: trial_cell(plan, cells, own, place)),
        asks=asks[:MAX_LINEAGES],
        asks_left=max(len(asks) - MAX_LINEAGES, 0),
        prompts=prompts[:MAX_PROMPTS],
        prompts_left=max(len(prompts) - MAX_PROMPTS, 0),
        warnings=warnings_of(plan),
        unknown_words=list(dict.fromkeys(word for cell in plan.cells for word in cell.composed.unknown_words)),
    )


def trial_cell(plan: Plan, cells: Mapping[Place, Cell], own: set[Place], place: Place) -> TrialCell:
    """Return one cell of the dry run."""
    cell, values = cells[place], chosen_at(plan.order.axes, place)
    return TrialCell(
        name=", ".join(f"{says_kind(kind)}: {says_value(kind, value)}" for kind, value in values.items()),
        is_closed=cell.is_closed,
        is_shared=not cell.is_closed and place not in own,
        reason=explain_here(cell.composed.generate)[0] if cell.is_closed else "",
    )


def asks_of(plan: Plan) -> list[Ask]:
    """Return what the rights say of each set of files, what is closed first, then what may not be published."""
    grouped: dict[frozenset[object], list[Cell]] = {}
    for cell in plan.cells:
        grouped.setdefault(frozenset(file.id for file in cell.request.files), []).append(cell)
    asks = [ask_of(cells) for cells in grouped.values()]
    return sorted(asks, key=lambda ask: (ask.generate.verdict == Verdict.ALLOW, ask.publish.verdict == Verdict.ALLOW))


def ask_of(cells: Sequence[Cell]) -> Ask:
    """Return what the rights say of the files of some cells, which are the same."""
    language, composed = reading_language(), cells[0].composed
    return Ask(
        names=" + ".join(file.name for file in cells[0].request.files),
        count=len(cells),
        generate=gate_of(composed.generate, language),
        publish=gate_of(composed.publish, language),
        license=license_name(composed.publish, language),
    )


def warnings_of(plan: Plan) -> list[str]:
    """Return what a person should know, each sentence once."""
    notices = (notice for cell in plan.cells for notice in cell.composed.notices)
    return list(dict.fromkeys(sentence(notice.code, notice.params) for notice in notices))
