"""Tells from tensors' names and shapes whether they are a hypernetwork's, and whether its layers follow each other."""

import re
from itertools import pairwise

from engine.errors import ModelError
from engine.headers import Shapes

NAME = re.compile(r"(?P<width>[1-9]\d{0,4})\.(?P<side>[kv])\.linear\.(?P<index>\d{1,3})\.(?P<part>weight|bias)")

Rows = dict[tuple[int, str], dict[int, dict[str, tuple[int, ...]]]]


def describe_hypernetwork(shapes: Shapes, *, is_claimed: bool) -> tuple[int, ...]:
    """Return the widths that a hypernetwork works on, none when it is no hypernetwork. Raises ModelError.

    `is_claimed` says that the file calls itself one, so that other names are a fault.
    """
    matches = {name: NAME.fullmatch(name) for name in shapes}
    is_one = bool(matches) and all(matches.values())
    if not is_one and not is_claimed:
        return ()
    rows: Rows = {}
    for name, match in matches.items():
        if match is None:
            raise _invalid()
        row = rows.setdefault((int(match["width"]), match["side"]), {})
        row.setdefault(int(match["index"]), {})[match["part"]] = shapes[name]
    widths = sorted({width for width, _side in rows})
    for width in widths:
        _check_pair(rows, width)
    return tuple(widths)


def _check_pair(rows: Rows, width: int) -> None:
    """Refuse a pair whose sides differ, or a row that does not lead from its width back to it."""
    one, other = rows.get((width, "k"), {}), rows.get((width, "v"), {})
    if one != other or any(set(layer) != {"weight", "bias"} for layer in one.values()):
        raise _invalid()
    matrices = [layer["weight"] for _, layer in sorted(one.items()) if len(layer["weight"]) == 2]
    ends = (matrices[0][1], matrices[-1][0]) if matrices else ()
    if ends != (width, width) or any(before[0] != after[1] for before, after in pairwise(matrices)):
        raise _invalid()
    if any(0 in shape for layer in one.values() for shape in layer.values()):
        raise _invalid()


def _invalid() -> ModelError:
    return ModelError("hypernetwork_invalid", "The layers of this hypernetwork do not follow each other.")
