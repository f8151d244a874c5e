"""A template's body and its changes in the reader's words."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from .diffs import Change
from .sentences import sentence

PLACES: Mapping[str, Any] = {
    "subject": _("Subject"),
    "environment": _("Environment"),
    "light": _("Light"),
    "style": _("Style"),
    "negative": _("Negatives"),
    "negative_locked": _("Negatives, always sent"),
    "separator": _("Between the slots"),
    "variables": _("Variable"),
    "wildcards": _("Wildcard"),
}
PARTS: Mapping[str, Any] = {
    "default": _("default"),
    "prefix": _("before"),
    "suffix": _("after"),
    "hint": _("hint"),
    "locked": _("locked"),
    "choices": _("values"),
    "required": _("must be filled"),
    "lines": _("lines"),
}
MISTAKES: Mapping[str, Any] = {
    "separator": _("Between the slots stands a short text without brackets, such as a comma and a space."),
    "variables": _("A variable’s name has letters, digits and _, begins with a letter and has at most 40 characters."),
    "default": _("The default must be one of the values."),
    "wildcards": _("A wildcard has a name of letters and digits, and at least one line."),
    "row": _("The row does not fit its headers."),
    "name": _("The row has no name."),
    "prompt": _("The prompt is not text."),
    "negative_prompt": _("The negative prompt is not text."),
}
LINES_SHOWN = 12


def describe_changes(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Return changes with the names of their places; spaces at the edges of separators are made visible."""
    return [
        {
            "place": PLACES[change.place],
            "name": written_name(change.place, change.name),
            "part": "" if change.part == "default" and not change.name else PARTS.get(change.part, ""),
            "runs": [(kind, visible(text) if change.place == "separator" else text) for kind, text in change.runs],
            "is_lines": change.is_lines,
            "more": change.more,
        }
        for change in changes
    ]


def describe_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body for reading: slots, negatives, variables and wildcards, each with its written name."""
    return {
        "slots": [{**slot, "label": PLACES[slot["name"]]} for slot in body["slots"]],
        "separator": visible(body["separator"]),
        "negative": body["negative"],
        "negative_locked": body["negative_locked"],
        "variables": [{**spec, "written": written_name("variables", name)} for name, spec in body["variables"].items()],
        "wildcards": [
            {
                "written": written_name("wildcards", name),
                "lines": lines[:LINES_SHOWN],
                "more": max(0, len(lines) - LINES_SHOWN),
            }
            for name, lines in body["wildcards"].items()
        ],
    }


def written_name(place: str, name: str) -> str:
    """Return a variable's or wildcard's name as it stands in the text."""
    if not name:
        return ""
    return f"{{{name}}}" if place == "variables" else f"__{name}__"


def visible(text: str) -> str:
    """Show spaces as open boxes."""
    return text.replace(" ", "␣")


def mistake_sentence(code: str, params: Mapping[str, Any]) -> str:
    """Say what is wrong with a template, or with a row that should become one."""
    head, _dot, rest = str(params.get("field", "")).partition(".")
    known = MISTAKES.get("default" if rest.endswith(".default") else head)
    return str(known) if code == "bad_template" and known else sentence(code, params)
