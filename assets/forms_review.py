"""Forms of review, waivers and questions."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from projects.models import Project
from projects.problems import Problem

from . import licensing
from .licensing import Action, Purpose
from .licensing.profiles import words
from .models import OwnLicense
from .question_pages import USES
from .services import reading_language
from .services.pictures import MAX_EVIDENCE_BYTES

CODES = re.compile(r"[A-Z]{2}")
GATES = (
    (Action.GENERATE, _("Generate")),
    (Action.PUBLISH, _("Publish")),
    (Action.TRAIN, _("Train")),
    (Action.MERGE, _("Merge models")),
    (Action.WEIGHTS, _("Pass weights on")),
    (Action.HOST, _("Offer as a service")),
)
LAST_INSTANT = timedelta(microseconds=1)


def day_widget(**attrs: Any) -> forms.DateInput:
    """Return a field for a day, as the browser's calendar offers it."""
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", **attrs})


def end_of(day: date) -> datetime:
    """Return the first instant after a day where the reader is."""
    return licensing.end_of_day(day, timezone.get_current_timezone_name())


class RefuseForm(forms.Form):
    """Why rights are refused."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Whoever declared it reads this. Say what is missing or wrong."),
    )


class ClearForm(forms.Form):
    """Why something is cleared although it is in quarantine; nothing is needed for what is not."""

    clear_reason = forms.CharField(
        label=_("Reason for clearing what is in quarantine"),
        required=False,
        max_length=500,
        help_text=_("What convinced you, although no source, evidence or known licence is recorded."),
    )


class FindForm(forms.Form):
    """A search for a picture or a model."""

    q = forms.CharField(label=_("Name, title or creator"), required=False, max_length=120)

    def __init__(self, data: Any) -> None:
        super().__init__(data, auto_id="find_%s")
        self.fields["q"].widget = forms.TextInput(attrs={"type": "search"})
        self.is_valid()

    @property
    def text(self) -> str:
        """Return what is looked for."""
        return str(self.cleaned_data.get("q") or "").strip()


class WaiverForm(forms.Form):
    """A rule to be set aside: at which gate, why, on what evidence, and until when."""

    action = forms.ChoiceField(label=_("Gate"), choices=[(gate.value, label) for gate, label in GATES])
    reason = forms.CharField(label=_("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    evidence = forms.FileField(
        label=_("Evidence"), required=False, help_text=_("A PDF, a picture or a text, such as the letter that agrees.")
    )
    last_day = forms.DateField(
        label=_("Last day"), widget=day_widget(), help_text=_("The waiver ends by itself at the end of this day.")
    )

    def clean_evidence(self) -> Any:
        """Refuse a document that is too large before it is read."""
        file = self.cleaned_data["evidence"]
        if file and file.size > MAX_EVIDENCE_BYTES:
            raise forms.ValidationError(_("The document is larger than 16 MB."))
        return file

    def clean_last_day(self) -> date:
        """Refuse a day that is over."""
        return not_over(self.cleaned_data["last_day"])

    def add_problem(self, problem: Problem) -> None:
        """Put a problem's sentences beside the fields that they are about."""
        places = {"expires_at": "last_day"}
        for name, message in (problem.fields or {"": problem.message}).items():
            field = places.get(name, name)
            self.add_error(field if field in self.fields else None, str(message or problem.message))


class AskForm(forms.Form):
    """The circumstances of a use; whatever the address leaves out is the project's own."""

    use = forms.ChoiceField(label=_("What for"))
    purpose = forms.ChoiceField(label=_("Purpose"))
    territory = forms.CharField(
        label=_("Where"),
        max_length=60,
        help_text=_("Codes such as JP, US, EU, or WW for the world, with commas."),
        widget=forms.TextInput(attrs={"list": "territories", "autocapitalize": "characters"}),
    )
    until = forms.DateField(label=_("Until"), required=False, widget=day_widget())
    media = forms.MultipleChoiceField(label=_("Media"), required=False, widget=forms.CheckboxSelectMultiple)
    outbound = forms.ChoiceField(label=_("Given out under"), required=False)
    copies = forms.IntegerField(label=_("Copies"), required=False, min_value=1, max_value=10**9)

    def __init__(self, query: Any, *, project: Project, uses: Iterable[str]) -> None:
        offered, language = tuple(uses), reading_language()
        given = {"use": offered[0], "purpose": project.purpose, "territory": project.territory}
        said = {name: query.get(name) for name in query if query.get(name)}
        super().__init__({**given, **said, "media": query.getlist("media")})
        self.fields["use"].choices = [(name, USES[name][0]) for name in offered]
        self.fields["purpose"].choices = [(each.value, licensing.label("purposes", each, language)) for each in Purpose]
        self.fields["media"].choices = list(words(language)["media"].items())
        self.fields["outbound"].choices = [("", _("Not stated")), *outbound_choices(language, project)]
        self.territories = list(words(language)["territory"].items())

    def clean_territory(self) -> tuple[str, ...]:
        """Return the codes that were written."""
        codes = [part.upper() for part in re.split(r"[\s,、，]+", self.cleaned_data["territory"]) if part]
        if not codes or not all(CODES.fullmatch(code) for code in codes):
            raise forms.ValidationError(_("Write codes of two letters, such as JP or US."))
        return tuple(dict.fromkeys(codes))

    def clean_until(self) -> date | None:
        """Refuse a day that is over."""
        day = self.cleaned_data["until"]
        return not_over(day) if day else None

    def circumstances(self) -> Mapping[str, Any]:
        """Return what `ask_use` takes beside the inputs: the gate, the last moment, and the context's changes."""
        asked = self.cleaned_data
        return {
            "action": USES[asked["use"]][1],
            "until": end_of(asked["until"]) - LAST_INSTANT if asked["until"] else None,
            "purpose": asked["purpose"],
            "territory": asked["territory"],
            "media": tuple(asked["media"]) or None,
            "outbound_license": asked["outbound"] or None,
            "quantities": {"copies": asked["copies"]} if asked["copies"] else {},
        }


def not_over(day: date) -> date:
    """Return a day. Raises ValidationError when it is over."""
    if day < timezone.localdate():
        raise forms.ValidationError(_("The day must lie ahead."))
    return day


def outbound_choices(language: str, project: Project) -> list[tuple[str, str]]:
    """Return the licences under which something can be given out: those that others can ask for, and the team's own."""
    wanted = sorted({each for each in licensing.house_profiles() if each.startswith(("CC-BY", "CC0"))})
    own = OwnLicense.objects.profiles_in(project)
    named = [(name, each.name[language]) for name, each in own.items()]
    return [*((each, licensing.label("licenses", each, language)) for each in wanted), *named]
