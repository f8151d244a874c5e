"""From the facts of one thing to its terms: what its licences grant, what its own record narrows, and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from .choices import Choice, choose_branch
from .facts import RightsFacts
from .profiles import POLICY, SCOPE, Profile, house_profiles, profile
from .terms import PERMISSIONS, SCOPES, Obligation, Permission, Reason, Release, Restriction, Terms, meet

CREDIT = "attribution"
NO_TRAINING = "DMI-PROHIBITED"
SILENT_ON_TRAINING = ("", "DMI-UNSPECIFIED", "DMI-ALLOWED")
CODES = {Permission.DENY: "forbidden", Permission.UNKNOWN: "not_granted", Permission.REVIEW: "needs_review"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The terms that one licence of a thing contributes; `kind` is its profile's."""

    license: str
    kind: str
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Write down, for one item and one licence, why a dimension is narrow."""

    item: str
    ref: str
    source: Profile

    def says(self, dimension: str, value: Permission, *, clause: str = "", code: str = "", **params: Any) -> Reason:
        """Return the reason for a value; `clause` names the profile's clause when it is not the dimension's own."""
        return Reason(
            item=self.item,
            ref=self.ref,
            dimension=dimension,
            value=value,
            license=self.source.id,
            clause=self.source.clause_of(clause or dimension),
            code=code or CODES[value],
            params=params,
        )

    def limits(self, dimension: str, *, clause: str = "", **params: Any) -> Reason:
        """Return the reason for a limit, which a check compares with the circumstances."""
        return self.says(dimension, Permission.REVIEW, clause=clause, code="limited", **params)


def terms_of(facts: RightsFacts, item: str = "", ref: str = "") -> Terms:
    """Return everything that the facts of one thing say, whatever is done with it."""
    return meet(*(part.terms for part in parts_of(facts, item, ref)))


def parts_of(facts: RightsFacts, item: str = "", ref: str = "", own: Mapping[str, Profile] | None = None) -> list[Part]:
    """Return the terms per licence of a thing and of its own record, a licence's general part shared by all things.

    `own` are a team's own profiles by id.
    """
    item = item or facts.title or facts.source_url or facts.kind
    choice, policy = choose_branch(facts.expression, facts.branch, frozenset(own or ())), house_profiles()[POLICY]
    parts = list[Part]()
    for source in (profile(each, own) for each in choice.licenses):
        witness = Witness(item=item, ref=ref, source=policy if choice.problem else source)
        found = [_unlicensed(choice, source, witness)] if choice.problem else _licensed(facts, witness)
        parts += [Part(license=source.id, kind=source.kind, terms=terms) for terms in found]
    declared = min(part.terms.train for part in parts)
    recorded = _recorded(facts, Witness(item=item, ref=ref, source=policy), declared)
    return [Part(license=POLICY, kind="policy", terms=recorded), *parts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a licence says in general, and which clause is behind each answer that a rule has changed."""

    terms: Terms
    clauses: Mapping[str, str]


@lru_cache(maxsize=512)
def _standard_answers(source: Profile) -> Answers:
    return _answers(source, {})


def _answers(source: Profile, given: Mapping[str, Any]) -> Answers:
    values: dict[str, Any] = {name: source.permission(name) for name in PERMISSIONS}
    values |= {"purposes": source.purposes, "outbound": source.outbound}
    clauses = dict[str, str]()
    for rule in (each for each in source.rules if each.when.holds(given)):
        for name, value in rule.then.items():
            if value < values[name]:
                values[name], clauses[name] = value, rule.clause
        for name, limit in (("purposes", rule.purposes), ("outbound", rule.outbound)):
            if limit is not None:
                values[name], clauses[name] = limit if values[name] is None else values[name] & limit, rule.clause
    terms = Terms(
        **values,
        ceilings=frozenset(source.ceilings),
        obligations=frozenset(_obligations(source, given)),
        restrictions=frozenset(_restrictions(source)),
        evidence=frozenset({source.evidence}),
    )
    return Answers(terms=terms, clauses=clauses)


def _given(facts: RightsFacts) -> dict[str, Any]:
    """Return what an item's record says that conditions may ask: its parameters, and which limits it names."""
    limits = ("valid_from", "expires_at", "caps", *SCOPES)
    return {**facts.parameters, SCOPE: [name for name in limits if getattr(facts, name)]}


def _licensed(facts: RightsFacts, witness: Witness) -> list[Terms]:
    source, given = witness.source, _given(facts) if witness.source.conditions else {}
    general = _answers(source, given) if given else _standard_answers(source)
    credits, reasons = frozenset(_credits(source, facts, given)), frozenset(_narrowed(general, witness))
    return [general.terms, Terms(obligations=credits, reasons=reasons)] if credits or reasons else [general.terms]


