"""The rest of the licence table: share-alike, non-commercial, no derivatives, ceilings, and the law's exception."""

from decimal import Decimal
from typing import Any

import pytest

from assets.licensing import Action, Edge, Input, decide, explain, obligations_text
from tests.assets.rights_cast import SCHNELL, SD15, STARTER, ZEROS, base, context, lesson, photo

NC = lesson("the odd one", "CC-BY-NC-4.0", creator="Ana")
SA, BY = photo("shared", "CC-BY-SA-4.0", creator="Ana"), photo("credited", "CC-BY-4.0", creator="山田")
NC_SA = photo("half shared", "CC-BY-NC-SA-4.0", creator="Ana")
ND = photo("finished", "CC-BY-ND-4.0", creator="Ana")
SA_LESSON = lesson("shared", "CC-BY-SA-4.0", creator="Ana")
HEIGHTENED = lesson("shared", "CC-BY-SA-4.0", creator="Ana", heightened=("small_set",))
SD35 = base("SD 3.5", "LicenseRef-scancode-stability-ai-community-2024")
DEV = base("FLUX.1 dev", "LicenseRef-scancode-flux-1-nc")
DEV_LESSON = base("FLUX.1 dev", "LicenseRef-scancode-flux-1-nc", edge=Edge.OUTPUT_TO_DATASET)
ANALYSIS = {"training_purpose": "analysis", "targets_creator_or_work": False, "sold_as_analysis_database": False}
NOT_FOR_PROFIT = {"purpose": "noncommercial"}
BY_OUT, SA_OUT = {"outbound_license": "CC-BY-4.0"}, {"outbound_license": "CC-BY-SA-4.0"}


def statute(**parameters: Any) -> Input:
    return lesson("studied", "LicenseRef-Daicho-JP-30-4", parameters={**ANALYSIS, **parameters})


