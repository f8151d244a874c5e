"""What people write about a run: notes, and what they saw on its pictures."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from projects.problems import Problem

from .services.notes import MAX_NOTE_CHARS, SEEN

SEEN_WORDS = {"face": _("Face"), "hands": _("Hands"), "line_weight": _("Line weight"), "color_shift": _("Colour shift")}
STATE_WORDS = (("", "–"), ("ok", _("Good")), ("minor", _("A little off")), ("major", _("Wrong")))


class NotesForm(forms.Form):
    """Notes, and for each thing to look at how it came out and what was seen."""

    notes = forms.CharField(label=_("Notes"), required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 4}))

    def __init__(self, data: Any = None, *, notes: str = "", checklist: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={"notes": notes})
        for name in SEEN:
            said = (checklist or {}).get(name, {})
            self.fields[f"{name}_state"] = forms.ChoiceField(
                label=SEEN_WORDS[name], choices=STATE_WORDS, required=False, initial=said.get("state", "")
            )
            self.fields[f"{name}_note"] = forms.CharField(
                label=SEEN_WORDS[name],
                required=False,
                max_length=MAX_NOTE_CHARS,
                initial=said.get("note", ""),
                widget=forms.TextInput(attrs={"placeholder": _("what was seen")}),
            )

    @property
    def seen(self) -> list[tuple[Any, forms.BoundField, forms.BoundField]]:
        """Return what is looked at: its name, its state and what is said of it."""
        return [(SEEN_WORDS[name], self[f"{name}_state"], self[f"{name}_note"]) for name in SEEN]

    @property
    def told(self) -> list[tuple[Any, Any, str]]:
        """Return what was seen in words, for those who only read."""
        words = dict(STATE_WORDS)
        return [(label, words.get(state.value(), ""), note.value() or "") for label, state, note in self.seen]

    def checklist(self) -> dict[str, dict[str, str]]:
        """Return what a valid form says of the pictures."""
        asked = self.cleaned_data
        return {name: {"state": asked[f"{name}_state"], "note": asked[f"{name}_note"]} for name in SEEN}

    def add_problem(self, problem: Problem) -> None:
        """Put a problem's sentences beside the fields that they are about."""
        for name, message in (problem.fields or {"": problem.message}).items():
            place = f"{name}_state" if name in SEEN else name
            self.add_error(place if place in self.fields else None, str(message))
