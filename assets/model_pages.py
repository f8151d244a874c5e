"""What a model's page shows of its rights: what was declared, the documents behind it, and what happened to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from projects.models import Role, User

from .library import STATE_MARKS
from .material_history import HistoryLine, evidence_of, history_of, reason_to_clear
from .models import Evidence, ModelFile, Rights, RightsChange
from .rights_facts import Fact, facts_of_rights
from .services import may_review
from .services.ingest import quarantine_of
from .services.rights import OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The rights in a model as its page shows them; `is_open` while they can still be changed.

    `quarantine` says what is missing before it may be cleared, `cleared_despite` why it was cleared without that.
    """

    mark: str
    is_open: bool
    facts: Sequence[Fact]
    evidence: Sequence[Evidence]
    history: Sequence[HistoryLine]
    quarantine: Sequence[str]
    cleared_despite: str


def may_edit(user: User, role: Role, file: ModelFile) -> bool:
    """Say whether a person with this role in the model's project may change what is declared about it.

    What the whole house shares is for those who review it, whatever their role in a project.
    """
    return role.includes(Role.EDITOR) if file.project_id else may_review(user, None)


def record_of(file: ModelFile) -> Record:
    """Return everything about a model's rights."""
    rights = file.rights
    changes = list(rights.changes.select_related("made_by"))
    return Record(
        mark=STATE_MARKS[Rights.State(rights.state)],
        is_open=rights.state in OPEN,
        facts=facts_of_rights(rights),
        evidence=evidence_of(rights, changes),
        history=history_of(rights, changes, who=declarer_of(rights, changes), at=file.registered_at),
        quarantine=quarantine_of(file),
        cleared_despite=reason_to_clear(rights, changes),
    )


def declarer_of(rights: Rights, changes: Sequence[RightsChange]) -> Any:
    """Return who declared the rights at first: whoever edits them has submitted them from then on."""
    first = next((each.before for each in changes if "submitted_by_id" in each.before), None)
    if first is None:
        return rights.submitted_by
    return User.objects.filter(pk=first["submitted_by_id"]).first()
