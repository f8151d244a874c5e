"""The form of a team's own licence profile: every answer with its clause, what is owed, and how far it reaches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from . import licensing
from .license_facts import DUTIES, KINDS, SILENCE
from .licensing import OWN_PREFIX, Permission, Purpose
from .licensing.profiles import OWN_KINDS
from .services import reading_language
from .services.pictures import MAX_EVIDENCE_BYTES

PICTURES = ("train", "adapt", "share", "share_adapted", "commercial")
MODELS = ("run", "host", "weights_derive", "weights_share", "out_commercial", "out_train")
BOTH = ("added_terms",)
PRODUCTS: Mapping[str, tuple[Any, tuple[str, ...]]] = {
    "none": (_("Not owed"), ()),
    "output": (_("On pictures"), ("output",)),
    "weights": (_("On weights"), ("weights",)),
    "served": (_("On weights and services"), ("weights", "host")),
    "all": (_("On everything"), ("output", "weights", "host")),
}
ANSWERS = (Permission.ALLOW, Permission.REVIEW, Permission.UNKNOWN, Permission.DENY)
# What the form does not show, a profile keeps from the one that it begins with.
KEPT = ("rules", "parameters", "restrictions", "outbound")
CLAUSE_PARTS = ("clause", "en", "ja")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the form: what it is about, its answer if it has one, and the clause behind it."""

    label: Any
    answer: forms.BoundField | None
    clause: forms.BoundField
    quotes: list[forms.BoundField]
    errors: list[str]


def short_field(label: Any, most: int, **options: Any) -> forms.CharField:
    """Make a control for a few words that may be left empty."""
    return forms.CharField(label=label, required=False, max_length=most, **options)


