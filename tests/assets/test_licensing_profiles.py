"""The profiles against the table of the guide, and what conditions ask of a thing."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from assets.licensing import LicensingError, Permission, Profile, house_profiles, profile
from assets.licensing.profiles import FOLDER, LANGUAGES, SCOPE, Condition
from assets.licensing.terms import PERMISSIONS

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "rights.md"
CREATIVE_COMMONS = ("BY", "BY-SA", "BY-NC", "BY-NC-SA", "BY-ND", "BY-NC-ND")
AGREED = {
    "CC0-1.0",
    *(f"CC-{elements}-{version}" for elements in CREATIVE_COMMONS for version in ("3.0", "4.0")),
    "CC-BY-SA-2.1-JP",
    "LicenseRef-CC-BY-2.1-JP",
    "LicenseRef-CC-BY-NC-SA-2.1-JP",
    "CC-PDM-1.0",
    "CC-PDDC",
    "Apache-2.0",
    "LicenseRef-scancode-stable-diffusion-2022-08-22",
    "LicenseRef-CreativeML-OpenRAIL-PP-M",
    "LicenseRef-scancode-stability-ai-community-2024",
    "LicenseRef-scancode-stability-ai-nc-2023-12-06",
    "LicenseRef-scancode-flux-1-nc",
    "LicenseRef-Daicho-Civitai",
    "LicenseRef-Daicho-Stock-RF",
    "LicenseRef-Daicho-Editorial",
    "LicenseRef-Daicho-PIXTA",
    "LicenseRef-Daicho-RightsManaged",
    "LicenseRef-Daicho-OwnWork",
    "LicenseRef-Daicho-JP-30-4",
}
CREDIT_CLAUSES = {
    "CC-BY-3.0": "§4(b)",
    "CC-BY-SA-3.0": "§4(c)",
    "CC-BY-NC-3.0": "§4(c)",
    "CC-BY-NC-SA-3.0": "§4(d)",
    "CC-BY-ND-3.0": "§4(b)",
    "CC-BY-NC-ND-3.0": "§4(c)",
}
each_profile = pytest.mark.parametrize("each", house_profiles().values(), ids=lambda each: each.id)


def test_every_licence_that_was_agreed_on_has_a_profile() -> None:
    assert AGREED - set(house_profiles()) == set()


def test_every_licence_of_the_guides_table_has_a_profile() -> None:
    guide = GUIDE.read_text(encoding="utf-8").split("## Profiles")[1].split("###")[0]
    listed = re.findall(r"^\| ((?:CC|Apache|LicenseRef)[\w.-]+)", guide, re.MULTILINE)
    assert set(listed) == set(house_profiles())
    assert len(listed) == len(set(listed))


@each_profile
def test_every_answer_short_of_yes_has_a_clause_of_its_own(each: Profile) -> None:
    narrow = {name for name, value in each.permissions.items() if value < Permission.ALLOW}
    assert narrow <= set(each.clauses)
    assert {rule.clause for rule in each.rules} <= set(each.clauses) - {"whole"}
    limited = {name for name in ("outbound", "purposes") if getattr(each, name) is not None}
    assert limited | ({"ceilings"} if each.ceilings else set()) <= set(each.clauses)
    assert not any(rule.then.keys() - set(PERMISSIONS) for rule in each.rules)


@each_profile
def test_no_two_languages_share_a_quote(each: Profile) -> None:
    for clause in each.clauses.values():
        assert len({clause.quote[language] for language in LANGUAGES}) == len(LANGUAGES)
        assert all(len(clause.quote[language]) < 160 for language in LANGUAGES)


@each_profile
def test_every_parameter_is_asked_for(each: Profile) -> None:
    assert {condition.parameter for condition in each.conditions} - {SCOPE} == set(each.parameters)


@each_profile
def test_what_is_passed_on_has_a_clause(each: Profile) -> None:
    assert "pass_on" in each.clauses or not any(entry.get("pass_on") for entry in each.restrictions)


@pytest.mark.parametrize(("license_id", "clause"), CREDIT_CLAUSES.items())
def test_version_3_credits_where_its_text_says(license_id: str, clause: str) -> None:
    known = profile(license_id)
    assert known.clause_of("attribution") == f"§4(a), {clause}"
    assert known.clause_of("no_endorsement") == clause
    assert known.permission("commercial") is (Permission.DENY if "-NC" in license_id else Permission.ALLOW)
    assert known.permission("share_adapted") is (Permission.DENY if "-ND" in license_id else Permission.ALLOW)
    later = {license_id, license_id.replace("3.0", "4.0")}
    assert known.outbound == (frozenset(later) if "-SA" in license_id else None)


@pytest.mark.parametrize(
    ("test", "value", "given", "holds"),
    [
        ("has", "Image", ["Image", "Sell"], True),
        ("has", "Image", "Image", True),
        ("has", "Image", None, False),
        ("has", ["Rent", "Sell"], ["Sell"], True),
        ("has", ["Rent", "Sell"], ["Image"], False),
        ("lacks", ["Rent", "Sell"], ["Image"], True),
        ("lacks", ["Rent", "Sell"], ["Image", "Rent"], False),
        ("lacks", "Image", None, True),
        ("equals", None, None, True),
        ("equals", None, [], False),
        ("equals", True, "true", False),
        ("differs", True, None, True),
        ("differs", True, True, False),
    ],
)
def test_a_condition_asks(test: str, value: Any, given: Any, holds: bool) -> None:
    asked = Condition(parameter="flags", test=test, value=value)
    assert asked.holds({"flags": given}) is holds
    assert given is not None or asked.holds({}) is holds


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"permissions": {"train": "review"}}, "train"),
        ({"rules": [{"parameter": "x", "test": "has", "value": 1, "then": {}, "clause": "whole"}]}, "x"),
        (
            {
                "parameters": {"x": [1]},
                "rules": [{"parameter": "x", "test": "has", "value": 1, "then": {"tain": "deny"}, "clause": "whole"}],
            },
            "tain",
        ),
        (
            {
                "obligations": [
                    {"kind": "notice", "on": ["output"], "clause": "whole",
                     "when": {"parameter": "y", "test": "smells", "value": 1}},
                ],
            },
            "smells",
        ),
    ],
)  # fmt: skip
def test_a_profile_with_a_loose_end_is_refused(change: dict[str, Any], fault: str) -> None:
    whole = json.loads((FOLDER / "cc0-1.0.json").read_text(encoding="utf-8"))
    with pytest.raises(LicensingError) as caught:
        Profile.from_dict({**whole, **change})
    assert fault in str(caught.value.params["faults"])
