"""Forms of one thing: what is declared about its rights, evidence for it, and a picture's words."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _

from . import licensing
from .declarations import MEDIA, SEPARATORS, country_of
from .license_questions import UNKNOWN, AsksAboutLicense, questions_about
from .licensing import Profile, Purpose, end_of_day
from .licensing.choices import offered_branches
from .models import Rights
from .sentences import sentence
from .services import reading_language
from .services.pictures import MAX_EVIDENCE_BYTES
from .spellings import MAX_CHARS, propose

ZONES = (
    "Asia/Tokyo", "UTC", "Asia/Seoul", "Asia/Shanghai", "Asia/Taipei", "Asia/Singapore", "Asia/Bangkok",
    "Europe/London", "Europe/Paris", "Europe/Berlin", "America/New_York", "America/Chicago", "America/Denver",
    "America/Los_Angeles", "America/Sao_Paulo", "Australia/Sydney", "Pacific/Auckland",
)  # fmt: skip
RELEASES = [
    ("none", _("No release")),
    ("limited", _("Limited release")),
    ("unlimited", _("Full release")),
]
TEXTS = ("basis", "creator", "creator_reading", "creator_uri", "title", "source_url", "note")
CAPS = ("copies", "seats")
LAST_INSTANT = timedelta(microseconds=1)


def scope_choices(group: str, codes: Any) -> list[tuple[str, str]]:
    """Return codes of a limit with their words in the reader's language."""
    return [(code, licensing.label(group, code, reading_language())) for code in codes]


def day_field(label: Any, help_text: Any = "") -> forms.DateField:
    """Make a control for a day."""
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    return forms.DateField(label=label, required=False, help_text=help_text, widget=widget)


