"""Forms of the datasets' room."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from projects.forms import NamedForm
from projects.models import Project

from .curation.cropping import STEP
from .exports import FORMATS
from .exports.descriptions import RESOLUTIONS
from .models import Dataset, Rights
from .picture_filters import FLAGS, MAX_SEARCH_CHARS, NO_LICENSE, RELEASES, PictureFilter, licenses_of

SIDES = [(side, f"{side} px") for side in (512, 576, 640, 704, 768)]
EXPIRIES = [(0, _("Ended")), (7, _("7 days")), (30, _("30 days")), (90, _("90 days")), (365, _("1 year"))]
UNFIT_IN_TRIGGER = frozenset(",、，/\\")
FORMAT_WORDS = {
    "folder": _("Folder with metadata.jsonl"),
    "kohya": _("kohya (sd-scripts)"),
    "imagefolder": _("Hugging Face ImageFolder"),
    "croissant": _("Croissant (ML Commons)"),
}


def check_trigger(word: str) -> str:
    """Return a trigger word on one line. Raises ValidationError for signs that trainers cut captions at."""
    cleaned = " ".join(word.split())
    if UNFIT_IN_TRIGGER & set(cleaned) or not cleaned.isprintable():
        raise forms.ValidationError(_("A trigger word has no commas or slashes."))
    return cleaned


class AimsSelect(forms.NullBooleanSelect):
    """Yes, no, or no answer yet."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.choices = [("unknown", _("Not answered")), ("true", _("Yes")), ("false", _("No"))]


class DatasetForm(NamedForm):
    """What a dataset is called, and the word that its subject is taught under."""

    class Meta:
        model = Dataset
        fields = ["name", "name_ja", "trigger", "aims_at_work", "description"]
        widgets = {
            "aims_at_work": AimsSelect,
            "name_ja": forms.TextInput(attrs={"lang": "ja"}),
            "trigger": forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}),
            "description": forms.Textarea(attrs={"rows": 2}),
        }
        labels = {"aims_at_work": _("Does this set aim at a person, a character or a single work?")}
        help_texts = {
            "trigger": _("A rare word that prompts will call the subject by, such as “hanamaru-chan”."),
            "aims_at_work": _("Until somebody answers it counts as yes: all of a picture’s terms reach what is made."),
        }

    def clean_trigger(self) -> str:
        """Return the trigger word as trainers take it."""
        return check_trigger(self.cleaned_data["trigger"])


class VersionForm(forms.Form):
    """What is said about a version when it is frozen."""

    note = forms.CharField(label=_("What changed"), required=False, max_length=300)


class GroupForm(forms.Form):
    """The group that chosen pictures belong to."""

    group = forms.CharField(
        label=_("Group of the ticked pictures"),
        required=False,
        max_length=80,
        help_text=_("Empty takes them out of their groups."),
        widget=forms.TextInput(attrs={"list": "groups", "autocomplete": "off"}),
    )


class CaptionForm(forms.Form):
    """One caption."""

    language = forms.ChoiceField(choices=settings.LANGUAGES)
    text = forms.CharField(required=False, max_length=2000, strip=True)


class RenameForm(forms.Form):
    """A phrase, and what captions are to say instead."""

    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    old = forms.CharField(label=_("Phrase"), max_length=300)
    new = forms.CharField(label=_("Becomes"), required=False, max_length=300, help_text=_("Empty takes it out."))


class TagForm(forms.Form):
    """A person's word about a proposed tag."""

    accepted = forms.TypedChoiceField(choices=[("1", ""), ("0", "")], coerce=lambda value: value == "1")


class CropForm(forms.Form):
    """How training will cut the pictures."""

    side = forms.TypedChoiceField(label=_("Size"), choices=SIDES, coerce=int, initial=512)
    shape = forms.ChoiceField(
        label=_("Shape"),
        choices=[("square", _("Squares")), ("buckets", _("Buckets that fit each picture"))],
        initial="square",
    )

    @classmethod
    def read(cls, data: Any) -> tuple["CropForm", int, bool]:
        """Return the form, the side, and whether buckets are asked for; what cannot be read is 512 and squares."""
        form = cls({"side": data.get("side") or "512", "shape": data.get("shape") or "square"})
        form.is_valid()
        side = form.cleaned_data.get("side") or 8 * STEP
        return form, side, form.cleaned_data.get("shape") == "buckets"


class ExportForm(forms.Form):
    """How a version leaves the house."""

    format = forms.ChoiceField(label=_("Format"), choices=[(name, FORMAT_WORDS[name]) for name in FORMATS])
    language = forms.ChoiceField(label=_("Captions in"), choices=settings.LANGUAGES)
    trigger = forms.CharField(label=_("Trigger word"), required=False, max_length=80)
    class_word = forms.CharField(
        label=_("Class word"), required=False, max_length=80, help_text=_("What the subject is, such as “dog”.")
    )
    repeats = forms.IntegerField(label=_("Repeats"), min_value=1, max_value=10_000, initial=10)
    resolution = forms.IntegerField(
        label=_("Resolution"), min_value=RESOLUTIONS.start, max_value=RESOLUTIONS[-1], step_size=STEP, initial=512
    )
    texts = forms.ChoiceField(
        label=_("Text files hold"), choices=[("captions", _("Captions")), ("tags", _("Tags"))], initial="captions"
    )

    def clean_trigger(self) -> str:
        """Return the trigger word as trainers take it."""
        return check_trigger(self.cleaned_data["trigger"])

    def clean_class_word(self) -> str:
        """Return the class word as trainers take it."""
        return check_trigger(self.cleaned_data["class_word"])

    def clean(self) -> None:
        """Ask for a trigger word where the format names its folder by it."""
        if self.cleaned_data.get("format") == "kohya" and not self.cleaned_data.get("trigger"):
            self.add_error("trigger", _("kohya names its folder by the trigger word. Write one."))


def offer_choices(filters: PictureFilter, project: Project) -> None:
    """Dress the filters for a page: lists to choose from, and a box to search in."""
    form = filters.form
    names = [(name, _("Unknown licence") if name == NO_LICENSE else name) for name in licenses_of(project)]
    lists = {"license": names, "state": Rights.State.choices, "flag": FLAGS, "release": RELEASES, "expiry": EXPIRIES}
    for name, choices in lists.items():
        form.fields[name].widget = forms.Select(choices=[("", _("Any")), *choices])
    form.fields["q"].widget = forms.TextInput(attrs={"type": "search", "maxlength": MAX_SEARCH_CHARS})
    for name, length in (("tag", 80), ("creator", 200)):
        form.fields[name].widget = forms.TextInput(attrs={"maxlength": length})
