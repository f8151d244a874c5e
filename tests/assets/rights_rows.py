"""How a rights case is written down: things with their facts, a question, and its answer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from assets.licensing import Context, Edge, Input, RightsFacts
from tests.assets.rights_cast import context

OWN, CIVITAI = "LicenseRef-Daicho-OwnWork", "LicenseRef-Daicho-Civitai"
STOCK, PIXTA = "LicenseRef-Daicho-Stock-RF", "LicenseRef-Daicho-PIXTA"
NEWS, MANAGED = "LicenseRef-Daicho-Editorial", "LicenseRef-Daicho-RightsManaged"
STATUTE = "LicenseRef-Daicho-JP-30-4"
COMMUNITY, TURBO = "LicenseRef-scancode-stability-ai-community-2024", "LicenseRef-scancode-stability-ai-nc-2023-12-06"
DEV, OLD_NC_SA = "LicenseRef-scancode-flux-1-nc", "LicenseRef-CC-BY-NC-SA-2.1-JP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One input of a case: what it is called, the keywords of its RightsFacts, and its edge where not the usual."""

    item: str
    facts: Mapping[str, Any]
    edge: str | None = None
    heightened: tuple[str, ...] = ()

    def as_input(self) -> Input:
        """Return it for `decide`."""
        edge = self.edge and Edge(self.edge)
        return Input(item=self.item, facts=RightsFacts(**self.facts), edge=edge or None, heightened=self.heightened)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question with its answer. `codes` are all codes among the reasons, `owed` the kinds of what is owed.

    `changes` are the keywords of the Context that differ from the default; `row` names the house's case.
    """

    name: str
    action: str
    inputs: tuple[Thing, ...]
    verdict: str
    codes: frozenset[str] = frozenset()
    changes: Mapping[str, Any] = field(default_factory=dict)
    owed: frozenset[str] | None = None
    row: str = ""

    def context(self) -> Context:
        """Return the circumstances."""
        return context(**self.changes)


def thing(item: str, expression: str, kind: str, *, edge: str | None = None, **facts: Any) -> Thing:
    """Return a cleared thing with a title, a creator and a source."""
    heightened = facts.pop("heightened", ())
    known = {"state": "cleared", "title": item, "creator": "Ana", "source_url": f"https://example.org/{item}"}
    return Thing(
        item=item, facts={**known, "expression": expression, "kind": kind, **facts}, edge=edge, heightened=heightened
    )


def base(item: str, expression: str, **facts: Any) -> Thing:
    return thing(item, expression, "base_model", **facts)


def lora(item: str, expression: str = OWN, **facts: Any) -> Thing:
    return thing(item, expression, "adapter", **facts)


def lesson(item: str, expression: str, **facts: Any) -> Thing:
    return thing(item, expression, "training_picture", **facts)


def photo(item: str, expression: str, **facts: Any) -> Thing:
    return thing(item, expression, "input_picture", **facts)


def ask(name: str, action: str, inputs: list[Thing], answer: str, **more: Any) -> Case:
    """Return a case; an answer is the verdict with the codes behind it, such as “block forbidden”."""
    verdict, *codes = answer.split()
    owed, row = more.pop("owed", None), more.pop("row", "")
    return Case(
        name=name, action=action, inputs=tuple(inputs), verdict=verdict, codes=frozenset(codes), changes=more,
        owed=None if owed is None else frozenset(owed.split()), row=row,
    )  # fmt: skip


STARTER = base("Daicho starter", "CC0-1.0")
ANALYSIS = {"training_purpose": "analysis", "targets_creator_or_work": False, "sold_as_analysis_database": False}


def ticked(*flags: str, **others: Any) -> Thing:
    """Return a LoRA with these uses ticked on Civitai."""
    return lora("Civitai LoRA", CIVITAI, parameters={"allow_commercial_use": list(flags), **others})


def studied(**answers: Any) -> Thing:
    """Return a lesson used under Article 30-4, by default for analysis."""
    return lesson("studied", STATUTE, parameters={**ANALYSIS, **answers})


def faced(thing: Thing) -> Thing:
    """Return a picture of a recognisable person who has signed nothing."""
    return Thing(item=thing.item, facts={**thing.facts, "releases": {"Hanako": "none"}}, edge=thing.edge)


def named(row: str, *cases: Case) -> Iterator[Case]:
    """Name the house's case that these belong to."""
    for each in cases:
        yield Case(
            name=f"{row}: {each.name}", action=each.action, inputs=each.inputs, verdict=each.verdict,
            codes=each.codes, changes=each.changes, owed=each.owed, row=row,
        )  # fmt: skip


def put(expression: str, how: str, **facts: Any) -> list[Thing]:
    """Return a thing used in one way, with the model that it is used with."""
    if how == "base":
        return [base("model", expression, **facts)]
    if how == "dataset":
        return [STARTER, base("model behind the lesson", expression, edge="output_to_dataset", **facts)]
    if how == "unchanged":
        return [photo("picture", expression, edge="itself", **facts)]
    return [STARTER, (lesson if how == "lesson" else photo)("picture", expression, **facts)]


def question(expression: str, how: str, asked: str, answer: str, owed: str | None = None) -> Case:
    """Return the case of one line of the matrix."""
    action, purpose, *outbound = asked.split()
    changes = {"purpose": purpose, **({"outbound_license": outbound[0]} if outbound else {})}
    return ask(f"{expression}, {how}: {asked}", action, put(expression, how), answer, owed=owed, **changes)
