"""The forms of the rooms where pictures are made."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django import forms
from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from engine.limits import MAX_ADAPTERS, MAX_SEED
from engine.schedulers import SCHEDULERS, schedulers_for
from projects.problems import Problem

from . import adapter_choice, prompts, starting
from .adapter_choice import ChosenField, WeightField
from .composing import Adapter, PictureRequest
from .models import Generation, TemplateAlias
from .services.generations import any_seed

TEXT_FIELDS = (*prompts.SLOT_NAMES, "negative")
FIELD_OF = {"prompt": "subject", "negative_prompt": "negative", "scheduler_config": "scheduler", "adapters": "adapter"}
FIELD_OF_CODE = {"seed_out_of_range": "seed"}
MAX_COUNT = 8
MAX_INTEGER = 2**64


def text_field(label: Any) -> forms.CharField:
    """Make the box of one slot."""
    return forms.CharField(label=label, required=False, strip=True, widget=forms.Textarea(attrs={"rows": 2}))


def number_field(label: Any, **options: Any) -> forms.IntegerField:
    """Make a box for a whole number; the recipe's limits are checked where every recipe is."""
    box = forms.NumberInput(attrs={"inputmode": "numeric", **options.pop("attrs", {})})
    return forms.IntegerField(label=label, required=False, widget=box, max_value=MAX_INTEGER, **options)


class RowField(forms.ChoiceField):
    """Choose one of rows by name; the value is the row, or None."""

    default_error_messages = forms.ModelChoiceField.default_error_messages

    def offer(self, names: Mapping[str, str], find: Callable[[Any], Any], *, empty: Any = None) -> None:
        """Name the rows to choose from, after an empty choice when it has a name; `find` returns the chosen one."""
        self.find = find
        self.choices = [*names.items()] if empty is None else [("", empty), *names.items()]

    def clean(self, value: Any) -> Any:
        return self.find(super().clean(value))


def names_of(rows: Iterable[models.Model]) -> dict[str, str]:
    """Return what rows are called, by id."""
    return {str(row.pk): str(row) for row in rows}


