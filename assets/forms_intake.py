"""Forms that bring a model into the library: which file it is, and what is declared about its rights."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from projects.access import usable_in
from projects.models import Project
from projects.problems import Problem

from .declarations import SEPARATORS
from .license_questions import AsksAboutLicense, questions_about
from .licensing import Profile
from .models import DatasetVersion, ModelFile, ModelIntake
from .sentences import sentence
from .services import Declaration
from .services.intake_files import SUFFIX, Kept, Waiting, wrong_format
from .spellings import MAX_CHARS, propose

Source = ModelIntake.Source
Kind = ModelFile.Kind
MAX_WORDS = 20
MAX_WORD_CHARS = 80


class BasesField(forms.ModelMultipleChoiceField):
    """Base models to tick, each with what it is."""

    def label_from_instance(self, file: ModelFile) -> str:
        """Return a model as the list shows it."""
        return f"{file} · {file.get_architecture_display()}"


class PredictionForm(forms.Form):
    """How a base model predicts."""

    prediction_type = forms.ChoiceField(label=_("How it predicts"), choices=ModelFile.Prediction.choices)


class FileForm(forms.Form):
    """Where the file is, what kind of model it is, and what it was made from."""

    source = forms.ChoiceField(label=_("Where is the file?"), choices=Source, widget=forms.RadioSelect)
    upload = forms.FileField(
        label=_("File"), required=False, max_length=None, widget=forms.FileInput(attrs={"accept": SUFFIX})
    )
    location = forms.ChoiceField(label=_("File on the server"), required=False)
    url = forms.CharField(
        label=_("Address"),
        required=False,
        max_length=2000,
        help_text=_("The address of the file itself, beginning with https://."),
        widget=forms.TextInput(attrs={"inputmode": "url", "autocapitalize": "none", "spellcheck": "false"}),
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=Kind, widget=forms.RadioSelect)
    name = forms.CharField(label=_("Name"), max_length=120)
    made_for = forms.ChoiceField(
        label=_("Made for"), required=False, choices=[("", _("Choose…")), *ModelFile.Architecture.choices]
    )
    prediction_type = forms.ChoiceField(
        label=_("How it predicts"),
        required=False,
        choices=[("", _("Read from the file")), *ModelFile.Prediction.choices],
        help_text=_(
            "A single file of Stable Diffusion 2 seldom says it, and is then read as v_prediction. Choose epsilon for "
            "2.0 base and 2.1 base, and where the pictures are nothing but noise."
        ),
    )
    bases = BasesField(
        label=_("Base models"),
        queryset=ModelFile.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Those that it was made from: their licences travel along."),
    )
    trained_on = forms.ModelChoiceField(
        label=_("Trained on"),
        queryset=DatasetVersion.objects.none(),
        required=False,
        empty_label=pgettext_lazy("dataset", "None of our datasets"),
    )
    trigger_words = forms.CharField(
        label=_("Trigger words"),
        required=False,
        max_length=600,
        help_text=_("With commas between them. An embedding is called by the first one."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(
        self,
        data: Any,
        files: Any,
        *,
        project: Project,
        waiting: Sequence[Waiting],
        kept: Kept | None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, files, initial=initial)
        self.kept, self.has_waiting = kept, bool(waiting)
        self.fields["location"].choices = [("", _("Choose…")), *((each.location, place_word(each)) for each in waiting)]
        self.fields["bases"].queryset = bases_of(project)
        versions = DatasetVersion.objects.filter(dataset__project=project).select_related("dataset")
        self.fields["trained_on"].queryset = versions.order_by("dataset__name", "-number")
        self.fields["upload"].help_text = _("Only .safetensors, up to %(limit)s.") % {
            "limit": filesizeformat(settings.MODEL_MAX_BYTES)
        }

    def clean_upload(self) -> Any:
        """Refuse other formats by their name; a worker looks at the bytes."""
        file = self.cleaned_data["upload"]
        code = wrong_format(str(file.name)) if file else ""
        if code:
            raise forms.ValidationError(sentence(code, {"file": file.name}))
        return file

    def clean_trigger_words(self) -> list[str]:
        """Return the words one by one."""
        parts = (" ".join(part.split()) for part in SEPARATORS.split(self.cleaned_data["trigger_words"]))
        words = list(dict.fromkeys(part for part in parts if part))
        if len(words) > MAX_WORDS or any(len(word) > MAX_WORD_CHARS for word in words):
            raise forms.ValidationError(_("At most 20 words, each of at most 80 characters."))
        return words

    def clean(self) -> None:
        """Ask for what the chosen source and kind need."""
        missing = {
            Source.UPLOAD: ("upload", self.kept is None, _("Choose the file.")),
            Source.FOLDER: ("location", not self.cleaned_data.get("location"), _("Choose a file on the server.")),
            Source.URL: ("url", not self.cleaned_data.get("url"), _("Write the address of the file.")),
        }
        field, is_missing, message = missing.get(self.cleaned_data.get("source"), ("source", False, ""))
        if is_missing and field not in self.errors:
            self.add_error(field, message)
        if self.cleaned_data.get("kind") == Kind.VAE and not self.cleaned_data.get("made_for"):
            self.add_error("made_for", sentence("architecture_needed"))

    def place(self) -> dict[str, Any]:
        """Return where the file is, as `start_intake` takes it."""
        values = self.cleaned_data
        found = {
            Source.UPLOAD: self.kept.name[:300] if self.kept else "",
            Source.FOLDER: values["location"],
            Source.URL: values["url"].strip(),
        }
        upload_id = self.kept.id if self.kept and values["source"] == Source.UPLOAD else None
        return {"source": values["source"], "location": found[values["source"]], "upload_id": upload_id}

    def facts(self) -> dict[str, Any]:
        """Return what is said about the file, without what belongs to other kinds."""
        values = self.cleaned_data
        facts = {"kind": values["kind"], "name": values["name"]}
        if values["kind"] == Kind.BASE:
            return {**facts, "prediction_type": values["prediction_type"]}
        if values["kind"] == Kind.VAE:
            return {**facts, "made_for": values["made_for"]}
        if values["kind"] == Kind.ADAPTER:
            origin = {name: values[name] for name in ("trained_on", "trigger_words")}
            return {**facts, **origin, "bases": list(values["bases"])}
        return facts

    def add_problem(self, problem: Problem) -> None:
        """Put a problem's sentences beside the fields that they are about."""
        for name, message in (problem.fields or {"": problem.message}).items():
            self.add_error(name if name in self.fields else None, str(message))


