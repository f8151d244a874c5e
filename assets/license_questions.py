"""What a licence asks of each thing, such as what it is learned for: the questions, and the answers in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from .licensing import Profile, house_profiles, label, profile
from .licensing.choices import choose_branch
from .sentences import sentence
from .services import reading_language
from .services.decisions import BASIS_LICENSES
from .spellings import Proposal

PREFIX = "answer_"
UNKNOWN = "unknown"
NONE_OF_THEM = "none"
QUESTIONS: Mapping[str, Any] = {
    "training_purpose": _("What is it learned for?"),
    "targets_creator_or_work": _("Does the training aim at a particular creator or work?"),
    "sold_as_analysis_database": _("Is it sold as a database for data analysis?"),
    "public_domain_basis": _("Why is it in the public domain?"),
    "training_allowed": _("Does the licence or contract allow training?"),
    "adaptation_allowed": _("Does the contract allow changing it?"),
    "editorial_only": _("Is it for editorial use only?"),
    "allow_commercial_use": _("Which commercial uses are ticked on Civitai?"),
    "allow_derivatives": _("Are derivatives allowed on Civitai?"),
    "allow_no_credit": _("May the credit be left out?"),
    "allow_different_license": _("May merges have other permissions?"),
}
ANSWERS: Mapping[str, Any] = {
    "analysis": _("For data analysis, not for enjoying the expression"),
    "reproduce_expression": _("To reproduce the expression of works in the set"),
    "term_expired": _("The term of protection is over"),
    "never_protected": _("It was never protected"),
    "dedicated": _("The rights holder gave it to the public"),
    "Image": _("Sell images"),
    "RentCivit": _("Run on Civitai"),
    "Rent": _("Run in any paid service"),
    "Sell": _("Sell the model or merges"),
}
UNANSWERED = ("", _("Not answered yet"))
YES_NO = (UNANSWERED, ("true", _("Yes")), ("false", _("No")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question of a licence: its name among the parameters, and the answers that it takes."""

    name: str
    answers: Sequence[Any]
    several: bool

    @property
    def field(self) -> str:
        """Return what a form calls it."""
        return PREFIX + self.name

    @property
    def is_yes_no(self) -> bool:
        """Is the answer yes or no?"""
        return set(self.answers) == {True, False}

    def as_field(self) -> forms.Field:
        """Return a control to answer it with; leaving it unanswered is always possible."""
        label = QUESTIONS[self.name]
        if self.several:
            choices = [*((each, ANSWERS[each]) for each in self.answers), (NONE_OF_THEM, _("None of these"))]
            return forms.MultipleChoiceField(
                label=label, required=False, choices=choices, widget=forms.CheckboxSelectMultiple
            )
        named = YES_NO if self.is_yes_no else (UNANSWERED, *((each, ANSWERS[each]) for each in self.answers))
        return forms.ChoiceField(label=label, required=False, choices=named)

    def to_form(self, value: Any) -> Any:
        """Return a stored answer as the control shows it."""
        if self.several:
            return [NONE_OF_THEM] if value == [] else (value or [])
        return {True: "true", False: "false", None: ""}.get(value, value) if self.is_yes_no else (value or "")

    def from_form(self, value: Any) -> Any:
        """Return an answer as it is stored; None for no answer."""
        if self.several:
            return [each for each in value if each != NONE_OF_THEM] if value else None
        return {"true": True, "false": False}.get(value) if self.is_yes_no else (value or None)


def questions_about(expression: str, branch: str, basis: str, own: Mapping[str, Profile] | None = None) -> list[Asked]:
    """Return what the licences of a declaration ask, or what its basis asks where there is no licence."""
    declared = expression or BASIS_LICENSES.get(basis, "")  # type: ignore[call-overload]
    names: dict[str, Asked] = {}
    for license_id in choose_branch(declared, branch, frozenset(own or ())).licenses:
        for name, answers in profile(license_id, own).parameters.items():
            several = isinstance(answers, Mapping)
            listed: Iterable[Any] = answers["several"] if several else answers
            names.setdefault(name, Asked(name=name, answers=tuple(listed), several=several))
    return list(names.values())


def choices_of(proposal: Proposal) -> list[tuple[str, str]]:
    """Return the licences that words may mean, the proposed one first."""
    language = reading_language()
    names = dict.fromkeys(name for name in (proposal.expression, *proposal.alternatives) if name)
    return [(name, choice_word(name, language)) for name in names]


def known_licenses(own: Mapping[str, Profile]) -> list[tuple[str, str]]:
    """Return the licences that have a profile as a list to choose from, the team's own first."""
    language = reading_language()
    names = [each.id for each in house_profiles().values() if each.kind not in ("policy", "unknown")]
    house = sorted(((name, choice_word(name, language)) for name in names), key=lambda pair: pair[1])
    return [*sorted((name, each.name[language]) for name, each in own.items()), *house]


def choice_word(name: str, language: str) -> str:
    """Return a licence as a list to choose from shows it."""
    called = label("licenses", name, language)
    return called if called == name else f"{called} ({name})"


class AsksAboutLicense:
    """What every form asks that takes a licence in a person's words: what they mean, and what the licence asks.

    A form sets `own` to the team's own licences, `proposal` from what was written, and `asked` from what is meant.
    """

    own: Mapping[str, Profile]
    proposal: Proposal
    asked: Sequence[Asked]

    @property
    def licenses(self) -> list[tuple[str, str]]:
        """Return the licences that have a profile, to choose from."""
        return known_licenses(self.own)

    @property
    def question_fields(self) -> list[forms.BoundField]:
        """Return the controls for what the licence asks."""
        return [self[each.field] for each in self.asked]

    def said(self, name: str) -> str:
        """Return a field as it was sent, or as it begins."""
        value = self.data.get(name, "") if self.is_bound else self.initial.get(name, "")
        return str(value or "").strip()

    def meant(self) -> str:
        """Return the licence that was written or chosen, "" while nobody knows which."""
        if self.proposal.exact or not self.said("expression"):
            return self.proposal.expression
        chosen = self.said("meaning")
        return chosen if chosen in dict([*choices_of(self.proposal), *self.licenses]) else ""

    def meaning_field(self, **options: Any) -> forms.ChoiceField:
        """Return the question what written words mean; nothing is chosen beforehand."""
        near = choices_of(self.proposal)
        others = [each for each in self.licenses if each not in near]
        return forms.ChoiceField(
            label=_("Which licence is this?"),
            required=False,
            choices=[("", _("Choose…")), *near, (_("Other licences"), others), (UNKNOWN, _("Leave it unknown"))],
            help_text=sentence(self.proposal.code, self.proposal.params),
            **options,
        )
