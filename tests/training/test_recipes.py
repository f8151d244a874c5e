"""Advice, presets, estimates, and differences: pure values in, pure values out."""

import pytest

from engine.specs import SamplePrompt, TrainingSpec
from engine.training.limits import check_training
from training.recipes import (
    METHODS,
    PRESETS,
    PURPOSES,
    RECOMMENDED_WEIGHTS,
    Machine,
    ModelSizes,
    differences,
    epochs_of,
    estimate,
    judge_readiness,
    methods_for,
    steps_of,
    suggest,
)
from training.recipes.estimates import GIB, hypernetwork_parameters, trained_parameters
from training.sentences import PRESET_REASONS, READINESS, REASONS

LAPTOP = Machine(kind="cpu", memory_bytes=16 * GIB, threads=8)
CARD = Machine(kind="cuda", memory_bytes=24 * GIB, name="card")
MIDDLE_CARD = Machine(kind="cuda", memory_bytes=16 * GIB, name="middle")
SMALL_CARD = Machine(kind="cuda", memory_bytes=8 * GIB, name="small")
# Stable Diffusion 1.5 and XL, as their files count.
SD1 = ModelSizes(
    unet=859_520_964, text=123_060_480, vae=83_653_863, lora_width=423_936, conv_width=600_000, text_width=165_888,
    token_widths=(768,), attention_widths=(320, 640, 768, 1280),
)  # fmt: skip
SDXL = ModelSizes(
    unet=2_567_463_684, text=817_720_320, vae=83_653_863, lora_width=2_659_840, conv_width=500_000, text_width=700_000,
    token_widths=(768, 1280), attention_widths=(640, 1280, 2048),
)  # fmt: skip


def spec(**values) -> TrainingSpec:
    return TrainingSpec(**{"method": "lora", "architecture": "sd1", "base_model": "a" * 64, **values})


def test_every_purpose_has_its_methods_with_a_reason():
    assert [each.method for each in methods_for("character")][:2] == ["lora", "dreambooth_lora"]
    assert {each.method for each in methods_for("style")} == {"lora", "textual_inversion", "hypernetwork"}
    assert methods_for("object")[0].method == "textual_inversion"
    assert {each.reason for choices in METHODS.values() for each in choices} == set(REASONS)


@pytest.mark.parametrize("method", PRESETS)
@pytest.mark.parametrize("preset", ["quick", "balanced", "careful"])
@pytest.mark.parametrize("machine", [LAPTOP, CARD, SMALL_CARD])
def test_every_suggestion_is_a_recipe_that_the_engine_takes(method, preset, machine):
    for architecture, side in (("sd1", 512), ("sd1", 64), ("sdxl", 1024)):
        values = suggest(
            method, "style", pictures=20, native_size=side, machine=machine, architecture=architecture, preset=preset
        )
        asked = spec(method=method, architecture=architecture, trigger_word="sks", **values)
        assert check_training(asked) == []
        assert PRESETS[method][preset].reason in PRESET_REASONS
        assert asked.max_train_steps >= PRESETS[method][preset].least_steps
        assert 0 < asked.validation_steps <= asked.max_train_steps
    assert method in RECOMMENDED_WEIGHTS


def test_a_suggestion_follows_the_machine():
    def on(machine, **more):
        asked = {"pictures": 20, "native_size": 512, "architecture": "sd1", **more}
        return suggest("lora", "character", machine=machine, **asked)

    assert (on(LAPTOP)["mixed_precision"], on(CARD)["mixed_precision"]) == ("no", "bf16")
    assert on(SMALL_CARD)["gradient_checkpointing"]
    assert not on(CARD)["gradient_checkpointing"]
    large = {"native_size": 1024, "architecture": "sdxl"}
    assert on(MIDDLE_CARD, **large)["gradient_checkpointing"]
    assert not on(MIDDLE_CARD)["gradient_checkpointing"]
    asked = spec(architecture="sdxl", **on(MIDDLE_CARD, **large))
    assert estimate(asked, SDXL, pictures=20, machine=MIDDLE_CARD).fits
    assert (on(SMALL_CARD)["train_batch_size"], on(CARD)["train_batch_size"]) == (1, 2)
    assert on(CARD, pictures=2000)["max_train_steps"] <= PRESETS["lora"]["balanced"].most_steps


def test_only_a_style_is_mirrored():
    for purpose in PURPOSES:
        values = suggest("lora", purpose, pictures=9, native_size=512, machine=CARD, architecture="sd1")
        assert values["random_flip"] == (purpose == "style")
        # One variant would leave half of the pictures mirrored for good.
        assert (values.get("cached_variants", 1) > 1) == values["random_flip"]


