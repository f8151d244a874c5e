"""What one person asks for and another lets count: approved once, ended once, whoever comes first."""

from typing import Any

from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext as _

from projects.models import Project, User
from projects.problems import Problem

from .rights import may_review


def approve_row(row: Model, *, approver: User, project: Project, author_id: Any, own: str, end: str) -> None:
    """Let a row count, as a reviewer who is not its author; `own` says so, `end` is its verb such as "revoked".

    Raises Problem for who may not, and for a row that does not wait any more.
    """
    check_reviewer(approver, project)
    if author_id == approver.id:
        raise Problem("four_eyes", own, status=409)
    waiting = type(row)._default_manager.filter(pk=row.pk, approved_at=None, **{f"{end}_at": None})
    if not waiting.update(approved_by=approver, approved_at=timezone.now()):
        raise Problem("not_pending", _("This does not wait for approval any more."), status=409)
    row.refresh_from_db()


def end_row(row: Model, *, actor: User, project: Project, end: str) -> None:
    """End a row at once, or decline one that waits. Raises Problem when it is over, or for who may not."""
    check_reviewer(actor, project)
    open_ones = type(row)._default_manager.filter(pk=row.pk, **{f"{end}_at": None})
    if not open_ones.update(**{f"{end}_by": actor, f"{end}_at": timezone.now()}):
        raise Problem("not_pending", _("This was ended already."), status=409)
    row.refresh_from_db()


def check_reviewer(person: User, project: Project) -> None:
    """Raise Problem unless a person reviews for the project."""
    if not may_review(person, project):
        raise Problem("not_reviewer", _("Only a reviewer or owner approves."), status=403)
