"""The laws of the algebra, on random terms, random facts and random circumstances."""

import random
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assets.licensing import (
    TOP,
    Action,
    Ceiling,
    Context,
    Decision,
    Input,
    Obligation,
    Permission,
    Policy,
    Purpose,
    Reason,
    Release,
    Restriction,
    RightsFacts,
    Terms,
    Verdict,
    decide,
    explain,
    house_profiles,
    meet,
    terms_of,
)
from assets.licensing.edges import Edge, edge_for, travel
from assets.licensing.facts import KINDS, STATES

SEVERITY = {Verdict.ALLOW: 0, Verdict.REVIEW: 1, Verdict.BLOCK: 2}
NAMES = ["夜明け", "Alba", "Kyoto", "portrait"]
LICENSES = sorted(name for name, each in house_profiles().items() if each.kind not in ("policy", "unknown"))
TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
SCOPES = {
    "territory": st.sets(st.sampled_from(["JP", "US", "FR", "DE"])),
    "media": st.sets(st.sampled_from(["web", "print", "social"])),
    "purposes": st.sets(st.sampled_from([purpose.value for purpose in Purpose])),
}
PRODUCTS = st.sampled_from([("output",), ("weights", "host"), ("output", "weights", "host")])
EXPRESSIONS = st.one_of(
    st.sampled_from([*LICENSES, "", "CC", "royalty free"]),
    st.lists(st.sampled_from([*LICENSES, "LicenseRef-Nobody"]), min_size=2, max_size=3).map(" AND ".join),
    st.lists(st.sampled_from(LICENSES), min_size=2, max_size=3).map(" OR ".join),
)

obligations = st.builds(
    Obligation,
    kind=st.sampled_from(["attribution", "notice"]),
    on=PRODUCTS,
    license=st.sampled_from(LICENSES),
    creator=st.sampled_from(NAMES),
)
restrictions = st.builds(
    Restriction,
    code=st.sampled_from(["attachment_a", "no_endorsement"]),
    profile=st.sampled_from(LICENSES),
    version=st.just("1"),
    clause=st.just("§5"),
    on=PRODUCTS,
)
ceilings = st.builds(Ceiling, license=st.sampled_from(LICENSES), amount=st.sampled_from([Decimal(1), Decimal(10**6)]))
reasons = st.builds(
    Reason,
    item=st.sampled_from(NAMES),
    dimension=st.sampled_from(["train", "commercial"]),
    value=st.sampled_from(Permission),
    license=st.sampled_from(LICENSES),
    clause=st.just("§1"),
)


def optional(values: Any) -> Any:
    return st.none() | values


def dimension_values() -> dict[str, Any]:
    chains = {each.name: st.sampled_from(Permission) for each in fields(Terms) if each.metadata["meet"] is min}
    return {
        **chains,
        **{name: optional(values.map(frozenset)) for name, values in SCOPES.items()},
        "outbound": optional(st.frozensets(st.sampled_from(["CC-BY-4.0", "CC-BY-SA-4.0"]))),
        "obligations": st.frozensets(obligations, max_size=3),
        "restrictions": st.frozensets(restrictions, max_size=3),
        "ceilings": st.frozensets(ceilings, max_size=2),
        "reasons": st.frozensets(reasons, max_size=3),
        "evidence": st.frozensets(st.sampled_from(["a", "b"])),
        "valid_from": optional(TIMES),
        "expires_at": optional(TIMES),
        "caps": st.dictionaries(st.sampled_from(["copies", "seats"]), st.integers(1, 9)).map(in_order),
        "releases": st.dictionaries(st.sampled_from(["Hanako", "Ken"]), st.sampled_from(Release)).map(in_order),
    }


def in_order(pairs: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(pairs.items()))


