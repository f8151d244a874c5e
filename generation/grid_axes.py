"""From what a form or the API sends to an axis: numbers are read, files and schedulers looked up in the project."""

from collections.abc import Mapping, Sequence

from assets.models import ModelFile
from engine.schedulers import SCHEDULERS

from .grids import (
    ADAPTER,
    CHOSEN,
    MAX_CELLS,
    STEPS,
    WORDS,
    Axis,
    GridError,
    Key,
    Value,
    axis_of,
    check_length,
    read_numbers,
)
from .starting import Shelf

Files = Mapping[Key, ModelFile]


def read_axis(shelf: Shelf, kind: str, values: Sequence[str]) -> tuple[Axis, Files]:
    """Return an axis and the files that it names. Raises GridError.

    Numbers may come as ranges, words come one by one, and what is chosen as ids or keys ("" for none).
    """
    if kind in STEPS:
        return axis_of(kind, (Value(key=number) for number in read_numbers(kind, ", ".join(values)))), {}
    if kind in WORDS:
        check_length("\n".join(values))
        return axis_of(kind, (Value(key=text) for text in values)), {}
    if kind == "scheduler":
        return axis_of(kind, map(find_scheduler, values)), {}
    if kind in CHOSEN:
        return read_files(shelf, kind, values)
    raise GridError("axis_unknown", {"name": kind[:40]})


def find_scheduler(key: str) -> Value:
    """Return a scheduler by its key, under the name that people know."""
    if key not in SCHEDULERS:
        raise GridError("axis_choice_unknown")
    return Value(key=key, name=SCHEDULERS[key].title)


def read_files(shelf: Shelf, kind: str, ids: Sequence[str]) -> tuple[Axis, Files]:
    """Return an axis of files that the project can use; "" is no adapter, or the model's own VAE. Raises GridError."""
    if len(ids) > 2 * MAX_CELLS:
        raise GridError("axis_too_long", {"limit": MAX_CELLS})
    adapters = shelf.find_adapters(ids) if kind == ADAPTER else {}
    find = {ADAPTER: adapters.get, "base_model": shelf.find_model, "vae": shelf.find_vae}[kind]
    found = {key: find(key) for key in ids if key}
    files: dict[Key, ModelFile] = {key: file for key, file in found.items() if file is not None}
    if len(files) != len(found) or ("" in ids and kind == "base_model"):
        raise GridError("axis_choice_unknown")
    return axis_of(kind, (Value(key=key, name=files[key].name if key else "") for key in ids)), files
