"""What the room of licences shows: the team's own with their versions, those that ship with Daicho, and one in full."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from projects.models import Project, User

from . import licensing
from .library import GRANTS, Grant, LicenseWords, words_of
from .license_facts import about, differences, duties, reach
from .licensing import Profile
from .models import OwnLicense
from .services import reading_language
from .services.licenses import rights_under

STATES = {
    "waiting": (gettext_lazy("Waits for approval"), "warn"),
    "holds": (gettext_lazy("In force"), "ok"),
    "replaced": (gettext_lazy("Replaced"), ""),
    "ended": (gettext_lazy("Ended"), "stop"),
    "declined": (gettext_lazy("Declined"), "stop"),
}
SHOWN = ("train", "adapt", "share_adapted", "commercial")


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLine:
    """One version of an own licence: what has become of it, and how it differs from the one before."""

    row: OwnLicense
    state: str
    word: Any
    mark: str
    is_own: bool
    differences: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseLine:
    """One licence as the list shows it: its name and the answers that are asked for most.

    Of an own one also the version that says so, and the `next` one, which waits beside it.
    """

    id: str
    name: str
    grants: Sequence[Grant]
    version: VersionLine | None = None
    next: VersionLine | None = None


def versions_in(project: Project) -> QuerySet[OwnLicense]:
    """Return a project's own licences, version by version, with the people who decided."""
    rows = OwnLicense.objects.filter(project=project).with_newest_approved()
    return rows.select_related("project", "evidence", "written_by", "approved_by", "ended_by")


def own_lines(user: User, project: Project) -> list[LicenseLine]:
    """Return the team's own licences, each by the version that counts, else by its newest."""
    rows: dict[str, list[OwnLicense]] = {}
    for row in versions_in(project):
        rows.setdefault(row.license_id, []).append(row)
    return [line_of(user, each) for each in rows.values()]


def line_of(user: User, rows: Sequence[OwnLicense]) -> LicenseLine:
    """Return one own licence as the list shows it."""
    lines = version_lines(user, rows)
    shown = next((each for each in lines if each.state == "holds"), lines[0])
    waiting = next((each for each in lines if each.state == "waiting" and each is not shown), None)
    profile = shown.row.profile
    name = profile.name[reading_language()]
    return LicenseLine(id=profile.id, name=name, grants=main_grants(profile), version=shown, next=waiting)


def house_lines() -> list[LicenseLine]:
    """Return the licences that ship with Daicho."""
    profiles = [each for each in licensing.house_profiles().values() if each.kind not in ("policy", "unknown")]
    language = reading_language()
    lines = [LicenseLine(id=each.id, name=each.name[language], grants=main_grants(each)) for each in profiles]
    return sorted(lines, key=lambda line: line.name)


def main_grants(profile: Profile) -> list[Grant]:
    """Return the answers that are asked for most."""
    language = reading_language()
    return [
        Grant(
            use=licensing.label("dimensions", name, language),
            word=licensing.label("permissions", profile.permission(name).word, language),
            mark=GRANTS[profile.permission(name)],
            clause=profile.clause_of(name),
            quote=profile.quote(name, language),
        )
        for name in SHOWN
    ]


def version_lines(user: User, rows: Sequence[OwnLicense]) -> list[VersionLine]:
    """Return the versions of one licence, the newest first."""
    ordered = sorted(rows, key=lambda row: -row.number)
    lines = []
    for row, before in zip_longest(ordered, ordered[1:]):
        state = state_of(row)
        word, mark = STATES[state]
        changes = differences(before.profile, row.profile) if before else []
        is_own = row.written_by_id == user.id
        lines.append(VersionLine(row=row, state=state, word=word, mark=mark, is_own=is_own, differences=changes))
    return lines


def state_of(row: OwnLicense) -> str:
    """Return what has become of a version, as a key of STATES; the row comes `with_newest_approved`."""
    if row.approved_at is None:
        return "waiting" if row.ended_at is None else "declined"
    if row.ended_at is not None:
        return "ended"
    return "holds" if row.number == row.approved_number else "replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class LicensePage:
    """One licence in full: what one version of it says, and all its versions where it is the team's own."""

    id: str
    words: LicenseWords
    lines: Sequence[tuple[str, str]]
    versions: Sequence[VersionLine]
    shown: VersionLine | None
    uses: int

    @property
    def waiting(self) -> VersionLine | None:
        """Return the version that waits for a second person."""
        return next((each for each in self.versions if each.state == "waiting"), None)


def license_page(user: User, project: Project, license_id: str, number: str = "") -> LicensePage:
    """Return one licence in full, in the version of that number if there is one.

    Else it is the version that waits for this person, else the one that counts. Raises Http404 for a licence that
    neither the team nor Daicho has written.
    """
    versions = version_lines(user, list(versions_in(project).filter(license_id=license_id)))
    shown = version_shown(versions, number)
    profile = shown.row.profile if shown else house_profile(license_id)
    return LicensePage(
        id=license_id,
        words=words_of(profile),
        lines=[*about(profile), *duties(profile), *reach(profile)],
        versions=versions,
        shown=shown,
        uses=rights_under(project, license_id).count(),
    )


def version_shown(versions: Sequence[VersionLine], number: str) -> VersionLine | None:
    """Return the version that the address names, else what a person has to look at first."""
    asked = [each for each in versions if str(each.row.number) == number]
    waiting = [each for each in versions if each.state == "waiting" and not each.is_own]
    holding = [each for each in versions if each.state == "holds"]
    return next(iter((*asked, *waiting, *holding, *versions)), None)


def house_profile(license_id: str) -> Profile:
    """Return a licence that ships with Daicho. Raises Http404."""
    profile = licensing.profile(license_id)
    if profile.id != license_id or profile.kind in ("policy", "unknown"):
        raise Http404
    return profile


def base_content(project: Project, name: str) -> dict[str, Any]:
    """Return the content that a new version or a new licence begins with; nothing for a name that nobody knows."""
    newest = OwnLicense.objects.filter(project=project, license_id=name).first()
    if newest is not None:
        return dict(newest.content)
    profile = licensing.profile(name)
    return dict(profile.content) if profile.id == name and profile.kind != "policy" else {}


def kept_words(base: dict[str, Any]) -> list[str]:
    """Return in words what a profile keeps from the one that it begins with, beside what the form shows."""
    clauses, language = base.get("clauses", {}), reading_language()
    parts = (*base.get("rules", ()), *base.get("restrictions", ()))
    names = dict.fromkeys(each["clause"] for each in parts)
    shown = [f"{clauses[name]['clause']}: {clauses[name]['quote'][language]}" for name in names]
    if base.get("outbound"):
        listed = ", ".join(licensing.label("licenses", each, language) for each in base["outbound"])
        shown.append(_("What is made from it goes out under: %(licenses)s") % {"licenses": listed})
    return shown


def count_waiting(user: User, project: Project) -> int:
    """Count the versions that this person may approve."""
    rows = OwnLicense.objects.filter(project=project, approved_at=None, ended_at=None)
    return rows.exclude(written_by=user).count()
