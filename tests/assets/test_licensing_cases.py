"""The house's cases: what each gate answers for real combinations of models, pictures and purposes."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from assets.licensing import (
    NOTHING_OWED,
    UNKNOWN,
    Action,
    Edge,
    Input,
    LicensingError,
    RightsFacts,
    Verdict,
    credits_of,
    decide,
    explain,
    obligations_text,
    restrictions_text,
)
from tests.assets.rights_cast import (
    ANA,
    RAIL,
    SCHNELL,
    SD15,
    SDXL,
    STARTER,
    YAMADA,
    ZEROS,
    base,
    context,
    lesson,
    photo,
)

UNREADABLE = [
    "",
    "   ",
    "CC",
    "royalty free",
    "CC BY 4.0",
    "日本語",
    "(",
    "CC-BY-4.0 AND",
    "LicenseRef-Nobody",
    "a/b",
    "x\x00",
]
PERSON = photo("portrait", "CC0-1.0", releases={"Hanako": "none"})
PERSON_LESSON = lesson("portrait", "CC0-1.0", releases={"Hanako": "none"})
JAPAN_ONLY = photo(
    "Kyoto", "CC0-1.0", territory=["JP"], expires_at=datetime(2027, 1, 1), time_zone="Asia/Tokyo"
)  # fmt: skip

CASES: list[tuple[str, Action, list[Input], dict[str, Any], str, list[str]]] = [
    ("SD 1.5 publishes", Action.PUBLISH, [SD15], {}, "allow", []),
    ("SD 1.5 publishes under any licence", Action.PUBLISH, [SD15], {"outbound_license": "CC-BY-4.0"}, "allow", []),
    ("SDXL generates", Action.GENERATE, [SDXL], {}, "allow", []),
    ("SDXL is hosted", Action.HOST, [SDXL], {}, "allow", []),
    ("the starter is trained on", Action.TRAIN, [STARTER, *ZEROS], {}, "allow", []),
    ("models are merged", Action.MERGE, [SD15, STARTER], {}, "allow", []),
    ("a CC BY LoRA publishes", Action.PUBLISH, [SD15, YAMADA, ANA], {}, "allow", []),
    ("a CC BY LoRA goes out", Action.WEIGHTS, [SD15, YAMADA, ANA], {}, "allow", []),
    ("a CC0 LoRA goes out", Action.WEIGHTS, [SD15, *ZEROS], {}, "allow", []),
    ("schnell with a CC0 LoRA publishes", Action.PUBLISH, [SCHNELL, *ZEROS], {}, "allow", []),
    ("an unnamed revenue matters to nobody here", Action.PUBLISH, [SD15], {"revenue": None}, "allow", []),
    ("no release, an advertisement", Action.PUBLISH, [PERSON], {"purpose": "advertising"}, "block", ["release_none"]),
    ("no release, editorial", Action.PUBLISH, [PERSON], {"purpose": "editorial"}, "allow", []),
    ("no release, commercial training", Action.TRAIN, [STARTER, PERSON_LESSON], {}, "block", ["release_none"]),
    (
        "no release, internal training", Action.TRAIN, [STARTER, PERSON_LESSON], {"purpose": "internal"},
        "review", ["release_none"],
    ),
    ("no release, internal trial", Action.GENERATE, [STARTER, PERSON], {}, "allow", []),
    ("in Japan", Action.PUBLISH, [JAPAN_ONLY], {}, "allow", []),
    ("in the US", Action.PUBLISH, [JAPAN_ONLY], {"territory": "US"}, "block", ["territory_outside"]),
    ("in the world", Action.PUBLISH, [JAPAN_ONLY], {"territory": "WW"}, "block", ["territory_outside"]),
    ("in Japan and the US", Action.PUBLISH, [JAPAN_ONLY], {"territory": ["JP", "US"]}, "block", ["territory_outside"]),
    ("nowhere in particular", Action.PUBLISH, [JAPAN_ONLY], {"territory": None}, "block", ["territory_not_stated"]),
    ("generating crosses no border", Action.GENERATE, [JAPAN_ONLY], {"territory": "US"}, "allow", []),
    (
        "a model runs where it may", Action.GENERATE, [base("US only", "CC0-1.0", territory=["US"])], {},
        "block", ["territory_outside"],
    ),
    ("its pictures go anywhere", Action.PUBLISH, [base("US only", "CC0-1.0", territory=["US"])], {}, "allow", []),
    (
        "a model for research", Action.TRAIN, [base("lab", "CC0-1.0", purposes=["research"])], {},
        "block", ["purposes_outside"],
    ),
    (
        "a lesson for research", Action.TRAIN, [STARTER, lesson("lab", "CC0-1.0", purposes=["research"])], {},
        "block", ["purposes_outside"],
    ),
    (
        "news only, a trial in house", Action.GENERATE, [STARTER, photo("news", "CC0-1.0", purposes=["editorial"])], {},
        "allow", [],
    ),
    (
        "a model whose licence has run out", Action.GENERATE, [base("old", "CC0-1.0", expires_at=date(2026, 1, 1))], {},
        "block", ["expired"],
    ),
    (
        "what it made before stays usable", Action.PUBLISH, [base("old", "CC0-1.0", expires_at=date(2026, 1, 1))], {},
        "allow", [],
    ),
    (
        "a model waits for review", Action.GENERATE, [base("new", "CC0-1.0", state="pending")], {},
        "block", ["awaiting_review"],
    ),
    ("waiting things may come in", Action.INGEST, [lesson("new", "CC0-1.0", state="pending")], {}, "allow", []),
    (
        "things without a source wait", Action.INGEST, [lesson("new", "CC0-1.0", source_url="")], {},
        "review", ["no_evidence"],
    ),
    ("unknown things wait", Action.INGEST, [lesson("new", "found it")], {}, "review", ["no_basis"]),
    ("refused things stay out", Action.INGEST, [lesson("new", "CC0-1.0", state="refused")], {}, "block", ["refused"]),
    ("a refused model", Action.GENERATE, [base("old", "CC0-1.0", state="refused")], {}, "block", ["refused"]),
    (
        "a picture was withdrawn after training", Action.GENERATE,
        [SD15, lesson("gone", "CC0-1.0", state="withdrawn")], {}, "block", ["withdrawn"],
    ),
    (
        "what was made may not go out any more", Action.PUBLISH,
        [SD15, lesson("gone", "CC0-1.0", state="withdrawn")], {}, "block", ["withdrawn"],
    ),
    (
        "the file itself forbids training", Action.TRAIN,
        [STARTER, lesson("marked", "CC0-1.0", data_mining="DMI-PROHIBITED-AIMLTRAINING")], {}, "block", ["data_mining"],
    ),
    (
        "that says nothing about inputs", Action.GENERATE,
        [STARTER, photo("marked", "CC0-1.0", data_mining="DMI-PROHIBITED-AIMLTRAINING")], {}, "allow", [],
    ),
    (
        "unspecified says nothing", Action.TRAIN,
        [STARTER, lesson("plain", "CC0-1.0", data_mining="DMI-UNSPECIFIED")], {}, "allow", [],
    ),
    (
        "a model licence grants no training on pictures", Action.TRAIN, [STARTER, lesson("odd", RAIL)], {},
        "block", ["not_granted"],
    ),
    (
        "print only", Action.PUBLISH, [photo("poster", "CC0-1.0", media=["print"])], {"media": "web"},
        "block", ["media_outside"],
    ),
    (
        "print only, unsaid", Action.PUBLISH, [photo("poster", "CC0-1.0", media="print")], {},
        "block", ["media_not_stated"],
    ),
    (
        "news only, an advertisement", Action.PUBLISH, [photo("news", "CC0-1.0", purposes=["editorial"])],
        {"purpose": "advertising"}, "block", ["purposes_outside"],
    ),
    (
        "news only, news", Action.PUBLISH, [photo("news", "CC0-1.0", purposes=["editorial"])],
        {"purpose": "editorial"}, "allow", [],
    ),
    (
        "5,000 copies at most", Action.PUBLISH, [photo("print", "CC0-1.0", caps={"copies": 5000})],
        {"quantities": {"copies": 5001}}, "block", ["cap_above"],
    ),
    (
        "exactly 5,000 copies", Action.PUBLISH, [photo("print", "CC0-1.0", caps={"copies": 5000})],
        {"quantities": {"copies": 5000}}, "allow", [],
    ),
    (
        "copies nobody counted", Action.PUBLISH, [photo("print", "CC0-1.0", caps={"copies": 5000})], {},
        "review", ["cap_not_stated"],
    ),
    (
        "a limited release", Action.PUBLISH, [photo("portrait", "CC0-1.0", releases={"Ken": "limited"})], {},
        "review", ["release_limited"],
    ),
    (
        "a full release", Action.PUBLISH, [photo("portrait", "CC0-1.0", releases={"Ken": "unlimited"})], {},
        "allow", [],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("action", "inputs", "changes", "verdict", "codes"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_the_gate_answers(action: Action, inputs: list[Input], changes: Any, verdict: str, codes: list[str]) -> None:
    decision = decide(action, inputs, context(**changes))
    assert decision.verdict == verdict
    assert [reason.code for reason in decision.reasons] == codes
    for language in ("en", "ja"):
        assert bool(explain(decision, language)) is (verdict != "allow")


@pytest.mark.parametrize("expression", UNREADABLE)
@pytest.mark.parametrize("action", [Action.TRAIN, Action.GENERATE, Action.PUBLISH])
@pytest.mark.parametrize("purpose", ["commercial", "research"])
def test_what_nobody_knows_blocks(expression: str, action: Action, purpose: str) -> None:
    model = decide(action, [base("found", expression)], context(purpose=purpose))
    picture = decide(action, [STARTER, lesson("found", expression)], context(purpose=purpose))
    assert model.verdict == picture.verdict == Verdict.BLOCK
    assert model.effective_license == picture.effective_license == UNKNOWN
    assert "found" in explain(picture, "en")[0]
    assert "P1" in explain(picture, "ja")[0]


def test_a_picture_from_sd15_owes_nothing_but_keeps_the_use_rules() -> None:
    decision = decide("publish", [SD15], context())
    assert obligations_text(decision, "en") == ""
    assert [(each.code, each.profile) for each in decision.restrictions] == [("attachment_a", RAIL)]
    assert "Attachment A" in restrictions_text(decision, "ja")[0]
    assert decision.effective_license == RAIL


def test_two_creators_are_credited_once_each() -> None:
    decision = decide("publish", [SD15, YAMADA, ANA, YAMADA], context())
    credits = credits_of(decision)
    assert [credit.creator for credit in credits] == ["Ana", "山田"]
    assert all(credit.modified and credit.license_url.startswith("https://creativecommons.org/") for credit in credits)
    attributions = [each for each in decision.obligations if each.kind == "attribution"]
    assert len(attributions) == 2


def test_credits_name_title_creator_source_licence_and_change() -> None:
    decision = decide("publish", [SD15, YAMADA], context())
    first = obligations_text(decision, "ja").splitlines()[0]
    for part in ("夜明け", "山田", "https://example.org/夜明け", "CC BY 4.0", "licenses/by/4.0", "改変あり"):
        assert part in first
    assert "modified" in obligations_text(decision, "en").splitlines()[0]


def test_many_works_of_one_creator_make_one_credit() -> None:
    works = [lesson(f"work {number}", "CC-BY-4.0", creator="Ana") for number in range(20)]
    (credit,) = credits_of(decide("publish", [SD15, *works], context()))
    assert len(credit.works) == 20


def test_an_unchanged_thing_is_not_called_modified() -> None:
    picture = photo("Alba", "CC-BY-4.0", creator="Ana", edge=Edge.ITSELF)
    (credit,) = credits_of(decide("publish", [picture], context()))
    assert not credit.modified


def test_weights_carry_the_licence_and_its_use_rules() -> None:
    decision = decide("weights", [SD15, ANA], context())
    assert {each.kind for each in decision.obligations} >= {"license_copy", "notice", "pass_on", "attribution"}
    assert "§4(a)" in obligations_text(decision, "en")


def test_schnell_and_zeros_owe_nothing() -> None:
    decision = decide("publish", [SCHNELL, *ZEROS], context())
    assert (decision.obligations, decision.restrictions) == ((), ())
    assert decision.effective_license == NOTHING_OWED
    assert decide("generate", [STARTER], context()).effective_license == "CC0-1.0"


def test_an_exception_needs_its_record() -> None:
    inputs = [SD15, YAMADA]
    assert credits_of(decide("publish", inputs, context(policy="exception")))
    assert not credits_of(decide("publish", inputs, context(policy="exception", exception="ledger:42")))
    assert credits_of(decide("publish", inputs, context(policy="standard")))


def test_an_exception_never_revives_what_was_withdrawn() -> None:
    gone = lesson("gone", "CC-BY-4.0", state="withdrawn")
    decision = decide("publish", [SD15, gone], context(policy="exception", exception="ledger:42"))
    assert decision.verdict == Verdict.BLOCK


def test_one_bad_picture_among_many_is_named() -> None:
    decision = decide("train", [STARTER, *ZEROS, lesson("the odd one", "CC")], context())
    assert [reason.item for reason in decision.reasons] == ["the odd one"]
    assert explain(decision, "en") == [
        "“the odd one”: no licence is known (declared: CC). Add a rights basis. "
        "[House policy P1: what nobody has licensed to us is not used; add a rights basis first]"
    ]


def test_many_bad_pictures_share_a_sentence() -> None:
    decision = decide("train", [STARTER, *(lesson(f"p{n}", "CC0-1.0", state="refused") for n in range(10))], context())
    (sentence,) = explain(decision, "en")
    assert sentence.startswith("“p0”, “p1”, “p2” and 7 more: the rights were refused.")


@pytest.mark.parametrize(
    ("expression", "branch", "verdict", "codes"),
    [
        ("CC0-1.0 OR CC-BY-4.0", "", "block", ["choose_branch"]),
        ("CC0-1.0 OR CC-BY-4.0", "CC-BY-4.0", "allow", []),
        ("CC0-1.0 OR CC-BY-4.0", "cc-by-4.0", "allow", []),
        ("CC0-1.0 OR CC-BY-4.0", "Apache-2.0", "block", ["branch_not_offered"]),
        ("CC0-1.0 OR CC-BY-4.0", "CC0-1.0 OR CC-BY-4.0", "block", ["branch_not_offered"]),
        ("CC0-1.0 OR LicenseRef-Nobody", "CC0-1.0", "allow", []),
        ("CC0-1.0 OR LicenseRef-Nobody", "LicenseRef-Nobody", "block", ["no_basis"]),
        ("CC0-1.0 AND LicenseRef-Nobody", "", "block", ["no_basis"]),
        ("CC0-1.0 AND (CC-BY-4.0 OR Apache-2.0)", "CC0-1.0 AND CC-BY-4.0", "allow", []),
        ("CC0-1.0 AND (CC-BY-4.0 OR Apache-2.0)", "CC-BY-4.0", "block", ["branch_not_offered"]),
        ("CC-BY-4.0 WITH LicenseRef-Nobody", "", "block", ["no_basis"]),
    ],
)
def test_a_choice_is_ours_and_recorded(expression: str, branch: str, verdict: str, codes: list[str]) -> None:
    decision = decide("publish", [photo("either", expression, branch=branch, creator="Ana")], context())
    assert (decision.verdict, [reason.code for reason in decision.reasons]) == (verdict, codes)


def test_licences_joined_by_and_hold_together() -> None:
    decision = decide("publish", [photo("both", "CC-BY-4.0 AND Apache-2.0", creator="Ana")], context())
    assert len(credits_of(decision)) == 1
    assert set(decision.profiles) >= {"CC-BY-4.0", "Apache-2.0"}


def test_nothing_decides_about_nothing() -> None:
    with pytest.raises(LicensingError, match="nothing to decide") as caught:
        decide("generate", [], context())
    assert caught.value.code == "no_inputs"


def test_an_edge_goes_only_where_it_goes() -> None:
    with pytest.raises(LicensingError) as caught:
        decide("train", [photo("input", "CC0-1.0")], context())
    assert caught.value.code == "edge_not_for_action"


@pytest.mark.parametrize(
    ("kind", "edge"),
    [
        ("training_picture", Edge.MODEL_TO_OUTPUT),
        ("input_picture", Edge.TRAINING_TO_OUTPUT),
        ("base_model", Edge.INPUT_TO_OUTPUT),
        ("adapter", Edge.TRAINING_TO_MODEL),
        ("input_picture", Edge.OUTPUT_TO_DATASET),
    ],
)
def test_a_picture_never_passes_for_a_model(kind: str, edge: Edge) -> None:
    with pytest.raises(LicensingError) as caught:
        Input(item="disguised", facts=RightsFacts(kind=kind), edge=edge)
    assert caught.value.code == "edge_not_for_kind"


def test_the_output_of_a_model_may_become_a_lesson() -> None:
    source = base("SD 1.5 behind the lesson", RAIL, edge=Edge.OUTPUT_TO_DATASET)
    decision = decide("train", [STARTER, source], context(at=datetime(2026, 1, 1, tzinfo=UTC)))
    assert decision.allowed
