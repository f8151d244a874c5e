"""The calendar of licences: which end soon, which have ended, month by month as the licensors count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils import timezone

from projects.models import Project

from .models import Rights
from .review_pages import WARN_DAYS, Thing, rights_in, thing_of
from .rights_facts import LAST_INSTANT, last_day_of

MAX_SHOWN = 200
OVER = (Rights.State.REFUSED, Rights.State.WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A licence's end: the thing, its last day in words, and the smallest of WARN_DAYS, 0 when it has ended."""

    thing: Thing
    last_day: str
    at: datetime
    within: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month with the licences that end in it."""

    first: date
    endings: Sequence[Ending]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """What ends soon, soonest first; what has ended, latest first; and how many end later than asked."""

    ahead: Sequence[Month]
    ended: Sequence[Month]
    later: int
    is_cut: bool


def calendar_of(project: Project, within: int = WARN_DAYS[-1]) -> Calendar:
    """Return the calendar of a project: what ends within so many days, and what has ended."""
    now = timezone.now()
    rows = rights_in(project).filter(expires_at__isnull=False).exclude(state__in=OVER)
    until = now + timedelta(days=within)
    ahead = list(rows.filter(expires_at__gt=now, expires_at__lte=until).order_by("expires_at", "id")[: MAX_SHOWN + 1])
    ended = list(rows.filter(expires_at__lte=now).order_by("-expires_at", "id")[: MAX_SHOWN + 1])
    return Calendar(
        ahead=months_of(project, ahead[:MAX_SHOWN], now),
        ended=months_of(project, ended[:MAX_SHOWN], now),
        later=count_later(rows, until),
        is_cut=len(ahead) > MAX_SHOWN or len(ended) > MAX_SHOWN,
    )


def count_later(rows: QuerySet[Rights], until: datetime) -> int:
    """Count what ends after a moment."""
    return rows.filter(expires_at__gt=until).count()


def months_of(project: Project, rows: Sequence[Rights], now: datetime) -> list[Month]:
    """Return rights that are in order as months; a month is the one in which the last day lies for the licensor."""
    found: dict[date, list[Ending]] = {}
    for rights in rows:
        found.setdefault(month_of(rights), []).append(ending_of(project, rights, now))
    return [Month(first=first, endings=endings) for first, endings in found.items()]


def month_of(rights: Rights) -> date:
    """Return the first day of the month in which the term's last day lies."""
    last = (rights.expires_at - LAST_INSTANT).astimezone(ZoneInfo(rights.time_zone))
    return last.date().replace(day=1)


def ending_of(project: Project, rights: Rights, now: datetime) -> Ending:
    """Return one end."""
    return Ending(
        thing=thing_of(project, rights),
        last_day=last_day_of(rights),
        at=rights.expires_at,
        within=days_class(rights.expires_at - now),
    )


def days_class(left: timedelta) -> int:
    """Return 0 when nothing is left, else the smallest of WARN_DAYS that is not shorter."""
    if left <= timedelta():
        return 0
    return next((days for days in WARN_DAYS if left <= timedelta(days=days)), WARN_DAYS[-1])
