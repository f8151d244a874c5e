"""What is shipped: small, half precision, CC0, loadable by diffusers, and able to read its words."""

import json

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors import safe_open
from transformers import CLIPTokenizer

from engine import starter
from engine.starter import WEIGHTS, evaluate
from engine.starter.judge import load_judge, predict, to_pixels
from engine.starter.scenes import SLOTS

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def tokenizer():
    return CLIPTokenizer.from_pretrained(WEIGHTS / "tokenizer")


def test_everything_together_stays_below_forty_megabytes():
    assert sum(path.stat().st_size for path in WEIGHTS.rglob("*")) <= 40 * MEGABYTE


def test_weights_are_half_precision_and_finite():
    for path in WEIGHTS.rglob("*.safetensors"):
        with safe_open(path, "pt") as file:
            for key in file.keys():  # noqa: SIM118 - not a dict
                value = file.get_tensor(key)
                assert value.dtype in (torch.float16, torch.int64), (path, key)
                assert torch.isfinite(value).all(), (path, key)


def test_defaults_say_how_to_draw_well():
    defaults = json.loads((WEIGHTS / "daicho.json").read_text("utf-8"))
    assert defaults["native_width"] == defaults["native_height"] == 128
    assert defaults["scheduler"] == "dpmpp_2m"
    assert defaults["negative_prompt"] == ", ".join(starter.DEFECTS)
    assert 1 < defaults["guidance_scale"] < 5
    assert defaults["steps"] == 20


def test_card_states_the_licence_and_the_scores():
    _, front, body = (WEIGHTS / "README.md").read_text("utf-8").split("---\n", 2)
    assert "license: cc0-1.0" in front
    for word in (*SLOTS, "unseen", "CC0-1.0"):
        assert word in body


@pytest.mark.parametrize("word", [*starter.HELD_OUT_SUBJECTS, *starter.HELD_OUT_STYLES, *starter.HELD_OUT_ENVIRONMENTS])
def test_held_out_words_still_tokenize(tokenizer, word):
    tokens = tokenizer(word, add_special_tokens=False).input_ids
    assert tokens
    assert tokenizer.unk_token_id not in tokens


def test_every_prompt_fits_into_the_text_encoder(tokenizer):
    for scene in evaluate.prompts(100, 1):
        assert len(tokenizer(scene.prompt).input_ids) <= tokenizer.model_max_length // 2


def test_judge_reads_real_scenes():
    scenes = evaluate.prompts(100, 3)
    scores = evaluate.score(evaluate.draw_real(scenes), scenes, load_judge())
    assert min(scores.environment, scores.light, scores.style) >= 0.95
    assert min(scores.color, scores.subject) >= 0.85


def test_judge_answers_with_words_for_pictures_of_any_size():
    scenes = evaluate.prompts(2, 3)
    images = [image.resize((256, 256)) for image in evaluate.draw_real(scenes)]
    seen = predict(load_judge(), to_pixels(images))
    assert set(seen) == set(SLOTS)
    assert all(len(words) == 2 for words in seen.values())


def test_scores_are_kept_apart_for_triples_the_model_never_met():
    scenes = [*evaluate.prompts(4, 1, "seen"), *evaluate.prompts(2, 1, "unseen")]
    rows = evaluate.score_by_split(evaluate.draw_real(scenes), scenes, load_judge())
    assert {name: scores.count for name, scores in rows.items()} == {"all": 6, "unseen": 2}
    assert "| unseen | 2 |" in evaluate.format_scores(rows)


def test_pictures_and_scenes_must_be_as_many():
    with pytest.raises(ValueError, match="1 pictures"):
        evaluate.score(evaluate.draw_real(evaluate.prompts(1, 1)), evaluate.prompts(2, 1))


def test_the_same_seed_asks_for_the_same_pictures():
    assert evaluate.prompts(5, 7) == evaluate.prompts(5, 7)
    assert evaluate.prompts(5, 7) != evaluate.prompts(5, 8)


def test_shipped_folder_is_a_stable_diffusion_pipeline():
    pipeline = StableDiffusionPipeline.from_pretrained(WEIGHTS, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    image = pipeline(
        "a red car, on a beach, soft daylight, flat vector style",
        num_inference_steps=2,
        generator=torch.Generator().manual_seed(0),
    ).images[0]
    assert image.size == (128, 128)
    assert np.asarray(image).std() > 5
