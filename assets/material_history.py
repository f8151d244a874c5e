"""What happened to the rights in a thing, line by line, and the evidence that was brought along the way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .models import Evidence, Rights, RightsChange
from .rights_facts import day_of, plain

EVENTS: Mapping[str, Any] = {
    "assets.rights.edited": gettext_lazy("Facts changed"),
    "assets.rights.cleared": gettext_lazy("Cleared"),
    "assets.rights.refused": gettext_lazy("Refused"),
    "assets.rights.withdrawn": gettext_lazy("Withdrawn"),
    "assets.picture.recognized": gettext_lazy("Recognised as made by a model"),
    "assets.license.approved": gettext_lazy("A version of its licence was approved"),
    "assets.license.ended": gettext_lazy("Its licence was ended"),
    "assets.waiver.approved": gettext_lazy("A rule was set aside"),
    "assets.waiver.revoked": gettext_lazy("An exception was ended"),
    "assets.model.sources_added": gettext_lazy("What it was made from was completed"),
}
MARKS = {"assets.rights.cleared": "ok", "assets.rights.refused": "stop", "assets.rights.withdrawn": "stop"}
FIELDS: Mapping[str, Any] = {
    "basis": gettext_lazy("Basis"),
    "jurisdiction": gettext_lazy("Jurisdiction"),
    "expression": gettext_lazy("Licence"),
    "branch": gettext_lazy("Chosen branch"),
    "creator": gettext_lazy("Creator"),
    "creator_reading": gettext_lazy("Reading"),
    "creator_uri": gettext_lazy("Creator’s page"),
    "title": gettext_lazy("Title"),
    "source_url": gettext_lazy("Source"),
    "retrieved_at": gettext_lazy("Retrieved"),
    "valid_from": gettext_lazy("Valid from"),
    "expires_at": gettext_lazy("Ends"),
    "time_zone": gettext_lazy("Time zone"),
    "territories": gettext_lazy("Territory"),
    "media": gettext_lazy("Media"),
    "purposes": gettext_lazy("Purposes"),
    "caps": gettext_lazy("At most"),
    "releases": gettext_lazy("Releases"),
    "data_mining": gettext_lazy("Data mining"),
    "evidence_id": gettext_lazy("Evidence"),
    "note": gettext_lazy("Note"),
    "parameters": gettext_lazy("Answers about the licence"),
    "closed_reason": gettext_lazy("Reason"),
    "reason": gettext_lazy("Cleared in spite of the quarantine"),
    "sources": gettext_lazy("Made from"),
}
TIMES = ("retrieved_at", "valid_from", "expires_at")
MAX_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One fact that changed; `before` is empty where there was none."""

    label: Any
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One thing that happened: what, who, when, and which facts it changed."""

    what: Any
    mark: str
    who: Any
    at: datetime
    changes: Sequence[Change]


def history_of(rights: Rights, rows: Iterable[RightsChange], *, who: Any, at: datetime) -> list[HistoryLine]:
    """Return what happened to the rights, the newest first; declaring them was the beginning."""
    first = HistoryLine(what=_("Declared"), mark="", who=who, at=at, changes=())
    return [*(line_of(rights, row) for row in reversed(list(rows))), first]


def line_of(rights: Rights, row: RightsChange) -> HistoryLine:
    """Return one change of rights in words."""
    return HistoryLine(
        what=EVENTS.get(row.event, row.event),
        mark=MARKS.get(row.event, ""),
        who=row.made_by,
        at=row.made_at,
        changes=[
            Change(label=label, before=said(row.before, name, rights), after=said(row.after, name, rights))
            for name, label in FIELDS.items()
            if name in row.after
        ],
    )


def said(values: Mapping[str, Any], name: str, rights: Rights) -> str:
    """Return a fact as text; days are those of the licensor's calendar."""
    value = values.get(name)
    if name == "evidence_id":
        return _("a document") if value else ""
    moment = parse_datetime(value) if name in TIMES and isinstance(value, str) else None
    if moment is not None:
        return day_of(moment, rights.time_zone)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {plain(each)}" for key, each in value.items())[:MAX_CHARS]
    return plain(value)[:MAX_CHARS]


def evidence_of(rights: Rights, rows: Iterable[RightsChange]) -> list[Evidence]:
    """Return the documents behind the rights: the one that counts first, then those that counted before."""
    named = [values.get("evidence_id") for row in rows for values in (row.after, row.before)]
    earlier = {str(each) for each in named if each} - {str(rights.evidence_id)}
    found = list(Evidence.objects.filter(id__in=earlier).order_by("-added_at")) if earlier else []
    return [*([rights.evidence] if rights.evidence else []), *found]


def reason_to_clear(rights: Rights, rows: Sequence[RightsChange]) -> str:
    """Return why cleared rights were cleared although they were in quarantine; nothing where they were not."""
    cleared = [row for row in rows if row.event == "assets.rights.cleared"]
    if rights.state != Rights.State.CLEARED or not cleared:
        return ""
    return str(cleared[-1].after.get("reason", ""))
