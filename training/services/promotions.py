"""Let a version become the one that counts: one person asks, another decides; and go back to the one before."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from assets.licensing import Action
from assets.services.four_eyes import check_reviewer
from projects.models import User
from projects.problems import Problem
from projects.services import record

from ..gates import check_usable, decide_version, require
from ..models import AdapterAlias, AdapterVersion, Promotion
from .adapters import lock_adapter
from .versions import point_alias

Name = AdapterAlias.Name


@transaction.atomic
def ask_promotion(user: User, version: AdapterVersion, *, note: str = "") -> Promotion:
    """Ask that a version becomes production.

    Raises Problem for one that was taken back, is production already, may not be used, or while another one waits.
    """
    adapter = lock_adapter(version.adapter)
    check_usable(version)
    if adapter.aliases.filter(name=Name.PRODUCTION, version=version).exists():
        raise Problem("already_there", _("This version is in production already."), status=409)
    decision = require(decide_version(version, Action.GENERATE))
    promotion = Promotion(adapter=adapter, version=version, asked_by=user, note=" ".join(note.split())[:500])
    try:
        with transaction.atomic():
            promotion.save(force_insert=True)
    except IntegrityError as error:
        message = _("Another promotion of this adapter waits already. It must be decided first.")
        raise Problem("promotion_waits", message, status=409) from error
    write(promotion, "training.promotion.requested", user, {"decision_sha256": decision.sha256()})
    return promotion


@transaction.atomic
def approve_promotion(promotion: Promotion, *, approver: User, reason: str = "") -> AdapterAlias:
    """Let a version count, as a reviewer who did not ask for it.

    Raises Problem for who may not, for what does not wait any more, and for what the rights do not allow now.
    """
    version = AdapterVersion.objects.select_related("adapter__project", "file").get(pk=promotion.version_id)
    adapter = lock_adapter(version.adapter)
    check_reviewer(approver, adapter.project)
    if promotion.asked_by_id == approver.id:
        message = _("Nobody approves what they asked for. Ask another reviewer.")
        raise Problem("four_eyes", message, status=409)
    check_usable(version)
    decision = require(decide_version(version, Action.GENERATE))
    decide(promotion, actor=approver, approved=True, reason=reason)
    before = adapter.aliases.filter(name=Name.PRODUCTION).select_related("version").first()
    alias = point_alias(adapter, Name.PRODUCTION, version)
    more = {"from": before.version.number if before else None, "to": version.number}
    write(promotion, "training.promotion.approved", approver, {**more, "decision_sha256": decision.sha256()})
    return alias


@transaction.atomic
def refuse_promotion(promotion: Promotion, *, actor: User, reason: str) -> Promotion:
    """Refuse a promotion with a reason, as a reviewer; whoever asked may take it back. Raises Problem otherwise."""
    lock_adapter(promotion.adapter)
    if promotion.asked_by_id != actor.id:
        check_reviewer(actor, promotion.adapter.project)
    if not reason.strip():
        message = _("Say why, so that others understand it later.")
        raise Problem("reason_missing", message, fields={"reason": message})
    decide(promotion, actor=actor, approved=False, reason=reason)
    write(promotion, "training.promotion.refused", actor, {"reason": promotion.reason})
    return promotion


@transaction.atomic
def roll_back(user: User, version: AdapterVersion) -> AdapterAlias:
    """Put the version that was in production before this one back, as a reviewer; it was approved then.

    Raises Problem where `version` is not in production any more, there was none before, or it may not be used now.
    """
    adapter = lock_adapter(version.adapter)
    check_reviewer(user, adapter.project)
    alias = adapter.aliases.filter(name=Name.PRODUCTION).select_related("version", "previous").first()
    if alias is None or alias.version_id != version.id:
        message = _("Somebody else has moved it meanwhile. Look again, then decide.")
        raise Problem("moved_meanwhile", message, status=409)
    if alias.previous is None:
        raise Problem("nothing_to_undo", _("There was no other version in production before."), status=409)
    before = AdapterVersion.objects.select_related("adapter__project", "file").get(pk=alias.previous_id)
    check_usable(before)
    decision = require(decide_version(before, Action.GENERATE))
    alias = point_alias(adapter, Name.PRODUCTION, before)
    payload = {"adapter": adapter.slug, "name": adapter.name, "from": version.number, "to": before.number}
    payload |= {"decision_sha256": decision.sha256()}
    subject = f"adapter_version:{before.id}"
    record(adapter.project, "training.version.rolled_back", actor=user, subject=subject, payload=payload)
    return alias


def decide(promotion: Promotion, *, actor: User, approved: bool, reason: str) -> None:
    """Decide a promotion that waits. Raises Problem when somebody was quicker."""
    waiting = Promotion.objects.filter(pk=promotion.pk, decided_at=None)
    said = " ".join(reason.split())[:500]
    if not waiting.update(decided_by=actor, decided_at=timezone.now(), approved=approved, reason=said):
        raise Problem("not_pending", _("This does not wait for approval any more."), status=409)
    promotion.refresh_from_db()


def write(promotion: Promotion, event: str, actor: User, more: dict[str, Any]) -> None:
    """Write what happened to a promotion into the project's ledger."""
    version = promotion.version
    payload = {"adapter": promotion.adapter.slug, "name": promotion.adapter.name, "number": version.number}
    payload |= {"file_sha256": version.file.sha256, "note": promotion.note, **more}
    subject = f"adapter_version:{version.id}"
    record(promotion.adapter.project, event, actor=actor, subject=subject, payload=payload)
