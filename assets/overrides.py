"""Rules that two persons set aside, as they are shown on everything that rests on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils import timezone

from .licensing import Decision, Policy, explain, label
from .models import Waiver
from .services import reading_language


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One waiver behind a decision: the gate, and what would stand in the way; nothing for the policy's exception."""

    waiver: Waiver
    gate: str
    reasons: Sequence[str]
    is_over: bool


def overrides_of(*decisions: Decision, known: Mapping[str, Waiver] | None = None) -> list[Override]:
    """Return the waivers that decisions rest on, each once; `known` are those of `waivers_behind`, if read before."""
    found = waivers_behind(*decisions) if known is None else known
    said: dict[str, dict[str, None]] = {}
    for decision in decisions:
        for waiver_id in ids_behind(decision):
            said.setdefault(waiver_id, {}).update(dict.fromkeys(reasons_behind(decision, waiver_id)))
    return [override_of(found[each], list(reasons)) for each, reasons in said.items() if each in found]


def waivers_behind(*decisions: Decision) -> dict[str, Waiver]:
    """Return the waivers that decisions rest on, by id, without a query when there are none."""
    ids = {each for decision in decisions for each in ids_behind(decision)}
    if not ids:
        return {}
    rows = Waiver.objects.filter(id__in=ids).select_related("requested_by", "approved_by", "evidence")
    return {str(row.id): row for row in rows}


def ids_behind(decision: Decision) -> list[str]:
    """Return the ids of the waivers that a decision rests on, in a fixed order."""
    ids = sorted({str(reason.params["waiver"]) for reason in decision.waived})
    context = decision.context
    is_excepted = context.exception and Policy(context.policy) is Policy.EXCEPTION
    # The exception is about what was learned from pictures; without any, nothing rests on it.
    if is_excepted and any(each.facts.kind == "training_picture" for each in decision.inputs):
        ids.append(context.exception)
    return ids


def reasons_behind(decision: Decision, waiver_id: str) -> list[str]:
    """Say in the reader's language what would stand in the way without a waiver."""
    reasons = tuple(each for each in decision.waived if each.params["waiver"] == waiver_id)
    return explain(replace(decision, reasons=reasons), reading_language())


def override_of(waiver: Waiver, reasons: Sequence[str]) -> Override:
    """Return one waiver with what it sets aside."""
    gate = label("actions", waiver.action, reading_language())
    return Override(waiver=waiver, gate=gate, reasons=reasons, is_over=not waiver.holds_at(timezone.now()))