class RightsForm(AsksAboutLicense, forms.Form):
    """What is declared about the rights in a thing; what stands there already fills it.

    A written licence that is no exact identifier asks back once, and a licence with questions asks them.
    """

    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)
    expression = forms.CharField(
        label=_("Licence"),
        required=False,
        max_length=MAX_CHARS,
        help_text=_("An SPDX identifier, or the words of the source."),
        widget=forms.TextInput(attrs={"list": "licences", "autocomplete": "off", "autocapitalize": "none"}),
    )
    basis = forms.ChoiceField(label=_("Basis"), choices=Rights.Basis)
    creator = forms.CharField(label=_("Creator"), required=False, max_length=200)
    creator_reading = forms.CharField(
        label=_("Reading"), required=False, max_length=200, widget=forms.TextInput(attrs={"lang": "ja"})
    )
    creator_uri = forms.URLField(label=_("Creator’s page"), required=False, max_length=1000, assume_scheme="https")
    title = forms.CharField(label=_("Title"), required=False, max_length=300)
    source_url = forms.URLField(label=_("Source"), required=False, max_length=1000, assume_scheme="https")
    valid_from = day_field(_("Valid from"))
    expires_at = day_field(_("Last day"), _("It counts to its end in the licensor’s time zone."))
    time_zone = forms.ChoiceField(label=_("Licensor’s time zone"))
    territories = forms.CharField(
        label=_("Territory"),
        required=False,
        max_length=600,
        help_text=_("Countries or regions with commas between them. Empty means no limit."),
    )
    media = forms.MultipleChoiceField(
        label=_("Media"),
        required=False,
        help_text=_("Nothing ticked means no limit."),
        widget=forms.CheckboxSelectMultiple,
    )
    purposes = forms.MultipleChoiceField(
        label=_("Purposes"),
        required=False,
        help_text=_("Nothing ticked means no limit."),
        widget=forms.CheckboxSelectMultiple,
    )
    copies = forms.IntegerField(label=_("Copies at most"), required=False, min_value=1, max_value=10**12)
    seats = forms.IntegerField(label=_("Seats at most"), required=False, min_value=1, max_value=10**12)
    note = forms.CharField(label=_("Note"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, data: Any, *, rights: Rights, own: Mapping[str, Profile]) -> None:
        super().__init__(data, initial=initial_of(rights))
        self.rights, self.own = rights, own
        zones = dict.fromkeys((*ZONES, rights.time_zone))
        self.fields["time_zone"].choices = [(name, name.replace("_", " ")) for name in zones]
        self.fields["media"].choices = scope_choices("media", dict.fromkeys((*MEDIA, *(rights.media or ()))))
        self.fields["purposes"].choices = scope_choices("purposes", [each.value for each in Purpose])
        self.proposal = propose(self.said("expression"), own)
        self.offer_meanings()
        self.offer_branches()
        self.asked = questions_about(self.meant(), self.said("branch"), self.said("basis"), own)
        self.offer_questions()

    @property
    def has_open_questions(self) -> bool:
        """Does the licence ask something that the stored facts do not answer?"""
        return any(each.name not in self.rights.parameters for each in self.asked)

    def ask_only(self) -> "RightsForm":
        """Return the form without errors, for a reader who is still choosing."""
        self._errors = forms.utils.ErrorDict()
        return self

    def offer_meanings(self) -> None:
        """Ask what a licence means that is no exact identifier."""
        if self.said("expression") and not self.proposal.exact:
            self.fields["meaning"] = self.meaning_field(initial="" if self.is_bound else UNKNOWN)

    def offer_branches(self) -> None:
        """Ask which branch we choose, where the licence offers a choice."""
        branches = offered_branches(self.meant())
        if branches:
            language = reading_language()
            named = [(each, branch_word(each, language)) for each in branches]
            self.fields["branch"] = forms.ChoiceField(
                label=_("Which of them do we choose?"), required=False, choices=[("", _("Not chosen yet")), *named]
            )

    def offer_questions(self) -> None:
        """Ask what the licence asks of each thing."""
        for each in self.asked:
            self.fields[each.field] = each.as_field()
            self.initial[each.field] = each.to_form(self.rights.parameters.get(each.name))

    def clean_revision(self) -> int | None:
        """Refuse what was written beside facts that somebody has changed meanwhile."""
        seen = self.cleaned_data["revision"]
        if seen is not None and seen != self.rights.revision:
            raise forms.ValidationError(
                _("Somebody changed these rights meanwhile. Look at what is declared now, then save again.")
            )
        return seen

    def clean_territories(self) -> list[str] | None:
        """Return codes of countries and regions; None for no limit."""
        parts = [part.strip() for part in SEPARATORS.split(self.cleaned_data["territories"]) if part.strip()]
        found = {part: country_of(part) for part in parts}
        unread = next((part for part, code in found.items() if code is None), None)
        if unread is not None:
            raise forms.ValidationError(sentence("territory_unreadable", {"text": unread[:80]}))
        codes = sorted({code for code in found.values() if code})
        return codes or None

    def clean(self) -> None:
        """Check what belongs together: the licence and what it means, its basis, and the days."""
        values = self.cleaned_data
        self.check_license()
        if values.get("basis") == Rights.Basis.JP_30_4 and self.said("expression"):
            message = _(
                "Article 30-4 is relied on without a licence. Leave the licence empty, or choose another basis."
            )
            self.add_error("basis", message)
        first, last = values.get("valid_from"), values.get("expires_at")
        if first and last and last < first:
            self.add_error("expires_at", _("The last day lies before the first one."))

    def check_license(self) -> None:
        """Refuse words that nobody has said the meaning of."""
        if "meaning" in self.fields and not self.cleaned_data.get("meaning"):
            self.add_error("meaning", _("Choose what the licence means, or leave it unknown."))

    def changes(self) -> dict[str, Any]:
        """Return the facts that the form says, by field of `Rights`."""
        values, zone = self.cleaned_data, self.cleaned_data["time_zone"]
        return {
            **{name: values[name] for name in TEXTS},
            "expression": self.meant() or self.said("expression"),
            "branch": values.get("branch", ""),
            "time_zone": zone,
            "valid_from": self.keep_time("valid_from", begin_of_day(values["valid_from"], zone)),
            "expires_at": self.keep_time("expires_at", end_of(values["expires_at"], zone)),
            "territories": values["territories"],
            "media": sorted(values["media"]) or None,
            "purposes": sorted(values["purposes"]) or None,
            "caps": {name: values[name] for name in CAPS if values[name]},
            "parameters": self.parameters(),
        }

    def keep_time(self, name: str, moment: datetime | None) -> datetime | None:
        """Return the stored moment where the day and the zone are still those that the form showed."""
        is_same = not {name, "time_zone"} & set(self.changed_data)
        return getattr(self.rights, name) if is_same else moment

    def parameters(self) -> dict[str, Any]:
        """Return the answers; those to questions of another licence stay as they are."""
        asked = {each.name: each.from_form(self.cleaned_data[each.field]) for each in self.asked}
        kept = {name: value for name, value in self.rights.parameters.items() if name not in asked}
        return kept | {name: value for name, value in asked.items() if value is not None}


def branch_word(branch: str, language: str) -> str:
    """Return a branch in words, with its identifier."""
    called = " + ".join(licensing.label("licenses", each, language) for each in branch.split(" AND "))
    return called if called == branch else f"{called} ({branch})"


def initial_of(rights: Rights) -> dict[str, Any]:
    """Return rights as the form shows them: days in the licensor's zone, places in the reader's words."""
    zone, language = ZoneInfo(rights.time_zone), reading_language()
    joint = "、" if language == "ja" else ", "
    places = [licensing.label("territory", code, language) for code in rights.territories or ()]
    begins, ends = rights.valid_from, rights.expires_at
    return {
        **{name: getattr(rights, name) for name in (*TEXTS, "expression", "branch", "revision", "time_zone")},
        "valid_from": begins and begins.astimezone(zone).date(),
        "expires_at": ends and (ends.astimezone(zone) - LAST_INSTANT).date(),
        "territories": joint.join(places),
        "media": rights.media or [],
        "purposes": rights.purposes or [],
        **{name: rights.caps.get(name) for name in CAPS},
    }


def begin_of_day(day: date | None, zone: str) -> datetime | None:
    """Return the first instant of a day in a time zone."""
    return datetime.combine(day, time.min, ZoneInfo(zone)) if day else None


def end_of(day: date | None, zone: str) -> datetime | None:
    """Return the first instant after a day in a time zone."""
    return end_of_day(day, zone) if day else None


class PersonForm(forms.Form):
    """One person or property that a thing shows, and whether it has been released."""

    name = forms.CharField(label=_("Person or property"), required=False, max_length=80)
    release = forms.ChoiceField(label=_("Release"), choices=RELEASES, initial="none")


class BasePeopleForms(forms.BaseFormSet):
    """Everybody that a thing shows, with a blank row for one more."""

    @classmethod
    def of(cls, rights: Rights, data: Mapping[str, Any] | None) -> "BasePeopleForms":
        """Return the rows for rights, or for what was sent."""
        rows = [{"name": name, "release": release} for name, release in rights.releases.items()]
        return cls(data, initial=rows, prefix="people")

    def clean(self) -> None:
        """Refuse a person who is named twice."""
        names = [form.cleaned_data["name"] for form in self.forms if form.cleaned_data.get("name")]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise forms.ValidationError(_("“%(name)s” is named twice.") % {"name": twice})

    def changes(self) -> dict[str, Any]:
        """Return the releases by name."""
        said = (form.cleaned_data for form in self.forms)
        return {"releases": {each["name"]: each["release"] for each in said if each.get("name")}}


PeopleForms = forms.formset_factory(PersonForm, formset=BasePeopleForms, extra=1, max_num=50)


class EvidenceForm(forms.Form):
    """A document that shows where rights come from."""

    evidence = forms.FileField(
        label=_("Document"),
        max_length=200,
        widget=forms.FileInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg,.webp,.txt"}),
        help_text=_("A PDF, a picture (PNG, JPEG, WebP) or a text in UTF-8, at most 16 MB."),
    )

    def clean_evidence(self) -> Any:
        """Refuse what is too large before it is read."""
        file = self.cleaned_data["evidence"]
        if file.size > MAX_EVIDENCE_BYTES:
            raise forms.ValidationError(_("The document is larger than 16 MB."))
        return file


class TagsForm(forms.Form):
    """What to do with the words of a picture."""

    do = forms.ChoiceField(choices=[(each, "") for each in ("add", "remove", "accept", "reject")])
    text = forms.CharField(required=False, max_length=400)
    tag = forms.IntegerField(required=False, min_value=1, max_value=2**62)
