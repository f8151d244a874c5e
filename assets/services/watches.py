"""Look, while a job works, whether the rights still allow it, and stop it when they do not."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from jobs.models import Canceled
from projects.models import Project

from ..licensing import Action, Decision, Verdict, explain
from ..models import Waiver
from .decisions import context_of, latest_change, waivers_of

WATCH_SECONDS = 1.0
MAX_REASONS = 20
LANGUAGES = ("en", "ja")
AIMS = ("purpose", "territory", "revenue_usd", "policy")
EVERY_MOMENT = ("valid_from", "expires_at")


class Watch:
    """Ask what the rights allow before a job works, and again at its steps once anything may have changed the answer.

    That is a change of rights, a waiver made or ended, another aim of the project, or a term or waiver that begins or
    ends by time alone. A subclass names its gate, and what is asked, kept and stopped.
    """

    action: Action

    def __init__(self, project: Project) -> None:
        self.project = project
        self.seen: tuple[Any, str] | None = None
        self.due_at: datetime | None = None
        self.looked_at = 0.0

    def decide(self, at: datetime, waivers: Sequence[Waiver]) -> Decision:
        """Return the gate's answer about what the job works with."""
        raise NotImplementedError

    def keep(self, decision: Decision) -> None:
        """Keep the answer that allows the work."""
        raise NotImplementedError

    def stop(self, decision: Decision) -> None:
        """Block the job because of the answer."""
        raise NotImplementedError

    def check(self) -> None:
        """Ask now. Raises Canceled when the rights do not allow the job any more, which is blocked then."""
        self.looked_at = time.monotonic()
        # Read before the rights are: what changes in between is seen as a change at the next look.
        self.seen = self.read_state()
        moment, waivers = timezone.now(), waivers_of(self.project, self.action)
        decision = self.decide(moment, waivers)
        self.due_at = next_moment(decision, waivers, moment)
        if decision.verdict is not Verdict.ALLOW:
            self.stop(decision)
            raise Canceled
        self.keep(decision)

    def look(self, *, every_seconds: float = WATCH_SECONDS) -> None:
        """Ask again when the answer may be another one, looking at most so often. Raises Canceled as `check` does."""
        if time.monotonic() - self.looked_at < every_seconds:
            return
        self.looked_at = time.monotonic()
        is_due = self.due_at is not None and timezone.now() >= self.due_at
        if is_due or self.read_state() != self.seen:
            self.check()

    def read_state(self) -> tuple[Any, str]:
        """Return what the answer depends on besides time: changes of rights, the project's aims, its waivers."""
        self.project.refresh_from_db(fields=AIMS)
        return latest_change(), circumstances_of(self.project)


def reasons_of(decision: Decision) -> dict[str, list[str]]:
    """Return the first reasons of a decision in every language, as a job keeps them."""
    return {language: explain(decision, language)[:MAX_REASONS] for language in LANGUAGES}


def circumstances_of(project: Project, waivers: Sequence[Any] | None = None) -> str:
    """Return what the answers depend on besides rights: the project's aims, and the waivers that two persons made.

    `waivers` are the project's of `waivers_in`, read here when they are not given.
    """
    aims = {**context_of(project, timezone.now()).as_dict(), "at": ""}
    found = waivers_in([project])[project.id] if waivers is None else waivers
    return repr((sorted(aims.items(), key=str), list(found)))


def waivers_in(projects: Iterable[Project]) -> Mapping[UUID, list[Any]]:
    """Return what has become of the waivers of some projects, by project."""
    found: dict[UUID, list[Any]] = defaultdict(list)
    rows = Waiver.objects.filter(project__in=list(projects)).order_by("id")
    for project_id, *waiver in rows.values_list("project_id", "id", "approved_at", "revoked_at"):
        found[project_id].append(waiver)
    return found


def next_moment(decision: Decision, waivers: Sequence[Waiver], moment: datetime) -> datetime | None:
    """Return when the answer may change by time alone: the next beginning or end of a term or waiver."""
    facts = [each.facts for each in decision.inputs]
    moments = [getattr(each, name) for each in facts for name in EVERY_MOMENT]
    ahead: list[Any] = [each for each in (*moments, *(w.expires_at for w in waivers)) if each and each > moment]
    return min(ahead, default=None)
