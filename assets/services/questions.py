"""Answer "may I use this?" for a purpose, a place and a time, with everything that speaks against it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from projects.models import Project

from .. import licensing
from ..licensing import Action, Decision, Verdict
from .decisions import decide_about, waivers_of

WORST_FIRST = (Verdict.BLOCK, Verdict.REVIEW, Verdict.ALLOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The gate's answer now and at the end of the time that was asked about; `decision` is the worse of the two."""

    now: Decision
    until: Decision
    decision: Decision

    @property
    def verdict(self) -> Verdict:
        """Return yes (allow), ask (review) or no (block)."""
        return self.decision.verdict


def ask_use(
    project: Project,
    inputs: Sequence[licensing.Input],
    *,
    action: Action = Action.PUBLISH,
    at: datetime | None = None,
    until: datetime | None = None,
    **circumstances: Any,
) -> Answer:
    """Ask a gate about inputs from now until a moment, in circumstances that differ from the project's own.

    `at` supposes another now. `circumstances` are purpose, territory, media, revenue, outbound_license and quantities.
    """
    moment, waivers = at or timezone.now(), waivers_of(project, action)
    now = decide_about(project, action, inputs, at=moment, waivers=waivers, **circumstances)
    last = max(until, moment) if until else moment
    then = decide_about(project, action, inputs, at=last, waivers=waivers, **circumstances)
    worse = min((now, then), key=lambda each: WORST_FIRST.index(each.verdict))
    return Answer(now=now, until=then, decision=worse)
