"""The gates answer every case of the house, the licence table and the record as the rows say."""

import json

import pytest

from assets.licensing import RightsFacts, credits_of, decide, explain, house_profiles, obligations_text
from tests.assets.rights_cases import CASES, HOUSE
from tests.assets.rights_matrix import DETAILS, MATRIX
from tests.assets.rights_rows import Case, ask, lesson, photo, put, ticked

ROWS = {
    "SD1.5 txt2img, publish",
    "SD1.5 + LoRA trained on CC-BY by two creators, publish",
    "LoRA on 39 × CC0 + 1 × CC-BY-NC",
    "CC-BY-SA + CC-BY inputs",
    "CC-BY-ND input",
    "SD1.5 + LoRA, distribute weights",
    "FLUX-schnell + LoRA on CC0, publish",
    "SD3.5 by revenue",
    "Civitai LoRA by flags",
    "editorial-only photo as input",
    "rights-managed, Japan only, until 2026-12-31 JST",
    "CC0 photo of a person without release",
    "no known licence",
    "picture withdrawn after LoRA v1 was trained",
    "rights_basis JP-30-4",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_gate_answers(case: Case) -> None:
    decision = decide(case.action, [each.as_input() for each in case.inputs], case.context())
    assert (decision.verdict, {reason.code for reason in decision.reasons}) == (case.verdict, case.codes)
    assert case.owed is None or {each.kind for each in decision.obligations} == case.owed
    for language in ("en", "ja"):
        sentences = explain(decision, language)
        assert bool(sentences) is (case.verdict != "allow")
        assert not [each for each in sentences if "{" in each or each.endswith(": ]") or each.endswith("：〕")]


def test_every_case_of_the_house_is_asked() -> None:
    assert {case.row for case in HOUSE} == ROWS
    assert len(MATRIX) + len(DETAILS) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_licence_is_asked_about() -> None:
    asked = {str(each.facts["expression"]) for case in (*MATRIX, *DETAILS) for each in case.inputs}
    licenses = {name for name, each in house_profiles().items() if each.kind not in ("policy", "unknown")}
    assert licenses - asked == set()


def test_the_facts_of_every_case_survive_a_record() -> None:
    for facts in (RightsFacts(**each.facts) for case in CASES for each in case.inputs):
        assert RightsFacts.from_dict(json.loads(json.dumps(facts.as_dict()))) == facts


def sentence(case: Case, language: str = "en") -> str:
    (only,) = explain(decide(case.action, [each.as_input() for each in case.inputs], case.context()), language)
    return only


def test_a_contradiction_in_the_file_is_shown_with_the_declared_licence() -> None:
    marked = ask("", "train", [lesson("marked", "CC-BY-4.0", data_mining="DMI-PROHIBITED-AIMLTRAINING")], "block")
    assert sentence(marked).startswith(
        "“marked”: the file itself forbids training (DMI-PROHIBITED-AIMLTRAINING), "
        "which contradicts the declared licence CC-BY-4.0."
    )
    assert "申告されたライセンスCC-BY-4.0と矛盾します" in sentence(marked, "ja")


def test_the_clause_that_is_quoted_is_the_one_about_the_answer() -> None:
    nc = ask("", "generate", put("CC-BY-NC-4.0", "photo"), "block")
    assert sentence(nc).endswith("[CC BY-NC 4.0 §2(a)(1): non-commercial purposes only]")
    nd = ask("", "train", put("CC-BY-ND-3.0", "lesson"), "review")
    assert sentence(nd).endswith(
        "§3: no adaptations may be made; whether a trained model is one is for a person to judge]"
    )
    pixta = ask("", "train", put("LicenseRef-Daicho-PIXTA", "lesson"), "block")
    assert "Art. 16(13)(xvi)：2023年8月29日から" in sentence(pixta, "ja")


def test_a_flag_that_is_missing_is_named() -> None:
    assert "allowCommercialUse: Image" in sentence(ask("", "publish", [ticked("Sell")], "block"))


def test_a_credit_without_an_address_leaves_no_gap() -> None:
    news = [photo("Alba", "LicenseRef-Daicho-Editorial").as_input()]
    decision = decide("publish", news, ask("", "publish", [], "allow", purpose="editorial").context())
    assert len(credits_of(decision)) == 1
    assert obligations_text(decision, "en") == "“Alba” (https://example.org/Alba) by Ana, Editorial use only, modified"
    assert ", ," not in obligations_text(decision, "ja")