def _narrowed(general: Answers, witness: Witness) -> Iterator[Reason]:
    terms, clauses = general.terms, general.clauses
    for name in PERMISSIONS:
        if getattr(terms, name) < Permission.ALLOW:
            yield witness.says(name, getattr(terms, name), clause=clauses.get(name, ""))
    for name in ("purposes", "outbound"):
        if getattr(terms, name) is not None:
            yield witness.limits(name, clause=clauses.get(name, ""), allowed=sorted(getattr(terms, name)))
    for each in terms.ceilings:
        yield witness.limits("ceilings", amount=str(each.amount), currency=each.currency, inclusive=each.inclusive)


def _unlicensed(choice: Choice, source: Profile, witness: Witness) -> Terms:
    clause = "unknown" if choice.problem == "no_basis" else "branch"
    strangers = [each for each in choice.unknown if each.strip()] or ["–"]
    reason = witness.says("basis", Permission.UNKNOWN, clause=clause, code=choice.problem, unknown=strangers)
    values: dict[str, Any] = dict.fromkeys(PERMISSIONS, Permission.UNKNOWN)
    return Terms(**values, evidence=frozenset({source.evidence}), reasons=frozenset({reason}))


@cache
def _silent_record() -> Terms:
    return Terms(evidence=frozenset({house_profiles()[POLICY].evidence}))


def _recorded(facts: RightsFacts, witness: Witness, declared: Permission) -> Terms:
    standing = list(_standing(facts, witness, declared))
    reasons = frozenset((*standing, *_recorded_limits(facts, witness)))
    if not reasons and not facts.evidence:
        return _silent_record()
    values: dict[str, Any] = {each.dimension: each.value for each in standing}
    for name in SCOPES:
        limit = getattr(facts, name)
        values[name] = None if limit is None else frozenset(limit)
    values.update(valid_from=facts.valid_from, expires_at=facts.expires_at)
    return Terms(
        **values,
        caps=tuple(sorted(facts.caps.items())),
        releases=tuple(sorted((subject, Release[word.upper()]) for subject, word in facts.releases.items())),
        evidence=frozenset({witness.source.evidence, *facts.evidence}),
        reasons=reasons,
    )


def _standing(facts: RightsFacts, witness: Witness, declared: Permission) -> Iterator[Reason]:
    if facts.state == "pending":
        yield witness.says("basis", Permission.UNKNOWN, clause="pending", code="awaiting_review")
    if facts.state in ("refused", "withdrawn"):
        yield witness.says("basis", Permission.DENY, clause=facts.state, code=facts.state)
    if facts.data_mining.startswith(NO_TRAINING):
        contradicts = declared is Permission.ALLOW
        code = "data_mining" if contradicts else "data_mining_agrees"
        shown = {"declared": facts.branch or facts.expression} if contradicts else {}
        yield witness.says("train", Permission.DENY, clause="data_mining", code=code, found=facts.data_mining, **shown)
    elif facts.data_mining not in SILENT_ON_TRAINING:
        found = {"found": facts.data_mining}
        yield witness.says("train", Permission.REVIEW, clause="data_mining", code="data_mining_unclear", **found)


def _recorded_limits(facts: RightsFacts, witness: Witness) -> Iterator[Reason]:
    for name in SCOPES:
        if getattr(facts, name) is not None:
            yield witness.limits(name, clause="scope", allowed=list(getattr(facts, name)))
    for name in ("valid_from", "expires_at"):
        if getattr(facts, name) is not None:
            at = getattr(facts, name).isoformat()
            yield witness.limits(name, clause="term", at=at, time_zone=facts.time_zone)
    for cap, most in facts.caps.items():
        yield witness.limits("caps", clause="scope", cap=cap, most=most)
    for subject, release in facts.releases.items():
        yield witness.limits("releases", clause="releases", subject=subject, release=release)


def _obligations(source: Profile, given: Mapping[str, Any]) -> Iterator[Obligation]:
    for each in _due(source, given):
        if each["kind"] != CREDIT:
            yield _owed(source, each)


def _credits(source: Profile, facts: RightsFacts, given: Mapping[str, Any]) -> Iterator[Obligation]:
    for each in _due(source, given):
        if each["kind"] == CREDIT:
            yield _owed(source, each, creator=facts.creator, title=facts.title, source_url=facts.source_url)


def _due(source: Profile, given: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (each for each in source.obligations if "when" not in each or each["when"].holds(given))


def _owed(source: Profile, entry: Mapping[str, Any], **work: Any) -> Obligation:
    return Obligation(
        kind=entry["kind"],
        on=tuple(entry["on"]),
        license=source.id,
        license_url=source.license_url,
        clause=source.clause_of(entry["clause"]),
        **work,
    )


def _restrictions(source: Profile) -> Iterator[Restriction]:
    for each in source.restrictions:
        yield Restriction(
            code=each["code"],
            profile=source.id,
            version=source.version,
            clause=source.clause_of(each["clause"]),
            on=tuple(each["on"]),
            pass_on=tuple(each.get("pass_on", ())),
        )
