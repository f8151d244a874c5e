"""From axes to requests: what each cell of a grid would be drawn from, and what the rights say.

Nothing is written here. The page's dry run, the API's and the order itself all come through `plan_grid`, so what was
shown is what is drawn.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from assets.licensing import Verdict
from assets.models import ModelFile
from projects.models import Project
from projects.problems import Problem

from .adapter_choice import usual_weight
from .composing import Adapter, Composed, Judge, PictureRequest, body_of, compose
from .grid_words import says_value
from .grids import (
    ADAPTER,
    REPLACE,
    SIDES,
    WEIGHT,
    Axis,
    GridError,
    Key,
    Place,
    check_axes,
    chosen_at,
    places,
    replace_words,
)
from .sentences import sentence
from .services.lineages import key_of
from .templates import SLOT_NAMES
from .vocabularies import vocabulary_of

ONE_MORE = "more"
PLAIN = ("scheduler", "num_inference_steps", "guidance_scale", "seed")
FILES = ("base_model", "vae")
# Which axes may have caused a mistake in a field of the recipe, the likeliest first.
CAUSES: Mapping[str, tuple[str, ...]] = {
    "adapters": (WEIGHT, ADAPTER),
    "vae": ("vae", "base_model"),
    "scheduler": ("scheduler", "base_model"),
    "num_inference_steps": ("num_inference_steps", "scheduler"),
    "clip_skip": ("base_model",),
    "width": ("base_model",),
    "height": ("base_model",),
    "prompt": (*SLOT_NAMES, REPLACE),
    "negative_prompt": ("negative", REPLACE, "base_model"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person asks for: where every cell starts from, what varies, and the files that the axes name.

    `varied` is the adapter that weights and other adapters are for: the id of one of the request's, the first where
    it is empty, or ONE_MORE for one besides them.
    """

    request: PictureRequest
    axes: tuple[Axis, ...]
    files: Mapping[Key, ModelFile] = field(default_factory=dict)
    varied: str = ""

    @property
    def all_files(self) -> list[ModelFile]:
        """Return every file that any cell is drawn with."""
        return list({file.id: file for file in (*self.request.files, *self.files.values())}.values())

    @property
    def position(self) -> int:
        """Return the place of the adapter that the axes are about; behind the last for one more."""
        ids = [str(each.file.id) for each in self.request.adapters]
        if self.varied == ONE_MORE or not ids:
            return len(ids)
        return ids.index(self.varied) if self.varied in ids else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell before it is drawn. Cells with the same `recipe`, drawn with the same files, are one picture."""

    place: Place
    request: PictureRequest
    composed: Composed
    recipe: str

    @property
    def is_closed(self) -> bool:
        """Do the rights forbid to draw it?"""
        return self.composed.generate.verdict is not Verdict.ALLOW


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A grid before it is drawn, row by row."""

    order: Order
    cells: tuple[Cell, ...]

    @cached_property
    def pictures(self) -> list[Cell]:
        """The cells that would be drawn, each recipe once, in the order of drawing."""
        return in_drawing_order(cell for cell in self.cells if not cell.is_closed)

    @cached_property
    def closed(self) -> list[Cell]:
        """The cells that the rights forbid to draw."""
        return [cell for cell in self.cells if cell.is_closed]


def in_drawing_order(cells: Iterable[Cell]) -> list[Cell]:
    """Return one cell for each recipe; those of one model, VAE and adapter together, so that these are loaded once."""
    first: dict[str, Cell] = {}
    for cell in cells:
        first.setdefault(cell.recipe, cell)
    ranks = {cell.request.base_model.id: rank for rank, cell in reversed(list(enumerate(first.values())))}
    return sorted(first.values(), key=lambda cell: (ranks[cell.request.base_model.id], *loaded_with(cell.request)))


def loaded_with(request: PictureRequest) -> tuple[str, list[str]]:
    """Return what a worker must have loaded beside the model, in a form that can be put in order."""
    return str(request.vae.id) if request.vae else "", [str(each.file.id) for each in request.adapters]


def plan_grid(project: Project, order: Order) -> Plan:
    """Compose and judge every cell. Raises Problem naming the axis ("x", "y", "z") or the field that must change."""
    check_order(order)
    vocabulary, judge = vocabulary_of(project), Judge(project, order.all_files)
    cells = []
    for place in places(order.axes):
        request = request_at(order, place)
        try:
            composed = compose(project, request, vocabulary, judge)
        except Problem as problem:
            raise blame(order, place, problem) from problem
        recipe = composed.spec.recipe_sha256() + key_of(file.id for file in request.files)
        cells.append(Cell(place=place, request=request, composed=composed, recipe=recipe))
    return Plan(order=order, cells=tuple(cells))


