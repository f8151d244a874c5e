"""The rights of a picture as people read them: the strip below Generate."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from assets.licensing import (
    Decision,
    Permission,
    Verdict,
    answer,
    explain,
    label,
    license_name,
    obligations_text,
    restrictions_text,
)
from assets.overrides import Override, overrides_of
from projects.models import Project

WORST_FIRST = (Verdict.BLOCK, Verdict.REVIEW, Verdict.ALLOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One question of the strip: the verdict, its word, the answer in a sentence, and why."""

    verdict: str
    word: str
    answer: str
    reasons: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsStrip:
    """What may be done with a picture, where, for what and until when, and what is owed for it.

    Without a foundation (a licence that is unknown, refused or withdrawn) the limits say nothing and are not shown.
    """

    verdict: str
    generate: Gate
    publish: Gate
    license: str
    is_founded: bool
    where: str
    purposes: str
    media: str
    until: datetime | None
    asked: str
    owed: list[str]
    rules: list[str]
    overrides: list[Override]

    @property
    def reasons(self) -> list[str]:
        """Return every reason once, those against generating first."""
        return list(dict.fromkeys(self.generate.reasons + self.publish.reasons))


def reading_language() -> str:
    """Return the language in which licences speak to this reader."""
    return "ja" if (get_language() or "").startswith("ja") else "en"


def describe_rights(
    project: Project, generate: Decision, publish: Decision, *, made_under: Decision | None = None
) -> RightsStrip:
    """Return two decisions about the same things as one strip; what a picture was `made_under` may add waivers."""
    language = reading_language()
    terms = publish.terms
    verdicts = (generate.verdict, publish.verdict)
    return RightsStrip(
        verdict=next(verdict for verdict in WORST_FIRST if verdict in verdicts).value,
        generate=gate_of(generate, language),
        publish=gate_of(publish, language),
        license=license_name(publish, language),
        is_founded=terms.basis >= Permission.REVIEW,
        where=listed("territory", terms.territory, language) or _("anywhere"),
        purposes=listed("purposes", terms.purposes, language) or _("any purpose"),
        media=listed("media", terms.media, language) or _("all media"),
        until=terms.expires_at,
        asked=_("%(territory)s, %(purpose)s") % {
            "territory": label("territory", project.territory, language),
            "purpose": label("purposes", project.purpose, language),
        },
        owed=obligations_text(publish, language).splitlines(),
        rules=restrictions_text(publish, language),
        overrides=overrides_of(*filter(None, (made_under, generate, publish))),
    )  # fmt: skip


def gate_of(decision: Decision, language: str) -> Gate:
    """Return one decision in words."""
    return Gate(
        verdict=decision.verdict.value,
        word=label("verdicts", decision.verdict.value, language),
        answer=answer(decision, language),
        reasons=explain(decision, language),
    )


def listed(group: str, words: Iterable[str] | None, language: str) -> str:
    """Return a limit as words, or nothing when there is no limit."""
    return ", ".join(label(group, word, language) for word in sorted(words or ()))
