"""Facts, time zones, profiles and words: what the algebra stands on."""

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import license_expression
import pytest

from assets.licensing import (
    UNKNOWN,
    Ceiling,
    Decision,
    Input,
    LicensingError,
    Permission,
    Profile,
    RightsFacts,
    answer,
    decide,
    end_of_day,
    explain,
    house_profiles,
    label,
    license_name,
    load_profiles,
    profile,
    terms_of,
)
from assets.licensing.edges import Action, Edge, Policy
from assets.licensing.profiles import FOLDER, LANGUAGES, words
from assets.licensing.terms import PERMISSIONS, Terms
from tests.assets.rights_cast import SD15, STARTER, base, context, photo

LAST_SECOND = datetime(2026, 12, 31, 14, 59, 59, tzinfo=UTC)
SHARED_TEXTS = Path("/usr/share/common-licenses")
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "rights.md"
FIRST_STEP = {
    "CC0-1.0",
    "CC-BY-4.0",
    "LicenseRef-scancode-stable-diffusion-2022-08-22",
    "LicenseRef-CreativeML-OpenRAIL-PP-M",
    "Apache-2.0",
    UNKNOWN,
}


def until(last: date | datetime, time_zone: str = "Asia/Tokyo") -> Input:
    return photo("Kyoto", "CC0-1.0", expires_at=last, time_zone=time_zone)


@pytest.mark.parametrize(
    ("time_zone", "last_second"),
    [
        ("Asia/Tokyo", LAST_SECOND),
        ("UTC", datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("America/New_York", datetime(2027, 1, 1, 4, 59, 59, tzinfo=UTC)),
    ],
)
def test_the_last_day_counts_to_its_end_where_the_licensor_lives(time_zone: str, last_second: datetime) -> None:
    picture = until(date(2026, 12, 31), time_zone)
    assert decide("publish", [picture], context(at=last_second)).allowed
    late = decide("publish", [picture], context(at=last_second + timedelta(seconds=1)))
    assert [reason.code for reason in late.reasons] == ["expired"]
    assert f"2027-01-01 00:00 ({time_zone})" in explain(late, "en")[0]


def test_a_day_with_a_clock_change_has_its_own_length() -> None:
    day = date(2026, 3, 8)
    assert end_of_day(day, "America/New_York") - end_of_day(day - timedelta(days=1), "America/New_York") == timedelta(
        hours=23
    )


def test_a_naive_time_is_in_the_licensors_zone() -> None:
    assert until(datetime(2027, 1, 1)).facts.expires_at == LAST_SECOND + timedelta(seconds=1)


def test_a_term_begins_at_its_first_instant() -> None:
    picture = photo("Kyoto", "CC0-1.0", valid_from=date(2026, 12, 1), time_zone="Asia/Tokyo")
    first = datetime(2026, 11, 30, 15, tzinfo=UTC)
    assert decide("publish", [picture], context(at=first)).allowed
    early = decide("publish", [picture], context(at=first - timedelta(microseconds=1)))
    assert [reason.code for reason in early.reasons] == ["not_yet_valid"]


def test_the_verdict_changes_with_time_alone() -> None:
    stored = decide("publish", [until(date(2026, 12, 31))], context(at=LAST_SECOND))
    then = Decision.from_dict(json.loads(json.dumps(stored.as_dict())))
    assert then == stored
    again = decide(then.action, then.inputs, replace(then.context, at=LAST_SECOND + timedelta(days=1)))
    assert (stored.allowed, again.allowed) == (True, False)


def test_a_limit_to_nowhere_is_a_limit() -> None:
    picture = photo("nowhere", "CC0-1.0", territory=[])
    again = Input.from_dict(picture.as_dict())
    assert not decide("publish", [again], context()).allowed


def test_a_region_is_its_countries_and_the_world_is_everywhere() -> None:
    europe = photo("Europe", "CC0-1.0", territory=["EU"])
    assert decide("publish", [europe], context(territory="FR")).allowed
    assert decide("publish", [europe], context(territory="eu")).allowed
    assert not decide("publish", [europe], context(territory="GB")).allowed
    assert photo("world", "CC0-1.0", territory=["WW"]).facts.territory is None


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"kind": "song"}, "kind_unknown"),
        ({"state": "maybe"}, "state_unknown"),
        ({"releases": {"Ken": "verbal"}}, "release_unknown"),
        ({"valid_from": date(2026, 1, 1), "time_zone": "Asia/Edo"}, "time_zone_unknown"),
        ({"expires_at": datetime(2026, 1, 1), "time_zone": "../etc/passwd"}, "time_zone_unknown"),
        ({"expires_at": date(2026, 1, 1), "time_zone": ""}, "time_zone_unknown"),
        ({"time_zone": "Asia/Edo"}, "time_zone_unknown"),
    ],
)
def test_facts_that_cannot_be_read_are_refused(values: dict[str, object], code: str) -> None:
    with pytest.raises(LicensingError) as caught:
        RightsFacts(**values)  # type: ignore[arg-type]
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"at": datetime(2026, 1, 1)}, "time_not_aware"),
        ({"purpose": "fun"}, "purpose_unknown"),
        ({"policy": "none"}, "policy_unknown"),
    ],
)
def test_circumstances_that_cannot_be_read_are_refused(values: dict[str, object], code: str) -> None:
    with pytest.raises(LicensingError) as caught:
        context(**values)
    assert caught.value.code == code


