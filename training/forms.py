"""The form of a training: a purpose, a way to learn, twelve fields that everybody sets, and all others in groups."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from engine.specs import SamplePrompt
from projects.problems import Problem

from . import recipes
from .field_words import CHOICES, GROUPS, WORDS, knows
from .forms_fields import ShareField, field_for, lines_field, text_field
from .material import FrozenPictures, MaterialChoice
from .models import Method, TrainingRun
from .requests import TrainingRequest, split_for
from .run_starts import PURPOSES, Offer, methods_for

OWN_VISIBLE: Mapping[str, tuple[str, ...]] = {
    Method.LORA: ("rank", "lora_alpha"),
    Method.DREAMBOOTH_LORA: ("rank", "lora_alpha"),
    Method.DREAMBOOTH: ("class_word",),
    Method.TEXTUAL_INVERSION: ("num_vectors", "class_word"),
    Method.HYPERNETWORK: ("layer_structure", "activation_func"),
}
STEPS, EPOCHS = "steps", "epochs"
UNITS = [(STEPS, gettext_lazy("steps")), (EPOCHS, gettext_lazy("times every picture"))]
REGULARIZATION = [("", gettext_lazy("None")), *CHOICES["prior_mode"].items()]
# Two fields of the recipe are one choice here; prompts are lines.
ELSEWHERE = frozenset(("with_prior_preservation", "prior_mode", "sample_prompts"))
MATERIAL = frozenset(MaterialChoice().as_dict())
PLACES = {
    "with_prior_preservation": "regularization",
    "prior_mode": "regularization",
    "sample_prompts": "sample_lines",
    "dataset": "dataset_version",
    "method": "dataset_version",
    "split": "validation_share",
}


class RowField(forms.ChoiceField):
    """Choose one of rows by name; the value is the row, or None."""

    def offer(self, rows: Sequence[models.Model], find: Callable[[Any], Any], *, empty: Any = None) -> None:
        """Name the rows to choose from, after an empty choice when it has a name; `find` returns the chosen one."""
        self.find = find
        names = [(str(row.pk), str(row)) for row in rows]
        self.choices = names if empty is None else [("", empty), *names]

    def clean(self, value: Any) -> Any:
        """Return the chosen row."""
        return self.find(super().clean(value)) if value else super().clean(value) or None


class RunForm(forms.Form):
    """Everything that a person fills in to train."""

    idempotency_key = forms.CharField(max_length=80, widget=forms.HiddenInput)
    settings_from = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    words_from = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    purpose = forms.ChoiceField(label=gettext_lazy("What is it to learn?"), choices=[(each, each) for each in PURPOSES])
    method = forms.ChoiceField(label=gettext_lazy("How"))
    preset = forms.CharField(max_length=20)
    dataset_version = RowField(label=gettext_lazy("Dataset version"))
    base_model = RowField(label=WORDS["base_model"].label, help_text=WORDS["base_model"].help)
    vae = RowField(label=WORDS["vae"].label, help_text=WORDS["vae"].help, required=False)
    compared_with = RowField(label=gettext_lazy("Compare with run"), required=False)
    adapter = RowField(
        label=gettext_lazy("Adapter"), required=False, help_text=gettext_lazy("What comes of it is its next version.")
    )
    adapter_name = forms.CharField(label=gettext_lazy("Name of the new adapter"), required=False, max_length=120)
    name = forms.CharField(
        label=gettext_lazy("Name of the run"),
        required=False,
        max_length=120,
        help_text=gettext_lazy("Empty makes one."),
    )
    length_unit = forms.ChoiceField(
        label=gettext_lazy("Counted in"),
        choices=UNITS,
        required=False,
        widget=forms.Select(attrs={"aria-label": gettext_lazy("Counted in")}),
    )
    regularization = forms.ChoiceField(
        label=gettext_lazy("Regularisation"),
        choices=REGULARIZATION,
        required=False,
        help_text=gettext_lazy("Keeps what the model knew of the class, so that not everything becomes the new thing."),
    )
    sample_lines = lines_field(WORDS["sample_prompts"].label, WORDS["sample_prompts"].help)
    sample_negative = text_field(gettext_lazy("Negatives of the samples"))

    def __init__(self, data: Mapping[str, Any], *, offer: Offer) -> None:
        super().__init__(data)
        self.project, self.offered = offer.project, offer
        self.method_now = str(self.data.get("method") or "")
        self.fields["method"].choices = [(each, each) for each in methods_for(str(self.data.get("purpose") or ""))]
        self.fields["dataset_version"].offer(offer.versions, offer.find_version)
        self.fields["base_model"].offer(offer.bases, offer.find_base)
        self.fields["vae"].offer(offer.vaes, offer.find_vae, empty=_("The model's own"))
        self.offer_rows(offer)
        version = offer.find_version(self.data.get("dataset_version"))
        self.fields["adapter_name"].widget.attrs["placeholder"] = str(version.dataset) if version else ""
        for name in self.recipe_fields:
            self.fields[name] = field_for(name)
        share = self.fields.get("validation_share")
        if isinstance(share, ShareField):
            share.offer(str(self.data.get("validation_share", "")))

    def offer_rows(self, offer: Offer) -> None:
        """Offer adapters of this method, and runs to compare with, an older one that was asked for among them."""
        adapters = [each for each in offer.adapters if each.method == self.method_now]
        self.fields["adapter"].offer(adapters, offer.find_adapter, empty=_("A new adapter"))
        chosen = self.data.get("compared_with")
        older = offer.find_run(chosen) if chosen else None
        runs = [*offer.runs, *([older] if older is not None and older not in offer.runs else [])]
        self.fields["compared_with"].offer(runs, offer.find_run, empty=_("None"))

    @cached_property
    def recipe_fields(self) -> list[str]:
        """The names of the fields of recipe and material that this method knows, in the order of their groups."""
        if self.method_now not in Method.values:
            return []
        names = [name for _title, group in GROUPS for name in group if name not in ELSEWHERE]
        return [name for name in names if knows(self.method_now, name)]

    @property
    def has_priors(self) -> bool:
        """Can this method keep what the class looks like?"""
        return knows(self.method_now, "prior_mode")

    @cached_property
    def visible_names(self) -> list[str]:
        """The fields that everybody sees: at most twelve."""
        if not self.recipe_fields:
            return []
        regular = "regularization" if self.has_priors else "weight_decay"
        return [
            "dataset_version", "base_model", "vae", "trigger_word", *OWN_VISIBLE[self.method_now], "learning_rate",
            "max_train_steps", "resolution", "train_batch_size", regular, "seed",
        ]  # fmt: skip

    @property
    def shown(self) -> list[forms.BoundField]:
        """The fields that everybody sees."""
        return [self[name] for name in self.visible_names]

    @property
    def more(self) -> Iterator[tuple[int, Any, list[forms.BoundField]]]:
        """Yield all other fields in their groups, each with the group's number."""
        for number, (title, names) in enumerate(GROUPS):
            found = [self[name] for name in names if name in self.fields and name not in self.visible_names]
            if "sample_prompts" in names:
                found = [self["sample_lines"], self["sample_negative"], *found]
            if found:
                yield number, title, found

    @property
    def placed(self) -> list[forms.BoundField]:
        """Every field that has a place for its mistakes on the page."""
        named = [self[name] for name in ("adapter", "adapter_name", "name")]
        return [*self.shown, *named, *(field for _number, _title, fields in self.more for field in fields)]

    def training_request(self) -> TrainingRequest:
        """Return what a valid form asks for. Raises Problem for a picture that is gone."""
        asked = self.cleaned_data
        material = MaterialChoice(**{name: asked[name] for name in MATERIAL})
        values = {name: asked[name] for name in self.recipe_fields if name not in MATERIAL}
        adapter = asked["adapter"]
        request = TrainingRequest(
            method=asked["method"],
            dataset_version=asked["dataset_version"],
            base_model=asked["base_model"],
            vae=asked["vae"],
            adapter=adapter,
            adapter_name="" if adapter else asked["adapter_name"].strip(),
            name=asked["name"],
            values={**values, **self.priors(), "sample_prompts": self.prompts()},
            material=material,
            compared_with=asked["compared_with"],
        )
        return self.in_steps(request) if asked["length_unit"] == EPOCHS else request

    def priors(self) -> dict[str, Any]:
        """Return how the class is kept, as the recipe's two fields."""
        mode = self.cleaned_data["regularization"] if self.has_priors else ""
        return {"with_prior_preservation": True, "prior_mode": mode} if mode else {}

    def prompts(self) -> list[SamplePrompt]:
        """Return the sample prompts, each with a seed of its own that stays the same from run to run."""
        lines = [line.strip() for line in self.cleaned_data["sample_lines"].splitlines()]
        negative = self.cleaned_data["sample_negative"]
        return [
            SamplePrompt(prompt=line, negative_prompt=negative, seed=number)
            for number, line in enumerate(filter(None, lines))
        ]

    def in_steps(self, request: TrainingRequest) -> TrainingRequest:
        """Return the request with its length in steps, where it was given in times that every picture is seen."""
        values = dict(request.values)
        sides = split_for(request, FrozenPictures(request.dataset_version))
        values["max_train_steps"] = recipes.steps_of(
            values["max_train_steps"],
            pictures=len(sides["train"]),
            batch_size=max(1, values["train_batch_size"]),
            accumulation=max(1, values["gradient_accumulation_steps"]),
        )
        return TrainingRequest(**{name: getattr(request, name) for name in request.__slots__} | {"values": values})

    def add_problem(self, problem: Problem) -> None:
        """Put a problem's sentences beside the fields that they are about."""
        for name, message in problem.fields.items():
            place = PLACES.get(name, name)
            self.add_error(place if place in self.fields else None, str(message))
        if not problem.fields:
            self.add_error(None, str(problem.message))


