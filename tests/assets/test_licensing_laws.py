"""The laws of the algebra, on more than ten thousand random terms, facts and circumstances."""

import random
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assets.licensing import (
    TOP,
    Action,
    Context,
    Decision,
    Edge,
    Input,
    Permission,
    Policy,
    RightsFacts,
    Terms,
    Verdict,
    decide,
    explain,
    house_profiles,
    meet,
    profile,
    terms_of,
)
from assets.licensing.edges import NEEDS, travel
from tests.assets.rights_cast import STARTER
from tests.assets.rights_strategies import (
    CIVITAI,
    FLAGS,
    LICENSES,
    PROHIBITED,
    TICKED,
    Question,
    contexts,
    facts,
    placed,
    questions,
    terms,
)

SEVERITY = {Verdict.ALLOW: 0, Verdict.REVIEW: 1, Verdict.BLOCK: 2}
MODEL_ACTIONS = (Action.TRAIN, Action.MERGE, Action.GENERATE, Action.PUBLISH, Action.WEIGHTS, Action.HOST)
QUESTIONS = [(license_id, name) for license_id in LICENSES for name in sorted(profile(license_id).parameters)]


def examples(count: int) -> Callable[..., Any]:
    return settings(max_examples=count, deadline=None)


@examples(1400)
@given(terms, terms)
def test_meet_is_commutative(one: Terms, other: Terms) -> None:
    assert meet(one, other) == meet(other, one)


@examples(1500)
@given(terms, terms, terms)
def test_meet_is_associative(one: Terms, two: Terms, three: Terms) -> None:
    assert meet(meet(one, two), three) == meet(one, meet(two, three)) == meet(one, two, three)


@examples(1400)
@given(terms)
def test_meet_is_idempotent_and_top_is_its_identity(one: Terms) -> None:
    assert meet(one, one) == one == meet(one, TOP) == meet(TOP, one) == meet(one)
    assert meet() == TOP


@examples(1500)
@given(terms, terms)
def test_meet_only_narrows(one: Terms, other: Terms) -> None:
    both = meet(one, other)
    for each in fields(Terms):
        mine, shared = getattr(one, each.name), getattr(both, each.name)
        assert each.metadata["meet"]([mine, shared]) == shared


