"""The boxes of a recipe's fields: built from what the engine takes, so that both know the same fields."""

import math
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from engine.training.limits import COUNTS, MAX_TEXT, NUMBERS, OPTIONAL

from .field_words import CHOICES, help_of, label_of
from .material import MaterialChoice
from .values import DEFAULTS

USUAL: Mapping[str, Any] = {**DEFAULTS, **MaterialChoice().as_dict()}
SHARES = (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
MAX_WORD = 80
MAX_LAYERS = 12
MAX_LINES = 40_000
MOST = 2**53


class NumbersField(forms.CharField):
    """Numbers with commas between them."""

    def clean(self, value: Any) -> tuple[float, ...]:
        """Return the numbers. Raises ValidationError for anything else."""
        text = super().clean(value)
        parts = text.replace("、", ",").replace(",", " ").split()
        try:
            numbers = tuple(map(float, parts))
        except ValueError:
            numbers = ()
        if not 1 <= len(numbers) <= MAX_LAYERS or not all(map(math.isfinite, numbers)):
            raise forms.ValidationError(_("Write numbers with commas between them, such as 1, 2, 1."))
        return numbers


class ShareField(forms.TypedChoiceField):
    """A share of the pictures, in steps that are easy to say."""

    def __init__(self, **options: Any) -> None:
        choices = [(f"{share:g}", f"{share:.0%}".replace("%", " %")) for share in SHARES]
        super().__init__(choices=choices, coerce=float, empty_value=0.0, **options)

    def offer(self, text: str) -> None:
        """Offer a share besides the usual ones, where it is one: that of an older run."""
        try:
            share = float(text)
        except ValueError:
            return
        if 0.0 <= share <= 0.9 and text not in dict(self.choices):
            self.choices = [*self.choices, (text, f"{share:.1%}".replace("%", " %"))]


def field_for(name: str) -> forms.Field:
    """Return the box of one field of a recipe, or of what the pictures become."""
    words: dict[str, Any] = {"label": label_of(name), "help_text": help_of(name)}
    usual = USUAL[name]
    if name == "validation_share":
        return ShareField(**words)
    if name in CHOICES:
        return forms.ChoiceField(choices=list(CHOICES[name].items()), **words)
    if isinstance(usual, bool):
        return forms.BooleanField(required=False, **words)
    if name == "layer_structure":
        return NumbersField(max_length=120, widget=plain_box(), **words)
    if name in COUNTS or name == "split_seed":
        low, high = COUNTS.get(name, (0, MOST))
        box = forms.NumberInput(attrs={"inputmode": "numeric", "min": low, "max": high})
        return forms.IntegerField(widget=box, **words)
    if name in NUMBERS or name in OPTIONAL:
        box = plain_box(inputmode="decimal")
        return forms.FloatField(required=name not in OPTIONAL, widget=box, **words)
    return forms.CharField(required=False, max_length=MAX_WORD, widget=plain_box(lang="en"), **words)


def plain_box(**attributes: str) -> forms.TextInput:
    """Return a box for something that is no sentence."""
    return forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", **attributes})


def lines_field(label: Any, help_text: Any = "") -> forms.CharField:
    """Return a box for one text a line."""
    box = forms.Textarea(attrs={"rows": 3, "lang": "en", "spellcheck": "false"})
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=MAX_LINES, widget=box)


def text_field(label: Any, help_text: Any = "") -> forms.CharField:
    """Return a box for a few words in English."""
    return forms.CharField(
        label=label, help_text=help_text, required=False, max_length=MAX_TEXT, widget=plain_box(lang="en")
    )


def read_value(name: str, text: str) -> Any:
    """Return what a person typed for a field. Raises ValidationError for what it does not take."""
    field = field_for(name)
    if isinstance(field, forms.BooleanField):
        return read_yes_or_no(text)
    if isinstance(field, ShareField):
        field.offer(text)
    return field.clean(text)


def read_yes_or_no(text: str) -> bool:
    """Return whether this says yes. Raises ValidationError for neither."""
    word = text.strip().lower()
    if word in ("yes", "on", "true", "1", "はい"):
        return True
    if word in ("no", "off", "false", "0", "いいえ"):
        return False
    raise forms.ValidationError(_("Write yes or no."))
