"""Forms of the vocabulary's and the library's rooms."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from projects.problems import Problem

from .models import ModelFile, Rights, Term
from .terms import OURS, SHARED, clean_word, split_synonyms
from .vocabulary import MAX_CHARS

SYNTAX = re.compile(r"[\\()\[\]{}<>|]")
FORMULA = re.compile(r"^\s*[=+@\-]")
KANA = re.compile("^[ぁ-ゖァ-ヺー・ 　]*$")
JAPANESE = re.compile("[\u3040-\u30ff\u3400-\u9fff々]")
MAX_SYNONYMS = 20


def check_word(word: str) -> None:
    """Refuse signs that prompts or spreadsheets would read as something else."""
    if SYNTAX.search(word):
        raise forms.ValidationError(_("Brackets, braces, bars and backslashes are syntax of prompts. Leave them out."))
    if FORMULA.search(word):
        raise forms.ValidationError(_("A word cannot begin with =, +, - or @."))


class TermForm(forms.Form):
    """A word of the project's own."""

    ja = forms.CharField(label=_("Japanese"), max_length=MAX_CHARS["ja"], widget=forms.TextInput(attrs={"lang": "ja"}))
    reading = forms.CharField(
        label=_("Reading"),
        required=False,
        max_length=MAX_CHARS["reading"],
        help_text=_("In kana, so that it is found and sorted."),
        widget=forms.TextInput(attrs={"lang": "ja"}),
    )
    en = forms.CharField(
        label=_("English"),
        max_length=MAX_CHARS["en"],
        help_text=_("What the prompt says. Things that can be counted carry their article: “a mushroom”."),
        widget=forms.TextInput(attrs={"lang": "en"}),
    )
    synonyms = forms.CharField(
        label=_("Also written"),
        required=False,
        max_length=600,
        help_text=_("Further Japanese spellings, with commas between them."),
        widget=forms.TextInput(attrs={"lang": "ja"}),
    )
    slot = forms.ChoiceField(label=_("Slot"), choices=Term.Slot)

    @staticmethod
    def values_of(term: Term) -> dict[str, Any]:
        """Return a word as the form shows it."""
        values = {name: getattr(term, name) for name in ("ja", "reading", "en", "slot")}
        return {**values, "synonyms": "、".join(term.synonyms)}

    @staticmethod
    def guess(text: str) -> dict[str, Any]:
        """Return a beginning for a word that was searched for and not found."""
        word = clean_word(text)[: MAX_CHARS["ja"]]
        return {"ja": word} if JAPANESE.search(word) else {"en": word}

    def clean_ja(self) -> str:
        """Refuse a word that is not Japanese: English is sent as it is typed."""
        word = clean_word(self.cleaned_data["ja"])
        check_word(word)
        if not JAPANESE.search(word):
            raise forms.ValidationError(_("Write the Japanese word. English needs no entry: it is sent as it is."))
        return word

    def clean_reading(self) -> str:
        """Refuse a reading that is not kana."""
        word = clean_word(self.cleaned_data["reading"])
        if not KANA.match(word):
            raise forms.ValidationError(_("A reading is written in kana."))
        return word

    def clean_en(self) -> str:
        """Return the English, cleaned."""
        word = clean_word(self.cleaned_data["en"])
        check_word(word)
        if not word:
            raise forms.ValidationError(_("Write the English."))
        return word

    def clean_synonyms(self) -> list[str]:
        """Return the further spellings as a list."""
        found = list(split_synonyms(self.cleaned_data["synonyms"]))
        if len(found) > MAX_SYNONYMS or any(len(word) > MAX_CHARS["ja"] for word in found):
            raise forms.ValidationError(_("At most 20 spellings, each of at most 80 characters."))
        for word in found:
            check_word(word)
        return found

    def add_problem(self, problem: Problem) -> None:
        """Put a problem's sentences beside the fields that they are about."""
        for name, message in (problem.fields or {"": problem.message}).items():
            self.add_error(name if name in self.fields else None, str(message))


class TermFilterForm(forms.Form):
    """Which words to show."""

    q = forms.CharField(label=_("Find a word"), required=False, max_length=80)
    slot = forms.ChoiceField(label=_("Slot"), required=False)
    whose = forms.ChoiceField(label=_("Whose"), required=False)

    def __init__(self, data: Any) -> None:
        super().__init__(data, auto_id="filter_%s")
        self.fields["q"].widget = forms.TextInput(attrs={"type": "search", "placeholder": _("海, うみ, sea")})
        self.fields["slot"].choices = [("", _("All slots")), *Term.Slot.choices]
        self.fields["whose"].choices = [("", _("All words")), (OURS, _("This project’s")), (SHARED, _("Shared"))]
        self.is_valid()

    def asked(self) -> dict[str, str]:
        """Return what can be read of the filters."""
        return {name: self.cleaned_data.get(name) or "" for name in self.fields}

    def query(self) -> str:
        """Return the filters as a query string."""
        return urlencode({name: value for name, value in self.asked().items() if value})


class LibraryFilterForm(forms.Form):
    """Which models to show."""

    q = forms.CharField(label=_("Name or hash"), required=False, max_length=120)
    kind = forms.ChoiceField(label=_("Kind"), required=False)
    architecture = forms.ChoiceField(label=_("Architecture"), required=False)
    license = forms.ChoiceField(label=_("Licence"), required=False)
    state = forms.ChoiceField(label=_("Rights"), required=False)

    def __init__(self, data: Any, *, files: Iterable[ModelFile]) -> None:
        super().__init__(data)
        listed = list(files)
        self.fields["q"].widget = forms.TextInput(attrs={"type": "search"})
        found = {
            "kind": [each for each in ModelFile.Kind.choices if any(file.kind == each[0] for file in listed)],
            "architecture": [
                each for each in ModelFile.Architecture.choices if any(file.architecture == each[0] for file in listed)
            ],
            "license": sorted({(file.license, file.license) for file in listed if file.license}),
            "state": [each for each in Rights.State.choices if any(file.rights.state == each[0] for file in listed)],
        }
        for name, choices in found.items():
            self.fields[name].choices = [("", _("Any")), *choices]
        self.is_valid()

    @property
    def is_narrowed(self) -> bool:
        """Does the reader see less than everything?"""
        return any(self.cleaned_data.get(name) for name in self.fields)

    def narrow(self, rows: QuerySet[ModelFile]) -> QuerySet[ModelFile]:
        """Keep the files that the reader asked for; a filter that cannot be read keeps everything."""
        asked = self.cleaned_data
        for name, field in (("kind", "kind"), ("architecture", "architecture"), ("state", "rights__state")):
            if asked.get(name):
                rows = rows.filter(**{field: asked[name]})
        if asked.get("license"):
            rows = rows.filter(
                Q(rights__branch=asked["license"]) | Q(rights__branch="", rights__expression=asked["license"])
            )
        if asked.get("q"):
            text = asked["q"].strip()
            rows = rows.filter(Q(name__icontains=text) | Q(sha256__startswith=text.lower()))
        return rows
