"""Each method trains for real, moves only what it should, and says what it did."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from engine.errors import EngineError, ModelError, SpecError
from engine.headers import hash_model
from engine.hypernetworks import ACTIVATIONS
from engine.starter import WEIGHTS
from engine.training.limits import CHOICES
from engine.training.values import Evaluated, Material, Sampled, Staged, Stepped
from tests.engine.tiny import build_folder

from .stage import METHODS, STRIP, learn, lessons_of, spec_of, training_of


@pytest.mark.parametrize("method", METHODS)
def test_it_learns_and_tells(method, material, tmp_path):
    spec = spec_of(method, max_train_steps=2, sample_steps=2, sample_prompts=STRIP)
    trained, events = learn(spec, material, tmp_path)
    assert trained.kind == ("lora" if method == "dreambooth_lora" else method)
    assert all(torch.isfinite(each).all() and each.dtype == torch.float32 for each in trained.weights.values())
    assert [each.step for each in events if isinstance(each, Stepped)] == [1, 2]
    assert [each.step for each in events if isinstance(each, Evaluated)] == [0, 2]
    [strip] = [each for each in events if isinstance(each, Sampled)]
    assert strip.images[0].size == (64, 64)
    stages = list(dict.fromkeys(each.stage for each in events if isinstance(each, Staged)))
    assert stages == ["loading", "caching", "validating", "sampling"]
    assert trained.pictures_per_second > 0
    assert trained.peak_memory_bytes > 10**7
    assert trained.environment["device"] == "cpu"


@pytest.mark.parametrize("method", METHODS)
def test_a_learning_rate_of_nothing_moves_nothing(method, material, tmp_path):
    spec = spec_of(method, learning_rate=0.0, max_train_steps=1, optimizer="adamw", validation_steps=1)
    still, _ = learn(spec, material, tmp_path / "still")
    moved, _ = learn(spec.replace(learning_rate=1e-3), material, tmp_path / "moved")
    assert any(not torch.equal(still.weights[name], moved.weights[name]) for name in still.weights)
    assert still.curve[-1].held_out.mean == 0
    assert still.verdict == "learned_nothing"
    if method == "dreambooth":
        unet = load_file(next((WEIGHTS / "unet").glob("*.safetensors")))
        assert all(torch.equal(still.weights[f"unet.{name}"], each.float()) for name, each in unet.items())


def test_lora_adapts_what_kohya_adapts(material, tmp_path):
    plain, _ = learn(spec_of("lora", max_train_steps=1, validation_steps=0), material, tmp_path / "plain")
    wide, _ = learn(
        spec_of("lora", max_train_steps=1, validation_steps=0, train_conv=True, train_text_encoder=True),
        material,
        tmp_path / "wide",
    )
    assert all(".attentions." in name for name in plain.weights)
    assert "unet.mid_block.attentions.0.proj_in.lora_A.weight" in plain.weights
    added = wide.weights.keys() - plain.weights.keys()
    assert "unet.down_blocks.0.resnets.0.conv1.lora_A.weight" in added
    assert "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_A.weight" in added
    assert plain.weights["unet.mid_block.attentions.0.proj_in.lora_A.weight"].shape[0] == 4


def test_textual_inversion_keeps_only_its_own_vectors(material, tmp_path):
    trained, _ = learn(spec_of("textual_inversion", validation_steps=0), material, tmp_path)
    [(name, vectors)] = trained.weights.items()
    assert (name, tuple(vectors.shape)) == ("text_encoder", (2, 128))


def test_a_word_that_the_model_knows_is_no_new_one(material, tmp_path):
    known = Material(train=tuple(each for each in material.train))
    spec = spec_of("textual_inversion", trigger_word="a", num_vectors=1)
    with pytest.raises(ModelError) as refused:
        learn(spec, known, tmp_path)
    assert refused.value.code == "adapter_token_taken"


def test_sdxl_learns_with_both_encoders(material, tmp_path):
    folder = build_folder("sdxl", tmp_path / "sdxl")
    sha256 = hash_model(folder)
    models = {sha256: folder}.__getitem__
    for method in METHODS:
        has_text = method not in ("textual_inversion", "hypernetwork")
        spec = spec_of(method, architecture="sdxl", base_model=sha256, max_train_steps=1, validation_steps=1)
        spec = spec.replace(train_text_encoder=has_text, prior_mode="adapter_off")
        trained, _ = learn(spec, material, tmp_path / method, models=models)
        spec = spec.replace(learning_rate=0.0, optimizer="adamw")
        still = learn(spec, material, tmp_path / "still", models=models)[0].weights
        moved = {name.partition(".")[0] for name, each in trained.weights.items() if not each.equal(still[name])}
        if has_text:
            assert moved == {"unet", "text_encoder", "text_encoder_2"}, method
        elif method == "textual_inversion":
            assert {name: each.shape[1] for name, each in trained.weights.items()} == {
                "text_encoder": 32,
                "text_encoder_2": 32,
            }
        assert moved


def test_the_best_step_comes_back(material, tmp_path):
    """A learning rate far too high is worst at the end: the version is from an earlier step."""
    spec = spec_of("lora", learning_rate=0.03, max_train_steps=6, validation_steps=1, snr_gamma=None)
    trained, events = learn(spec, material, tmp_path)
    curve = [each for each in events if isinstance(each, Evaluated)]
    best = min(curve[1:], key=lambda each: each.held_out.mean)
    assert trained.step == best.step < 6
    assert [each.step for each in curve if each.is_best][-1] == best.step
    again, _ = learn(spec.replace(restore_best=False), material, tmp_path / "last")
    assert again.step == 6


def test_it_stops_when_nothing_gets_better(material, tmp_path):
    spec = spec_of("lora", learning_rate=0.0, max_train_steps=50, validation_steps=1, early_stopping_patience=2)
    trained, _ = learn(spec, material, tmp_path)
    assert (trained.reason, trained.last_step) == ("early_stop", 2)


def test_an_accumulated_step_takes_the_mean_of_its_batches(material, tmp_path):
    spec = spec_of("lora", gradient_accumulation_steps=3, max_grad_norm=0.0, validation_steps=0)
    training, lessons = training_of(spec, material, tmp_path), lessons_of(spec, material, tmp_path)
    taken = []
    training.optimizer.register_step_pre_hook(
        lambda *_: taken.extend(each.grad.clone() for each in training.parameters.values())
    )
    training.take_step(0)
    for number in range(3):
        (lessons.loss(lessons.task(number)) / 3).backward()
    expected = [each.grad for each in lessons.learner.parameters.values()]
    assert any(each.abs().max() > 0 for each in expected)
    torch.testing.assert_close(taken, expected, rtol=1e-3, atol=1e-7)


def test_a_penalty_is_the_mean_size_of_what_learns(material, tmp_path):
    spec = spec_of("lora", l1_weight=0.5, max_grad_norm=0.0, validation_steps=0)
    grads = []
    for each in (spec, spec.replace(l1_weight=0.0)):
        training = training_of(each, material, tmp_path)
        kept = grads.append
        training.optimizer.register_step_pre_hook(
            lambda *_, training=training, kept=kept: kept([p.grad.clone() for p in training.parameters.values()])
        )
        signs = [each.detach().sign() for each in training.parameters.values()]
        training.take_step(0)
    count = sum(each.numel() for each in signs)
    difference = [with_it - without for with_it, without in zip(*grads, strict=True)]
    torch.testing.assert_close(difference, [0.5 * each / count for each in signs], rtol=1e-2, atol=1e-8)


def test_clipping_bounds_the_whole_gradient(material, tmp_path):
    training = training_of(spec_of("lora", max_grad_norm=1e-4, validation_steps=0), material, tmp_path)
    sizes = []
    training.optimizer.register_step_pre_hook(
        lambda *_: sizes.append(torch.stack([each.grad.norm() for each in training.parameters.values()]).norm().item())
    )
    training.take_step(0)
    assert sizes == [pytest.approx(1e-4, rel=1e-2)]


def test_checkpointed_activations_come_to_the_same_gradients(material, tmp_path):
    plain = spec_of("lora", max_train_steps=2, validation_steps=0)
    kept, _ = learn(plain, material, tmp_path / "kept")
    again, _ = learn(plain.replace(gradient_checkpointing=True), material, tmp_path / "again")
    torch.testing.assert_close(again.weights, kept.weights, rtol=1e-3, atol=1e-6)


def test_half_precision_learns_about_the_same(material, tmp_path):
    plain = spec_of("lora", max_train_steps=10, validation_steps=0)
    whole, _ = learn(plain, material, tmp_path / "whole")
    half, _ = learn(plain.replace(mixed_precision="bf16"), material, tmp_path / "half")
    assert all(each.dtype is torch.float32 for each in half.weights.values())
    assert half.losses[0][1] == pytest.approx(whole.losses[0][1], rel=0.02)
    assert half.losses != whole.losses


@pytest.mark.parametrize(("architecture", "told"), [("sd2", None), ("sd1", "v_prediction")])
def test_a_model_that_predicts_velocity_is_asked_for_it(architecture, told, material, tmp_path):
    folder = build_folder(architecture, tmp_path / "model")
    sha256 = hash_model(folder)
    spec = spec_of("lora", architecture=architecture, base_model=sha256, prediction_type=told, validation_steps=0)
    models = {sha256: folder}.__getitem__
    lessons = lessons_of(spec, material, tmp_path, models=models)
    other = lessons_of(spec.replace(prediction_type="epsilon"), material, tmp_path, models=models)
    asked, noise = (each.ask(each.instances, 0, "instance") for each in (lessons, other))
    assert torch.equal(asked.noisy, noise.noisy)
    table = lessons.networks.noise
    signal, share = (each[asked.timesteps].view(-1, 1, 1, 1) for each in (table.signal, table.noise))
    clean = (asked.noisy - share * noise.target) / signal
    torch.testing.assert_close(asked.target, signal * noise.target - share * clean, rtol=1e-3, atol=1e-3)
    assert lessons.loss(lessons.task(0)).isfinite()


def test_averaged_weights_follow_quickly_at_first(material, tmp_path):
    spec = spec_of("lora", ema_decay=0.999, max_train_steps=2, validation_steps=0, lr_scheduler="constant")
    averaged, _ = learn(spec, material, tmp_path / "averaged")
    start, first, second = (
        learn(spec.replace(ema_decay=0.0, **more), material, tmp_path / name)[0].weights
        for name, more in (
            ("start", {"max_train_steps": 1, "learning_rate": 0.0}),
            ("first", {"max_train_steps": 1}),
            ("second", {}),
        )
    )
    for name, weight in averaged.weights.items():
        after_one = start[name] * 1 / 10 + first[name] * 9 / 10
        torch.testing.assert_close(weight, after_one * 2 / 11 + second[name] * 9 / 11)


def test_variants_are_asked_for_only_where_something_varies(material, tmp_path):
    spec = spec_of("dreambooth_lora", cached_variants=4, max_train_steps=3, validation_steps=0)
    same, _ = learn(spec, material, tmp_path / "same")
    one, _ = learn(spec.replace(cached_variants=1), material, tmp_path / "one")
    assert (same.last_step, same.losses) == (3, one.losses)
    drawn = {"with_prior_preservation": True, "prior_mode": "class_pictures", "num_class_images": 2}
    flipped, _ = learn(spec.replace(random_flip=True, class_word="mug", **drawn), material, tmp_path / "flipped")
    assert flipped.last_step == 3


def test_a_fold_that_only_gets_worse_asks_for_few_steps(items, tmp_path):
    spec = spec_of("lora", learning_rate=0.05, folds=2, max_train_steps=4, validation_steps=1, restore_best=False)
    trained, _ = learn(spec, Material(train=tuple(items[:4])), tmp_path)
    votes = [json.loads(path.read_text())["step"] for path in sorted((tmp_path / "run").glob("fold-*/best.json"))]
    assert max(votes) < 4
    assert trained.last_step == max(1, round(sum(votes) / 2))


def test_what_follows_the_folds_keeps_their_schedule(items, tmp_path):
    spec = spec_of("lora", learning_rate=0.05, lr_scheduler="linear", folds=2, max_train_steps=8, validation_steps=2)
    trained, events = learn(spec, Material(train=tuple(items[:4])), tmp_path)
    assert trained.last_step < 8
    begun = max(place for place, each in enumerate(events) if isinstance(each, Staged) and each.stage == "folding")
    rates = [each.learning_rate for each in events[begun:] if isinstance(each, Stepped)]
    assert rates == [pytest.approx(0.05 * (1 - step / 8)) for step in range(trained.last_step)]


def test_folds_find_the_steps(items, tmp_path):
    spec = spec_of("textual_inversion", folds=2, max_train_steps=2, validation_steps=1)
    trained, events = learn(spec, Material(train=tuple(items[:4])), tmp_path)
    folds = [each for each in events if isinstance(each, Staged) and each.stage == "folding"]
    assert [(each.index, each.total) for each in folds] == [(0, 2), (1, 2), (2, 2)]
    assert 1 <= trained.last_step <= 2
    assert trained.curve == ()
    assert sorted(path.name for path in (tmp_path / "run").glob("fold-*/*")) == ["best.json", "best.json"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"rank": 0}, "training_out_of_range"),
        ({"learning_rate": float("nan")}, "training_out_of_range"),
        ({"resolution": 100}, "training_resolution_uneven"),
        ({"optimizer": "sgd"}, "training_choice_unknown"),
        ({"split": "0" * 64}, "training_split_differs"),
        ({"with_prior_preservation": True}, "training_prior_unfit"),
        ({"layer_structure": (1, 2)}, "training_structure_unfit"),
        ({"activation_func": "eval"}, "training_choice_unknown"),
        ({"trigger_word": "a, b"}, "training_word_unfit"),
        ({"folds": 1}, "training_folds_one"),
        ({"folds": 2, "validation_steps": 0}, "training_folds_blind"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_loaded(changes, code, material, tmp_path):
    def never(sha256):
        raise AssertionError(sha256)

    with pytest.raises(SpecError) as refused:
        learn(spec_of("lora", **changes), material, tmp_path, models=never)
    assert refused.value.code == code
    assert refused.value.params["field"] in changes


def test_a_picture_that_changed_since_it_was_frozen_is_refused(items, tmp_path):
    changed = replace(items[0], path=items[1].path)
    with pytest.raises(EngineError) as refused:
        learn(spec_of("lora"), Material(train=(changed,)), tmp_path)
    assert refused.value.code == "picture_changed"


def test_a_model_that_changed_is_refused(material, tmp_path):
    with pytest.raises(ModelError) as refused:
        learn(spec_of("lora", base_model="0" * 64), material, tmp_path, models=lambda _sha256: WEIGHTS)
    assert refused.value.code == "model_changed"


def test_a_loss_that_is_no_number_stops(material, tmp_path):
    spec = spec_of("lora", learning_rate=10.0, max_grad_norm=0.0, weight_decay=1.0, max_train_steps=200, rank=64)
    with pytest.raises(EngineError) as stopped:
        learn(spec.replace(lora_alpha=1024.0, validation_steps=0, optimizer="adamw"), material, tmp_path)
    assert stopped.value.code == "training_diverged"


def test_every_activation_that_may_be_asked_for_is_known():
    assert set(CHOICES["activation_func"]) == {"linear", "None", *ACTIVATIONS}
