"""Look, while a run trains, whether the rights still allow it, and stop it when they do not."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from assets.licensing import Action, Decision
from assets.models import Waiver
from assets.services import decide_about
from assets.services.decisions import Sources
from assets.services.watches import Watch, reasons_of
from ledger.services import actor_hash, append

from ..gates import decide_run
from ..models import AdapterJob, TrainingRun


class RunWatch(Watch):
    """Watch over a training."""

    action = Action.TRAIN

    def __init__(self, run: TrainingRun) -> None:
        super().__init__(run.project)
        self.run = run

    def decide(self, at: datetime, waivers: Sequence[Waiver]) -> Decision:
        """Return the train gate's answer about everything that is learned from."""
        return decide_run(self.run, at=at, waivers=waivers)

    def keep(self, decision: Decision) -> None:
        """Let the version carry the answer of the moment at which it was learned."""
        self.run.decision = decision.as_dict()

    def stop(self, decision: Decision) -> None:
        """Block the run."""
        block_run(self.run, decision)


class ReworkWatch(Watch):
    """Watch over a job that makes a version from others."""

    action = Action.MERGE

    def __init__(self, job: AdapterJob) -> None:
        super().__init__(job.project)
        self.job = job

    def decide(self, at: datetime, waivers: Sequence[Waiver]) -> Decision:
        """Return the merge gate's answer about the versions that go in."""
        files = self.job.files()
        return decide_about(self.project, self.action, Sources(files).inputs_of(files), at=at, waivers=waivers)

    def keep(self, decision: Decision) -> None:
        """Let the version carry the answer of the moment at which it was made."""
        self.job.decision = decision.as_dict()

    def stop(self, decision: Decision) -> None:
        """Block the job."""
        block_rework(self.job, decision)


@transaction.atomic
def block_run(run: TrainingRun, decision: Decision) -> None:
    """End a run that the rights do not allow any more, keep why, and write it into the ledger."""
    if not run.block("rights_blocked", {"reasons": reasons_of(decision)}):
        return
    run.rows().update(decision=decision.as_dict())
    payload = {"step": run.step, "decision": decision.as_dict()}
    actor, subject = actor_hash(run.requested_by_id), f"training_run:{run.id}"
    append(run.project_id, "training.run.blocked", actor=actor, subject=subject, payload=payload)


@transaction.atomic
def block_rework(job: AdapterJob, decision: Decision) -> None:
    """End a job that the rights do not allow any more, keep why, and write it into the ledger."""
    if not job.block("rights_blocked", {"reasons": reasons_of(decision)}):
        return
    job.rows().update(decision=decision.as_dict())
    actor, subject = actor_hash(job.requested_by_id), f"adapter_job:{job.id}"
    payload = {"kind": job.kind, "decision": decision.as_dict()}
    append(job.project_id, "training.rework.blocked", actor=actor, subject=subject, payload=payload)