terms = st.builds(Terms, **dimension_values())
facts = st.builds(
    RightsFacts,
    expression=EXPRESSIONS,
    branch=st.sampled_from(["", *LICENSES]),
    kind=st.sampled_from(KINDS),
    state=st.sampled_from(("cleared", "cleared", "cleared", *STATES)),
    creator=st.sampled_from(["山田", "Ana", ""]),
    title=st.sampled_from(NAMES),
    source_url=st.sampled_from(["", "https://example.org/1"]),
    valid_from=optional(TIMES),
    expires_at=optional(TIMES),
    time_zone=st.sampled_from(["Asia/Tokyo", "UTC", "America/New_York"]),
    caps=st.dictionaries(st.sampled_from(["copies", "seats"]), st.integers(1, 9), max_size=1),
    releases=st.dictionaries(st.sampled_from(["Hanako", "Ken"]), st.sampled_from(["none", "limited", "unlimited"])),
    data_mining=st.sampled_from(["", "", "DMI-PROHIBITED", "DMI-UNSPECIFIED"]),
    evidence=st.sets(st.sampled_from(["sha256:a", "sha256:b"])),
    **{name: optional(values) for name, values in SCOPES.items()},
)
inputs = st.builds(
    Input, item=st.sampled_from(NAMES), facts=facts, ref=st.sampled_from(["", "1"]), heightened=st.just(())
)  # fmt: skip
contexts = st.builds(
    Context,
    at=TIMES,
    purpose=st.sampled_from(Purpose),
    territory=optional(st.sampled_from(["JP", "US", "EU", "WW"])),
    media=optional(st.sampled_from(["web", "print"])),
    revenue=optional(st.sampled_from([Decimal(500_000), Decimal(1_000_000), Decimal(2_000_000)])),
    outbound_license=optional(st.sampled_from(["CC-BY-4.0", "CC-BY-SA-4.0"])),
    policy=st.sampled_from(Policy),
    exception=st.sampled_from(["", "ledger:42"]),
    quantities=st.dictionaries(st.sampled_from(["copies", "seats"]), st.integers(1, 9)),
)


@st.composite
def questions(draw: Callable[..., Any]) -> tuple[Action, list[Input], Context]:
    action = draw(st.sampled_from(Action))
    inward = action in (Action.GENERATE, Action.PUBLISH, Action.INGEST)
    things = draw(st.lists(inputs, min_size=1, max_size=4))
    kept = [each for each in things if inward or each.facts.kind != "input_picture"]
    assume(kept)
    return action, kept, draw(contexts)


@given(terms, terms)
def test_meet_is_commutative(one: Terms, other: Terms) -> None:
    assert meet(one, other) == meet(other, one)


@given(terms, terms, terms)
def test_meet_is_associative(one: Terms, two: Terms, three: Terms) -> None:
    assert meet(meet(one, two), three) == meet(one, meet(two, three)) == meet(one, two, three)


@given(terms)
def test_meet_is_idempotent_and_top_is_its_identity(one: Terms) -> None:
    assert meet(one, one) == one == meet(one, TOP) == meet(TOP, one) == meet(one)
    assert meet() == TOP


@given(terms, terms)
def test_meet_only_narrows(one: Terms, other: Terms) -> None:
    both = meet(one, other)
    for each in fields(Terms):
        mine, shared = getattr(one, each.name), getattr(both, each.name)
        assert each.metadata["meet"]([mine, shared]) == shared