class OwnLicenseForm(forms.Form):
    """A profile in the words of the house; `base` is the content that it begins with, `license_id` a fixed name."""

    short_name = forms.RegexField(
        r"^[A-Za-z0-9.-]+$",
        label=_("Identifier"),
        max_length=60,
        help_text=_("Letters, digits, dots and hyphens. It stays the same in every version."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}),
    )
    name_ja = short_field(_("Name in Japanese"), 120, widget=forms.TextInput(attrs={"lang": "ja"}))
    name_en = short_field(_("Name in English"), 120)
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[(name, KINDS[name]) for name in OWN_KINDS],
        help_text=_("The project’s policy may set aside what a licence for everybody asks; a contract always holds."),
    )
    license_url = forms.URLField(label=_("Page of the licence"), required=False, max_length=500, assume_scheme="https")
    document = forms.FileField(
        label=_("The licence’s text"),
        required=False,
        max_length=200,
        help_text=_("A PDF, a picture or a text, at most 16 MB. Its hash is kept with the profile."),
    )
    purposes = forms.MultipleChoiceField(
        label=_("Purposes"),
        required=False,
        help_text=_("Nothing ticked means no limit."),
        widget=forms.CheckboxSelectMultiple,
    )
    amount = forms.DecimalField(
        label=_("Up to a yearly revenue of (US$)"), required=False, min_value=1, max_digits=15, decimal_places=2
    )
    inclusive = forms.BooleanField(label=_("Exactly this amount is still allowed"), required=False)
    note = short_field(_("What is new in this version"), 500)

    def __init__(self, data: Any, files: Any = None, *, base: Mapping[str, Any], license_id: str = "") -> None:
        super().__init__(data, files, initial=initial_of(base))
        self.base, self.license_id, language = base, license_id, reading_language()
        self.fields["purposes"].choices = [
            (each.value, licensing.label("purposes", each, language)) for each in Purpose
        ]
        if license_id:
            del self.fields["short_name"]
        answers = [(each.word, licensing.label("permissions", each.word, language)) for each in ANSWERS]
        self.add_line("whole", None)
        for name in (*PICTURES, *MODELS, *BOTH):
            self.add_line(name, answers)
        for name in DUTIES:
            self.add_line(f"duty_{name}", [(word, label) for word, (label, _on) in PRODUCTS.items()])
        for name in ("purposes", "ceilings"):
            self.add_line(name, None)

    def add_line(self, name: str, answers: list[tuple[str, Any]] | None) -> None:
        """Add the controls of one line."""
        if answers is not None:
            self.fields[f"{name}_answer"] = forms.ChoiceField(choices=answers)
        self.fields[f"{name}_clause"] = short_field(_("Clause"), 60)
        self.fields[f"{name}_en"] = short_field(_("In English"), 300)
        self.fields[f"{name}_ja"] = short_field(_("In Japanese"), 300, widget=forms.TextInput(attrs={"lang": "ja"}))

    def line(self, name: str, label: Any) -> Line:
        """Return one line as the page shows it."""
        answer, parts = f"{name}_answer", [self[f"{name}_{part}"] for part in CLAUSE_PARTS]
        shown = [self[answer], *parts] if answer in self.fields else parts
        return Line(
            label=label,
            answer=self[answer] if answer in self.fields else None,
            clause=parts[0],
            quotes=parts[1:],
            errors=[str(error) for field in shown for error in field.errors],
        )

    @property
    def whole(self) -> Line:
        """Return the line about the licence as a whole."""
        return self.line("whole", _("The licence in one sentence"))

    @property
    def limits(self) -> list[Line]:
        """Return the clauses behind the limits."""
        return [self.line("purposes", _("Purposes")), self.line("ceilings", _("Revenue"))]

    @property
    def sections(self) -> list[tuple[Any, list[Line]]]:
        """Return the lines with answers, in their sections."""
        language = reading_language()
        named = ((_("Pictures"), PICTURES), (_("Models"), MODELS), (_("Both"), BOTH))
        uses = [
            (title, [self.line(name, licensing.label("dimensions", name, language)) for name in names])
            for title, names in named
        ]
        return [*uses, (_("What is owed"), [self.line(f"duty_{name}", label) for name, label in DUTIES.items()])]

    def clean_document(self) -> Any:
        """Refuse a document that is too large before it is read."""
        file = self.cleaned_data["document"]
        if file and file.size > MAX_EVIDENCE_BYTES:
            raise forms.ValidationError(_("The document is larger than 16 MB."))
        return file

    def clean(self) -> None:
        """Ask for a name, and for a clause behind everything that is less than yes."""
        values = self.cleaned_data
        if not values.get("name_ja") and not values.get("name_en"):
            self.add_error("name_en", _("Give the licence a name, in one language at least."))
        for name in self.named_lines():
            if not self.has_clause(name):
                message = _("Say which clause it is, and what it says, in one language at least.")
                self.add_error(f"{name}_clause", message)

    def has_clause(self, name: str) -> bool:
        """Was a clause written, with what it says?"""
        clause, *quotes = (self.cleaned_data.get(f"{name}_{part}") for part in CLAUSE_PARTS)
        return bool(clause and any(quotes))

    def named_lines(self) -> list[str]:
        """Return the lines that need a clause, by what was answered."""
        values = self.cleaned_data
        narrow = [name for name in (*PICTURES, *MODELS, *BOTH) if values.get(f"{name}_answer") in ("review", "deny")]
        owed = [f"duty_{name}" for name in DUTIES if values.get(f"duty_{name}_answer", "none") != "none"]
        limits = [name for name, field in (("purposes", "purposes"), ("ceilings", "amount")) if values.get(field)]
        return ["whole", *narrow, *owed, *limits]

    def content(self) -> dict[str, Any]:
        """Return the profile as a data file holds it, without its version."""
        values = self.cleaned_data
        answers = {name: values[f"{name}_answer"] for name in (*PICTURES, *MODELS, *BOTH)}
        ceiling = {"amount": str(values["amount"]), "currency": "USD", "inclusive": values["inclusive"]}
        return {
            **{name: self.base[name] for name in KEPT if name in self.base},
            "id": self.license_id or OWN_PREFIX + values["short_name"],
            "kind": values["kind"],
            "name": both(values["name_en"], values["name_ja"]),
            "source_url": values["license_url"],
            "license_url": values["license_url"],
            "text": self.base.get("text", "") if self.license_id else "",
            "text_sha256": self.base.get("text_sha256") if self.license_id else None,
            "permissions": {"basis": "allow", **self.base.get("permissions", {}), **answers},
            "obligations": [*kept_duties(self.base), *self.duties()],
            "purposes": sorted(values["purposes"]) or None,
            "ceilings": [*([ceiling] if values["amount"] else ()), *self.base.get("ceilings", ())[1:]],
            "clauses": self.clauses(),
        }

    def duties(self) -> list[dict[str, Any]]:
        """Return what is owed."""
        before = {each["kind"]: each["on"] for each in shown_duties(self.base)}
        answers = {name: self.cleaned_data[f"duty_{name}_answer"] for name in DUTIES}
        return [
            {
                "kind": name,
                "on": before[name] if product_of(before.get(name, ())) == word else list(PRODUCTS[word][1]),
                "clause": f"duty_{name}",
            }
            for name, word in answers.items()
            if word != "none"
        ]

    def clauses(self) -> dict[str, Any]:
        """Return the clauses: those that were written, and those that what is kept from the base needs."""
        kept = {name: each for name, each in self.base.get("clauses", {}).items() if name in kept_clauses(self.base)}
        values = self.cleaned_data
        lines = ["whole", *PICTURES, *MODELS, *BOTH, *(f"duty_{name}" for name in DUTIES), "purposes", "ceilings"]
        written = {
            name: {
                "clause": values[f"{name}_clause"],
                "quote": both(values[f"{name}_en"], values[f"{name}_ja"]),
            }
            for name in lines
            if self.has_clause(name)
        }
        # An answer that nobody knows needs a clause too: nothing in the licence says anything about it.
        silent = {
            name: {"clause": SILENCE, "quote": {"en": "says nothing about it", "ja": "これについて定めがない"}}
            for name in (*PICTURES, *MODELS, *BOTH)
            if values[f"{name}_answer"] == "unknown" and name not in written
        }
        return {**kept, **silent, **written}


