"""What people write for a licence: read by rules, never as more than they wrote, and never without being asked."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.license_words import offers
from assets.licensing import UNKNOWN, house_profiles
from assets.spellings import FAMILIES, PUBLIC_DOMAIN, SOLD_AS_STOCK, known_ids, propose

OWN, PIXTA = "LicenseRef-Daicho-OwnWork", "LicenseRef-Daicho-PIXTA"
STOCK_RF, EDITORIAL = "LicenseRef-Daicho-Stock-RF", "LicenseRef-Daicho-Editorial"
MANAGED = "LicenseRef-Daicho-RightsManaged"
JP_BY, JP_BY_NC_SA = "LicenseRef-CC-BY-2.1-JP", "LicenseRef-CC-BY-NC-SA-2.1-JP"
RAIL, RAIL_PP = "LicenseRef-scancode-stable-diffusion-2022-08-22", "LicenseRef-CreativeML-OpenRAIL-PP-M"
SITE = "https://creativecommons.org"

EXACT = {
    "CC-BY-4.0": "CC-BY-4.0",
    " cc-by-4.0\n": "CC-BY-4.0",
    "CC0-1.0": "CC0-1.0",
    "MIT": "MIT",
    "mit": "MIT",
    "Apache-2.0": "Apache-2.0",
    "CC-BY-SA-2.1-JP": "CC-BY-SA-2.1-JP",
    "MIT OR Apache-2.0": "MIT OR Apache-2.0",
    "mit or (apache-2.0 and cc-by-4.0)": "MIT OR (Apache-2.0 AND CC-BY-4.0)",
    "GPL-2.0-only WITH Classpath-exception-2.0": "GPL-2.0-only WITH Classpath-exception-2.0",
    OWN: OWN,
    RAIL: RAIL,
    "LicenseRef-scancode-flux-1-nc": "LicenseRef-scancode-flux-1-nc",
}
READ = {
    "CC BY 4.0": "CC-BY-4.0",
    "CC-BY 4": "CC-BY-4.0",
    "ＣＣ　ＢＹ　４．０": "CC-BY-4.0",
    "CC BY v4.0": "CC-BY-4.0",
    "CCBY4.0": "CC-BY-4.0",
    "CC-BY-SA 3.0": "CC-BY-SA-3.0",
    "cc_by_nc_nd_4.0": "CC-BY-NC-ND-4.0",
    "CC BY-ND-NC 4.0": "CC-BY-NC-ND-4.0",
    "CC BY 2.0": "CC-BY-2.0",
    "CC BY-SA 3.0 DE": "CC-BY-SA-3.0-DE",
    "CC BY 2.1 JP": JP_BY,
    "CC BY-SA 2.1 日本": "CC-BY-SA-2.1-JP",
    "クリエイティブ・コモンズ 表示 2.1 日本 ライセンス": JP_BY,
    "CC BY-NC-SA 2.1 JP": JP_BY_NC_SA,
    "クリエイティブ・コモンズ 表示 4.0": "CC-BY-4.0",
    "クリエイティブ・コモンズ 表示 - 非営利 - 改変禁止 4.0 国際 ライセンス": "CC-BY-NC-ND-4.0",
    "ｸﾘｴｲﾃｨﾌﾞｺﾓﾝｽﾞ表示継承4.0": "CC-BY-SA-4.0",
    "Creative Commons Attribution-ShareAlike 4.0 International": "CC-BY-SA-4.0",
    "Creative Commons Attribution-NonCommercial-NoDerivatives 4.0": "CC-BY-NC-ND-4.0",
    "表示-継承 4.0 (CC BY-SA 4.0)": "CC-BY-SA-4.0",
    "CC BY 3.0（表示）": "CC-BY-3.0",
    f"{SITE}/licenses/by-sa/4.0/deed.ja": "CC-BY-SA-4.0",
    f"CC BY 4.0 <{SITE}/licenses/by/4.0/>": "CC-BY-4.0",
    "http://www.creativecommons.org/licenses/by/2.1/jp/": JP_BY,
    f"{SITE}/publicdomain/zero/1.0/legalcode": "CC0-1.0",
    f"{SITE}/publicdomain/mark/1.0/": "CC-PDM-1.0",
    "CC0": "CC0-1.0",
    "CC 0": "CC0-1.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "パブリックドメイン": "CC-PDM-1.0",
    "public domain": "CC-PDM-1.0",
    "Public Domain Mark 1.0": "CC-PDM-1.0",
    "自社撮影": OWN,
    "自作": OWN,
    "Own Work": OWN,
    "自社の著作物": OWN,
    "PIXTA": PIXTA,
    "ピクスタ": PIXTA,
    "Getty Images, royalty-free": STOCK_RF,
    "ストックフォト（ロイヤリティフリー）": STOCK_RF,
    "Getty Images editorial use only": EDITORIAL,
    "royalty free, editorial": EDITORIAL,
    "Rights Managed": MANAGED,
    "MIT License": "MIT",
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "creativeml-openrail-m": RAIL,
    "openrail++": RAIL_PP,
    "CreativeML Open RAIL++-M License": RAIL_PP,
    "FLUX.1 [dev] Non-Commercial License": "LicenseRef-scancode-flux-1-nc",
    "Stability AI Community License": "LicenseRef-scancode-stability-ai-community-2024",
    "Stability AI Non-Commercial": "LicenseRef-scancode-stability-ai-nc-2023-12-06",
    "Civitai": "LicenseRef-Daicho-Civitai",
    "著作権法第30条の4": "LicenseRef-Daicho-JP-30-4",
}
ASSUMED = {
    "cc-by": ("CC-BY-4.0", "4.0", ("CC-BY-3.0", JP_BY)),
    "ＣＣ　ＢＹ": ("CC-BY-4.0", "4.0", ("CC-BY-3.0", JP_BY)),
    "表示-継承": ("CC-BY-SA-4.0", "4.0", ("CC-BY-SA-3.0", "CC-BY-SA-2.1-JP")),
    "CC BY-NC": ("CC-BY-NC-4.0", "4.0", ("CC-BY-NC-3.0",)),
    "CC BY 日本": (JP_BY, "2.1", ("CC-BY-4.0", "CC-BY-3.0")),
    "Apache": ("Apache-2.0", "2.0", ()),
}
OPEN = {
    "CC": ("license_ambiguous", "CC-BY-4.0"),
    "Creative Commons": ("license_ambiguous", "CC-BY-NC-ND-4.0"),
    "クリエイティブ・コモンズ": ("license_ambiguous", "CC0-1.0"),
    "royalty free": ("license_ambiguous", STOCK_RF),
    "ロイヤリティフリー": ("license_ambiguous", STOCK_RF),
    "フリー素材": ("license_ambiguous", STOCK_RF),
    "Getty": ("license_ambiguous", MANAGED),
    "stock": ("license_ambiguous", EDITORIAL),
    "PIXTA editorial": ("license_ambiguous", PIXTA),
    "openrail": ("license_ambiguous", RAIL_PP),
    "BSD": ("license_ambiguous", "BSD-3-Clause"),
    "表示": ("license_ambiguous", "CC-BY-4.0"),
    "CC NC": ("license_ambiguous", "CC-BY-NC-4.0"),
    "CC BY-SA-ND": ("license_ambiguous", "CC-BY-SA-4.0"),
    "CC0 / CC BY": ("license_ambiguous", "CC0-1.0"),
    "CC BY 3.0/4.0": ("license_ambiguous", "CC-BY-3.0"),
    f"CC BY ({SITE}/licenses/by-nc/4.0/)": ("license_ambiguous", "CC-BY-NC-4.0"),
    "CC BY 2.1": ("license_ambiguous", JP_BY),
    "CC BY 3.0 FR": ("license_ambiguous", "CC-BY-3.0"),
    "CC BY 5.0": ("license_ambiguous", "CC-BY-4.0"),
    "CC0 4.0": ("license_ambiguous", "CC0-1.0"),
    "CC BY, royalty free": ("license_ambiguous", "CC-BY-4.0"),
    "自社撮影 非営利": ("license_ambiguous", OWN),
    "public domain / 自作": ("license_ambiguous", OWN),
    "MIT 4.0": ("license_more_words", "MIT"),
    "CC BY 4.0 ただし商用不可": ("license_more_words", "CC-BY-4.0"),
    "CC BY or own work": ("license_more_words", OWN),
    "not CC0": ("license_more_words", "CC0-1.0"),
    "CC BY 4.0+": ("license_more_words", "CC-BY-4.0"),
    "公有地で自作": ("license_more_words", OWN),
}
UNREAD = {
    "": "license_missing",
    "\u3000 ": "license_missing",
    "All rights reserved": "license_unknown",
    "無断転載禁止": "license_unknown",
    "商用可": "license_unknown",
    "4.0": "license_unknown",
    "日本": "license_unknown",
    "CC BY-NC 2.1 JP": "license_unknown",
    "LicenseRef-Nobody-Knows": "license_unknown",
    "Classpath-exception-2.0": "license_unknown",
    UNKNOWN: "license_unknown",
    "LicenseRef-Daicho-Policy": "license_unknown",
    "=cmd|' /C calc'!A0": "license_unknown",
    "(" * 150 + "MIT" + ")" * 150: "license_unknown",
    "CC BY 4.0 " * 100: "license_unknown",
}


@pytest.mark.parametrize(("text", "expression"), EXACT.items())
def test_an_exact_identifier_is_taken_as_it_is(text: str, expression: str) -> None:
    found = propose(text)
    assert (found.expression, found.exact, found.needs_confirmation) == (expression, True, False)


@pytest.mark.parametrize(("text", "expression"), READ.items())
def test_a_spelling_is_read_and_waits_for_a_person(text: str, expression: str) -> None:
    found = propose(text)
    assert (found.expression, found.code) == (expression, "license_read")
    assert found.needs_confirmation
    assert expression not in found.alternatives


@pytest.mark.parametrize(("text", "expected"), ASSUMED.items())
def test_a_missing_version_is_the_newest_and_said(text: str, expected: tuple[str, str, tuple[str, ...]]) -> None:
    found = propose(text)
    assert (found.expression, found.params["version"], found.alternatives) == expected
    assert found.code == "version_assumed"
    assert found.needs_confirmation


@pytest.mark.parametrize(("text", "expected"), OPEN.items())
def test_what_may_mean_several_is_left_open(text: str, expected: tuple[str, str]) -> None:
    found = propose(text)
    assert (found.expression, found.code) == ("", expected[0])
    assert expected[1] in found.alternatives
    assert not found.needs_confirmation


@pytest.mark.parametrize(("text", "code"), UNREAD.items(), ids=lambda value: value[:24])
def test_what_nobody_knows_is_no_licence(text: str, code: str) -> None:
    found = propose(text)
    assert (found.expression, found.alternatives, found.code) == ("", (), code)


def test_public_domain_is_read_as_a_label_and_not_as_a_grant() -> None:
    assert propose("public domain").alternatives == ("CC0-1.0", "CC-PDDC")


def test_everything_that_can_be_proposed_has_an_identifier() -> None:
    families = [f"{name}-{version}" for name, versions in FAMILIES.items() for version in versions]
    offered = [each for many in offers().values() for each in many]
    assert {*READ.values(), *PUBLIC_DOMAIN, *SOLD_AS_STOCK, *families, *offered} <= known_ids()


@pytest.mark.parametrize("name", sorted(known_ids() & set(house_profiles())))
def test_each_profile_is_found_by_its_own_names(name: str) -> None:
    profile = house_profiles()[name]
    assert propose(name).exact
    assert {propose(each).expression for each in profile.name.values()} == {name}


SPELLINGS = {
    "by": ("BY", "by", "ＢＹ", "表示", "Attribution"),
    "nc": ("NC", "ＮＣ", "非営利", "NonCommercial", "non-commercial"),
    "sa": ("SA", "sa", "継承", "ShareAlike", "share-alike"),
    "nd": ("ND", "改変禁止", "NoDerivatives", "NoDerivs"),
}
ELEMENTS = st.lists(st.sampled_from(sorted(SPELLINGS)), unique=True, min_size=1)
GAPS = st.sampled_from((" ", "-", "・", "_", " - ", "\u3000", "/", "–"))


@st.composite
def written_licenses(draw: st.DrawFn) -> tuple[str, set[str]]:
    """Return a Creative Commons licence in some mixture of spellings, and the elements that it names."""
    elements = draw(ELEMENTS)
    words = [draw(st.sampled_from(SPELLINGS[each])) for each in elements]
    marker = draw(st.sampled_from(("CC", "cc", "Creative Commons", "クリエイティブ・コモンズ")))
    version = draw(st.sampled_from(("", "4.0", "3.0", "４．０")))
    parts = [marker, *words, *([version] if version else [])]
    return draw(GAPS).join(parts), set(elements)


@given(written_licenses())
@settings(max_examples=300, deadline=None)
def test_a_guess_keeps_every_condition_that_is_written(case: tuple[str, set[str]]) -> None:
    text, elements = case
    found = propose(text)
    if {"sa", "nd"} <= elements or "by" not in elements:
        assert not found.expression
        return
    assert {each for each in SPELLINGS if each.upper() in found.expression.split("-")} == elements
    assert ("3.0" in found.expression) == ("3.0" in text)


@given(written_licenses(), st.text("あ商用不可条件付きxyzqw要確認", min_size=1, max_size=8), st.booleans())
@settings(max_examples=200, deadline=None)
def test_words_that_nobody_understands_stop_the_guess(case: tuple[str, set[str]], word: str, before: bool) -> None:
    text = f"{word} {case[0]}" if before else f"{case[0]} {word}"
    found = propose(text)
    assert not found.expression
    assert found.code == "license_more_words"


@given(st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_text_gets_an_answer(text: str) -> None:
    found = propose(text)
    assert found == propose(unicodedata.normalize("NFD", text))
    assert {*found.alternatives} <= known_ids()
    assert found.needs_confirmation == (bool(found.expression) and not found.exact)