class RunFilterForm(forms.Form):
    """Which runs to list."""

    method = forms.ChoiceField(label=gettext_lazy("Method"), required=False)
    dataset = forms.ChoiceField(label=gettext_lazy("Dataset"), required=False)
    status = forms.ChoiceField(label=gettext_lazy("State"), required=False)
    person = forms.ChoiceField(label=gettext_lazy("Person"), required=False)

    def __init__(self, data: Any, *, datasets: Sequence[tuple[str, str]], people: Sequence[tuple[str, str]]) -> None:
        super().__init__(data)
        self.fields["method"].choices = [("", _("Any")), *Method.choices]
        self.fields["dataset"].choices = [("", _("Any")), *datasets]
        self.fields["status"].choices = [("", _("Any")), *TrainingRun.Status.choices]
        self.fields["person"].choices = [("", _("Everybody")), *people]
        self.is_valid()

    def narrow(self, rows: models.QuerySet[TrainingRun]) -> models.QuerySet[TrainingRun]:
        """Keep the runs that were asked for; a filter that cannot be read keeps everything."""
        ways = {
            "method": "method",
            "dataset": "dataset_version__dataset__slug",
            "status": "status",
            "person": "requested_by",
        }
        asked = {ways[name]: self.cleaned_data[name] for name in ways if self.cleaned_data.get(name)}
        return rows.filter(**asked)

    @property
    def is_narrowed(self) -> bool:
        """Does the reader see less than everything?"""
        return any(self.cleaned_data.get(name) for name in self.fields)
