"""Look, while pictures are drawn, whether the rights still allow it, and stop the job when they do not."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from assets.licensing import Action, Decision, explain
from assets.models import Waiver
from assets.services import decide_about
from assets.services.decisions import Sources
from assets.services.watches import Watch
from assets.services.watches import reasons_of as reasons_in
from ledger.services import actor_hash, append

from ..models import Generation, Replay


class RightsWatch(Watch):
    """Watch over a job that draws: a Generation or a Replay."""

    action = Action.GENERATE

    def __init__(self, job: Generation | Replay) -> None:
        super().__init__(job.project)
        self.job = job

    def decide(self, at: datetime, waivers: Sequence[Waiver]) -> Decision:
        """Return the gate's answer about the files that are drawn with."""
        files = self.job.files()
        return decide_about(self.project, self.action, Sources(files).inputs_of(files), at=at, waivers=waivers)

    def keep(self, decision: Decision) -> None:
        """Let the picture carry the answer of the moment at which it is drawn."""
        if isinstance(self.job, Generation):
            self.job.decision = decision.as_dict()

    def stop(self, decision: Decision) -> None:
        """Block the job."""
        block(self.job, decision)


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
        kept["reasons"] = reasons_in(decision)
    return kept
