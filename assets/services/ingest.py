"""Ask the first gate when a thing comes in and when it is cleared: without basis or evidence it is in quarantine."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from projects.problems import Problem

from .. import licensing
from ..licensing import Action, Context, Decision
from ..models import ModelFile, Picture, Rights
from .decisions import decide_about, explain_here, input_of_arrival

MAX_REASON_CHARS = 500


def decide_arrival(thing: Picture | ModelFile) -> Decision:
    """Ask whether a thing may come in: it names its licence, and somebody shows where it comes from."""
    asked = [input_of_arrival(thing)]
    if thing.project is None:
        return licensing.decide(Action.INGEST, asked, Context(at=timezone.now()))
    return decide_about(thing.project, Action.INGEST, asked, waivers=())


def as_kept(decision: Decision) -> dict[str, Any]:
    """Return an answer as a change of rights and the ledger keep it."""
    return {"verdict": decision.verdict.value, "decision_sha256": decision.sha256()}


def quarantine_of(thing: Picture | ModelFile) -> list[str]:
    """Return why a thing that waits for review is in quarantine, in the reader's language; nothing where it is not."""
    if thing.rights.state != Rights.State.PENDING:
        return []
    decision = decide_arrival(thing)
    return [] if decision.allowed else explain_here(decision)


def check_arrival(thing: Picture | ModelFile, reason: str) -> Mapping[str, Any]:
    """Return the gate's answer as it is kept, with the reason of whoever clears a thing against it.

    Raises Problem for a thing in quarantine when there is no reason.
    """
    decision, why = decide_arrival(thing), " ".join(reason.split())[:MAX_REASON_CHARS]
    if decision.allowed:
        return {"ingest": as_kept(decision)}
    if not why:
        message = _("This is in quarantine: %(reason)s Add what is missing, or write why it is cleared all the same.")
        said = message % {"reason": explain_here(decision)[0]}
        raise Problem("quarantined", said, status=409, fields={"reason": said})
    return {"ingest": as_kept(decision), "reason": why}
