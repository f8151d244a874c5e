"""A file's own words on its rights are held against what was declared for it."""

import pytest

from assets.claims import C2paClaims, EmbeddedClaims, contradictions
from assets.claims.creative_commons import find_licenses

CC = "https://creativecommons.org/"
ADDRESSES = {
    f"{CC}licenses/by/4.0/": "CC-BY-4.0",
    f"{CC}licenses/by-nc-sa/3.0/deed.ja": "CC-BY-NC-SA-3.0",
    "http://www.creativecommons.org/licenses/BY-ND/2.0": "CC-BY-ND-2.0",
    f"{CC}licenses/by-sa/2.1/jp/": "CC-BY-SA-2.1-JP",
    f"{CC}licenses/by/2.1/jp/": "LicenseRef-CC-BY-2.1-JP",
    f"{CC}licenses/by-nd-nc/1.0/": "CC-BY-NC-ND-1.0",
    f"{CC}publicdomain/zero/1.0/legalcode": "CC0-1.0",
    f"{CC}publicdomain/mark/1.0/": "CC-PDM-1.0",
    f"{CC}about/": None,
    "https://creativecommons.org.example.com/licenses/by/4.0/": None,
}


@pytest.mark.parametrize(("url", "expected"), ADDRESSES.items())
def test_creative_commons_addresses_become_identifiers(url, expected):
    assert [name for _, name in find_licenses(f"see {url} please")] == ([expected] if expected else [])


BY_NC = f"{CC}licenses/by-nc/4.0/"
# name: (claims, declared, train_wanted, [(code, blocks)])
CONTRADICTIONS = {
    "forbidden, CC0, training": (
        {"data_mining": "DMI-PROHIBITED"},
        "CC0-1.0",
        True,
        [("data_mining_prohibited", True)],
    ),
    "training forbidden, CC0, no training": (
        {"data_mining": "DMI-PROHIBITED-AIMLTRAINING"},
        "CC0-1.0",
        False,
        [("data_mining_prohibited", False)],
    ),
    "forbidden, contract, no training": ({"data_mining": "DMI-PROHIBITED"}, "LicenseRef-stock", False, []),
    "forbidden, nothing declared, training": (
        {"data_mining": "DMI-PROHIBITED"},
        "",
        True,
        [("data_mining_prohibited", True)],
    ),
    "unspecified": ({"data_mining": "DMI-UNSPECIFIED"}, "CC0-1.0", True, []),
    "allowed": ({"data_mining": "DMI-ALLOWED"}, "CC0-1.0", True, []),
    "another licence": ({"license_urls": (BY_NC,)}, "CC-BY-4.0", False, [("license_url_differs", True)]),
    "another licence in words": (
        {"usage_terms": (f"Use under {BY_NC} only",)},
        "CC-BY-4.0",
        False,
        [("license_url_differs", True)],
    ),
    "the same licence": ({"web_statements": (BY_NC,)}, "cc-by-nc-4.0", True, []),
    "one of two offered": ({"license_urls": (BY_NC,)}, "CC-BY-4.0 OR CC-BY-NC-4.0", True, []),
    "the same licence of another country": (
        {"license_urls": (f"{CC}licenses/by/3.0/us/",)},
        "CC-BY-3.0",
        False,
        [("license_url_differs", False)],
    ),
    "another version": (
        {"license_urls": (f"{CC}licenses/by/3.0/",)},
        "CC-BY-4.0",
        False,
        [("license_url_differs", True)],
    ),
    "a port without SPDX identifier": (
        {"license_urls": (f"{CC}licenses/by/2.1/jp/",)},
        "LicenseRef-CC-BY-2.1-JP",
        False,
        [],
    ),
    "a licence, nothing declared": ({"license_urls": (BY_NC,)}, "", False, []),
    "no licence address": ({"web_statements": ("https://a.example/terms",)}, "CC-BY-4.0", True, []),
    "all rights reserved": (
        {"copyright_notices": ("© Ana. ALL RIGHTS RESERVED.",)},
        "CC0-1.0",
        False,
        [("rights_reserved", False)],
    ),
    "all rights reserved in Japanese": (
        {"copyright_notices": ("無断転載を禁じます",)},
        "CC0-1.0",
        False,
        [("rights_reserved", False)],
    ),
    "all rights reserved under a contract": (
        {"copyright_notices": ("All rights reserved",)},
        "LicenseRef-stock",
        False,
        [],
    ),
    "marked": ({"is_rights_marked": True}, "CC0-1.0", False, [("rights_marked", False)]),
    "not marked": ({"is_rights_marked": False}, "CC0-1.0", False, []),
    "the worst first": (
        {"copyright_notices": ("All rights reserved",), "license_urls": (BY_NC,)},
        "CC0-1.0",
        False,
        [("license_url_differs", True), ("rights_reserved", False)],
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_contradictions(name):
    said, declared, train_wanted, expected = CONTRADICTIONS[name]
    found = contradictions(EmbeddedClaims(**said), expression=declared, train_wanted=train_wanted)
    assert [(notice.code, notice.blocks) for notice in found] == expected
    assert all(str(notice) for notice in found)


CREDENTIALS = {
    "notAllowed": [("c2pa_training_forbidden", True)],
    "constrained": [("c2pa_training_constrained", False)],
    "allowed": [],
}


@pytest.mark.parametrize(("use", "expected"), CREDENTIALS.items())
def test_credentials_about_training_contradict(use, expected):
    claims = EmbeddedClaims(c2pa=C2paClaims(is_readable=True, training={"cawg.ai_training": use}))
    found = contradictions(claims, expression="CC0-1.0", train_wanted=True)
    assert [(notice.code, notice.blocks) for notice in found] == expected


def test_a_ban_on_mining_text_is_no_ban_on_training():
    claims = EmbeddedClaims(c2pa=C2paClaims(is_readable=True, training={"cawg.data_mining": "notAllowed"}))
    assert contradictions(claims, expression="CC0-1.0", train_wanted=True) == []
