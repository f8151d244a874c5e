"""Curves: every point lies where its step and value say, and the numbers on the axes can be told apart."""

import math
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import curves
from training.curves import Point, Series, choose_ticks, draw_chart, smooth, thin_out, value_label

VALUES = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))
PLACE = re.compile(r"(-?[\d.]+) (-?[\d.]+)")


def series(*values, key="held-out", width=None):
    points = [
        Point(
            step=10 * place,
            value=value,
            low=None if width is None else value - width,
            high=None if width is None else value + width,
        )
        for place, value in enumerate(values)
    ]
    return Series(key=key, points=points)


@given(VALUES, VALUES)
def test_ticks_hold_both_ends_at_equal_distances(one, other):
    low, high = sorted((one, other))
    if high - low < 1e-3:
        high = low + 1e-3
    ticks = choose_ticks(low, high, most=6)
    assert 2 <= len(ticks) <= 7
    little = (high - low) * 1e-6
    assert ticks[0] <= low + little
    assert ticks[-1] >= high - little
    distances = [after - before for before, after in pairwise(ticks)]
    assert max(distances) == pytest.approx(min(distances), rel=1e-6)
    assert len({value_label(tick, "number", distances[0]) for tick in ticks}) == len(ticks)


@given(st.lists(VALUES, min_size=1, max_size=30))
def test_every_point_lies_inside_the_frame(values):
    chart = draw_chart([series(*values)], last_step=10)
    for dot in chart.lines[0].dots:
        assert chart.left <= dot.x <= chart.right
        assert chart.top <= dot.y <= chart.bottom


def test_a_lower_value_lies_lower_and_a_later_step_further_right():
    chart = draw_chart([series(0.0, -0.1, -0.3)], last_step=20, unit="percent")
    dots = chart.lines[0].dots
    assert [dot.x for dot in dots] == sorted(dot.x for dot in dots)
    assert [dot.y for dot in dots] == sorted(dot.y for dot in dots)
    assert (dots[0].x, dots[-1].x) == (chart.left, chart.right)
    assert dots[0].y == chart.zero
    assert [tick.label for tick in chart.y_ticks if tick.place == chart.zero] == ["0\N{NO-BREAK SPACE}%"]


def test_zero_is_among_percentages_even_when_nothing_is_near_it():
    assert draw_chart([series(-0.5, -0.6)], last_step=10, unit="percent").zero is not None
    assert draw_chart([series(5.0, 6.0)], last_step=10).zero is None


def test_the_last_step_leaves_room_for_what_is_to_come():
    chart = draw_chart([series(1.0, 0.9)], last_step=100)
    middle = chart.left + (chart.right - chart.left) / 10
    assert chart.lines[0].dots[-1].x == pytest.approx(middle, abs=0.1)


def test_an_interval_is_an_area_that_goes_there_and_back():
    [line] = draw_chart([series(0.0, -0.1, -0.2, width=0.05)], last_step=20, unit="percent").lines
    places = PLACE.findall(line.band)
    assert line.band.endswith("Z")
    assert len(places) == 6
    assert [x for x, _y in places[:3]] == [x for x, _y in places[:2:-1]]
    assert draw_chart([series(0.0, -0.1)], last_step=20).lines[0].band == ""


def test_without_a_number_there_is_no_drawing():
    assert draw_chart([Series(key="loss", points=[])], last_step=10) is None
    assert draw_chart([series(math.nan, math.inf)], last_step=10) is None
    assert len(draw_chart([series(1.0, math.nan, 0.5)], last_step=10).lines[0].dots) == 2


def test_one_point_is_enough():
    chart = draw_chart([series(0.25)], last_step=0)
    assert len(chart.lines[0].dots) == 1
    assert len(chart.y_ticks) > 1


def test_the_marked_step_is_found_by_its_series():
    shown = [series(0.0, -0.2), series(0.0, -0.4, key="train")]
    chart = draw_chart(shown, last_step=10, mark=("train", 10))
    assert chart.mark.point.value == -0.4
    assert draw_chart(shown, last_step=10, mark=("train", 7)).mark is None


def test_minor_numbers_are_those_between_and_never_zero():
    ticks = draw_chart([series(0.0, -0.6)], last_step=80, unit="percent").y_ticks
    assert [tick.is_minor for tick in ticks][-1] is False
    assert any(tick.is_minor for tick in ticks)


@given(st.lists(VALUES, min_size=1, max_size=900))
def test_thinned_points_keep_the_mean_and_the_last_step(values):
    points = [Point(step=place, value=value) for place, value in enumerate(values)]
    thin = thin_out(points, most=50)
    assert len(thin) <= 50
    assert thin[-1].step == points[-1].step
    assert min(values) - 1e-6 <= sum(each.value for each in thin) / len(thin) <= max(values) + 1e-6


def test_smoothing_keeps_what_is_constant_and_calms_what_is_not():
    flat = [Point(step=place, value=2.0) for place in range(20)]
    assert [each.value for each in smooth(flat)] == pytest.approx([2.0] * 20)
    noisy = [Point(step=place, value=place % 2) for place in range(40)]
    late = [each.value for each in smooth(noisy)][-10:]
    assert max(late) - min(late) < 0.3


def test_steps_are_written_with_thin_spaces():
    labels = [tick.label for tick in draw_chart([series(1.0)], last_step=6000).x_ticks]
    assert labels[0] == "0"
    assert f"6{chr(0x202F)}000" in labels


def test_the_drawing_is_as_large_as_it_says():
    chart = draw_chart([series(1.0, 2.0)], last_step=10)
    assert (chart.width, chart.height) == (curves.WIDTH, curves.HEIGHT)
    assert chart.right < chart.width
    assert chart.bottom < chart.height