def place_word(waiting: Waiting) -> str:
    """Return a file on the server as the list shows it."""
    words = {"location": waiting.location, "size": filesizeformat(waiting.size_bytes)}
    if waiting.has_changed:
        return str(_("%(location)s (%(size)s, changed since it was registered)") % words)
    return "{location} ({size})".format(**words)


def bases_of(project: Project) -> QuerySet[ModelFile]:
    """Return the base models that an adapter can be made from."""
    return usable_in(project, ModelFile.objects.filter(kind=Kind.BASE, removed_at=None)).order_by("name", "id")


class LicenseForm(AsksAboutLicense, forms.Form):
    """What is declared about the rights. Words that are no exact identifier ask back, and so does a licence's own."""

    expression = forms.CharField(
        label=_("Licence"),
        required=False,
        max_length=MAX_CHARS,
        help_text=_("Choose from the list, or write what the source says. Left empty, the model stays blocked."),
        widget=forms.TextInput(attrs={"list": "licences", "autocomplete": "off", "autocapitalize": "none"}),
    )
    creator = forms.CharField(label=_("Creator"), required=False, max_length=200)
    source_url = forms.URLField(
        label=_("Page that it comes from"), required=False, max_length=1000, assume_scheme="https"
    )
    note = forms.CharField(label=_("Note"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, data: Any, *, own: Mapping[str, Profile], initial: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        self.own, written = own, self.said("expression")
        self.proposal = propose(written, own)
        if written and not self.proposal.exact:
            self.fields["meaning"] = self.meaning_field()
        self.asked = questions_about(self.meant(), "", "", own)
        answers = self.initial.get("parameters", {})
        for question in self.asked:
            self.fields[question.field] = question.as_field()
            self.initial[question.field] = question.to_form(answers.get(question.name))

    @property
    def meaning_shown(self) -> forms.BoundField | None:
        """Return the control for what the words mean, where that is asked."""
        return self["meaning"] if "meaning" in self.fields else None

    def clean(self) -> None:
        """Ask once what words mean, and once what the licence asks."""
        if "meaning" in self.fields and not self.cleaned_data.get("meaning"):
            self.add_error("meaning", _("Choose what the licence means, or leave it unknown."))
        elif self.asked and self.said("asked_about") != self.meant():
            message = _("This licence asks a few things more. Answer what you know, then add the model again.")
            self.add_error(self.asked[0].field, message)

    def declaration(self) -> Declaration:
        """Return what was declared."""
        values = self.cleaned_data
        answers = {each.name: each.from_form(values[each.field]) for each in self.asked}
        parameters = {name: value for name, value in answers.items() if value is not None}
        facts = {"parameters": parameters, "note": values["note"]}
        return Declaration(
            expression=self.meant() or self.said("expression"),
            creator=values["creator"],
            source_url=values["source_url"],
            facts={name: value for name, value in facts.items() if value},
        )
