"""Look, while pictures are drawn, whether the rights still allow it, and stop the job when they do not."""

import time
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from assets.licensing import Action, Decision, Verdict, explain
from assets.services import decide_about, latest_change
from assets.services.decisions import Sources, waivers_of
from jobs.models import Canceled
from ledger.services import actor_hash, append

from ..models import Generation, Replay
from .lineages import circumstances_of, next_moment

WATCH_SECONDS = 1.0
MAX_REASONS = 20
LANGUAGES = ("en", "ja")
AIMS = ("purpose", "territory", "revenue_usd", "policy")


class RightsWatch:
    """Ask what the rights allow before a job draws, and again at its steps once anything may have changed the answer.

    That is a change of rights, a waiver made or ended, another aim of the project, or a term or waiver that begins or
    ends by time alone. `job` is a Generation or a Replay.
    """

    def __init__(self, job: Generation | Replay) -> None:
        self.job = job
        self.seen: tuple[Any, str] | None = None
        self.due_at: datetime | None = None
        self.looked_at = 0.0

    def check(self) -> None:
        """Ask now. Raises Canceled when the rights do not allow the job any more, which is blocked then."""
        self.looked_at = time.monotonic()
        # Read before the rights are: what changes in between is seen as a change at the next look.
        self.seen = self.read_state()
        moment, files, waivers = timezone.now(), self.job.files(), waivers_of(self.job.project, Action.GENERATE)
        inputs = Sources(files).inputs_of(files)
        decision = decide_about(self.job.project, Action.GENERATE, inputs, at=moment, waivers=waivers)
        self.due_at = next_moment(decision, waivers, moment)
        if decision.verdict is not Verdict.ALLOW:
            block(self.job, decision)
            raise Canceled
        if isinstance(self.job, Generation):
            # The picture carries the answer of the moment at which it was drawn.
            self.job.decision = decision.as_dict()

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
        self.job.project.refresh_from_db(fields=AIMS)
        return latest_change(), circumstances_of(self.job.project)


@transaction.atomic
def block(job: Generation | Replay, decision: Decision) -> None:
    """End a job that the rights do not allow any more, keep why, and write it into the ledger."""
    if isinstance(job, Generation):
        job.rows().update(decision=decision.as_dict())
    if not job.block("rights_blocked", reasons_of(job, decision)):
        return
    actor, payload = actor_hash(job.requested_by_id), {"decision": decision.as_dict()}
    if isinstance(job, Generation):
        append(job.project_id, "generation.blocked", actor=actor, subject=f"generation:{job.id}", payload=payload)
        return
    payload |= {"replay": str(job.id), "entry": job.output.ledger_seq}
    subject = f"output:{job.output_id}"
    append(job.project_id, "generation.replay.blocked", actor=actor, subject=subject, payload=payload)


def reasons_of(job: Generation | Replay, decision: Decision) -> dict[str, Any]:
    """Return why a job was blocked; a replay, which keeps no decision, keeps its sentences in every language."""
    kept: dict[str, Any] = {"reason": explain(decision, "en")[0]}
    if isinstance(job, Replay):
        kept["reasons"] = {language: explain(decision, language)[:MAX_REASONS] for language in LANGUAGES}
    return kept
