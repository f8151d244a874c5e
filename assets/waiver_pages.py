"""What the room of waivers shows: which wait, which hold, which are over."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from projects.models import Project, User

from .forms_review import GATES
from .models import Waiver
from .review_pages import Thing, rights_in, thing_of

MAX_SHOWN = 200
STATES = {
    "waiting": (_("Waits for approval"), "warn"),
    "holds": (_("In force"), "ok"),
    "ended": (_("Ended"), ""),
    "revoked": (_("Revoked"), "stop"),
    "declined": (_("Declined"), "stop"),
}
OPEN = ("waiting", "holds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One waiver as the list shows it; without a thing it is the exception that the project's policy needs."""

    waiver: Waiver
    thing: Thing | None
    gate: Any
    state: str
    word: Any
    mark: str
    is_own: bool

    @property
    def is_waiting(self) -> bool:
        """Can it be approved?"""
        return self.state == "waiting"

    @property
    def is_open(self) -> bool:
        """Can it be ended?"""
        return self.state in OPEN


def waivers_in(project: Project) -> QuerySet[Waiver]:
    """Return a project's waivers with the people who decided."""
    return Waiver.objects.filter(project=project).select_related(
        "project", "evidence", "requested_by", "approved_by", "revoked_by"
    )


def lines_of(user: User, project: Project) -> tuple[list[Line], bool]:
    """Return the newest waivers, those that wait or hold first, and whether there are more."""
    rows = list(waivers_in(project).order_by("-requested_at", "id")[: MAX_SHOWN + 1])
    found = rights_in(project).filter(waivers__in=rows[:MAX_SHOWN]).distinct()
    things = {each.id: thing_of(project, each) for each in found}
    lines = [line_of(each, things.get(each.rights_id), user) for each in rows[:MAX_SHOWN]]
    order = list(STATES)
    return sorted(lines, key=lambda line: order.index(line.state)), len(rows) > MAX_SHOWN


def line_of(waiver: Waiver, thing: Thing | None, user: User) -> Line:
    """Return one waiver as the list shows it."""
    state = state_of(waiver)
    word, mark = STATES[state]
    gates = {gate.value: label for gate, label in GATES}
    return Line(
        waiver=waiver,
        thing=thing,
        gate=gates.get(waiver.action, waiver.action),
        state=state,
        word=word,
        mark=mark,
        is_own=waiver.requested_by_id == user.id,
    )


def state_of(waiver: Waiver) -> str:
    """Return what has become of a waiver, as a key of STATES."""
    if waiver.revoked_at is not None:
        return "revoked" if waiver.approved_at else "declined"
    if waiver.expires_at <= timezone.now():
        return "ended"
    return "holds" if waiver.approved_at else "waiting"


def count_waiting(user: User, project: Project) -> int:
    """Count the waivers that this person may approve."""
    rows = Waiver.objects.filter(project=project, approved_at=None, revoked_at=None, expires_at__gt=timezone.now())
    return rows.exclude(requested_by=user).count()
