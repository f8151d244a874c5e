"""Random terms, facts and questions for the laws of the algebra."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import combinations, product
from typing import Any, TypeVar

from hypothesis import assume
from hypothesis import strategies as st

from assets.licensing import (
    Action,
    Ceiling,
    Context,
    Edge,
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
    house_profiles,
)
from assets.licensing.edges import NEEDS, edge_for, fits
from assets.licensing.facts import KINDS, STATES
from assets.licensing.terms import PERMISSIONS
from tests.assets.rights_cast import RAIL

T = TypeVar("T")
Question = tuple[Action, list[Input], Context]


def subsets(*members: Any) -> list[frozenset[Any]]:
    """Return every set of some of the members, the empty one first."""
    sizes = range(len(members) + 1)
    return [frozenset(each) for size in sizes for each in combinations(members, size)]


def optional(values: Sequence[Any]) -> list[Any]:
    """Return the values, and None before them."""
    return [None, *values]


NAMES = ["夜明け", "Alba", "Kyoto", "portrait"]
LICENSES = sorted(name for name, each in house_profiles().items() if each.kind not in ("policy", "unknown"))
CIVITAI = "LicenseRef-Daicho-Civitai"
PROHIBITED = [
    "DMI-PROHIBITED",
    "DMI-PROHIBITED-AIMLTRAINING",
    "DMI-PROHIBITED-GENAIMLTRAINING",
    "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING",
    "DMI-PROHIBITED-SEECONSTRAINT",
]
DATA_MINING = [*PROHIBITED, "DMI-ALLOWED", "DMI-UNSPECIFIED", "no training, please"]
TIMES = [datetime(year, month, 1, tzinfo=UTC) for year in (2026, 2027) for month in (1, 5, 9, 12)]
PRODUCTS = [("output",), ("weights", "host"), ("output", "weights", "host")]
FLAGS = [None, *(sorted(each) for each in subsets("Image", "RentCivit", "Rent", "Sell"))]
ANSWERS = (None, True, False)


SCOPES = {
    "territory": optional(subsets("JP", "US", "FR")),
    "media": optional(subsets("web", "print", "social")),
    "purposes": optional(subsets("commercial", "advertising", "editorial", "internal", "research")),
}
OBLIGATIONS = [
    Obligation(kind="attribution", on=PRODUCTS[0], license="CC-BY-4.0", creator="Ana"),
    Obligation(kind="attribution", on=PRODUCTS[2], license="CC-BY-4.0", creator="山田"),
    Obligation(kind="notice", on=PRODUCTS[1], license="Apache-2.0"),
    Obligation(kind="register", on=PRODUCTS[2], license=LICENSES[-1]),
]
RESTRICTIONS = [
    Restriction(code="attachment_a", profile=LICENSES[-1], version="1", clause="§5", on=on, pass_on=on)
    for on in PRODUCTS
]  # fmt: skip
CEILINGS = [Ceiling(license="a", amount=Decimal(1)), Ceiling(license="b", amount=Decimal(10**6), inclusive=False)]
REASONS = [
    Reason(item=item, dimension=dimension, value=value, license="CC-BY-NC-4.0", clause="§1")
    for item, dimension, value in (
        ("夜明け", "train", Permission.DENY), ("Alba", "basis", Permission.UNKNOWN),
        ("Kyoto", "commercial", Permission.REVIEW), ("Alba", "territory", Permission.REVIEW),
    )
]  # fmt: skip
CAPS = [(), (("copies", 3),), (("seats", 5),), (("copies", 7), ("seats", 2))]
RELEASES = [(), (("Hanako", Release.NONE),), (("Ken", Release.LIMITED),), (("Hanako", Release.UNLIMITED),)]


def recorded(**values: Any) -> dict[str, Any]:
    """Return parameters without those that nobody recorded."""
    return {name: value for name, value in values.items() if value is not None}


TICKED = [
    recorded(allow_commercial_use=flags, allow_derivatives=one, allow_no_credit=two, allow_different_license=three)
    for flags in FLAGS
    for one, two, three in ((None, None, None), (True, True, True), (False, True, False), (True, False, None))
]
AGREED = [
    recorded(training_allowed=train, adaptation_allowed=adapt, editorial_only=news, public_domain_basis=basis)
    for train, adapt, news in product(ANSWERS, repeat=3)
    for basis in (None, "term_expired")
]
ANALYSIS = {"training_purpose": "analysis", "targets_creator_or_work": False, "sold_as_analysis_database": False}
EXPRESSIONS = [
    *LICENSES, *LICENSES, "", "CC", "royalty free", "LicenseRef-Nobody", f"{RAIL} AND {CIVITAI}",
    "CC-BY-SA-3.0 AND CC-BY-NC-4.0", "CC0-1.0 AND LicenseRef-Nobody", "CC-BY-4.0 OR CC0-1.0",
    "CC-PDM-1.0 OR LicenseRef-Daicho-PIXTA",
]  # fmt: skip


def drawn(build: Callable[..., T], **options: Sequence[Any]) -> st.SearchStrategy[T]:
    """Choose one of each option's values: a byte each, which is quick to draw and shrinks to the first value."""

    def chosen(numbers: bytes) -> T:
        pairs = zip(numbers, options.items(), strict=True)
        return build(**{name: values[number % len(values)] for number, (name, values) in pairs})

    return st.binary(min_size=len(options), max_size=len(options)).map(chosen)


