"""A trigger word is found where it stands on its own."""

import pytest

from engine.words import put_instead, says


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("a photo of sks, on a beach", "sks", True),
        ("wooden desks", "sks", False),
        ("sks_1, on a beach", "sks", False),
        ("赤いsksの猫", "sks", True),
        ("赤狐が走る", "赤狐", True),
        ("a <concept> on a table", "<concept>", True),
        ("a red ball", "", False),
    ],
)
def test_a_word_inside_another_is_not_said(text, word, expected):
    assert says(text, word) is expected


def test_only_the_word_itself_is_replaced():
    assert put_instead("sks on desks, (sks)", "sks", r"a\1 mug") == r"a\1 mug on desks, (a\1 mug)"
    assert put_instead("a ball", "", "x") == "a ball"