CASES: list[tuple[str, Action, list[Input], dict[str, Any], str, set[str]]] = [
    ("one NC picture, business", Action.TRAIN, [STARTER, *ZEROS, NC], {}, "block", {"forbidden"}),
    ("one NC picture, no business", Action.TRAIN, [STARTER, *ZEROS, NC], NOT_FOR_PROFIT, "allow", set()),
    ("one NC picture, then business", Action.GENERATE, [STARTER, *ZEROS, NC], {}, "block", {"forbidden"}),
    ("one NC picture, news", Action.PUBLISH, [STARTER, NC], {"purpose": "editorial"}, "review", {"purpose_between"}),
    ("NC under the standard policy", Action.PUBLISH, [STARTER, NC], {"policy": "standard"}, "allow", set()),
    ("NC never trains for business", Action.TRAIN, [STARTER, NC], {"policy": "standard"}, "block", {"forbidden"}),
    ("BY-SA goes out under BY", Action.PUBLISH, [SA, BY], BY_OUT, "block", {"outbound_not_allowed"}),
    ("BY-SA goes out under BY-SA", Action.PUBLISH, [SA, BY], SA_OUT, "allow", set()),
    ("BY-SA goes out under nothing", Action.PUBLISH, [SA, BY], {}, "block", {"outbound_not_stated"}),
    ("BY-SA stays inside", Action.GENERATE, [STARTER, SA, BY], {}, "allow", set()),
    (
        "BY-SA meets BY-NC-SA", Action.PUBLISH, [SA, NC_SA], {**NOT_FOR_PROFIT, **SA_OUT},
        "block", {"outbound_conflict"},
    ),
    ("ND stays inside", Action.GENERATE, [STARTER, ND], {}, "allow", set()),
    ("ND goes out", Action.PUBLISH, [STARTER, ND], {}, "block", {"forbidden"}),
    (
        "ND goes out as it is", Action.PUBLISH, [photo("finished", "CC-BY-ND-4.0", edge=Edge.ITSELF)], {},
        "allow", set(),
    ),
    ("RAIL × BY-SA weights", Action.WEIGHTS, [SD15, SA_LESSON], SA_OUT, "block", {"terms_conflict"}),
    ("RAIL × BY-SA weights, standard", Action.WEIGHTS, [SD15, SA_LESSON], {"policy": "standard"}, "allow", set()),
    (
        "RAIL × BY-SA weights, standard but few pictures", Action.WEIGHTS, [SD15, HEIGHTENED],
        {"policy": "standard", **SA_OUT}, "block", {"terms_conflict"},
    ),
    ("RAIL × BY-SA pictures", Action.PUBLISH, [SD15, SA_LESSON], SA_OUT, "allow", set()),
    ("Apache × BY-SA weights", Action.WEIGHTS, [SCHNELL, SA_LESSON], SA_OUT, "allow", set()),
    ("SD 3.5, two million", Action.PUBLISH, [SD35], {"revenue": Decimal(2_000_000)}, "block", {"revenue_above"}),
    ("SD 3.5, a million", Action.GENERATE, [SD35], {"revenue": Decimal(1_000_000)}, "allow", set()),
    ("SD 3.5, a cent more", Action.GENERATE, [SD35], {"revenue": Decimal("1000000.01")}, "block", {"revenue_above"}),
    ("SD 3.5, nobody knows", Action.PUBLISH, [SD35], {"revenue": None}, "block", {"revenue_not_stated"}),
    (
        "SD 3.5, in house", Action.GENERATE, [SD35], {"revenue": None, "purpose": "internal"},
        "block", {"revenue_not_stated"},
    ),
    ("SD 3.5, research", Action.GENERATE, [SD35], {"revenue": None, "purpose": "research"}, "allow", set()),
    ("FLUX dev in business", Action.GENERATE, [DEV], {}, "block", {"forbidden"}),
    ("FLUX dev at home", Action.GENERATE, [DEV], NOT_FOR_PROFIT, "allow", set()),
    ("FLUX dev's pictures in business", Action.PUBLISH, [DEV], {}, "allow", set()),
    ("a LoRA of FLUX dev in business", Action.TRAIN, [DEV, *ZEROS], {}, "block", {"forbidden"}),
    ("FLUX dev's pictures as lessons", Action.TRAIN, [STARTER, DEV_LESSON], {}, "review", {"needs_review"}),
    ("Article 30-4, analysis", Action.TRAIN, [STARTER, statute()], {}, "allow", set()),
    (
        "Article 30-4, an artist's expression", Action.TRAIN,
        [STARTER, statute(training_purpose="reproduce_expression")], {}, "block", {"forbidden"},
    ),
    (
        "Article 30-4, sold for analysis", Action.TRAIN, [STARTER, statute(sold_as_analysis_database=True)], {},
        "block", {"forbidden"},
    ),
    (
        "Article 30-4, one artist's works", Action.TRAIN, [STARTER, statute(targets_creator_or_work=True)], {},
        "review", {"needs_review"},
    ),
    (
        "Article 30-4, nobody asked", Action.TRAIN, [STARTER, lesson("studied", "LicenseRef-Daicho-JP-30-4")], {},
        "block", {"not_granted"},
    ),
    ("Article 30-4 does not publish", Action.PUBLISH, [STARTER, statute()], {}, "block", {"not_granted"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("action", "inputs", "changes", "verdict", "codes"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_the_table_answers(action: Action, inputs: list[Input], changes: Any, verdict: str, codes: set[str]) -> None:
    decision = decide(action, inputs, context(**changes))
    assert (decision.verdict, {reason.code for reason in decision.reasons} >= codes) == (verdict, True)
    assert bool(decision.reasons) is bool(codes)


def test_the_one_item_that_stops_the_training_is_named() -> None:
    (sentence,) = explain(decide("train", [STARTER, *ZEROS, NC], context()), "en")
    assert sentence.startswith("“the odd one”: CC BY-NC 4.0 does not allow commercial use.")
    assert "§2(a)(1)" in sentence


def test_a_conflict_names_both_clauses() -> None:
    decision = decide("weights", [SD15, SA_LESSON], context(**SA_OUT))
    for language in ("en", "ja"):
        sentence = " ".join(explain(decision, language))
        assert "§3(b)(3)" in sentence
        assert "OpenRAIL-M §4(a)" in sentence


def test_a_share_alike_conflict_names_everybody_who_asks() -> None:
    decision = decide("publish", [SA, NC_SA], context(**NOT_FOR_PROFIT, **SA_OUT))
    named = [reason.item for reason in decision.reasons if reason.code == "outbound_conflict"]
    assert named == ["half shared", "shared"]


def test_stability_is_named_on_what_is_offered() -> None:
    assert "Powered by Stability AI" in obligations_text(decide("host", [SD35], context()), "ja")
    assert "§III" in obligations_text(decide("publish", [SD35], context()), "en")


def test_an_exception_takes_off_licences_but_no_contract() -> None:
    recorded = {"policy": "exception", "exception": "ledger:42"}
    assert decide("publish", [SD15, SA_LESSON], context(**recorded)).allowed
    limited = lesson("shared", "CC-BY-SA-4.0", territory=["US"])
    assert not decide("publish", [SD15, limited], context(**recorded)).allowed


def test_a_cent_too_much_is_shown_to_the_cent() -> None:
    (sentence,) = explain(decide("generate", [SD35], context(revenue=Decimal("1000000.01"))), "en")
    assert "USD 1,000,000; the company's is 1,000,000.01." in sentence
