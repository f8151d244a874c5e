"""Take versions back: the row stays, the file's rights end, and everything below it is closed."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from assets.models import ModelFile
from assets.services import may_review, withdraw_rights
from assets.services.rights import OPEN
from projects.models import User
from projects.problems import Problem
from projects.services import record

from ..models import Adapter, AdapterAlias, AdapterVersion, Promotion
from .adapters import lock_adapter
from .versions import point_alias


@transaction.atomic
def withdraw_version(version: AdapterVersion, *, actor: User, reason: str) -> AdapterVersion:
    """Take a version back for good: its row stays, its file's rights end, and no alias points at it any more.

    Everything that was made from it is closed by the edges that rights travel along. Raises Problem for who may not,
    without a reason, or when it was taken back before.
    """
    adapter = lock_adapter(version.adapter)
    if not may_review(actor, adapter.project):
        raise Problem("not_reviewer", _("Only a reviewer or owner takes a version back."), status=403)
    text = " ".join(reason.split())[:500]
    if not text:
        message = _("Say why, so that others understand it later.")
        raise Problem("reason_missing", message, fields={"reason": message})
    open_ones = AdapterVersion.objects.filter(pk=version.pk, withdrawn_at=None)
    if not open_ones.update(withdrawn_at=timezone.now(), withdrawn_by=actor, withdrawn_reason=text):
        raise Problem("withdrawn_already", _("This version was taken back already."), status=409)
    close_file(version.file, actor=actor, reason=text)
    release_aliases(adapter, version)
    close_promotions(version, actor=actor, reason=text)
    payload = {"adapter": adapter.slug, "name": adapter.name, "number": version.number, "reason": text}
    payload["file_sha256"] = version.file.sha256
    subject = f"adapter_version:{version.id}"
    record(adapter.project, "training.version.withdrawn", actor=actor, subject=subject, payload=payload)
    version.refresh_from_db()
    return version


def close_file(file: ModelFile, *, actor: User, reason: str) -> None:
    """End the rights in a version's file, where they are the project's to end and have not ended yet."""
    if file.project_id is not None and file.rights.state in OPEN:
        withdraw_rights(file, actor=actor, reason=reason)


def release_aliases(adapter: Adapter, version: AdapterVersion) -> None:
    """Take a locked adapter's aliases off a version: the candidate goes to the newest that is left, production ends."""
    adapter.aliases.filter(previous=version).update(previous=None)
    named = set(adapter.aliases.filter(version=version).values_list("name", flat=True))
    newest = adapter.versions.filter(withdrawn_at=None).first()
    if AdapterAlias.Name.CANDIDATE in named and newest is not None:
        point_alias(adapter, AdapterAlias.Name.CANDIDATE, newest)
        adapter.aliases.filter(previous=version).update(previous=None)
    adapter.aliases.filter(version=version).delete()


def close_promotions(version: AdapterVersion, *, actor: User, reason: str) -> None:
    """Refuse what waits for a version that was taken back."""
    Promotion.objects.filter(version=version, decided_at=None).update(
        decided_by=actor, decided_at=timezone.now(), approved=False, reason=reason
    )