def test_an_unknown_language_or_heightening_is_refused() -> None:
    with pytest.raises(LicensingError, match="sentences"):
        explain(decide("publish", [base("x", "CC")], context()), "fr")
    with pytest.raises(LicensingError, match="heightened"):
        Input(item="x", facts=RightsFacts(), heightened=("loud",))


def test_a_ceiling_says_whether_it_holds_at_its_amount() -> None:
    million = Decimal(1_000_000)
    inclusive, exclusive = Ceiling(license="a", amount=million), Ceiling(license="a", amount=million, inclusive=False)
    assert inclusive.holds(million)
    assert not exclusive.holds(million)
    assert not inclusive.holds(million + Decimal("0.01"))


def test_the_first_profiles_are_there() -> None:
    assert set(house_profiles()) >= FIRST_STEP
    assert profile("LicenseRef-Nobody").id == UNKNOWN
    assert profile("LicenseRef-Nobody").permission("train") is Permission.UNKNOWN


@pytest.mark.parametrize("each", house_profiles().values(), ids=lambda each: each.id)
def test_a_profile_has_a_clause_behind_every_narrow_answer(each: Profile) -> None:
    for language in LANGUAGES:
        assert each.name[language]
        assert all(each.quote(name, language) for name in each.clauses)
    assert all(each.clause_of(name) for name in PERMISSIONS)
    assert (each.text_sha256 is None) == (each.text in ("not bundled", "no licence text") or each.kind == "policy")


def test_hashed_texts_are_the_texts() -> None:
    bundled = Path(license_expression.__file__).parent / "data" / "cc-by-4.0.LICENSE"
    assert hashlib.sha256(bundled.read_bytes()).hexdigest() == profile("CC-BY-4.0").text_sha256
    for name in ("CC0-1.0", "Apache-2.0"):
        if (SHARED_TEXTS / name).exists():
            assert hashlib.sha256((SHARED_TEXTS / name).read_bytes()).hexdigest() == profile(name).text_sha256


def test_a_folder_of_profiles_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    whole = json.loads((FOLDER / "cc0-1.0.json").read_text(encoding="utf-8"))
    (tmp_path / "a.json").write_text(json.dumps(whole), encoding="utf-8")
    assert set(load_profiles(tmp_path)) == {"CC0-1.0"}
    (tmp_path / "b.json").write_text(json.dumps(whole), encoding="utf-8")
    with pytest.raises(LicensingError, match="Two profiles"):
        load_profiles(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"permissions": {"tain": "allow"}},
        {"permissions": {"train": "perhaps"}},
        {"clauses": {}},
        {"clauses": {"whole": {"clause": "§2", "quote": {"en": "only English"}}}},
        {"obligations": [{"kind": "notice", "on": ["output"], "clause": "nowhere"}]},
        {"ceilings": [{"amount": "much", "currency": "USD", "inclusive": True}]},
        {"rules": [{"parameter": "x", "test": "smells", "value": 1, "clause": "whole"}]},
    ],
)
def test_a_broken_profile_is_refused(change: dict[str, object]) -> None:
    whole = json.loads((FOLDER / "cc0-1.0.json").read_text(encoding="utf-8"))
    with pytest.raises(LicensingError):
        Profile.from_dict({**whole, **change})
    with pytest.raises(LicensingError):
        Profile.from_dict({key: value for key, value in whole.items() if key != "version"})


def test_both_languages_say_the_same_things() -> None:
    english, japanese = words("en"), words("ja")
    assert {name: _shape(value) for name, value in english.items()} == {n: _shape(v) for n, v in japanese.items()}
    assert set(PERMISSIONS) <= set(english["dimensions"])
    assert set(Action) == set(english["actions"])
    assert set(Edge) == set(english["edges"])
    assert set(Policy) == set(english["policies"])


def _shape(value: object) -> object:
    return sorted(value) if isinstance(value, dict) else type(value)


def test_labels_and_answers_are_in_the_readers_language() -> None:
    decision = decide("publish", [SD15], context())
    assert answer(decision, "en") == "Yes: you may publish this."
    assert answer(decision, "ja") == "はい、公開できます。"
    assert license_name(decision, "en") == "CreativeML OpenRAIL-M"
    assert label("purposes", "advertising", "ja") == "広告"
    assert label("licenses", "CC-BY-4.0", "en") == "CC BY 4.0"
    assert label("territory", "ZZ", "en") == "ZZ"


def test_terms_say_what_the_whole_thing_says() -> None:
    whole = terms_of(STARTER.facts, "starter")
    assert all(getattr(whole, name) is Permission.ALLOW for name in PERMISSIONS)
    nothing = terms_of(base("x", "CC").facts)
    assert all(getattr(nothing, name) is Permission.UNKNOWN for name in PERMISSIONS)
    with pytest.raises(TypeError):
        Terms.from_dict({"smell": "allow"})


def test_the_guide_lists_every_profile_and_its_example_runs() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    assert {name for name in house_profiles() if f"| {name}" not in guide} == set()
    (example,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    spoken = subprocess.run(
        [sys.executable, "-c", f"{example}\nprint(decision.verdict)"],
        capture_output=True, text=True, check=True, cwd=GUIDE.parents[1],
    )  # fmt: skip
    assert spoken.stdout.strip() == "allow"


def test_the_algebra_knows_nothing_of_django() -> None:
    question = "import assets.licensing, sys; print(sorted(set(sys.modules) & {'django', 'rest_framework', 'torch'}))"
    answered = subprocess.run(
        [sys.executable, "-c", question], capture_output=True, text=True, check=True, cwd=GUIDE.parents[1]
    )  # fmt: skip
    assert answered.stdout.strip() == "[]"
