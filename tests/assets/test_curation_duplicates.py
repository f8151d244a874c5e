"""Duplicates: every way of copying is found, pictures that only look alike are not, and order never matters."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from assets.curation.duplicates import Fingerprint, FingerprintError, Pair, find_pairs, fingerprint, group
from assets.curation.fingerprints import VIEW_SIDE
from assets.curation.windows import ORIENTATIONS, blind, orient, orient_waves, transform
from benchmarks.corruptions import DUPLICATES
from benchmarks.curation_pictures import PAINTERS, draw_picture

KINDS = ("clouds", "landscape", "leaves", "product")
SOURCES = {kind: draw_picture(kind, 21, 22) for kind in KINDS}
PRINTS = {kind: fingerprint(image) for kind, image in SOURCES.items()}


def pair(first: str, second: str) -> Pair:
    return Pair(first=first, second=second, similarity=1.0, kind="near")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", DUPLICATES)
def test_it_finds_the_copy_and_nothing_else(kind, name):
    copy = fingerprint(DUPLICATES[name](SOURCES[kind], random.Random(4)))
    found = find_pairs(PRINTS | {"copy": copy})
    assert [(each.first, each.second, each.kind) for each in found] == [
        (*sorted((kind, "copy")), "exact" if name == "exact" else "near")
    ]


@pytest.mark.parametrize("kind", PAINTERS)
def test_one_layout_with_two_contents_is_no_copy(kind):
    prints = {str(content): fingerprint(draw_picture(kind, 31, content)) for content in (1, 2, 3)}
    assert find_pairs(prints) == []


def test_the_order_of_pictures_changes_nothing():
    prints = PRINTS | {"b": fingerprint(ImageOps.mirror(SOURCES["leaves"])), "a": PRINTS["clouds"]}
    turned = dict(reversed(prints.items()))
    assert find_pairs(prints) == find_pairs(turned) != []


def test_flat_pictures_match_by_their_pixels_alone():
    colors = {"white": "white", "white too": "white", "gray": "gray"}
    prints = {name: fingerprint(Image.new("RGB", (300, 200), color)) for name, color in colors.items()}
    assert [(each.first, each.second, each.kind) for each in find_pairs(prints)] == [("white", "white too", "exact")]


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_pictures_have_no_pairs(count):
    assert find_pairs(dict(list(PRINTS.items())[:count])) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_fingerprint_survives_its_bytes(kind):
    assert Fingerprint.from_bytes(PRINTS[kind].to_bytes()) == PRINTS[kind]


@pytest.mark.parametrize("data", [b"", b"daicho", PRINTS["leaves"].to_bytes()[:-1], b"x" + PRINTS["leaves"].to_bytes()])
def test_other_bytes_are_refused(data):
    with pytest.raises(FingerprintError) as refused:
        Fingerprint.from_bytes(data)
    assert (refused.value.code, refused.value.params) == ("fingerprint_unreadable", {"size": len(data)})


@pytest.mark.parametrize("size", [(1, 1), (2, 900), (5000, 3)])
def test_strange_sizes_have_a_fingerprint(size):
    levels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    made = fingerprint(Image.fromarray(levels))
    assert Fingerprint.from_bytes(made.to_bytes()) == made


@pytest.mark.parametrize("orientation", range(ORIENTATIONS))
def test_turning_a_view_turns_its_waves_and_not_what_is_blind_to_it(orientation):
    view = np.random.default_rng(2).integers(0, 256, (VIEW_SIDE, VIEW_SIDE), np.uint8)
    whole, turned = (transform(np.asarray(each[None], np.float32))[:, 0] for each in (view, orient(view, orientation)))
    assert np.allclose(orient_waves(whole)[0, orientation], turned[0], atol=1e-4)
    assert np.allclose(blind(whole), blind(turned), atol=1e-4)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")).filter(lambda each: each[0] != each[1])
    )
)
def test_groups_part_the_keys_and_keep_pairs_together(links):
    groups = group([pair(*sorted(link)) for link in links], "hgfedcba")
    assert sorted(key for each in groups for key in each) == list("abcdefgh")
    assert all(any({*link} <= each for each in groups) for link in links)
    assert groups == group([pair(*sorted(link)) for link in reversed(links)], "abcdefgh")


def test_groups_join_only_what_is_linked():
    assert group([pair("a", "c"), pair("c", "d")], "abcd") == [frozenset("acd"), frozenset("b")]
