"""The parts of a small set: every picture is held out once, near duplicates together."""

from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.training.folds import parts_of
from engine.training.values import Material, TrainingItem


def item(number: int, group: str = "") -> TrainingItem:
    return TrainingItem(path=Path(f"{number}.png"), sha256=f"{number:064d}", caption="a", group=group)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=2, max_size=60), st.integers(2, 10), st.integers(0, 99))
def test_any_set_is_parted_whole_and_without_leaks(groups, count, seed):
    items = [item(number, group=f"g{group}" if group else "") for number, group in enumerate(groups)]
    parts = parts_of(Material(train=tuple(items)), count, seed=seed)
    clusters = {each.group or each.sha256 for each in items}
    assert len(parts) == min(count, len(clusters))
    held = sorted(each.sha256 for part in parts for each in part.validation)
    assert held == sorted(each.sha256 for each in items)
    for part in parts:
        assert part.validation
        known = {each.group or each.sha256 for each in part.train}
        assert known.isdisjoint(each.group or each.sha256 for each in part.validation)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_every_picture_is_held_out_once_with_its_near_duplicates(count):
    items = [item(number, group=f"g{number // 3}" if number < 9 else "") for number in range(14)]
    parts = parts_of(Material(train=tuple(items[:10]), validation=tuple(items[10:])), count, seed=1)
    assert len(parts) == count
    held = list(chain.from_iterable(part.validation for part in parts))
    assert sorted(each.sha256 for each in held) == [each.sha256 for each in items]
    for part in parts:
        assert {*part.train, *part.validation} == set(items)
        known = {each.group for each in part.train if each.group}
        assert known.isdisjoint(each.group for each in part.validation if each.group)


def test_parts_are_about_equal_and_follow_from_the_seed():
    material = Material(train=tuple(map(item, range(11))))
    sizes = [len(part.validation) for part in parts_of(material, 3, seed=1)]
    assert sorted(sizes) == [3, 4, 4]
    assert parts_of(material, 3, seed=1) == parts_of(Material(train=material.train[::-1]), 3, seed=1)
    assert parts_of(material, 3, seed=1) != parts_of(material, 3, seed=2)


def test_no_part_is_empty():
    assert len(parts_of(Material(train=(item(1), item(2))), 5, seed=0)) == 2
    assert len(parts_of(Material(train=(item(1, "g"), item(2, "g"), item(3))), 5, seed=0)) == 2
