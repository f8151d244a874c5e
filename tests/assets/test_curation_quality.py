"""Quality: each defect is found in a picture that was clean before, and strange sizes are measured without a fall."""

import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from assets.curation.borders import find_margins
from assets.curation.levels import find_levels
from assets.curation.quality import Measures, flags, measure
from benchmarks.corruptions import DEFECTS
from benchmarks.curation_pictures import draw_leaves


def leaves(seed: int = 3, size: tuple[int, int] = (576, 512)) -> Image.Image:
    return draw_leaves(size, np.random.default_rng(seed), np.random.default_rng(seed + 1))


CLEAN = leaves()
ON_WHITE = Image.new("RGB", (512, 512), (254, 254, 254))
ON_WHITE.paste(
    leaves(5, (200, 260)), (150, 120), Image.radial_gradient("L").resize((200, 260)).point(lambda x: 255 * (x < 180))
)


def test_a_clean_picture_has_no_flag():
    assert flags(measure(CLEAN)) == ()


@pytest.mark.parametrize("name", DEFECTS)
def test_it_finds_each_defect(name):
    flag, spoil = DEFECTS[name]
    assert flag in flags(measure(spoil(CLEAN, random.Random(6))))


@pytest.mark.parametrize(("side", "found"), [(512, False), (513, True), (768, True)])
def test_small_means_smaller_than_what_is_trained(side, found):
    assert ("small" in flags(measure(CLEAN), target_side=side)) is found


def test_a_thing_on_white_is_neither_bright_nor_letterboxed():
    assert min(ON_WHITE.getpixel((0, 0))) > 252
    assert not {"bright", "letterbox"} & set(flags(measure(ON_WHITE)))


@pytest.mark.parametrize("place", [(150, 120), (150, 252), (0, 120)])
def test_a_thing_on_white_that_touches_one_edge_is_not_bright(place):
    picture = Image.new("RGB", (512, 512), "white")
    picture.paste(leaves(5, (200, 260)), place)
    assert "bright" not in flags(measure(picture))


@pytest.mark.parametrize("thing", [(60, 60), (260, 300)])
def test_a_thing_on_white_is_bright_once_it_fades_into_the_ground(thing):
    picture = Image.new("RGB", (512, 512), "white")
    picture.paste(leaves(5, thing).point([min(255, level * 6) for level in range(256)] * 3), (100, 100))
    assert "bright" in flags(measure(picture))


@pytest.mark.parametrize("ground", ["black", "gray", "navy"])
def test_a_small_thing_on_a_plain_ground_is_not_overexposed(ground):
    picture = Image.new("RGB", (512, 512), ground)
    picture.paste(leaves(5, (80, 60)), (200, 200))
    assert "bright" not in flags(measure(picture))


@pytest.mark.parametrize("color", ["yellow", "cyan"])
def test_a_drawn_color_is_not_overexposed(color):
    picture = Image.new("RGB", (512, 512), color)
    picture.paste(leaves(5, (512, 200)), (0, 100))
    assert "bright" not in flags(measure(picture))


def test_white_bars_are_not_overexposed():
    found = flags(measure(ImageOps.expand(CLEAN, (0, 90, 0, 90), fill="white")))
    assert "letterbox" in found
    assert "bright" not in found


def test_a_light_picture_can_be_dark_all_over():
    paper = CLEAN.point([200 + level // 6 for level in range(256)] * 3)
    assert "dark" not in flags(measure(paper))
    assert "dark" in flags(measure(paper.point([level // 4 for level in range(256)] * 3)))


@given(st.lists(st.integers(0, 255), min_size=1, max_size=60), st.integers(1, 100))
def test_a_level_is_the_lowest_that_so_many_pixels_do_not_exceed(levels, percent):
    found = find_levels(np.array([levels], np.uint8), (percent,))[0]
    at_most = [sum(level <= limit for level in levels) * 100 >= percent * len(levels) for limit in (found - 1, found)]
    assert at_most == [False, True]


def test_what_is_dark_is_not_called_upscaled():
    found = flags(measure(CLEAN.point([level // 8 for level in range(256)] * 3)))
    assert "dark" in found
    assert "upscaled" not in found


def test_measures_survive_json():
    measures = measure(CLEAN)
    assert Measures.from_dict(json.loads(json.dumps(measures.as_dict()))) == measures


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_every_mode_is_measured(mode):
    picture = Image.new("I;16", (64, 64)) if mode == "I;16" else CLEAN.resize((64, 64)).convert(mode)
    assert measure(picture).width == 64


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 9))
def test_every_size_gives_finite_measures(width, height, seed):
    levels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    assert np.isfinite([*measure(Image.fromarray(levels)).as_dict().values()]).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 600), (128, 128), (4000, 300)])
def test_a_flat_picture_is_measured(size):
    assert measure(Image.new("RGB", size, (90, 90, 90))).letters == 0


@given(st.tuples(*[st.integers(0, 12)] * 4))
def test_margins_count_a_frame_exactly(widths):
    left, top, right, bottom = widths
    inner = np.random.default_rng(1).integers(60, 256, (20, 24, 3), np.uint8)
    framed = np.pad(inner, ((top, bottom), (left, right), (0, 0)))
    margins = find_margins(framed)
    assert (margins.left, margins.top, margins.right, margins.bottom) == widths
