"""What lists and pages say of a version at a glance: its licence, its aliases, and what was measured."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assets import licensing
from assets.licensing import OWN_PREFIX
from assets.models import Rights
from assets.services import reading_language
from assets.services.rights import OPEN

from .models import AdapterAlias, AdapterJob, AdapterVersion
from .run_words import VERDICTS, change_words, memorized_words

ALIAS_MARKS: Mapping[str, str] = {AdapterAlias.Name.PRODUCTION: "ok", AdapterAlias.Name.CANDIDATE: "accent"}
KEPT = {"merge": gettext_lazy("merged"), "resize": gettext_lazy("resized"), "extract": gettext_lazy("extracted")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A word with a mark: ok, accent, warn, stop, or none."""

    word: Any
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What was measured of a version in words; `came_from` says how one was made that was not trained here."""

    verdict: Badge | None
    held_out: str
    memorized: str
    came_from: str


def license_words(expression: str) -> str:
    """Return what the licences of an expression are called, in the reader's language."""
    language = reading_language()
    joint: str = licensing.profiles.words(language)["joints"]["and"]
    parts = [licensing.label("licenses", part, language) for part in expression.split(" AND ") if part]
    return joint.join(part.removeprefix(OWN_PREFIX) for part in parts) or _("unknown licence")


def aliases_by_version(aliases: Iterable[AdapterAlias]) -> dict[Any, list[Badge]]:
    """Return the badges of aliases by the id of the version that each points at, production first."""
    found: dict[Any, list[Badge]] = {}
    for alias in sorted(aliases, key=lambda each: each.name, reverse=True):
        badge = Badge(word=alias.get_name_display(), mark=ALIAS_MARKS[alias.name])
        found.setdefault(alias.version_id, []).append(badge)
    return found


def scores_of(version: AdapterVersion) -> Scores:
    """Return what was measured of a version."""
    scores = version.scores
    change = scores.get("held_out") or {}
    mark, word = VERDICTS.get(scores.get("verdict", ""), ("", ""))
    return Scores(
        verdict=Badge(word=word, mark=mark) if word else None,
        held_out=change_words(change.get("mean"), change.get("low"), change.get("high")),
        memorized=memorized_words(scores.get("memorized")),
        came_from=came_from(version),
    )


def came_from(version: AdapterVersion) -> str:
    """Say how a version was made that no run has left; nothing for one that was trained."""
    if version.run_id is not None:
        return ""
    if version.job is None:
        return _("brought in from elsewhere")
    kept = version.scores.get("retained")
    word = str(KEPT[version.job.kind])
    if kept is None:
        return word
    return _("%(how)s, %(percent)d %% of the change kept") % {"how": word, "percent": round(kept * 100)}


def conversion_words(job: AdapterJob) -> str:
    """Say how what is no plain LoRA becomes one before a merge; nothing where all are LoRAs already."""
    said = job.options.get("convert")
    if not said:
        return ""
    words = _(
        "LoHa, LoKr and DoRA become LoRAs first: each layer keeps as many ranks as %(percent)d %% of its change needs, "
        "at most %(rank)d."
    )
    return words % {"percent": round(said["energy"] * 100), "rank": said["rank"]}


def is_closed(version: AdapterVersion) -> bool:
    """Do the rights of the version's own file keep it from being used?"""
    return version.is_withdrawn or version.file.rights.state not in OPEN


def state_of(version: AdapterVersion) -> Badge | None:
    """Return why a version cannot be used, as a badge; nothing while it can."""
    if version.is_withdrawn:
        return Badge(word=_("Taken back"), mark="stop")
    if version.file.removed_at is not None:
        return Badge(word=_("File removed"), mark="stop")
    rights = version.file.rights
    if rights.state == Rights.State.CLEARED:
        return None
    return Badge(word=rights.get_state_display(), mark="warn" if rights.state == Rights.State.PENDING else "stop")