@given(st.lists(terms, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_the_hash_does_not_know_the_order(several: list[Terms], chance: random.Random) -> None:
    shuffled = several[:]
    chance.shuffle(shuffled)
    assert meet(*several).sha256() == meet(*shuffled).sha256()


@given(terms)
def test_terms_are_read_back_as_written(one: Terms) -> None:
    assert Terms.from_dict(one.as_dict()) == one
    assert Terms.from_dict(one.as_dict()).sha256() == one.sha256()


@given(facts)
def test_facts_are_read_back_as_written(one: RightsFacts) -> None:
    again = RightsFacts.from_dict(one.as_dict())
    assert again == one
    assert terms_of(again).sha256() == terms_of(one).sha256()


@settings(deadline=None)
@given(terms, terms, st.sampled_from(Edge), st.sampled_from(Action), st.sampled_from(Policy), st.booleans())
def test_travelling_keeps_meets(
    one: Terms, other: Terms, edge: Edge, action: Action, policy: Policy, public: bool
) -> None:  # fmt: skip
    assume((edge, action) in travelled())
    kind = "public_license" if public else "contract"

    def through(carried: Terms) -> Terms:
        return travel(carried, kind=kind, edge=edge, action=action, policy=policy)

    assert through(meet(one, other)) == meet(through(one), through(other))


def travelled() -> set[tuple[Edge, Action]]:
    return {(edge_for(kind, action), action) for kind in KINDS for action in Action if kind != "input_picture"}


@settings(deadline=None)
@given(questions(), inputs)
def test_another_input_never_opens_a_gate_nor_drops_a_duty(
    question: tuple[Action, list[Input], Context], more: Input
) -> None:  # fmt: skip
    action, things, context = question
    assume(more.facts.kind != "input_picture" or action in (Action.GENERATE, Action.PUBLISH, Action.INGEST))
    before, after = decide(action, things, context), decide(action, [*things, more], context)
    assert SEVERITY[after.verdict] >= SEVERITY[before.verdict]
    assert set(after.obligations) >= set(before.obligations)
    assert set(after.restrictions) >= set(before.restrictions)


@settings(deadline=None)
@given(questions(), st.randoms(use_true_random=False))
def test_a_decision_does_not_know_the_order(
    question: tuple[Action, list[Input], Context], chance: random.Random
) -> None:  # fmt: skip
    action, things, context = question
    shuffled = things[:]
    chance.shuffle(shuffled)
    assert decide(action, things, context).sha256() == decide(action, shuffled, context).sha256()


@settings(deadline=None)
@given(questions())
def test_every_refusal_names_an_item_and_a_clause(question: tuple[Action, list[Input], Context]) -> None:
    decision = decide(*question)
    for language in ("en", "ja"):
        sentences = explain(decision, language)
        assert bool(sentences) is (decision.verdict is not Verdict.ALLOW)
        for sentence in sentences:
            assert any(each.item in sentence for each in decision.inputs)
            assert any(reason.clause in sentence for reason in decision.reasons)
        assert all(any(reason.item in sentence for sentence in sentences) for reason in decision.reasons)


@settings(deadline=None)
@given(questions())
def test_an_open_gate_has_a_cleared_and_known_licence_behind_every_input(
    question: tuple[Action, list[Input], Context],
) -> None:
    decision = decide(*question)
    if decision.allowed and decision.action is not Action.INGEST:
        assert all(each.facts.state == "cleared" for each in decision.inputs)
        assert decision.terms.basis is Permission.ALLOW


@settings(deadline=None)
@given(questions())
def test_decisions_are_read_back_as_written(question: tuple[Action, list[Input], Context]) -> None:
    decision = decide(*question)
    again = Decision.from_dict(decision.as_dict())
    assert again == decision
    assert again.sha256() == decision.sha256()


@settings(deadline=None)
@given(questions(), st.sampled_from(["strict", "standard", "exception"]))
def test_strict_is_the_strictest(question: tuple[Action, list[Input], Context], policy: str) -> None:
    action, things, context = question
    loose = Context.from_dict({**context.as_dict(), "policy": policy, "exception": "ledger:42"})
    strict = Context.from_dict({**context.as_dict(), "policy": "strict"})
    assert SEVERITY[decide(action, things, strict).verdict] >= SEVERITY[decide(action, things, loose).verdict]


@given(questions(), st.integers(1, 400))
def test_an_expired_thing_never_comes_back(question: tuple[Action, list[Input], Context], days: int) -> None:
    action, things, context = question
    assume(action is not Action.INGEST)
    now = decide(action, things, context)
    later = decide(action, things, Context.from_dict({**context.as_dict(), "at": later_than(context, days)}))
    if any(reason.code == "expired" for reason in now.reasons):
        assert any(reason.code == "expired" for reason in later.reasons)


def later_than(context: Context, days: int) -> str:
    return (context.at + timedelta(days=days)).isoformat()
