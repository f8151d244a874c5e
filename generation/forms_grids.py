"""The form of a grid: the Studio's own form, what varies on up to three axes, and which adapter the axes are about."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assets.models import ModelFile
from engine.schedulers import SCHEDULERS, schedulers_for
from projects.problems import Problem

from . import adapter_choice, starting
from .forms import TEXT_FIELDS, StudioForm
from .grid_axes import read_axis
from .grid_plans import ONE_MORE, Order
from .grid_words import GROUPS, NOTHING, says_kind
from .grids import ADAPTER, CHOSEN, MAX_TYPED_CHARS, REPLACE, SIDES, WEIGHT, WORDS, Axis, GridError, read_lines
from .sentences import sentence

SIDE_LABELS = {
    "x": gettext_lazy("Columns (X)"),
    "y": gettext_lazy("Rows (Y)"),
    "z": gettext_lazy("Tables (Z)"),
}

BEFORE_SIZE = ("base_model", "vae")
AFTER_SIZE = ("num_inference_steps", "guidance_scale", "scheduler", "seed", "quality")


class AnyChosenField(forms.MultipleChoiceField):
    """Choose some of what is offered; whether the project has it is looked up where the axis is read."""

    widget = forms.CheckboxSelectMultiple

    def valid_value(self, value: Any) -> bool:
        return True


class AxisForm(forms.Form):
    """What varies in one direction, and its values: typed, or chosen from a list. `shown` is what the page offers."""

    kind = forms.ChoiceField(label=gettext_lazy("What varies"), required=False)
    typed = forms.CharField(label=gettext_lazy("Values"), required=False, max_length=MAX_TYPED_CHARS)
    chosen = AnyChosenField(label=gettext_lazy("Values"), required=False)
    shown = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, side: str, shelf: starting.Shelf, model: ModelFile | None) -> None:
        super().__init__(data, prefix=side)
        self.side, self.shelf, self.title = side, shelf, SIDE_LABELS[side]
        groups = ((name, [(kind, says_kind(kind)) for kind in kinds]) for name, kinds in GROUPS)
        self.fields["kind"].choices = [("", _("Nothing")), *groups]
        self.fields["kind"].label = self.title
        self.now = str(self.data.get(self.add_prefix("kind")) or "")
        self.is_chosen = self.now in CHOSEN
        if self.now in WORDS:
            self.fields["typed"].widget = forms.Textarea(attrs={"rows": 3})
        if self.is_chosen:
            self.fields["chosen"].choices = list(choices_of(self.now, shelf, model))

    @property
    def help(self) -> str:
        """Say how values are typed."""
        if self.now == REPLACE:
            return _("One text a line. The first is what the others replace, exactly as it stands in the prompt.")
        if self.now in WORDS:
            return _('One text a line, Japanese or English. A line of two quotes, "", stands for no words.')
        return _("Numbers and ranges: 0.5, 0.7 or 0.5-0.9 (+0.1) or 10-30 [3].")

    def read(self) -> tuple[Axis, Mapping[Any, Any]] | None:
        """Return the axis and the files that it names, or put into the form why there is none."""
        values, place = self.cleaned_data.get("chosen", []), "chosen"
        try:
            if not self.is_chosen:
                typed, place = self.cleaned_data.get("typed", ""), "typed"
                values = read_lines(typed) if self.now in WORDS else [typed]
            return read_axis(self.shelf, self.now, values)
        except GridError as error:
            self.add_error(place, sentence(error.code, error.params))
            return None

    def blame(self, message: str) -> None:
        """Put a mistake beside the values, or beside the choice of what varies where there are none."""
        self.add_error(("chosen" if self.is_chosen else "typed") if self.now else "kind", message)


def choices_of(kind: str, shelf: starting.Shelf, model: ModelFile | None) -> Iterator[tuple[str, Any]]:
    """Yield what an axis of files or schedulers offers, with the model that the form has chosen."""
    if kind in NOTHING:
        yield "", NOTHING[kind]
    if kind == "scheduler":
        offered = schedulers_for(model.architecture) if model else SCHEDULERS.values()
        yield from ((info.key, info.title) for info in offered)
    elif kind == ADAPTER:
        yield from shelf.adapter_names().items()
    else:
        yield from ((str(file.id), file.name) for file in (shelf.vaes if kind == "vae" else shelf.models))


class OptionsForm(forms.Form):
    """Under which key a grid is asked for once, and which adapter its axes are about."""

    grid_key = forms.CharField(max_length=80, widget=forms.HiddenInput)
    varied = forms.ChoiceField(label=gettext_lazy("Which adapter varies"), required=False)


class GridForm:
    """Everything that a person fills in to ask for a grid."""

    def __init__(self, values: Mapping[str, Any], *, shelf: starting.Shelf) -> None:
        self.studio = StudioForm(values, shelf=shelf)
        self.axes = [AxisForm(values, side=side, shelf=shelf, model=self.studio.model) for side in SIDES]
        self.options = OptionsForm(values)
        self.options.fields["varied"].choices = self.varied_choices()

    @cached_property
    def used(self) -> list[AxisForm]:
        """The axes on which something varies."""
        return [axis for axis in self.axes if axis.now]

    def varied_choices(self) -> list[tuple[str, str]]:
        """List the adapters that an axis may be about, where there is a choice."""
        kinds = {axis.now for axis in self.used}
        rows = [(row.field.file_id, row.field.name) for row in self.studio.adapters]
        if ADAPTER in kinds and rows:
            return [*rows, (ONE_MORE, _("None of these: one more besides them"))]
        return rows if WEIGHT in kinds and len(rows) > 1 else []

    @property
    def words(self) -> list[forms.BoundField]:
        """Return the boxes that say what is drawn: the template's variables, then the slots that it leaves open."""
        locked = {slot.name for slot in self.studio.body.slots if slot.locked}
        return [*self.studio.variables(), *(self.studio[name] for name in TEXT_FIELDS if name not in locked)]

    @property
    def carried(self) -> list[tuple[str, Any]]:
        """Return what the page carries along without showing it, as names and values."""
        shown = {field.name for field in self.words}
        values = ((field.html_name, field.value()) for field in self.studio if field.name not in shown)
        return [(name, "" if value is None else value) for name, value in values]

    @property
    def settings(self) -> list[tuple[Any, str]]:
        """Return what every cell is drawn with where nothing else varies, as labels and values."""
        studio = self.studio
        said = {name: said_by(studio[name]) for name in (*BEFORE_SIZE, *AFTER_SIZE)}
        said["seed"] = said["seed"] or _("any, the same in every cell")
        adapters = ", ".join(f"{row.field.name} ({row.value()})" for row in studio.adapters)
        rows = [
            *((studio.fields[name].label, said[name]) for name in BEFORE_SIZE),
            (_("Adapters"), adapters),
            (_("Size"), f"{studio['width'].value()} × {studio['height'].value()}"),
            *((studio.fields[name].label, said[name]) for name in AFTER_SIZE),
        ]
        return [(label, value) for label, value in rows if value]

    @property
    def carried_problems(self) -> list[str]:
        """Return what is wrong with values that the page does not show."""
        shown = {field.name for field in self.words}
        return [message for name, found in self.studio.errors.items() if name not in shown for message in found]

    @property
    def all_fields(self) -> list[forms.BoundField]:
        """Return every field that the page shows."""
        kinds = [axis["kind"] for axis in self.axes]
        values = [axis["chosen" if axis.is_chosen else "typed"] for axis in self.used]
        return [
            *self.words,
            *kinds,
            *values,
            *([self.options["varied"]] if self.options.fields["varied"].choices else []),
        ]

    def order(self) -> Order | None:
        """Return what is asked for, or put into the form what must be mended."""
        forms_ok = [form.is_valid() for form in (self.studio, self.options, *self.axes)]
        found = [axis.read() for axis in self.used] if all(forms_ok) else [None]
        if not all(found):
            return None
        files = {key: file for each in found if each for key, file in each[1].items()}
        axes = tuple(each[0] for each in found if each)
        varied = self.options.cleaned_data["varied"]
        return Order(request=self.studio.picture_request(), axes=axes, files=files, varied=varied)

    def add_problem(self, problem: Problem) -> None:
        """Put a problem's sentences beside the axes and fields that they are about."""
        rest = dict(problem.fields)
        for side, axis in zip(SIDES, self.used or self.axes, strict=False):
            if side in rest:
                axis.blame(str(rest.pop(side)))
        if rest or not problem.fields:
            self.studio.add_problem(Problem(problem.code, problem.message, fields=rest))


def said_by(field: forms.BoundField) -> str:
    """Return what a field holds, as people read it."""
    value = "" if field.value() is None else str(field.value())
    return str(dict(getattr(field.field, "choices", ())).get(value, value))


def sent_values(sent: QueryDict, shelf: starting.Shelf) -> starting.Values:
    """Return what a browser sent: the Studio's form as it would take it, and the lists of the axes whole."""
    values, _has_rows = adapter_choice.rearrange(sent.dict(), is_whole_page=True, usual=shelf.usual_weight)
    lists = {f"{side}-chosen": sent.getlist(f"{side}-chosen") for side in SIDES}
    values |= {name: found for name, found in lists.items() if name in sent}
    return values if values.get("grid_key") else values | {"grid_key": starting.fresh_key()}
