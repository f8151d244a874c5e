"""Set a rule aside with four eyes: one person asks with reason, scope and end, another approves."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from projects.models import Project, User
from projects.problems import Problem
from projects.services import record

from ..licensing import Action
from ..models import Evidence, Rights, RightsChange, Waiver
from .four_eyes import approve_row, end_row
from .rights import lock


@transaction.atomic
def request_waiver(
    user: User,
    project: Project,
    *,
    action: Action,
    reason: str,
    expires_at: datetime,
    rights: Rights | None = None,
    evidence: Evidence | None = None,
) -> Waiver:
    """Ask that a rule be set aside; without `rights` it is the exception that the project's policy needs.

    Raises Problem without a reason, or for an end that is not ahead.
    """
    if not reason.strip():
        message = _("Say why the rule should be set aside.")
        raise Problem("reason_missing", message, fields={"reason": message})
    if expires_at <= timezone.now():
        message = _("The end must lie ahead.")
        raise Problem("expiry_past", message, fields={"expires_at": message})
    waiver = Waiver.objects.create(
        project=project,
        rights=rights,
        action=action,
        reason=reason.strip()[:2000],
        evidence=evidence,
        expires_at=expires_at,
        requested_by=user,
    )
    write(waiver, "assets.waiver.requested", user)
    return waiver


@transaction.atomic
def approve_waiver(waiver: Waiver, *, approver: User) -> None:
    """Let a waiver count, as a reviewer who did not ask for it. Raises Problem otherwise."""
    own, author_id = _("Nobody approves what they asked for. Ask another reviewer."), waiver.requested_by_id
    approve_row(waiver, approver=approver, project=waiver.project, author_id=author_id, own=own, end="revoked")
    count_change(waiver, "assets.waiver.approved", approver)
    write(waiver, "assets.waiver.approved", approver)


@transaction.atomic
def revoke_waiver(waiver: Waiver, *, actor: User) -> None:
    """End a waiver at once, or decline one that waits. Raises Problem when it is over, or for who may not."""
    end_row(waiver, actor=actor, project=waiver.project, end="revoked")
    count_change(waiver, "assets.waiver.revoked", actor)
    write(waiver, "assets.waiver.revoked", actor)


def count_change(waiver: Waiver, event: str, actor: User) -> None:
    """Count a change of the rights that the waiver is about, so that what was decided before is asked anew."""
    if waiver.rights is None:
        return
    rights = lock(waiver.rights)
    Rights.objects.filter(pk=rights.pk).update(revision=rights.revision + 1)
    after = {"waiver": str(waiver.id)}
    RightsChange.objects.create(rights=rights, revision=rights.revision + 1, event=event, after=after, made_by=actor)


def write(waiver: Waiver, event: str, actor: User) -> None:
    """Write what happened to a waiver into the project's ledger."""
    payload = {
        "action": waiver.action,
        "reason": waiver.reason,
        "rights": str(waiver.rights_id or ""),
        "evidence_sha256": waiver.evidence.sha256 if waiver.evidence else "",
        "expires_at": waiver.expires_at.isoformat(),
    }
    record(waiver.project, event, actor=actor, subject=f"waiver:{waiver.id}", payload=payload)
