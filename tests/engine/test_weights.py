"""Prompt weights, read as A1111 reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SpecError
from engine.weights import MAX_WEIGHT, parse_weights, plain_text

READINGS = {
    "a red car": [("a red car", 1.0)],
    "a (red:1.3) car": [("a ", 1.0), ("red", 1.3), (" car", 1.0)],
    "(red) car": [("red", 1.1), (" car", 1.0)],
    "((red)) car": [("red", 1.21), (" car", 1.0)],
    "[red] car": [("red", 1 / 1.1), (" car", 1.0)],
    "(a [b]:2)": [("a ", 2.0), ("b", 2 / 1.1)],
    r"\(red\) (car:2)": [("(red) ", 1.0), ("car", 2.0)],
    r"a \[b\] \\ c": [(r"a [b] \ c", 1.0)],
    "ratio 3:4, (x: .5 )": [("ratio 3:4, ", 1.0), ("x", 0.5)],
    "c++ t-shirt, 50% off": [("c++ t-shirt, 50% off", 1.0)],
    "a) b] c": [("a) b] c", 1.0)],
    "a (b": [("a ", 1.0), ("b", 1.1)],
    "(a:1.2.3)": [("a:1.2.3)", 1.1)],
    "(a:-1)": [("a", -1.0)],
    "<lora:ink:0.8>": [("<lora:ink:0.8>", 1.0)],
    "赤い(車:1.5)": [("赤い", 1.0), ("車", 1.5)],
    "": [],
}


@pytest.mark.parametrize(("prompt", "expected"), READINGS.items())
def test_each_way_of_writing_a_weight_is_read(prompt, expected):
    assert [(f.text, pytest.approx(f.weight)) for f in parse_weights(prompt)] == expected


def test_break_starts_a_new_chunk():
    assert [(f.text, f.is_break) for f in parse_weights("a BREAK b BREAKFAST")] == [
        ("a ", False),
        ("", True),
        (" b BREAKFAST", False),
    ]


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        ("(a:1e9)", "weight_out_of_range"),
        ("(a:-11)", "weight_out_of_range"),
        ("((((((((((((((((((((((((((a", "weight_out_of_range"),
        ("(a:nan)", "weight_not_finite"),
        ("(a:inf)", "weight_not_finite"),
        ("(a:1e999)", "weight_not_finite"),
        ("([" * 10_000, "brackets_too_deep"),
    ],
)
def test_absurd_weights_are_refused(prompt, code):
    with pytest.raises(SpecError) as caught:
        parse_weights(prompt)
    assert caught.value.code == code


def test_an_encoder_that_cannot_weigh_reads_the_words_alone():
    assert plain_text(r"a (red:1.3) [car] BREAK \(x\)") == "a red car   (x)"


@given(st.text(alphabet="ab ()[]\\:.,1BREAK", max_size=60))
def test_any_text_is_read_or_refused(prompt):
    try:
        fragments = parse_weights(prompt)
    except SpecError:
        return
    assert all(abs(fragment.weight) <= MAX_WEIGHT for fragment in fragments)
    assert len("".join(fragment.text for fragment in fragments)) <= len(prompt)


@given(
    st.text(alphabet=st.characters(exclude_characters="()[]\\"), max_size=60).filter(lambda text: "BREAK" not in text)
)
def test_text_without_brackets_stays_as_it_is(prompt):
    assert "".join(fragment.text for fragment in parse_weights(prompt)) == prompt