def request_at(order: Order, place: Place) -> PictureRequest:
    """Return what one cell is drawn from."""
    chosen = {kind: value.key for kind, value in chosen_at(order.axes, place).items()}
    changes: dict[str, Any] = {kind: chosen[kind] for kind in PLAIN if kind in chosen}
    changes |= {kind: order.files.get(chosen[kind]) for kind in FILES if kind in chosen}
    request = replace(order.request, count=1, adapters=adapters_at(order, chosen), **changes)
    texts = {name: str(chosen[name]) for name in texts_of(request) if name in chosen}
    if REPLACE in chosen:
        old = order.axes[side_of(order, REPLACE)].values[0].key
        texts = replace_words(texts_of(request) | texts, str(old), str(chosen[REPLACE]))
    return with_texts(request, texts)


def adapters_at(order: Order, chosen: Mapping[str, Key]) -> tuple[Adapter, ...]:
    """Return a cell's adapters, with the one that varies in its place, or without it."""
    adapters, position = list(order.request.adapters), order.position
    if ADAPTER in chosen:
        weight = adapters[position].weight if position < len(adapters) else None
        file = order.files.get(chosen[ADAPTER])
        found = [Adapter(file=file, weight=usual_weight(file) if weight is None else weight)] if file else []
        adapters[position : position + 1] = found
    is_there = position < len(order.request.adapters) if ADAPTER not in chosen else chosen[ADAPTER] != ""
    if WEIGHT in chosen and is_there:
        adapters[position] = replace(adapters[position], weight=float(chosen[WEIGHT]))
    return tuple(adapters)


def texts_of(request: PictureRequest) -> dict[str, str]:
    """Return the words that a request may vary, with what the template says where nobody typed anything."""
    body = body_of(request)
    texts = {slot.name: request.slots.get(slot.name, slot.default) for slot in body.slots if not slot.locked}
    return texts | {"negative": body.negative if request.negative is None else request.negative}


def with_texts(request: PictureRequest, texts: Mapping[str, str]) -> PictureRequest:
    """Return a request with other words in some of its slots."""
    slots = {**request.slots, **{name: text for name, text in texts.items() if name != "negative"}}
    return replace(request, slots=slots, negative=texts.get("negative", request.negative))


def check_order(order: Order) -> None:
    """Refuse too many cells, and axes that would change nothing. Raises Problem naming the axis."""
    try:
        check_axes(order.axes)
        check_adapters(order)
        check_words(order)
    except GridError as error:
        raise problem_of(error) from error


def check_adapters(order: Order) -> None:
    """Refuse a weight that varies where there is no adapter. Raises GridError."""
    kinds = [axis.kind for axis in order.axes]
    if WEIGHT in kinds and ADAPTER not in kinds and order.position >= len(order.request.adapters):
        raise GridError("axis_needs_adapter", side=SIDES[kinds.index(WEIGHT)])


def check_words(order: Order) -> None:
    """Refuse to vary a slot that the template locks, or words that stand nowhere. Raises GridError."""
    kinds = [axis.kind for axis in order.axes]
    texts = texts_of(order.request)
    for slot in (kind for kind in kinds if kind in (*SLOT_NAMES, "negative") and kind not in texts):
        raise GridError("axis_slot_locked", side=SIDES[kinds.index(slot)])
    if REPLACE not in kinds:
        return
    found = [*texts.values(), *(str(each.key) for axis in order.axes if axis.kind in texts for each in axis.values)]
    old = str(order.axes[kinds.index(REPLACE)].values[0].key)
    if not old or not any(old in text for text in found):
        raise GridError("axis_words_missing", {"text": old[:80]}, side=SIDES[kinds.index(REPLACE)])


def side_of(order: Order, kind: str) -> int:
    """Return on which axis a field varies."""
    return [axis.kind for axis in order.axes].index(kind)


def problem_of(error: GridError, status: int = 400) -> Problem:
    """Return a mistake in the axes as a sentence beside its axis."""
    message = sentence(error.code, error.params)
    return Problem(error.code, message, fields={error.side or SIDES[0]: message}, status=status)


def blame(order: Order, place: Place, problem: Problem) -> Problem:
    """Put a cell's mistakes beside the axes that caused them, with the value that did; others stay at their field."""
    kinds, values = [axis.kind for axis in order.axes], chosen_at(order.axes, place)
    fields: dict[str, str] = {}
    for name, message in problem.fields.items():
        causes = causes_of(name, problem.code)
        kind = next((each for each in causes if each in kinds), None)
        if kind is None:
            fields[name] = str(message)
        else:
            fields[SIDES[kinds.index(kind)]] = f"{says_value(kind, values[kind])}: {message}"
    return Problem(problem.code, str(problem), fields=fields, status=problem.status, details=problem.details)


def causes_of(name: str, code: str) -> Sequence[str]:
    """Return which axes may have caused a mistake in a field."""
    if code in ("adapter_twice", "adapter_taken_back"):
        return (ADAPTER,)
    if code == "adapter_made_for_another":
        return (ADAPTER, "base_model")
    return CAUSES.get(name, (name, REPLACE) if name in (*SLOT_NAMES, "negative") else (name,))
