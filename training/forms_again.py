"""The form that trains the same again with one field changed: one value, or up to eight for a sweep."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from projects.problems import Problem

from .field_words import CHOICES, GROUPS, knows, label_of, value_words
from .forms_fields import USUAL, read_value
from .models import TrainingRun
from .values import DEFAULTS

# Prompts of samples change no weight.
LEFT_OUT = frozenset(("sample_prompts",))
SEPARATORS = (";", "；", "\n")


class AgainForm(forms.Form):
    """One field, and the values to try for it."""

    field = forms.ChoiceField(label=_("What changes"))
    values = forms.CharField(
        label=_("New value"),
        max_length=500,
        help_text=_("Several with semicolons between them make a sweep: one run each, eight at most."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    again_key = forms.CharField(max_length=80, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, run: TrainingRun, **options: Any) -> None:
        super().__init__(data, auto_id="again_%s", **options)
        self.run = run
        self.fields["field"].choices = [
            (title, [(name, f"{label_of(name)} ({self.now(name)})") for name in names])
            for title, names in self.groups()
        ]

    def groups(self) -> list[tuple[Any, list[str]]]:
        """Return the fields that the run's method knows, in their groups."""
        found = [
            (title, [name for name in names if name in USUAL and name not in LEFT_OUT and knows(self.run.method, name)])
            for title, names in GROUPS
        ]
        return [(title, names) for title, names in found if names]

    def now(self, name: str) -> str:
        """Return the value that the run has."""
        value = {**DEFAULTS, **self.run.spec, **self.run.material}.get(name)
        return value_words(name, value)

    def wanted(self) -> list[Any]:
        """Return the values that a valid form asks for. Raises ValidationError for one that the field does not take."""
        name, text = self.cleaned_data["field"], self.cleaned_data["values"]
        for separator in SEPARATORS[1:]:
            text = text.replace(separator, SEPARATORS[0])
        parts = [part.strip() for part in text.split(SEPARATORS[0])]
        return [self.read(name, part) for part in parts if part]

    def read(self, name: str, text: str) -> Any:
        """Return one value; a choice may be given by its key or as it is called on screen."""
        for key, word in CHOICES.get(name, {}).items():
            if text.lower() in (key.lower(), str(word).lower()):
                return key
        value = read_value(name, text)
        return list(value) if isinstance(value, tuple) else value

    def add_problem(self, problem: Problem) -> None:
        """Put a problem's sentences where they can be mended: beside the values."""
        for message in dict.fromkeys(map(str, problem.fields.values())) or [str(problem.message)]:
            self.add_error("values", message)
