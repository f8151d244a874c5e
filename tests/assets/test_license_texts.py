"""The licences' texts are those that were read, and whole."""

import hashlib

import pytest

from assets.licensing import house_profiles
from assets.licensing.texts import TEXTS, license_text, use_rules_text

COPY_OWED = sorted(
    name
    for name, each in house_profiles().items()
    if any(owed["kind"] == "license_copy" for owed in each.obligations) and each.text_sha256
)


@pytest.mark.parametrize("path", sorted(TEXTS.iterdir()), ids=lambda path: path.stem)
def test_a_text_is_the_one_whose_hash_the_profile_names(path):
    assert hashlib.sha256(path.read_bytes()).hexdigest() == house_profiles()[path.stem].text_sha256


@pytest.mark.parametrize("name", COPY_OWED)
def test_a_copy_can_be_given_where_one_is_owed(name):
    text = license_text(name)
    assert len(text) > 5000
    assert "ignorable_copyrights" not in text
    assert not text.startswith("---")


def test_whoever_gets_weights_under_a_rail_licence_gets_its_use_rules():
    for name in ("LicenseRef-scancode-stable-diffusion-2022-08-22", "LicenseRef-CreativeML-OpenRAIL-PP-M"):
        rules = use_rules_text(name)
        assert rules.startswith("Attachment A")
        assert "exploit or harm minors" in rules
        assert "END OF TERMS" not in rules
    assert use_rules_text("Apache-2.0") == ""


def test_what_is_no_licence_of_the_house_has_no_text():
    assert license_text("../../settings") == ""
    assert license_text("CC-BY-2.1-JP") == ""
