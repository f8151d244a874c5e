"""The axes of a grid: how values are typed, what is refused, and which cells they span. Without a database."""

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.grids import (
    KINDS,
    MAX_CELLS,
    Axis,
    GridError,
    Place,
    Value,
    axis_of,
    check_axes,
    places,
    read_lines,
    read_numbers,
)
from generation.sentences import SENTENCES

TYPED = [
    ("adapter_weight", "0.5, 0.7", [0.5, 0.7]),
    ("adapter_weight", "0.5-0.9 (+0.1)", [0.5, 0.6, 0.7, 0.8, 0.9]),
    ("adapter_weight", "0.5-0.9", [0.5, 0.6, 0.7, 0.8, 0.9]),
    ("adapter_weight", "0.5 - 0.9(+0.2)", [0.5, 0.7, 0.9]),
    ("adapter_weight", "０．５〜０．９（＋０．２）", [0.5, 0.7, 0.9]),
    ("adapter_weight", "0.9-0.5 (-0.2)", [0.9, 0.7, 0.5]),
    ("adapter_weight", "-1--0.5 (+0.25), 0", [-1.0, -0.75, -0.5, 0.0]),
    ("adapter_weight", "0.5 -0.3", [0.5, -0.3]),
    ("adapter_weight", "0.5-1 [3]", [0.5, 0.75, 1.0]),
    ("adapter_weight", "0.5-0.9 [1]", [0.5]),
    ("guidance_scale", "3、5；7\n9", [3.0, 5.0, 7.0, 9.0]),
    ("guidance_scale", "1e1", [10.0]),
    ("num_inference_steps", "4-20 [5]", [4, 8, 12, 16, 20]),
    ("num_inference_steps", "10–14 (+2)", [10, 12, 14]),
    ("seed", "1-3, 9007199254740991", [1, 2, 3, 9007199254740991]),
    ("seed", " , ", []),
]
REFUSED = [
    ("adapter_weight", "nan", "axis_not_number"),
    ("adapter_weight", "inf", "axis_not_number"),
    ("adapter_weight", "0.5-", "axis_not_number"),
    ("adapter_weight", "0.5,<b>", "axis_not_number"),
    ("adapter_weight", "9" * 40, "axis_not_number"),
    ("adapter_weight", "0.5-0.9 (+0)", "axis_step_zero"),
    ("adapter_weight", "0-1 (+1e-50)", "axis_too_long"),
    ("seed", "1-1000000", "axis_too_long"),
    ("seed", "1-9e99", "axis_too_long"),
    ("seed", "1-9 [999999999]", "axis_too_long"),
    ("seed", "1-9 [0]", "axis_too_long"),
    ("seed", "1-60, 1-60", "axis_too_long"),
    ("seed", "1.5", "axis_not_whole"),
    ("seed", "0x10", "axis_not_number"),
    ("seed", "1," * 20_000, "axis_text_too_long"),
]


def axis(kind: str, count: int) -> Axis:
    return axis_of(kind, (Value(key=key) for key in range(count)))


@pytest.mark.parametrize(("kind", "text", "numbers"), TYPED, ids=[text for _kind, text, _numbers in TYPED])
def test_numbers_are_read_as_people_type_them(kind, text, numbers):
    found = read_numbers(kind, text)
    assert found == numbers
    assert {type(each) for each in found} <= {int if kind in ("seed", "num_inference_steps") else float}


@pytest.mark.parametrize(("kind", "text", "code"), REFUSED, ids=[text[:20] for _kind, text, _code in REFUSED])
def test_what_is_no_number_is_refused_before_anything_is_counted_out(kind, text, code):
    with pytest.raises(GridError) as caught:
        read_numbers(kind, text)
    assert caught.value.code == code
    assert code in SENTENCES


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    for kind in ("adapter_weight", "seed"):
        with contextlib.suppress(GridError):
            assert len(read_numbers(kind, text)) <= MAX_CELLS


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 40))
def test_a_range_begins_and_steps_as_it_says_and_never_passes_its_end(start, end, step):
    found = read_numbers("seed", f"{start}-{end} (+{step})")
    assert found[0] == start
    assert {abs(after - before) for before, after in pairwise(found)} <= {step}
    assert min(start, end) <= min(found) <= max(found) <= max(start, end)
    assert abs(end - found[-1]) < step


def test_words_come_one_a_line_and_two_quotes_are_none():
    assert read_lines('soft daylight\n\n  "" \r\n夕焼け ') == ["soft daylight", "", "夕焼け"]


def test_values_count_once_in_the_order_in_which_they_came():
    found = axis_of("seed", (Value(key=key) for key in (3, 1, 3, 2, 1)))
    assert [each.key for each in found.values] == [3, 1, 2]


def test_an_axis_comes_back_as_it_was_kept():
    kept = Axis(kind="vae", values=(Value(key=""), Value(key="a", name="Soft VAE")))
    assert Axis.from_dict(kept.as_dict()) == kept
    assert [each.text for each in kept.values] == ["", "Soft VAE"]
    assert [Value(key=key).text for key in (0.5, 1.0, 1e-7, 12, "x")] == ["0.5", "1", "1e-07", "12", "x"]


def test_cells_come_row_by_row_and_table_by_table():
    found = list(places([axis("seed", 2), axis("vae", 2), axis("style", 2)]))
    assert found[:4] == [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)]
    assert found[4] == Place(x=0, y=0, z=1)
    assert list(places([axis("seed", 3)])) == [(0, 0, 0), (1, 0, 0), (2, 0, 0)]


@pytest.mark.parametrize(
    ("axes", "code", "side"),
    [
        ([], "axes_missing", "x"),
        ([axis("seed", 2), axis("vae", 2), axis("seed", 3)], "axis_twice", "z"),
        ([axis("seed", 11), axis("vae", 10)], "grid_too_large", ""),
        ([axis("seed", 100), axis("vae", 100), axis("style", 100)], "grid_too_large", ""),
    ],
)
def test_axes_that_make_no_grid_are_refused(axes, code, side):
    with pytest.raises(GridError) as caught:
        check_axes(axes)
    assert (caught.value.code, caught.value.side) == (code, side)
    assert code in SENTENCES


def test_a_hundred_cells_are_allowed_and_an_axis_needs_a_value():
    check_axes([axis("seed", 10), axis("vae", 10)])
    with pytest.raises(GridError):
        axis_of("seed", [])
    assert len(KINDS) == len(set(KINDS)) == 14