@examples(500)
@given(st.lists(terms, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_the_hash_does_not_know_the_order(several: list[Terms], chance: random.Random) -> None:
    shuffled = several[:]
    chance.shuffle(shuffled)
    assert meet(*several).sha256() == meet(*shuffled).sha256()


@examples(600)
@given(terms)
def test_terms_are_read_back_as_written(one: Terms) -> None:
    assert Terms.from_dict(one.as_dict()) == one
    assert Terms.from_dict(one.as_dict()).sha256() == one.sha256()


@examples(400)
@given(facts)
def test_facts_are_read_back_as_written(one: RightsFacts) -> None:
    again = RightsFacts.from_dict(one.as_dict())
    assert again == one
    assert terms_of(again).sha256() == terms_of(one).sha256()


@examples(1200)
@given(terms, terms, st.sampled_from(sorted(NEEDS)), st.sampled_from(Policy), st.booleans())
def test_travelling_keeps_meets(
    one: Terms, other: Terms, road: tuple[Edge, Action], policy: Policy, public: bool
) -> None:  # fmt: skip
    (edge, action), kind = road, "public_license" if public else "contract"

    def through(carried: Terms) -> Terms:
        return travel(carried, kind=kind, edge=edge, action=action, policy=policy)

    assert through(meet(one, other)) == meet(through(one), through(other))


@examples(400)
@given(st.data(), questions())
def test_another_input_never_opens_a_gate_nor_drops_a_duty(data: st.DataObject, question: Question) -> None:
    action, things, context = question
    more = data.draw(placed(action))
    before, after = decide(action, things, context), decide(action, [*things, more], context)
    assert SEVERITY[after.verdict] >= SEVERITY[before.verdict]
    assert set(after.obligations) >= set(before.obligations)
    assert set(after.restrictions) >= set(before.restrictions)


@examples(200)
@given(questions(), st.randoms(use_true_random=False))
def test_a_decision_does_not_know_the_order(
    question: Question, chance: random.Random
) -> None:  # fmt: skip
    action, things, context = question
    shuffled = things[:]
    chance.shuffle(shuffled)
    assert decide(action, things, context).sha256() == decide(action, shuffled, context).sha256()


@examples(250)
@given(questions())
def test_every_refusal_names_an_item_and_a_clause(question: Question) -> None:
    decision = decide(*question)
    for language in ("en", "ja"):
        sentences = explain(decision, language)
        assert bool(sentences) is (decision.verdict is not Verdict.ALLOW)
        for sentence in sentences:
            assert any(each.item in sentence for each in decision.inputs)
            assert any(reason.clause in sentence for reason in decision.reasons)
        assert all(any(reason.item in sentence for sentence in sentences) for reason in decision.reasons)


@examples(250)
@given(questions())
def test_an_open_gate_has_a_cleared_and_known_licence_behind_every_input(
    question: Question,
) -> None:
    decision = decide(*question)
    if decision.allowed and decision.action is not Action.INGEST:
        assert all(each.facts.state == "cleared" for each in decision.inputs)
        assert decision.terms.basis is Permission.ALLOW


@examples(150)
@given(questions())
def test_decisions_are_read_back_as_written(question: Question) -> None:
    decision = decide(*question)
    again = Decision.from_dict(decision.as_dict())
    assert again == decision
    assert again.sha256() == decision.sha256()


@examples(250)
@given(questions(), st.sampled_from(["strict", "standard", "exception"]))
def test_strict_is_the_strictest(question: Question, policy: str) -> None:
    action, things, context = question
    loose = Context.from_dict({**context.as_dict(), "policy": policy, "exception": "ledger:42"})
    strict = Context.from_dict({**context.as_dict(), "policy": "strict"})
    assert SEVERITY[decide(action, things, strict).verdict] >= SEVERITY[decide(action, things, loose).verdict]


@examples(150)
@given(questions(), st.integers(1, 400))
def test_an_expired_thing_never_comes_back(question: Question, days: int) -> None:
    action, things, context = question
    assume(action is not Action.INGEST)
    now = decide(action, things, context)
    later = decide(action, things, Context.from_dict({**context.as_dict(), "at": later_than(context, days)}))
    if any(reason.code == "expired" for reason in now.reasons):
        assert any(reason.code == "expired" for reason in later.reasons)


def later_than(context: Context, days: int) -> str:
    return (context.at + timedelta(days=days)).isoformat()


@examples(200)
@given(st.sampled_from(MODEL_ACTIONS), st.sampled_from(TICKED), st.sampled_from(FLAGS[1:]), contexts)
def test_another_tick_never_closes_a_gate(
    action: Action, ticked: dict[str, Any], more: list[str], context: Context
) -> None:  # fmt: skip
    had = ticked.get("allow_commercial_use") or []
    richer = {**ticked, "allow_commercial_use": sorted({*had, *more}), "allow_no_credit": True}
    before, after = (decide(action, [civitai(each)], context) for each in (ticked, richer))
    assert SEVERITY[after.verdict] <= SEVERITY[before.verdict]
    assert set(after.obligations) <= set(before.obligations)


def civitai(parameters: dict[str, Any]) -> Input:
    return Input(
        item="LoRA",
        facts=RightsFacts(expression=CIVITAI, kind="adapter", state="cleared", creator="Ana", parameters=parameters),
    )


@examples(100)
@given(facts, st.sampled_from(QUESTIONS), contexts, st.sampled_from([Action.GENERATE, Action.PUBLISH]))
def test_silence_is_never_better_than_the_best_answer(
    one: RightsFacts, asked: tuple[str, str], context: Context, action: Action
) -> None:
    license_id, name = asked
    answers = profile(license_id).parameters[name]
    given = [None, *([answers["several"]] if isinstance(answers, dict) else answers)]
    things = [
        replace(one, expression=license_id, branch="", parameters={**one.parameters, name: answer}) for answer in given
    ]
    silent, *spoken = (SEVERITY[decide(action, [Input(item="x", facts=each)], context).verdict] for each in things)
    assert silent >= min(spoken)


@examples(150)
@given(st.sampled_from(LICENSES), st.sampled_from(PROHIBITED), facts, contexts)
def test_a_prohibition_in_the_file_always_stops_training(
    license_id: str, found: str, one: RightsFacts, context: Context
) -> None:
    marked = replace(one, kind="training_picture", expression=license_id, branch="", data_mining=found)
    decision = decide(Action.TRAIN, [STARTER, Input(item="marked", facts=marked)], context)
    codes = {reason.code for reason in decision.reasons if reason.dimension == "train"}
    contradicts = terms_of(replace(marked, data_mining="")).train is Permission.ALLOW
    assert decision.verdict is Verdict.BLOCK
    assert ("data_mining" if contradicts else "data_mining_agrees") in codes


def test_the_strategies_know_every_licence() -> None:
    assert set(LICENSES) == {name for name, each in house_profiles().items() if each.kind not in ("policy", "unknown")}
