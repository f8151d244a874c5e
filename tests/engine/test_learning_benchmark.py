"""What the learning benchmark teaches, and how it counts."""

import numpy as np
import pytest

from benchmarks.learning_cells import FEW, MIXED, PRIOR, list_cells
from benchmarks.learning_concepts import STYLE, SUBJECT, TRIGGER, draw_known, shuffle_captions
from benchmarks.learning_figures import mean, say_effect, share
from benchmarks.learning_report import report


@pytest.mark.parametrize("concept", [SUBJECT, STYLE, PRIOR.concept])
def test_captions_call_a_concept_by_its_trigger_and_never_by_its_word(concept):
    for scene in concept.draw_scenes(20, "any"):
        assert getattr(scene, concept.slot) == concept.word
        assert TRIGGER in concept.caption(scene)
        assert concept.word not in concept.caption(scene)


def test_captions_of_known_things_stay_as_they_are():
    for scene in draw_known(20, "any"):
        assert SUBJECT.caption(scene) == STYLE.caption(scene) == scene.prompt


def test_pictures_to_train_on_to_validate_and_to_ask_for_are_others():
    keys = ("train:0", "validation:0", "fresh", "asked:0", "train:1")
    drawn = [scene for key in keys for scene in SUBJECT.draw_scenes(FEW.pictures, key)]
    assert len(set(drawn)) == len(keys) * FEW.pictures


def test_shuffled_captions_are_the_same_on_other_pictures():
    scenes = SUBJECT.draw_scenes(MIXED.pictures, "train:0") + draw_known(MIXED.others, "others:0")
    captions = [SUBJECT.caption(scene) for scene in scenes]
    shuffled = shuffle_captions(captions, 0)
    assert sorted(shuffled) == sorted(captions)
    assert sum(TRIGGER in caption for caption in shuffled[: MIXED.pictures]) < MIXED.pictures / 2


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"), [(0, 144, 0.0, 0.0260), (72, 144, 0.4194, 0.5806), (144, 144, 0.9740, 1.0)]
)
def test_a_share_has_wilsons_interval(hits, count, low, high):
    found = share(hits, count)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)
    assert found.low <= found.middle <= found.high


def test_a_mean_of_three_seeds_has_students_interval():
    found = mean([1.0, 2.0, 3.0])
    assert (found.middle, found.high - found.middle) == pytest.approx((2.0, 4.303 / np.sqrt(3)))


@pytest.mark.parametrize(
    ("differences", "said"),
    [([-0.1, -0.11, -0.09], "lower"), ([0.2, 0.21, 0.22], "higher"), ([-0.1, 0.1, 0.02], "no measured effect here")],
)
def test_an_effect_is_named_only_where_its_interval_leaves_out_none(differences, said):
    assert said in say_effect(differences)


def test_cells_have_names_of_their_own_and_the_most_important_come_first():
    keys = [cell.key for cell in list_cells(3)]
    assert len(set(keys)) == len(keys)
    assert keys[:2] == ["subject/base/0", "subject/base/1"]


def test_the_report_says_what_is_learnt_and_what_is_not():
    row = {"count": 48, "certainty": 0.1, "step": 100, "strength_0_is_base": True}
    results = {
        f"subject/{arm}/{seed}": {**row, "seed": seed, "hits": hits}
        for arm, hits in (("base", 2), ("lora", 40), ("textual_inversion", 3))
        for seed in range(3)
    }
    lines = "\n".join(report(results)).splitlines()
    assert any(line.startswith("| lora |") and "learnt" in line for line in lines)
    assert any(line.startswith("| textual_inversion |") and "no gain" in line for line in lines)
    assert any("in 6 of 6" in line or "in 9 of 9" in line for line in lines)
