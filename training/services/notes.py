"""Keep what people say of a run: notes, and what they saw on its pictures."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from projects.models import User
from projects.problems import Problem
from projects.services import record

from ..models import TrainingRun

SEEN = ("face", "hands", "line_weight", "color_shift")
STATES = ("", "ok", "minor", "major")
MAX_NOTE_CHARS = 300


@transaction.atomic
def note_run(
    user: User, run: TrainingRun, *, notes: str | None = None, checklist: Mapping[str, Any] | None = None
) -> bool:
    """Write notes and observations; what is not given stays. Return False when nothing changed.

    `checklist` maps what was looked at to {"state", "note"}. Raises Problem for what nobody can tick.
    """
    wanted: dict[str, Any] = {}
    if notes is not None:
        wanted["notes"] = notes.strip()[:4000]
    if checklist is not None:
        wanted["checklist"] = clean_checklist(checklist)
    was = TrainingRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
    changed = {name: value for name, value in wanted.items() if getattr(was, name) != value}
    if not changed:
        return False
    run.rows().update(**changed)
    subject = f"training_run:{run.id}"
    payload = {"name": run.name, "changed": sorted(changed), "checklist": wanted.get("checklist", was.checklist)}
    record(run.project, "training.run.noted", actor=user, subject=subject, payload=payload)
    run.refresh_from_db(fields=["notes", "checklist"])
    return True


def clean_checklist(checklist: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return observations in their one form, without those that say nothing. Raises Problem."""
    found = {}
    for name in SEEN:
        said = checklist.get(name) or {}
        state, note = (said.get("state", ""), said.get("note", "")) if isinstance(said, Mapping) else (None, "")
        if state not in STATES or not isinstance(note, str):
            message = _("Say ok, minor or major.")
            raise Problem("checklist_unfit", message, fields={name: message})
        if state or note.strip():
            found[name] = {"state": state, "note": " ".join(note.split())[:MAX_NOTE_CHARS]}
    if set(checklist) - set(SEEN):
        message = _("Only face, hands, line weight and colour shift are on the list.")
        raise Problem("checklist_unfit", message, fields={"checklist": message})
    return found
