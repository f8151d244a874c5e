"""Prior preservation: each half has its own weights, and the base model's own answer keeps the class."""

import pytest
import torch

from engine.training.lessons import Shelf
from engine.training.texts import class_caption
from engine.training.values import TrainingItem

from .stage import WORD, learn, lessons_of, spec_of

PRIOR = {"with_prior_preservation": True, "prior_mode": "class_pictures", "num_class_images": 2, "class_word": "mug"}


@pytest.mark.parametrize("gamma", [None, 5.0])
def test_the_batch_is_parted_before_it_is_weighed(gamma, material, tmp_path):
    spec = spec_of("dreambooth_lora", **{**PRIOR, "prior_loss_weight": 0.7, "snr_gamma": gamma, "validation_steps": 0})
    lessons = lessons_of(spec, material, tmp_path)
    asked = lessons.ask(lessons.instances, 0, "instance")
    assert isinstance(lessons.classes, Shelf)
    kept = lessons.ask(lessons.classes, 0, "class")
    assert not torch.equal(asked.timesteps, kept.timesteps)
    expected = asked.error(lessons.answer(asked)) + 0.7 * kept.error(lessons.answer(kept))
    torch.testing.assert_close(lessons.loss(lessons.task(0)), expected)


def test_the_base_models_own_answer_is_the_prior_at_first(material, tmp_path):
    """B begins at zero, so nothing has drifted yet; after some steps something has."""
    spec = spec_of("dreambooth_lora", validation_steps=0)
    lessons = lessons_of(spec, material, tmp_path)
    asked = lessons.ask(lessons.instances, 0, "instance")
    assert lessons.drift(asked).item() < 1e-10
    with torch.no_grad():
        for name, parameter in lessons.learner.parameters.items():
            if "lora_B" in name:
                parameter.add_(0.05)
    assert lessons.drift(asked).item() > 1e-6


def test_without_the_adapter_the_base_model_answers_bit_for_bit(material, tmp_path):
    for method in ("lora", "hypernetwork", "dreambooth"):
        spec = spec_of(method, validation_steps=0)
        if method == "dreambooth":
            spec = spec.replace(with_prior_preservation=True, prior_mode="adapter_off", class_word="mug")
        lessons = lessons_of(spec, material, tmp_path)
        asked = lessons.ask(lessons.instances, 0, "instance")
        lessons.learner.turn(learning=False)
        with torch.no_grad():
            before = lessons.networks.predict(asked.noisy, asked.timesteps, lessons.texts.fetch(asked.places))
            for parameter in lessons.learner.parameters.values():
                parameter.add_(0.01)
            with lessons.learner.without():
                after = lessons.networks.predict(asked.noisy, asked.timesteps, lessons.texts.fetch(asked.places))
            moved = lessons.networks.predict(asked.noisy, asked.timesteps, lessons.texts.fetch(asked.places))
        if method == "hypernetwork":
            # A fresh hypernetwork already changes a little, so its base is asked where there never was one.
            asked_of_base = lessons_of(spec_of("lora", validation_steps=0), material, tmp_path)
            with torch.no_grad():
                before = asked_of_base.answer(asked)
        assert torch.equal(before, after), method
        assert not torch.equal(after, moved), method


def test_class_pictures_are_drawn_once(material, tmp_path):
    spec = spec_of("dreambooth_lora", **PRIOR, max_train_steps=1, validation_steps=0)
    learn(spec, material, tmp_path)
    before = {path.name for path in (tmp_path / "cache").iterdir()}
    again, _ = learn(spec.replace(seed=5), material, tmp_path)
    assert {path.name for path in (tmp_path / "cache").iterdir()} == before
    assert again.last_step == 1


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        (f"a red {WORD}, on a beach", "a red mug, on a beach"),
        (f"a red {WORD} mug, on a beach", "a red mug, on a beach"),
        (f"{WORD}, on a beach", "mug, on a beach"),
        ("a tree", "a tree"),
    ],
)
def test_a_caption_about_the_class_has_no_trigger(caption, expected):
    assert class_caption(caption, spec_of("dreambooth_lora", class_word="mug")) == expected
    assert TrainingItem
