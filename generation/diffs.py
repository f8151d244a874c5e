"""What changed between two versions of a template, word by word. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

Kind = Literal["same", "ins", "del"]

WORD = re.compile(r"[A-Za-z0-9À-ɏ_'’-]+|\s+|.", re.DOTALL)
MAX_LINES_SHOWN = 20
SLOT_PARTS = ("default", "prefix", "suffix", "hint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field that differs: where it is, and its text as runs that stayed, came or went.

    `place` is a slot, "negative", "variables" and so on, `name` the variable's or wildcard's own name, `part` the
    field in it ("default", "prefix", "choices"). `more` counts the lines that were left out.
    """

    place: str
    part: str = ""
    name: str = ""
    runs: tuple[tuple[Kind, str], ...]
    is_lines: bool = False
    more: int = 0


Key = tuple[str, str, str]
Value = str | tuple[str, ...]


def diff_bodies(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Return what differs between two bodies (`TemplateBody.as_dict()`), in the order in which they are written."""
    before, after = dict(flatten(old)), dict(flatten(new))
    keys = [*after, *(key for key in before if key not in after)]
    return [change_of(key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)]


def flatten(body: Mapping[str, Any]) -> Iterator[tuple[Key, Value]]:
    """Yield every field of a body that says something; lists of lines are tuples."""
    for slot in body.get("slots", ()):
        for part in SLOT_PARTS:
            if slot.get(part):
                yield (slot["name"], "", part), slot[part]
        if slot.get("locked"):
            yield (slot["name"], "", "locked"), "✓"
    for place in ("negative", "negative_locked", "separator"):
        if body.get(place):
            yield (place, "", ""), body[place]
    for name, spec in body.get("variables", {}).items():
        yield ("variables", name, "default"), spec.get("default") or "—"
        if spec.get("choices"):
            yield ("variables", name, "choices"), tuple(spec["choices"])
        if spec.get("required"):
            yield ("variables", name, "required"), "✓"
    for name, lines in body.get("wildcards", {}).items():
        yield ("wildcards", name, "lines"), tuple(lines)


def change_of(key: Key, old: Value | None, new: Value | None) -> Change:
    """Return one change; lists are compared line by line, text word by word."""
    place, name, part = key
    if isinstance(old, tuple) or isinstance(new, tuple):
        runs, more = diff_lines(old or (), new or ())
        return Change(place=place, name=name, part=part, runs=runs, more=more, is_lines=True)
    return Change(place=place, name=name, part=part, runs=diff_words(str(old or ""), str(new or "")))


def diff_words(old: str, new: str) -> tuple[tuple[Kind, str], ...]:
    """Return runs of words that stayed, went or came; Japanese is compared character by character."""
    left, right = WORD.findall(old), WORD.findall(new)
    runs: list[tuple[Kind, str]] = []
    for tag, from_left, to_left, from_right, to_right in SequenceMatcher(None, left, right).get_opcodes():
        if tag == "equal":
            runs.append(("same", "".join(left[from_left:to_left])))
            continue
        gone, come = "".join(left[from_left:to_left]), "".join(right[from_right:to_right])
        runs += [("del", gone)] if gone else []
        runs += [("ins", come)] if come else []
    return tuple(runs)


def diff_lines(old: Sequence[str], new: Sequence[str]) -> tuple[tuple[tuple[Kind, str], ...], int]:
    """Return the lines that went and came, at most MAX_LINES_SHOWN of each, and how many more there are.

    The same lines in another order are shown as the new order.
    """
    before, after = set(old), set(new)
    gone: list[tuple[Kind, str]] = [("del", line) for line in dict.fromkeys(old) if line not in after]
    come: list[tuple[Kind, str]] = [("ins", line) for line in dict.fromkeys(new) if line not in before]
    if not gone and not come:
        gone, come = [], [("same", line) for line in new]
    shown = (*gone[:MAX_LINES_SHOWN], *come[:MAX_LINES_SHOWN])
    return shown, len(gone) + len(come) - len(shown)
