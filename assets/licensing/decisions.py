"""One question, one answer: may this be done with these things, in these circumstances, and what is owed?"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import rfc8785

from .checks import check
from .contexts import Context
from .edges import Action, Edge, Policy, edge_for, fits, leaves_something, travel
from .facts import RightsFacts
from .grants import Part, parts_of
from .profiles import POLICY, UNKNOWN, house_profiles
from .terms import LicensingError, Obligation, Permission, Reason, Restriction, Terms, meet

NOTHING_OWED = "LicenseRef-Daicho-Nothing-Owed"
NEVER_WAIVED = ("withdrawn", "refused")
HEIGHTENED = ("small_set", "names_person_or_work", "similar")


class Verdict(StrEnum):
    """The answer of a gate; only allow opens it."""

    ALLOW = "allow"
    REVIEW = "review"
    BLOCK = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One licensed thing in what is made: its name, its facts, and how it is in there.

    `edge` is None for the usual one of its kind. `ref` is the thing's own id. `heightened` names what makes the
    standard policy strict for a training picture: small_set, names_person_or_work, similar.
    """

    item: str
    facts: RightsFacts
    edge: Edge | None = None
    ref: str = ""
    heightened: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        strange = sorted(set(self.heightened) - set(HEIGHTENED))
        if strange:
            raise LicensingError("heightened_unknown", f"Nothing is heightened by {strange[0]}.", word=strange[0])
        if self.edge is not None and not fits(self.facts.kind, self.edge):
            kind = self.facts.kind
            raise LicensingError("edge_not_for_kind", f"No {kind} goes {self.edge}.", kind=kind, edge=self.edge)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        values = {"item": self.item, "facts": self.facts.as_dict(), "heightened": list(self.heightened)}
        return {**values, "edge": self.edge and self.edge.value, "ref": self.ref}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Input":
        """Read back `as_dict`."""
        facts, edge = RightsFacts.from_dict(data["facts"]), data["edge"] and Edge(data["edge"])
        return cls(**{**data, "facts": facts, "edge": edge, "heightened": tuple(data["heightened"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer with all that led to it. `effective_license` is SPDX: what binds the product, in one line.

    `waived` are reasons that two persons have set aside, with the id of the waiver in their params.
    """

    action: Action
    verdict: Verdict
    reasons: tuple[Reason, ...]
    terms: Terms
    effective_license: str
    context: Context
    inputs: tuple[Input, ...]
    profiles: Mapping[str, str]
    waived: tuple[Reason, ...] = ()

    @property
    def allowed(self) -> bool:
        """Say whether the gate opens."""
        return self.verdict is Verdict.ALLOW

    @property
    def obligations(self) -> tuple[Obligation, ...]:
        """Return what is owed, in a fixed order."""
        return tuple(sorted(self.terms.obligations, key=lambda each: (each.kind, each.creator, each.title, repr(each))))

    @property
    def restrictions(self) -> tuple[Restriction, ...]:
        """Return the rules on use, in a fixed order."""
        return tuple(sorted(self.terms.restrictions, key=lambda each: (each.profile, each.code)))

    def sha256(self) -> str:
        """Return the sha256 of the canonical decision, in hex. The order of the inputs does not matter."""
        return hashlib.sha256(rfc8785.dumps(self.as_dict())).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values; obligations and restrictions are repeated on top for readers."""
        return {
            "action": self.action.value,
            "verdict": self.verdict.value,
            "reasons": [reason.as_dict() for reason in self.reasons],
            "obligations": [each.as_dict() for each in self.obligations],
            "restrictions": [each.as_dict() for each in self.restrictions],
            "effective_license": self.effective_license,
            "terms": self.terms.as_dict(),
            "context": self.context.as_dict(),
            "inputs": [each.as_dict() for each in self.inputs],
            "profiles": dict(self.profiles),
            **({"waived": [reason.as_dict() for reason in self.waived]} if self.waived else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Decision":
        """Read back `as_dict`, as it was decided then."""
        return cls(
            action=Action(data["action"]),
            verdict=Verdict(data["verdict"]),
            reasons=tuple(Reason.from_dict(each) for each in data["reasons"]),
            terms=Terms.from_dict(data["terms"]),
            effective_license=data["effective_license"],
            context=Context.from_dict(data["context"]),
            inputs=tuple(Input.from_dict(each) for each in data["inputs"]),
            profiles=dict(data["profiles"]),
            waived=tuple(Reason.from_dict(each) for each in data.get("waived", ())),
        )


def decide(action: Action | str, inputs: Sequence[Input], context: Context) -> Decision:
    """Say whether an action is allowed with these inputs, why not, and what is owed. No inputs raise LicensingError.

    The decision keeps the own profiles that it was made with, so that it can be read and asked again without the house.
    """
    gate = Action(action)
    if not inputs:
        raise LicensingError("no_inputs", "There is nothing to decide about.")
    arrived = _arriving(inputs, gate, context)
    terms = meet(*(part.terms for part in arrived))
    reasons = check(terms, gate, context)
    named, own = {part.license: None for part in arrived}, context.own_profiles
    if gate is Action.INGEST:
        reasons = tuple(sorted({*reasons, *_without_evidence(inputs)}, key=Reason.sort_key))
    return Decision(
        action=gate,
        verdict=_verdict(reasons),
        reasons=reasons,
        terms=terms,
        effective_license=_effective(arrived),
        context=replace(context, own_profiles={name: own[name] for name in sorted(own) if name in named}),
        inputs=_in_order(inputs),
        profiles={name: context.profile(name).version for name in named},
    )


def waive(decision: Decision, waivers: Mapping[str, str]) -> Decision:
    """Return the decision with the reasons about some things set aside; `waivers` maps a thing's ref to its waiver.

    What was withdrawn or refused stays closed: no waiver brings it back. Duties and rules on use stay too.
    """
    set_aside = {reason for reason in decision.reasons if reason.ref in waivers and reason.code not in NEVER_WAIVED}
    if not set_aside:
        return decision
    left = tuple(reason for reason in decision.reasons if reason not in set_aside)
    marked = (replace(each, params={**each.params, "waiver": waivers[each.ref]}) for each in set_aside)
    return replace(decision, verdict=_verdict(left), reasons=left, waived=tuple(sorted(marked, key=Reason.sort_key)))


def _in_order(inputs: Sequence[Input]) -> tuple[Input, ...]:
    """Put inputs in an order that is the same wherever they came from; all they say counts where names are equal."""
    names = Counter((each.item, each.ref) for each in inputs)

    def place(each: Input) -> tuple[str, str, str]:
        is_shared = names[each.item, each.ref] > 1
        return each.item, each.ref, json.dumps(each.as_dict(), sort_keys=True) if is_shared else ""

    return tuple(sorted(inputs, key=place))


def _arriving(inputs: Iterable[Input], action: Action, context: Context) -> list[Part]:
    """Let what is alike meet before it travels: the edges keep meets, and ten thousand pictures travel as one."""
    bundles: dict[tuple[str, str, Edge, Policy], list[Terms]] = {}
    for each in inputs:
        edge, policy = each.edge or edge_for(each.facts.kind, action), context.policy_for(each.heightened)
        for part in parts_of(each.facts, each.item, each.ref, context.own_profiles):
            bundles.setdefault((part.license, part.kind, edge, policy), []).append(part.terms)
    return [
        Part(
            license=license_id,
            kind=kind,
            terms=travel(meet(*terms), kind=kind, edge=edge, action=action, policy=policy),
        )
        for (license_id, kind, edge, policy), terms in bundles.items()
    ]


def _verdict(reasons: Sequence[Reason]) -> Verdict:
    worst = min((reason.value for reason in reasons), default=Permission.ALLOW)
    if worst is Permission.ALLOW:
        return Verdict.ALLOW
    return Verdict.REVIEW if worst is Permission.REVIEW else Verdict.BLOCK


def _effective(parts: Sequence[Part]) -> str:
    licenses = {part.license for part in parts if part.license != POLICY}
    if UNKNOWN in licenses:
        return UNKNOWN
    binding = {part.license for part in parts if part.license in licenses and leaves_something(part.terms)}
    if binding:
        return " AND ".join(sorted(binding))
    return "CC0-1.0" if licenses == {"CC0-1.0"} else NOTHING_OWED


def _without_evidence(inputs: Sequence[Input]) -> list[Reason]:
    clause = house_profiles()[POLICY].clause_of("evidence")
    return [
        Reason(
            item=each.item,
            ref=each.ref,
            dimension="evidence",
            value=Permission.REVIEW,
            license=POLICY,
            clause=clause,
            code="no_evidence",
        )
        for each in inputs
        if not (each.facts.source_url or each.facts.evidence or each.facts.vouched)
    ]
