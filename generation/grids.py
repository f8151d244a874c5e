"""What varies in a grid: its axes, how their values are typed, and the cells that they span. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from math import prod
from typing import Any, NamedTuple

from generation.templates import SLOT_NAMES

MAX_CELLS = 100
MAX_TYPED_CHARS = 20_000
SIDES = ("x", "y", "z")
WEIGHT, ADAPTER, REPLACE = "adapter_weight", "adapter", "replace"
CHOSEN = (ADAPTER, "base_model", "vae", "scheduler")
WORDS = (*SLOT_NAMES, "negative", REPLACE)
# What a range goes up by where nobody says it, by the field of a request that the axis varies.
STEPS: Mapping[str, Decimal] = {
    WEIGHT: Decimal("0.1"),
    "num_inference_steps": Decimal(1),
    "guidance_scale": Decimal(1),
    "seed": Decimal(1),
}
WHOLE = ("num_inference_steps", "seed")
KINDS = (*STEPS, *CHOSEN, *WORDS)
NOTHING = '""'
DECIMALS = 4

NUMBER = r"[+-]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,2})?"
SPREAD = re.compile(
    rf"(?P<start>{NUMBER})(?:(?:\s*~\s*|-|\s+-\s+)(?P<end>{NUMBER})"
    rf"(?:\s*\(\s*(?P<step>{NUMBER})\s*\)|\s*\[\s*(?P<count>\d{{1,9}})\s*\])?)?(?=[\s,、;]|$)"
)
GAP = re.compile(r"[\s,、;]*")
SIGNS = str.maketrans({**dict.fromkeys("−‐‑–—", "-"), "〜": "~"})

Key = str | int | float


class Place(NamedTuple):
    """Where a cell stands: the index of its value on each axis, 0 on those that are not there."""

    x: int
    y: int
    z: int


class GridError(ValueError):
    """Refuse a grid: `code` and `params` say why, and `side` which axis is meant, if one is."""

    def __init__(self, code: str, params: Mapping[str, object] | None = None, *, side: str = "") -> None:
        self.code, self.params, self.side = code, dict(params or {}), side
        super().__init__(f"Grid: {code.replace('_', ' ')} {self.params}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of an axis: what the request takes, and what it was called when the grid was asked for.

    The key is a number, a text, a scheduler's key or a file's id; an empty one is no adapter, or the model's own VAE.
    """

    key: Key
    name: str = ""

    @property
    def text(self) -> str:
        """Return what it is called, as far as that needs no language."""
        return self.name or (f"{self.key:.10g}" if isinstance(self.key, float) else str(self.key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One direction of a grid: the field of a request that varies, and its values in their order."""

    kind: str
    values: tuple[Value, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the axis as JSON-ready values."""
        return {"kind": self.kind, "values": [{"key": each.key, "name": each.name} for each in self.values]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Axis":
        """Read back `as_dict`."""
        return cls(kind=data["kind"], values=tuple(Value(**each) for each in data["values"]))


def axis_of(kind: str, values: Iterable[Value]) -> Axis:
    """Return an axis whose values are there once each. Raises GridError without any, or with too many."""
    once: dict[Key, Value] = {}
    for each in values:
        once.setdefault(each.key, each)
    if not once:
        raise GridError("axis_empty")
    if len(once) > MAX_CELLS:
        raise GridError("axis_too_long", {"limit": MAX_CELLS})
    return Axis(kind=kind, values=tuple(once.values()))


def check_axes(axes: Sequence[Axis]) -> None:
    """Refuse no axes, a field that varies twice, and more cells than a grid may have. Raises GridError."""
    if not axes:
        raise GridError("axes_missing", side=SIDES[0])
    kinds = [axis.kind for axis in axes]
    for side, kind in zip(SIDES, kinds, strict=False):
        if kinds.index(kind) != SIDES.index(side):
            raise GridError("axis_twice", side=side)
    count = prod(len(axis.values) for axis in axes)
    if count > MAX_CELLS:
        raise GridError("grid_too_large", {"count": count, "limit": MAX_CELLS})


def places(axes: Sequence[Axis]) -> Iterator[Place]:
    """Yield the places of the cells row by row, table by table."""
    across, down, deep = (range(len(axes[side].values)) if side < len(axes) else range(1) for side in range(3))
    for z, y, x in product(deep, down, across):
        yield Place(x, y, z)


def chosen_at(axes: Sequence[Axis], place: Place) -> dict[str, Value]:
    """Return what varies in a cell, by the field that it goes into."""
    return {axis.kind: axis.values[index] for axis, index in zip(axes, place, strict=False)}


def read_numbers(kind: str, text: str) -> list[int | float]:
    """Read numbers and ranges: 0.5, 0.7 or 0.5-0.9 or 0.5-0.9 (+0.1) or 0.5-0.9 [5], as A1111 writes them.

    Raises GridError for what is none, for parts where only whole numbers are taken, and for more than MAX_CELLS.
    """
    check_length(text)
    text = unicodedata.normalize("NFKC", text).translate(SIGNS).strip()
    numbers: list[int | float] = []
    position = GAP.match(text).end()  # type: ignore[union-attr]
    while position < len(text):
        found = SPREAD.match(text, position)
        if found is None:
            raise GridError("axis_not_number", {"value": re.split(r"[\s,、;]", text[position:])[0][:40]})
        numbers += [as_number(kind, each) for each in spread_out(found, STEPS[kind], kind in WHOLE)]
        if len(numbers) > MAX_CELLS:
            raise GridError("axis_too_long", {"limit": MAX_CELLS})
        position = GAP.match(text, found.end()).end()  # type: ignore[union-attr]
    return numbers


def spread_out(found: re.Match[str], usual: Decimal, is_whole: bool) -> list[Decimal]:
    """Return the numbers that a range stands for, both ends included where the step leads there."""
    start = Decimal(found["start"])
    if found["end"] is None:
        return [start]
    distance = Decimal(found["end"]) - start
    if found["count"] is not None:
        return divide(start, distance, int(found["count"]), is_whole)
    step = abs(Decimal(found["step"])) if found["step"] else usual
    if not step:
        raise GridError("axis_step_zero")
    if abs(distance) / step >= MAX_CELLS:
        raise GridError("axis_too_long", {"limit": MAX_CELLS})
    towards = step.copy_sign(distance)
    return [start + towards * index for index in range(int(abs(distance) / step) + 1)]


def divide(start: Decimal, distance: Decimal, count: int, is_whole: bool) -> list[Decimal]:
    """Return this many numbers at equal distances, rounded to what people read."""
    if not 0 < count <= MAX_CELLS:
        raise GridError("axis_too_long", {"limit": MAX_CELLS})
    exact = (start + distance * index / max(count - 1, 1) for index in range(count))
    return [round(each, 0 if is_whole else DECIMALS) for each in exact]


def as_number(kind: str, number: Decimal) -> int | float:
    """Return a number as the request takes it. Raises GridError for a part where only whole numbers are taken."""
    if kind not in WHOLE:
        return float(number)
    if number != number.to_integral_value():
        raise GridError("axis_not_whole", {"value": str(number)[:40]})
    return int(number)


def check_length(text: str) -> None:
    """Refuse more than a person types. Raises GridError."""
    if len(text) > MAX_TYPED_CHARS:
        raise GridError("axis_text_too_long", {"limit": MAX_TYPED_CHARS})


def read_lines(text: str) -> list[str]:
    """Read one text a line; empty lines are passed over, and a line of two quotes stands for no words.

    Raises GridError for more than a person types.
    """
    check_length(text)
    lines = [line.strip() for line in text.splitlines()]
    return ["" if line == NOTHING else line for line in lines if line]


def replace_words(texts: Mapping[str, str], old: str, new: str) -> dict[str, str]:
    """Return texts with one piece of them replaced wherever it stands, exactly as it is written."""
    return {name: text.replace(old, new) for name, text in texts.items()}