def both(english: str, japanese: str) -> dict[str, str]:
    """Return words in both languages; what was written in one stands for the other too."""
    return {"en": english or japanese, "ja": japanese or english}


def shown_duties(base: Mapping[str, Any]) -> list[Any]:
    """Return the duties that the form has a line for; one that depends on a condition has none."""
    return [each for each in base.get("obligations", ()) if "when" not in each and each["kind"] in DUTIES]


def kept_duties(base: Mapping[str, Any]) -> list[Any]:
    """Return the duties that the form does not show: they stay as they are."""
    shown = shown_duties(base)
    return [each for each in base.get("obligations", ()) if each not in shown]


def kept_clauses(base: Mapping[str, Any]) -> set[str]:
    """Return the clauses behind what a profile keeps from its base."""
    parts = (*base.get("rules", ()), *base.get("restrictions", ()), *kept_duties(base))
    return {each["clause"] for each in parts} | {"outbound", "pass_on", "releases"}


def initial_of(base: Mapping[str, Any]) -> dict[str, Any]:
    """Return a profile's content as the form shows it; without one, every answer is unknown."""
    clauses, permissions = base.get("clauses", {}), base.get("permissions", {})
    owed = {each["kind"]: each for each in shown_duties(base)}
    ceiling = next(iter(base.get("ceilings", ())), {})
    values: dict[str, Any] = {
        "kind": base.get("kind") if base.get("kind") in OWN_KINDS else "contract",
        "name_en": base.get("name", {}).get("en", ""),
        "name_ja": base.get("name", {}).get("ja", ""),
        "license_url": base.get("license_url", ""),
        "purposes": base.get("purposes") or [],
        "amount": ceiling.get("amount"),
        "inclusive": ceiling.get("inclusive", True),
    }
    behind = {name: name for name in ("whole", *PICTURES, *MODELS, *BOTH, "purposes", "ceilings")}
    for name in (*PICTURES, *MODELS, *BOTH):
        values[f"{name}_answer"] = permissions.get(name, "unknown")
    for name in DUTIES:
        values[f"duty_{name}_answer"] = product_of(owed.get(name, {}).get("on", ()))
        behind[f"duty_{name}"] = owed.get(name, {}).get("clause", "")
    for name, clause in behind.items():
        said = clauses.get(clause)
        if said and said["clause"] != SILENCE:
            values |= {f"{name}_clause": said["clause"], f"{name}_en": said["quote"]["en"]}
            values[f"{name}_ja"] = said["quote"]["ja"]
    return values


def product_of(on: Any) -> str:
    """Return which of the form's words stands for the products that a duty is owed on."""
    found = set(on)
    exact = next((word for word, (_label, products) in PRODUCTS.items() if set(products) == found), None)
    return exact or ("all" if "output" in found else "served")
