"""Forms that make a version from other versions, or from a file of the library."""

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from projects.models import Project

from .forms_adapters import ProblemForm, library_files, usable_versions, words_in
from .models import Adapter, AdapterJob, AdapterVersion, Method
from .services.reworks import MAX_RANK, MAX_WEIGHT, MOST_MERGED

# A merge of more LoRAs than these is rare: the other rows are folded in until they are needed.
SHOWN = 4
USUAL_RANK = 8
Kind = AdapterJob.Kind
MAX_WORDS, MAX_WORD_CHARS = 20, 80


class ReworkForm(ProblemForm):
    """Merge several LoRAs, make one smaller, or take one out of a DreamBooth."""

    rank = forms.IntegerField(
        label=_("Rank"), required=False, min_value=1, max_value=MAX_RANK,
        help_text=_("Of every layer. Smaller files hold less detail."),
    )  # fmt: skip
    energy = forms.IntegerField(
        label=_("Share to keep, in per cent"), required=False, min_value=1, max_value=100,
        help_text=_("Instead of one rank: every layer keeps as many as this share of its change needs."),
    )  # fmt: skip
    with_conv = forms.BooleanField(label=_("Also the convolutions"), required=False)
    target = forms.ChoiceField(label=_("Becomes a version of"), required=False)
    adapter_name = forms.CharField(label=_("Name of the new adapter"), max_length=120, required=False)
    note = forms.CharField(label=_("Note"), max_length=300, required=False)
    idempotency_key = forms.CharField(max_length=80, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, project: Project, adapter: Adapter, kind: str) -> None:
        super().__init__(data, initial={"rank": USUAL_RANK, "idempotency_key": str(uuid.uuid4())}, auto_id="rework_%s")
        self.kind, self.rows = kind, MOST_MERGED if kind == Kind.MERGE else 1
        own = {} if kind == Kind.MERGE else {"adapter": adapter}
        method = "dreambooth" if kind == Kind.EXTRACT else "lora"
        self.versions = {str(each.id): each for each in usable_versions(project, file__method=method, **own)}
        mine = [key for key, each in self.versions.items() if each.adapter_id == adapter.id]
        for number in range(1, self.rows + 1):
            self.add_row(number, mine[0] if number == 1 and mine else "")
        self.targets = {
            str(each.id): each
            for each in Adapter.objects.filter(project=project, method=Method.LORA, archived_at=None).order_by("name")
        }
        self.fields["target"].choices = [
            ("", _("A new adapter")),
            *((key, str(each)) for key, each in self.targets.items()),
        ]
        self.initial["target"] = str(adapter.id) if kind == Kind.RESIZE and str(adapter.id) in self.targets else ""
        unused = {Kind.MERGE: ("rank", "energy", "with_conv"), Kind.RESIZE: ("with_conv",)}
        for name in unused.get(Kind(kind), ()):
            del self.fields[name]

    def add_row(self, number: int, chosen: str) -> None:
        """Add the fields of one version that goes in."""
        choices = [(key, str(each)) for key, each in self.versions.items()]
        self.fields[f"version_{number}"] = forms.ChoiceField(
            label=_("Version"), required=number == 1, choices=[("", "–"), *choices], initial=chosen
        )
        if self.kind == Kind.MERGE:
            self.fields[f"weight_{number}"] = forms.FloatField(
                label=_("Weight"), required=False, min_value=-MAX_WEIGHT, max_value=MAX_WEIGHT, initial=1.0,
                widget=forms.NumberInput(attrs={"step": "0.05"}),
            )  # fmt: skip

    @property
    def lines(self) -> list[tuple[Any, Any]]:
        """Return the fields of each version with its weight, where weights are asked for."""
        has_weights = self.kind == Kind.MERGE
        return [
            (self[f"version_{number}"], self[f"weight_{number}"] if has_weights else None)
            for number in range(1, self.rows + 1)
        ]

    @property
    def first_lines(self) -> list[tuple[Any, Any]]:
        """Return the lines that are always seen."""
        return self.lines[:SHOWN]

    @property
    def more_lines(self) -> list[tuple[Any, Any]]:
        """Return the lines that are folded in."""
        return self.lines[SHOWN:]

    @property
    def needs_more_lines(self) -> bool:
        """Is something chosen or wrong in the lines that are folded in?"""
        return any(version.value() or version.errors or weight.errors for version, weight in self.more_lines)

    @property
    def inputs(self) -> list[tuple[AdapterVersion, float]]:
        """Return what goes in, from a valid form."""
        said = self.cleaned_data
        found = []
        for number in range(1, self.rows + 1):
            version, weight = self.versions.get(said.get(f"version_{number}") or ""), said.get(f"weight_{number}")
            if version is not None:
                found.append((version, 1.0 if weight is None else weight))
        return found

    @property
    def options(self) -> dict[str, Any]:
        """Return the kind's own numbers; a share counts before a rank."""
        said = self.cleaned_data
        energy = said.get("energy")
        size = {"energy": energy / 100} if energy else {"rank": said.get("rank")}
        return {**size, **({"with_conv": said["with_conv"]} if self.kind == Kind.EXTRACT else {})}

    def add_problem(self, problem: Any) -> None:
        """Put a problem beside its field; those of versions and weights belong to the first row."""
        places = {"versions": "version_1", "weights": "weight_1", "adapter": "target"}
        problem.fields = {places.get(name, name): said for name, said in problem.fields.items()}
        super().add_problem(problem)


class ImportForm(ProblemForm):
    """Number a file of the library as a version, of a new adapter or of one that is there."""

    file = forms.ChoiceField(label=_("File of the library"))
    target = forms.ChoiceField(label=_("Becomes a version of"), required=False)
    adapter_name = forms.CharField(label=_("Name of the new adapter"), max_length=120, required=False)
    trigger_words = forms.CharField(
        label=_("Trigger words"), required=False, max_length=600, help_text=_("With commas between them."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )  # fmt: skip
    recommended_weight = forms.FloatField(
        label=_("Recommended weight"), required=False, min_value=-MAX_WEIGHT, max_value=MAX_WEIGHT,
        widget=forms.NumberInput(attrs={"step": "0.05"}),
    )  # fmt: skip
    note = forms.CharField(label=_("Note"), max_length=300, required=False)

    def __init__(self, data: Any = None, *, project: Project, chosen: str = "") -> None:
        super().__init__(data, initial={"file": chosen}, auto_id="import_%s")
        self.files = {str(each.id): each for each in library_files(project)}
        self.adapters = {
            str(each.id): each for each in Adapter.objects.filter(project=project, archived_at=None).order_by("name")
        }
        self.fields["file"].choices = [
            (key, f"{each.name} · {each.get_method_display()}") for key, each in self.files.items()
        ]
        self.fields["target"].choices = [
            ("", _("A new adapter")),
            *((key, f"{each} · {each.get_method_display()}") for key, each in self.adapters.items()),
        ]

    def clean_trigger_words(self) -> list[str]:
        """Return the words one by one."""
        words = words_in(self.cleaned_data["trigger_words"])
        if len(words) > MAX_WORDS or any(len(word) > MAX_WORD_CHARS for word in words):
            raise forms.ValidationError(_("At most 20 words, each of at most 80 characters."))
        return words
