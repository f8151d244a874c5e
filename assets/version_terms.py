"""What has changed in the terms of a frozen version, in words; and what the train gate says of every version now."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from . import licensing
from .dataset_pages import Badge, verdict_badge
from .licensing import Action, Decision, Input
from .models import Dataset, DatasetVersion, DatasetVersionItem, Picture
from .rights_facts import RELEASES
from .services import decide_about, reading_language
from .services.decisions import input_of_picture, makers_of, own_profiles_in, waivers_of

LINES_SHOWN = 12
LIMITS = (
    "outbound", "territory", "media", "purposes", "valid_from", "expires_at", "caps", "ceilings", "releases",
)  # fmt: skip
TERMS = ("obligations", "restrictions", *LIMITS)
ANSWERS = ("verdict", "reasons", "waived", "effective_license", "profiles")


@dataclass(frozen=True, slots=True, kw_only=True)
class TermChange:
    """One thing about the terms that is not as it was: what it is, and its lines that went and came."""

    what: Any
    gone: list[str]
    come: list[str]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the train gate says of a version now, and what its pictures are under together."""

    verdict: Badge
    license: str
    decision: Decision


def is_changed(then: Decision, now: Decision) -> bool:
    """Does a gate's answer say anything else than before: its verdict, reasons, terms, licences or their versions?"""
    answers = any(getattr(then, name) != getattr(now, name) for name in ANSWERS)
    return answers or any(getattr(then.terms, name) != getattr(now.terms, name) for name in TERMS)


def changes_between(then: Decision, now: Decision) -> list[TermChange]:
    """Return what is not as it was, in the reader's language."""
    language = reading_language()
    views: list[tuple[Any, Callable[[Decision], list[str]]]] = [
        (_("Answer"), lambda each: [licensing.label("verdicts", each.verdict.value, language)]),
        (_("Effective licence"), lambda each: [licensing.license_name(each, language)]),
        (_("Licences"), lambda each: licenses_in(each, language)),
        (_("Reasons"), lambda each: licensing.explain(each, language)),
        (_("Set aside by a waiver"), lambda each: licensing.explain(replace(each, reasons=each.waived), language)),
        (_("Duties"), lambda each: licensing.obligations_text(each, language).splitlines()),
        (_("Rules on use"), lambda each: licensing.restrictions_text(each, language)),
        *((licensing.label("dimensions", name, language), limit_view(name, language)) for name in LIMITS),
    ]
    found = (change_of(what, view(then), view(now)) for what, view in views)
    return [change for change in found if change is not None]


def change_of(what: Any, before: Sequence[str], after: Sequence[str]) -> TermChange | None:
    """Return the lines that went and those that came; None when nothing did."""
    gone, come = ([line for line in one if line not in set(other)] for one, other in ((before, after), (after, before)))
    if not gone and not come:
        return None
    more = max(0, len(gone) - LINES_SHOWN) + max(0, len(come) - LINES_SHOWN)
    return TermChange(what=what, gone=gone[:LINES_SHOWN], come=come[:LINES_SHOWN], more=more)


def licenses_in(decision: Decision, language: str) -> list[str]:
    """Return every licence that was read, with the version of its profile."""
    names = sorted(decision.profiles)
    return [
        gettext("%(license)s, version %(version)s") % {"license": called(each, decision, language), "version": version}
        for each, version in ((name, decision.profiles[name]) for name in names)
    ]


def called(license_id: str, decision: Decision, language: str) -> str:
    """Return what a licence is called, a team's own as it was called then."""
    own = decision.context.own_profiles.get(license_id)
    return own.name[language] if own else licensing.label("licenses", license_id, language)


def limit_view(name: str, language: str) -> Callable[[Decision], list[str]]:
    """Return a function from a decision to one of its limits in words."""
    return lambda decision: limit_lines(name, decision, language)


def limit_lines(name: str, decision: Decision, language: str) -> list[str]:
    """Return one limit in words; nothing where there is none."""
    value = getattr(decision.terms, name)
    if value is None or value == ():
        return []
    if name in ("valid_from", "expires_at"):
        return [date_format(timezone.localtime(value), "DATETIME_FORMAT")]
    if name == "caps":
        return [f"{licensing.label('caps', cap, language)}: {most}" for cap, most in value]
    if name == "releases":
        return [f"{who}: {RELEASES[release.word]}" for who, release in value]
    if name == "ceilings":
        return sorted(f"{called(each.license, decision, language)}: {each.currency} {each.amount:,}" for each in value)
    if name == "outbound":
        return sorted(called(each, decision, language) for each in value)
    return sorted(licensing.label(name, each, language) for each in value) or [gettext("nowhere")]


def standings_of(dataset: Dataset, versions: Iterable[DatasetVersion]) -> dict[Any, Standing]:
    """Ask the train gate about every version as its pictures are now, by the version's id.

    Pictures, waivers and own licences are read once for all of them, and equal sets of pictures are judged once.
    """
    members: dict[Any, list[Any]] = defaultdict(list)
    rows = DatasetVersionItem.objects.filter(version__in=[each.id for each in versions])
    for version_id, picture_id in rows.order_by().values_list("version_id", "picture_id"):
        members[version_id].append(picture_id)
    if not members:
        return {}
    found = Picture.objects.filter(id__in=rows.values("picture")).select_related("rights__evidence").order_by()
    learned = lessons_by_picture(list(found))
    own = own_profiles_in(dataset.project, [each for given in learned.values() for each in given])
    waivers = waivers_of(dataset.project, Action.TRAIN)
    judged: dict[frozenset[Any], Standing] = {}
    for ids in map(frozenset, members.values()):
        if ids not in judged:
            given = {(each.item, each.ref, each.edge): each for picture_id in ids for each in learned[picture_id]}
            decision = decide_about(dataset.project, Action.TRAIN, [*given.values()], waivers=waivers, own=own)
            judged[ids] = standing_of(decision)
    return {version_id: judged[frozenset(ids)] for version_id, ids in members.items()}


def lessons_by_picture(pictures: Sequence[Picture]) -> dict[Any, list[Input]]:
    """Return each picture as the train gate takes it, with the models behind it, by the picture's id."""
    makers = makers_of(pictures, is_lesson=True)
    return {each.id: [input_of_picture(each, "training_picture"), *makers.get(each.id, ())] for each in pictures}


def standing_of(decision: Decision) -> Standing:
    """Return a gate's answer as the list of versions shows it."""
    name = licensing.license_name(decision, reading_language())
    return Standing(verdict=verdict_badge(decision), license=name, decision=decision)