class StudioForm(forms.Form):
    """Everything that a person fills in to ask for pictures."""

    idempotency_key = forms.CharField(max_length=80, widget=forms.HiddenInput)
    next_seed = forms.IntegerField(required=False, min_value=0, max_value=MAX_SEED, widget=forms.HiddenInput)
    slots_from = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    settings_from = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput)
    template_version = forms.ChoiceField(label=_("Template"), required=False)
    subject = text_field(_("Subject"))
    environment = text_field(_("Environment"))
    light = text_field(_("Light"))
    style = text_field(_("Style"))
    negative = text_field(_("Negatives"))
    base_model = RowField(label=_("Model"))
    vae = RowField(label=_("VAE"), required=False)
    adapter = RowField(label=_("Adapter"), required=False)
    adapter_weight = WeightField(label=_("Adapter's weight"))
    width = number_field(_("Width"), attrs={"step": 8})
    height = number_field(_("Height"), attrs={"step": 8})
    num_inference_steps = number_field(_("Steps"))
    guidance_scale = forms.FloatField(
        label=_("Guidance"), required=False, widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"})
    )
    scheduler = forms.ChoiceField(label=_("Scheduler"), required=False)
    clip_skip = number_field(_("Clip skip"), help_text=_("Layers of the text encoder to leave out; 0 is usual."))
    seed = number_field(_("Seed"), help_text=_("Empty takes any."))
    count = forms.IntegerField(label=_("Pictures"), min_value=1, max_value=MAX_COUNT)
    quality = forms.ChoiceField(label=_("Quality"), choices=Generation.Quality.choices, widget=forms.RadioSelect)
    campaign = RowField(label=_("Campaign"), required=False)

    def __init__(self, data: Any, *, shelf: starting.Shelf) -> None:
        super().__init__(data)
        self.project, self.has_models = shelf.project, bool(shelf.models)
        self.version = shelf.find_version(self.data.get("template_version"))
        self.body = starting.body_of(self.version)
        self.fields["base_model"].offer(names_of(shelf.models), shelf.find_model)
        self.fields["vae"].offer(names_of(shelf.vaes), shelf.find_vae, empty=_("The model's own"))
        self.offer_adapters(shelf)
        self.fields["campaign"].offer(names_of(shelf.campaigns), shelf.find_campaign, empty=_("None"))
        self.model = shelf.find_model(self.data.get("base_model"))
        self.fields["template_version"].choices = [("", _("No template")), *self.template_choices(shelf.aliases)]
        self.fields["scheduler"].choices = [(key, info.title) for key, info in SCHEDULERS.items()]
        self.fields["scheduler"].widget.choices = self.scheduler_choices()
        self.add_variables()
        self.describe_slots()

    def offer_adapters(self, shelf: starting.Shelf) -> None:
        """Add a row for each adapter that was chosen, and offer one more while there is one, and room."""
        chosen, last = adapter_choice.chosen_in(self.data), self.data.get("adapter") or ""
        files = shelf.find_adapters([*chosen, last])
        for file_id in chosen:
            self.fields[adapter_choice.PREFIX + file_id] = ChosenField(file_id, files.get(file_id))
        names = {key: name for key, name in shelf.adapter_names().items() if key not in chosen}
        names |= {key: adapter_choice.label_of(file) for key, file in files.items() if key == last}
        if names and len(chosen) < MAX_ADAPTERS:
            self.fields["adapter"].offer(names, files.get, empty=_("None"))
        else:
            del self.fields["adapter"], self.fields["adapter_weight"]

    @property
    def has_adapters(self) -> bool:
        """Is there any adapter to show?"""
        return "adapter" in self.fields or bool(self.adapters)

    @cached_property
    def adapters(self) -> list[forms.BoundField]:
        """The weights of the adapters that have rows, in their order."""
        return [self[name] for name in self.fields if name.startswith(adapter_choice.PREFIX)]

    def template_choices(self, aliases: Iterable[TemplateAlias]) -> list[tuple[str, str]]:
        """List what each template's aliases point at, and the version in hand."""
        choices: dict[str, str] = {}
        for alias in aliases:
            name = f"{alias.template} · v{alias.version.number} · {alias.get_name_display()}"
            choices.setdefault(str(alias.version_id), name)
        if self.version is not None:
            choices.setdefault(str(self.version.id), str(self.version))
        return list(choices.items())

    def scheduler_choices(self) -> list[tuple[str, str]]:
        """List the schedulers that can draw with the chosen model."""
        offered = schedulers_for(self.model.architecture) if self.model else SCHEDULERS.values()
        return [(info.key, info.title) for info in offered]

    def add_variables(self) -> None:
        """Add a field for each variable of the template."""
        for name, spec in self.body.variables.items():
            box: forms.Field
            if spec.choices:
                options = [(choice, choice) for choice in spec.choices]
                required = spec.required or bool(spec.default)
                box = forms.ChoiceField(choices=options if required else [("", "—"), *options], required=spec.required)
            else:
                box = forms.CharField(required=spec.required, strip=True)
            box.label = name
            self.fields[starting.VARIABLE_PREFIX + name] = box

    def describe_slots(self) -> None:
        """Show each slot's hint, and close those that the template locks."""
        for slot in self.body.slots:
            field = self.fields[slot.name]
            field.widget.attrs["placeholder"] = slot.hint
            field.disabled = slot.locked
            if slot.locked:
                field.initial = slot.default

    def clean_template_version(self) -> Any:
        """Return the version itself."""
        return self.version

    def variables(self) -> list[forms.BoundField]:
        """Return the fields of the template's variables."""
        return [self[name] for name in self.fields if name.startswith(starting.VARIABLE_PREFIX)]

    def clean_next_seed(self) -> int:
        """Return the seed that the page was given for an empty box, or any."""
        value = self.cleaned_data["next_seed"]
        return any_seed() if value is None else value

    def picture_request(self) -> PictureRequest:
        """Return what a valid form asks for. Where the person gave no seed, it is the page's next one."""
        values = self.cleaned_data
        open_slots = [slot.name for slot in self.body.slots if not slot.locked]
        steps = values["num_inference_steps"]
        if steps is None:
            steps = starting.usual_steps(values["base_model"].defaults, values["quality"])
        return PictureRequest(
            base_model=values["base_model"],
            template_version=self.version,
            slots={name: values[name] for name in open_slots},
            negative=values["negative"],
            variables={name: values[starting.VARIABLE_PREFIX + name] for name in self.body.variables},
            vae=values["vae"],
            width=values["width"],
            height=values["height"],
            num_inference_steps=steps,
            guidance_scale=values["guidance_scale"],
            scheduler=values["scheduler"],
            clip_skip=values["clip_skip"] or 0,
            seed=values["next_seed"] if values["seed"] is None else values["seed"],
            count=values["count"],
            quality=values["quality"],
            campaign=values["campaign"],
            adapters=self.chosen_adapters(),
        )

    def chosen_adapters(self) -> tuple[Adapter, ...]:
        """Return the adapters in their order with their weights, the one that has no row of its own last."""
        values, last = self.cleaned_data, self.cleaned_data.get("adapter")
        chosen = [Adapter(file=each.field.file, weight=values[each.name]) for each in self.adapters]
        return (*chosen, *([Adapter(file=last, weight=values["adapter_weight"])] if last else []))

    def add_problem(self, problem: Problem) -> None:
        """Put a problem's sentences beside the fields that they are about."""
        for name, message in problem.fields.items():
            own = FIELD_OF_CODE.get(problem.code) or FIELD_OF.get(name, name)
            variable = starting.VARIABLE_PREFIX + name
            place = own if own in self.fields else variable if variable in self.fields else None
            self.add_error(place, str(message))
        if not problem.fields:
            self.add_error(None, str(problem))


class ReadForm(forms.Form):
    """A picture whose text is to be read."""

    file = forms.FileField(
        label=_("Picture"),
        help_text=_("PNG, JPEG or WebP. Only its text is read; the file is not kept."),
        widget=forms.ClearableFileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
    )


class RatingForm(forms.Form):
    """One to five stars; zero takes the rating back."""

    rating = forms.IntegerField(min_value=0, max_value=5)