def test_readiness_names_what_is_missing():
    def codes(**facts):
        usual = {"pictures": 20, "captioned": 20, "clusters": 20, "trigger_word": "sks"}
        found = judge_readiness(facts.pop("method", "lora"), **{**usual, **facts})
        assert all(each.code in READINESS for each in found)
        return {each.code: each.level for each in found}

    assert codes() == {"pictures_enough": "ok"}
    assert codes(pictures=1, captioned=1, clusters=1)["pictures_too_few"] == "stop"
    assert codes(pictures=5, captioned=5, clusters=5)["folds_advised"] == "warn"
    assert codes(clusters=1)["nothing_to_hold_out"] == "warn"
    assert codes(captioned=18, trigger_word="")["captions_missing"] == "stop"
    assert codes(captioned=18)["captions_missing"] == "warn"
    assert codes(method="textual_inversion", trigger_word="")["trigger_missing"] == "stop"


def test_memory_grows_with_batch_resolution_and_rank_and_shrinks_with_checkpointing():
    def needs(**values):
        return estimate(spec(**values), SD1, pictures=20, machine=CARD).memory_bytes

    usual = needs(mixed_precision="bf16")
    assert needs(mixed_precision="bf16", train_batch_size=4) > usual
    assert needs(mixed_precision="bf16", resolution=768) > usual
    assert needs(mixed_precision="bf16", rank=128) > usual
    assert needs(mixed_precision="no") > usual
    assert needs(mixed_precision="bf16", gradient_checkpointing=True) < usual
    assert needs(mixed_precision="bf16", optimizer="adamw_8bit", rank=256) < needs(mixed_precision="bf16", rank=256)


def test_the_rule_of_thumb_holds():
    """8 GB take batch 1 to 2 at 512 on SD 1.5, 12 GB take SDXL."""
    eight, twelve = Machine(kind="cuda", memory_bytes=8 * GIB), Machine(kind="cuda", memory_bytes=12 * GIB)
    small = spec(mixed_precision="bf16", resolution=512, train_batch_size=2, gradient_checkpointing=True)
    assert estimate(small, SD1, pictures=20, machine=eight).fits
    assert not estimate(spec(method="dreambooth"), SD1, pictures=20, machine=eight).fits
    large = spec(architecture="sdxl", mixed_precision="bf16", resolution=1024, gradient_checkpointing=True)
    assert estimate(large, SDXL, pictures=20, machine=twelve).fits
    assert estimate(large.replace(sample_steps=50), SDXL, pictures=20, machine=twelve).fits
    assert not estimate(large.replace(gradient_checkpointing=False), SDXL, pictures=20, machine=twelve).fits


def test_the_parts_are_the_whole():
    found = estimate(spec(mixed_precision="bf16"), SD1, pictures=20, machine=CARD)
    assert found.memory_bytes >= sum(found.parts.values())
    assert found.parts["weights"] == SD1.unet * 2
    assert found.parts["gradients"] == trained_parameters(spec(), SD1) * 4 == 16 * SD1.lora_width * 4
    assert found.parts["optimizer"] == 2 * found.parts["gradients"]


def test_what_each_method_moves():
    assert trained_parameters(spec(method="textual_inversion", num_vectors=3), SDXL) == 3 * (768 + 1280)
    assert trained_parameters(spec(method="dreambooth", train_text_encoder=True), SD1) == SD1.unet + SD1.text
    # A1111's layer structure 1, 2, 1: d x 2d + 2d and 2d x d + d, for keys and for values.
    assert hypernetwork_parameters(320, (1, 2, 1)) == 2 * (320 * 640 + 640 + 640 * 320 + 320)


def test_a_measured_pace_takes_the_place_of_the_counted_one():
    asked = spec(max_train_steps=100, train_batch_size=2, validation_steps=0, cached_variants=1)
    measured = estimate(asked, SD1, pictures=10, machine=CARD, pictures_per_second=4.0)
    assert measured.is_measured
    assert measured.seconds == pytest.approx(200 / 4 + 10 / 8, abs=0.1)
    assert not estimate(asked, SD1, pictures=10, machine=CARD).is_measured


def test_differences_name_the_fields_and_pass_over_what_only_looks():
    one = spec(learning_rate=1e-4).as_dict() | {"language": "en"}
    assert differences(one, one) == ()
    other = {**one, "learning_rate": 2e-4, "language": "ja", "split": "b" * 64, "sample_steps": 7}
    assert [each.as_dict() for each in differences(one, other)] == [
        {"field": "learning_rate", "before": 1e-4, "after": 2e-4},
        {"field": "language", "before": "en", "after": "ja"},
    ]
    shown = spec(sample_prompts=(SamplePrompt(prompt="a"),)).as_dict()
    assert differences(spec().as_dict(), shown) == ()


def test_epochs_and_steps():
    assert steps_of(10, pictures=20, batch_size=4) == 50
    assert steps_of(1, pictures=5, batch_size=4) == 2
    assert steps_of(0.001, pictures=1, batch_size=64) == 1
    assert epochs_of(50, pictures=20, batch_size=4) == 10
    assert steps_of(10, pictures=20, batch_size=2, accumulation=2) == 50
