"""A team's own licence profiles: an owner writes a version, a second person lets it count, and either ends it."""

import json
from collections.abc import Mapping
from typing import Any

import rfc8785
from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q, QuerySet
from django.utils.translation import gettext as _

from projects.models import Project, User
from projects.problems import Problem
from projects.services import record

from ..licensing import LicensingError, read_own
from ..models import Evidence, OwnLicense, Rights, RightsChange
from ..sentences import sentence
from .four_eyes import approve_row, end_row

MAX_CONTENT_BYTES = 64 * 1024


@transaction.atomic
def write_license(
    user: User, project: Project, content: Mapping[str, Any], *, note: str = "", evidence: Evidence | None = None
) -> OwnLicense:
    """Write the next version of an own licence; it waits for a second person, and changes nothing until then.

    The version's number and, with a document, its hash are written into the content. Raises Problem for content that
    is no whole profile, and while another version waits.
    """
    license_id = str(content.get("id", ""))
    rows = OwnLicense.objects.filter(project=project, license_id=license_id)
    number = (rows.aggregate(newest=Max("number"))["newest"] or 0) + 1
    text = {"text": evidence.name, "text_sha256": evidence.sha256} if evidence else {}
    row = OwnLicense(
        project=project,
        license_id=license_id,
        number=number,
        content=check_content({**content, **text, "version": str(number), "spdx": False}),
        note=" ".join(note.split())[:500],
        evidence=evidence,
        written_by=user,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        message = _("Another version of this licence waits for approval already. Approve or decline it first.")
        raise Problem("version_waits", message, status=409) from error
    write(row, "assets.license.written", user)
    return row


def check_content(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a profile's content as it is kept. Raises Problem when it is too large, or no whole profile."""
    try:
        size = len(rfc8785.dumps(dict(content)))
    except rfc8785.CanonicalizationError as error:
        raise Problem("profile_unreadable", sentence("profile_unreadable", {"id": content.get("id", "?")})) from error
    if size > MAX_CONTENT_BYTES:
        raise Problem("profile_too_large", _("The profile is longer than 64 KB. Keep the quotes short."))
    try:
        read_own(json.dumps(content, sort_keys=True))
    except LicensingError as error:
        raise Problem(error.code, sentence(error.code, error.params)) from error
    return dict(content)


@transaction.atomic
def approve_license(row: OwnLicense, *, approver: User) -> None:
    """Let a version count, as a reviewer or owner who did not write it. Raises Problem otherwise."""
    own = _("Nobody approves what they wrote. Ask another reviewer.")
    approve_row(row, approver=approver, project=row.project, author_id=row.written_by_id, own=own, end="ended")
    count_changes(row, "assets.license.approved", approver)
    write(row, "assets.license.approved", approver)


@transaction.atomic
def end_license(row: OwnLicense, *, actor: User) -> None:
    """End a version: one that waits is declined, one that counts leaves the licence unknown. Raises Problem."""
    end_row(row, actor=actor, project=row.project, end="ended")
    if row.approved_at is not None:
        count_changes(row, "assets.license.ended", actor)
    write(row, "assets.license.ended", actor)


def count_changes(row: OwnLicense, event: str, actor: User) -> None:
    """Count a change of everything that is under the licence, so that what was decided before is asked anew."""
    RightsChange.take_turn()
    ids = list(rights_under(row.project, row.license_id).values_list("id", flat=True))
    found = list(Rights.objects.select_for_update().filter(id__in=ids).order_by("id"))
    Rights.objects.filter(id__in=ids).update(revision=F("revision") + 1)
    after = {"license": row.license_id, "version": row.number}
    RightsChange.objects.bulk_create(
        RightsChange(rights=each, revision=each.revision + 1, event=event, after=after, made_by=actor) for each in found
    )


def rights_under(project: Project, license_id: str) -> QuerySet[Rights]:
    """Return the rights that name a licence, in a project's pictures and in the models that it can use."""
    pictures = Q(picture__project=project)
    files = Q(model_file__isnull=False) & (Q(model_file__project=project) | Q(model_file__project=None))
    return Rights.objects.filter(pictures | files, Q(expression__contains=license_id))


def write(row: OwnLicense, event: str, actor: User) -> None:
    """Write what happened to an own licence into the project's ledger, with all that it says."""
    payload = {
        "license": row.license_id,
        "version": row.number,
        "note": row.note,
        "content": row.content,
        "evidence_sha256": row.evidence.sha256 if row.evidence else "",
    }
    record(row.project, event, actor=actor, subject=f"license:{row.id}", payload=payload)
