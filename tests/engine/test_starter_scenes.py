"""The procedural scenes: same scene, same pixels, and words that stay where they belong."""

import random
import subprocess
import sys
from dataclasses import replace

import pytest
from PIL import ImageChops

from engine import starter
from engine.starter import environments, styles, subjects
from engine.starter.contact_sheet import make_sheet
from engine.starter.scenes import (
    DEFECT_SHARE,
    UNSEEN_TRIPLES,
    Scene,
    choose_unseen_triples,
    parse_prompt,
    random_scene,
    render,
)

RED_CAR = Scene(
    subject="car", color="red", environment="on a beach", light="moonlight", style="flat vector style", seed=3
)


def differ(first, second):
    return ImageChops.difference(first, second).getbbox() is not None


def draw_many(split, count=300, **options):
    rng = random.Random(1)
    return [random_scene(rng, split, **options) for _ in range(count)]


def test_scenes_and_vocabulary_do_not_need_torch():
    code = "import sys, engine.starter, engine.starter.scenes; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_prompt_follows_the_template_order():
    assert RED_CAR.prompt == "a red car, on a beach, moonlight, flat vector style"


def test_a_defect_is_named_last():
    assert replace(RED_CAR, defect="noisy").parts[-1] == "noisy"


@pytest.mark.parametrize("style", starter.STYLES + starter.HELD_OUT_STYLES)
def test_same_scene_renders_the_same_pixels(style):
    scene = Scene(subject="mug", color="blue", environment="under the sea", light="neon light", style=style, seed=9)
    assert render(scene).tobytes() == render(scene).tobytes()


@pytest.mark.parametrize("defect", starter.DEFECTS)
def test_a_defect_spoils_the_picture_in_the_same_way_twice(defect):
    spoiled = render(replace(RED_CAR, defect=defect))
    assert spoiled.tobytes() == render(replace(RED_CAR, defect=defect)).tobytes()
    assert differ(spoiled, render(RED_CAR))


def test_picture_has_the_asked_size():
    assert render(RED_CAR, 256).size == (256, 256)
    assert render(RED_CAR).mode == "RGB"


def test_every_word_has_a_drawer():
    assert set(subjects.DRAWERS) == {*starter.SUBJECTS, *starter.HELD_OUT_SUBJECTS}
    assert set(environments.DRAWERS) == {*starter.ENVIRONMENTS, *starter.HELD_OUT_ENVIRONMENTS}
    assert set(styles.STYLES) == {*starter.STYLES, *starter.HELD_OUT_STYLES}
    assert set(styles.LIGHTS) == set(starter.LIGHTS)
    assert set(styles.DEFECTS) == set(starter.DEFECTS)
    assert set(subjects.COLOR_VALUES) == set(starter.COLORS)


def test_every_subject_stays_inside_the_picture():
    for name in subjects.DRAWERS:
        layer = subjects.draw_subject(name, "red", canvas=512, x=256, base=400, scale=1.25)
        left, top, right, bottom = layer.getbbox()
        assert min(left, top) > 20, name
        assert max(right, bottom) < 490, name


def test_training_never_shows_unseen_triples_or_held_out_words():
    for scene in draw_many("seen"):
        assert not scene.is_unseen
        assert scene.subject in starter.SUBJECTS
        assert scene.environment in starter.ENVIRONMENTS
        assert scene.style in starter.STYLES


def test_unseen_scenes_are_only_unseen_triples():
    assert all(scene.is_unseen for scene in draw_many("unseen", 20))


def test_held_out_scenes_hold_a_word_never_taught():
    words = {*starter.HELD_OUT_SUBJECTS, *starter.HELD_OUT_ENVIRONMENTS, *starter.HELD_OUT_STYLES}
    for scene in draw_many("held_out", 30):
        assert words & {scene.subject, scene.environment, scene.style}


def test_the_listed_triples_are_the_seeded_five_percent():
    everything = len(starter.SUBJECTS) * len(starter.ENVIRONMENTS) * len(starter.STYLES)
    assert len(UNSEEN_TRIPLES) == everything // 20
    assert frozenset(choose_unseen_triples()) == UNSEEN_TRIPLES


def test_the_share_of_defects_is_as_asked():
    spoiled = sum(bool(scene.defect) for scene in draw_many("any", 1000, defect_share=DEFECT_SHARE))
    assert 60 < spoiled < 140
    assert not any(scene.defect for scene in draw_many("any"))


@pytest.mark.parametrize("split", ["any", "held_out"])
def test_a_prompt_names_its_scene_again(split):
    for scene in draw_many(split, 20, defect_share=0.5):
        assert parse_prompt(scene.prompt) == replace(scene, seed=0)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "a red car",
        "red car, on a beach, moonlight, poster style",
        "a red train, on a beach, moonlight, poster style",
        "a red car, moonlight, on a beach, poster style",
        "a red car, on a beach, moonlight, poster style, ugly",
    ],
)
def test_other_prompts_are_refused(prompt):
    with pytest.raises(ValueError, match="starter model"):
        parse_prompt(prompt)


def test_contact_sheet_holds_every_picture_with_its_caption():
    sheet = make_sheet([render(RED_CAR)] * 9, [RED_CAR.parts] * 9)
    assert sheet.width == 8 * 136 + 8
    assert sheet.height == 2 * 186 + 8