CHAINS = {name: sorted(Permission, reverse=True) for name in PERMISSIONS}
terms = drawn(
    Terms,
    **CHAINS,
    **SCOPES,
    outbound=optional(subsets("CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-SA-3.0")),
    obligations=subsets(*OBLIGATIONS),
    restrictions=subsets(*RESTRICTIONS),
    ceilings=subsets(*CEILINGS),
    reasons=subsets(*REASONS),
    evidence=subsets("a", "b", "c"),
    valid_from=optional(TIMES),
    expires_at=optional(TIMES),
    caps=CAPS,
    releases=RELEASES,
)
FACTS: dict[str, Sequence[Any]] = {
    "expression": EXPRESSIONS,
    "branch": ["", "", "CC0-1.0", "CC-PDM-1.0", "Apache-2.0"],
    "kind": KINDS,
    "state": ("cleared", "cleared", "cleared", "cleared", *STATES),
    "creator": ["山田", "Ana", ""],
    "title": NAMES,
    "source_url": ["", "https://example.org/1"],
    "valid_from": [*[None] * 8, *TIMES],
    "expires_at": [*[None] * 8, *TIMES],
    "time_zone": ["Asia/Tokyo", "UTC", "America/New_York"],
    "caps": [{}, {}, {"copies": 3}, {"seats": 5}],
    "releases": [{}, {}, {"Hanako": "none"}, {"Ken": "limited"}, {"Ken": "unlimited", "Hanako": "limited"}],
    "data_mining": ["", "", "", "", "", "", *DATA_MINING],
    "evidence": subsets("sha256:a", "sha256:b"),
    "parameters": [{}, ANALYSIS, *TICKED, *AGREED],
    **{name: [*[None] * len(values), *values] for name, values in SCOPES.items()},
}
facts = drawn(RightsFacts, **FACTS)
contexts = drawn(
    Context,
    at=TIMES,
    purpose=list(Purpose),
    territory=[None, "JP", "US", "EU", "WW"],
    media=[None, "web", "print"],
    revenue=[None, Decimal(500_000), Decimal(1_000_000), Decimal(2_000_000)],
    outbound_license=[None, "CC-BY-4.0", "CC-BY-SA-4.0", CIVITAI],
    policy=list(Policy),
    exception=["", "ledger:42"],
    quantities=[{}, {"copies": 3}, {"copies": 4, "seats": 9}],
)


def roads(kind: str, action: Action) -> Iterator[Edge | None]:
    """Return the edges that a kind of thing may travel for an action, None for the usual one."""
    if (edge_for(kind, action), action) in NEEDS:
        yield None
    yield from (edge for edge in Edge if fits(kind, edge) and (edge, action) in NEEDS)


@st.composite
def placed(draw: Callable[..., Any], action: Action) -> Input:
    """Draw an input that can take part in an action."""
    one, number = draw(facts), draw(st.integers(0, 99))
    edges = list(roads(one.kind, action))
    assume(edges)
    name, ref = NAMES[number % 4], ("", "1")[number % 2]
    return Input(item=name, facts=one, ref=ref, edge=edges[number % len(edges)])


@st.composite
def questions(draw: Callable[..., Any]) -> Question:
    """Draw an action with one to four inputs and the circumstances."""
    action = draw(st.sampled_from(Action))
    return action, draw(st.lists(placed(action), min_size=1, max_size=4)), draw(contexts)
