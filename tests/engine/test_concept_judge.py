"""The judge that knows what the starter model was never taught."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL

from engine import starter
from engine.starter import WEIGHTS, concepts
from engine.starter.evaluate import draw_real
from engine.starter.judge import ANSWERS, load_judge, predict, to_pixels
from engine.starter.scenes import random_scene
from engine.starter.vae import to_tensor

EACH = 12
NEVER_TAUGHT = [
    *(("subject", word) for word in starter.HELD_OUT_SUBJECTS),
    *(("style", word) for word in starter.HELD_OUT_STYLES),
    *(("environment", word) for word in starter.HELD_OUT_ENVIRONMENTS),
]


@pytest.fixture(scope="module")
def judge():
    return concepts.load_concept_judge()


@pytest.fixture(scope="module")
def known():
    rng = random.Random("known")
    return [random_scene(rng) for _ in range(2 * EACH)]


@pytest.fixture(scope="module")
def known_pictures(known):
    return draw_real(known)


@pytest.mark.parametrize(("slot", "word"), NEVER_TAUGHT)
def test_it_sees_what_was_never_taught_and_only_where_it_is(judge, known, known_pictures, slot, word):
    shown = draw_real([replace(scene, **{slot: word}) for scene in known[:EACH]])
    certainty, elsewhere = (concepts.measure_concept(judge, each, slot, word) for each in (shown, known_pictures))
    assert (certainty > 0.5).mean() >= 0.75
    assert (elsewhere > 0.5).mean() <= 0.05


def test_it_still_reads_the_known_words(judge, known, known_pictures):
    seen = predict(judge, to_pixels(known_pictures))
    for slot in ("subject", "environment", "light", "style"):
        assert np.mean([word == getattr(scene, slot) for word, scene in zip(seen[slot], known, strict=True)]) >= 0.9


def test_the_certainties_of_one_question_are_shares(judge, known_pictures):
    shares = [concepts.measure_concept(judge, known_pictures[:3], "style", word) for word in judge.answers["style"]]
    assert np.sum(shares, 0) == pytest.approx(np.ones(3), abs=1e-5)


def test_the_shipped_judge_knows_only_what_the_model_was_taught():
    assert load_judge().answers == ANSWERS
    assert not {word for _, word in NEVER_TAUGHT} & {word for words in ANSWERS.values() for word in words}


def test_a_widened_judge_answers_known_words_as_before(known_pictures):
    shipped, pictures = load_judge(), to_tensor(to_pixels(known_pictures[:4]))
    wide = concepts.widen(shipped).eval()
    with torch.inference_mode():
        before, after = shipped(pictures), wide(pictures)
    for slot, words in shipped.answers.items():
        columns = [concepts.ANSWERS[slot].index(word) for word in words]
        assert torch.allclose(after[slot][:, columns], before[slot], atol=1e-5)


def test_pictures_that_are_drawn_again_stay_near_and_are_the_same_twice(known_pictures):
    vae = AutoencoderKL.from_pretrained(WEIGHTS / "vae", torch_dtype=torch.float32)
    pixels = to_pixels(known_pictures[:2])
    first, second = (concepts.draw_again(vae, pixels, noise=0.3, seed=1) for _ in range(2))
    assert first.dtype == np.uint8
    assert np.array_equal(first, second)
    assert 0 < np.abs(first.astype(int) - pixels).mean() < 25


@pytest.mark.slow
def test_command_line_trains_a_judge_and_prints_its_card(tmp_path, capsys):
    concepts.main(["--out", str(tmp_path), "--scenes", "45", "--again", "2", "--steps", "1", "--fresh", "10"])
    assert concepts.load_concept_judge(tmp_path / concepts.FILE)
    card = capsys.readouterr().out
    assert "through the VAE" in card
    assert all(f"| {word} |" in card for _, word in NEVER_TAUGHT)
