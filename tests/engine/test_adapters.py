"""Adapters change the picture while they are on, and leave no trace when they are off."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import ModelError
from engine.specs import AdapterRef
from tests.engine.test_architectures import make_engine, make_spec
from tests.engine.test_render import ignore
from tests.engine.tiny import build_folder

UNET_LAYERS = ("to_q", "to_v")
MIDDLE = "mid_block_attentions_0_transformer_blocks_0_attn2"


def kohya(target, *, width, rank=4, alpha=None, seed=0, inner=128, text=128, scale=0.2, layer=MIDDLE):
    """Write a LoRA under kohya's names for two cross-attention layers and one of the text encoder's."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    sizes = {f"lora_unet_{layer}_to_q": (inner, inner), f"lora_unet_{layer}_to_v": (width, inner)}
    sizes["lora_te_text_model_encoder_layers_0_self_attn_q_proj"] = (text, text)
    for name, (into, out) in sizes.items():
        weights[f"{name}.lora_down.weight"] = torch.randn(rank, into, generator=generator) * scale
        weights[f"{name}.lora_up.weight"] = torch.randn(out, rank, generator=generator) * scale
        if alpha is not None:
            weights[f"{name}.alpha"] = torch.tensor(float(alpha))
    save_file(weights, target)
    return target


def starter_lora(target, **options):
    return kohya(target, width=128, inner=192, text=128, **options)


def lora(sha256, weight=1.0):
    return AdapterRef(kind="lora", sha256=sha256, weight=weight)


def inversion(sha256):
    return AdapterRef(kind="textual_inversion", sha256=sha256)


def test_a_lora_changes_the_picture_and_comes_off_without_a_trace(bench, tmp_path):
    one = bench.add(starter_lora(tmp_path / "one"))
    before = bench.draw()
    clean = bench.weights_hash()
    changed = bench.draw(lora(one))
    assert changed != before
    assert bench.draw(lora(one)) == changed
    assert bench.draw() == before
    assert bench.weights_hash() == clean


def test_the_weight_counts_and_zero_is_nothing(bench, tmp_path):
    one = bench.add(starter_lora(tmp_path / "one"))
    pictures = [bench.draw(lora(one, weight)) for weight in (0.0, 0.5, 1.0)]
    assert pictures[0] == bench.draw()
    assert len(set(pictures)) == 3


def test_a_missing_alpha_means_the_rank(bench, tmp_path):
    without = bench.add(starter_lora(tmp_path / "without"))
    same = bench.add(starter_lora(tmp_path / "same", alpha=4))
    half = bench.add(starter_lora(tmp_path / "half", alpha=2))
    assert bench.draw(lora(without)) == bench.draw(lora(same))
    assert bench.draw(lora(half)) == bench.draw(lora(same, 0.5))


def test_two_loras_work_together(bench, tmp_path):
    one = bench.add(starter_lora(tmp_path / "one"))
    two = bench.add(starter_lora(tmp_path / "two", seed=1, rank=2))
    both = bench.draw(lora(one), lora(two, 0.5))
    assert both not in (bench.draw(lora(one)), bench.draw(lora(two, 0.5)), bench.draw())
    assert bench.draw(lora(one), lora(two, 0.5)) == both


def test_a_lora_under_peft_names_is_read_too(bench, tmp_path):
    weights = load_file(starter_lora(tmp_path / "kohya"))
    renamed = {}
    for key, value in weights.items():
        if key.startswith("lora_unet_"):
            part = "to_q" if "to_q" in key else "to_v"
            end = "lora_A" if "lora_down" in key else "lora_B"
            renamed[f"unet.mid_block.attentions.0.transformer_blocks.0.attn2.{part}.{end}.weight"] = value
    save_file(renamed, tmp_path / "peft")
    assert bench.draw(lora(bench.add(tmp_path / "peft"))) != bench.draw()


def break_shape(path):
    return kohya(path, width=77, inner=192)


def rename_layers(path):
    return starter_lora(path, layer="mid_block_attentions_7_transformer_blocks_0_attn2")


def empty_rank(path):
    return starter_lora(path, rank=0)


def fill_with_nan(path):
    return starter_lora(path, scale=float("nan"))


def drop_half(ending):
    def make(path):
        weights = load_file(starter_lora(path))
        del weights[next(name for name in sorted(weights) if name.endswith(ending))]
        save_file(weights, path)
        return path

    return make


def write_other_tensors(path):
    save_file({"something": torch.zeros(3)}, path)
    return path


def write_no_tensors(path):
    save_file({}, path)
    return path


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (break_shape, "adapter_mismatch"),
        (rename_layers, "adapter_mismatch"),
        (write_other_tensors, "adapter_mismatch"),
        (empty_rank, "adapter_broken"),
        (fill_with_nan, "adapter_broken"),
        (write_no_tensors, "adapter_broken"),
        (drop_half("lora_down.weight"), "adapter_incomplete"),
        (drop_half("lora_up.weight"), "adapter_incomplete"),
    ],
)
def test_a_lora_that_does_not_fit_is_refused_and_leaves_no_trace(make, code, bench, tmp_path):
    good = bench.add(starter_lora(tmp_path / "good"))
    bad = bench.add(make(tmp_path / "bad"))
    before = bench.draw()
    clean = bench.weights_hash()
    with pytest.raises(ModelError) as caught:
        bench.draw(lora(good), lora(bad))
    assert caught.value.code == code
    assert bench.draw() == before
    assert bench.weights_hash() == clean


def test_a_changed_adapter_is_refused(bench, tmp_path):
    one = bench.add(starter_lora(tmp_path / "one"))
    starter_lora(tmp_path / "one", seed=5)
    with pytest.raises(ModelError) as caught:
        bench.draw(lora(one))
    assert caught.value.code == "model_changed"


@pytest.mark.parametrize("key", ["zkmoon", "emb_params"])
def test_a_textual_inversion_teaches_a_word_and_comes_off(key, bench, tmp_path):
    before = bench.draw(prompt="a zkmoon car")
    clean = bench.weights_hash()
    file = tmp_path / "zkmoon.safetensors"
    save_file({key: torch.randn(3, 128, generator=torch.Generator().manual_seed(0))}, file)
    sha256 = bench.add(file)
    with_word = bench.draw(inversion(sha256), prompt="a zkmoon car")
    assert with_word != before
    assert bench.draw(inversion(sha256), prompt="a red car") == bench.draw(prompt="a red car")
    assert bench.draw(inversion(sha256), prompt="a zkmoon car") == with_word
    assert bench.draw(prompt="a zkmoon car") == before
    assert bench.weights_hash() == clean


def test_the_files_own_trigger_phrase_is_its_word(bench, tmp_path):
    file = tmp_path / "0123"
    save_file({"emb_params": torch.randn(1, 128)}, file, {"modelspec.trigger_phrase": "zkink"})
    sha256 = bench.add(file)
    assert bench.draw(inversion(sha256), prompt="zkink") != bench.draw(prompt="zkink")


def test_a_lora_and_a_textual_inversion_work_together(bench, tmp_path):
    save_file({"zkink": torch.randn(2, 128)}, tmp_path / "word")
    word, one = bench.add(tmp_path / "word"), bench.add(starter_lora(tmp_path / "one"))
    both = bench.draw(inversion(word), lora(one), prompt="zkink")
    assert both not in (bench.draw(inversion(word), prompt="zkink"), bench.draw(lora(one), prompt="zkink"))


@pytest.mark.parametrize(
    ("weights", "code"),
    [
        ({"zkink": torch.zeros(1, 77)}, "adapter_mismatch"),
        ({"clip_l": torch.zeros(1, 128), "clip_g": torch.zeros(1, 128)}, "adapter_mismatch"),
        ({"red</w>": torch.zeros(1, 128)}, "adapter_token_taken"),
    ],
)
def test_a_textual_inversion_that_does_not_fit_is_refused(weights, code, bench, tmp_path):
    save_file(weights, tmp_path / "zkink")
    sha256 = bench.add(tmp_path / "zkink")
    before = bench.draw()
    with pytest.raises(ModelError) as caught:
        bench.draw(inversion(sha256))
    assert caught.value.code == code
    assert bench.draw() == before


def test_sdxl_learns_a_word_in_both_text_encoders(tmp_path):
    save_file({"clip_l": torch.randn(2, 32), "clip_g": torch.randn(2, 32)}, tmp_path / "zkink")
    engine, (base, word) = make_engine(build_folder("sdxl", tmp_path / "m"), tmp_path / "zkink")
    spec = make_spec("sdxl", base, prompt="zkink")
    plain = engine.render(spec, ignore).pixels_sha256
    assert engine.render(spec.replace(adapters=(inversion(word),)), ignore).pixels_sha256 != plain
    assert engine.render(spec, ignore).pixels_sha256 == plain


@pytest.mark.parametrize("half", ["clip_l", "clip_g"])
def test_sdxl_takes_no_word_for_one_text_encoder_only(half, tmp_path):
    save_file({half: torch.randn(2, 32)}, tmp_path / "zkink")
    engine, (base, word) = make_engine(build_folder("sdxl", tmp_path / "m"), tmp_path / "zkink")
    with pytest.raises(ModelError) as caught:
        engine.render(make_spec("sdxl", base, prompt="zkink", adapters=(inversion(word),)), ignore)
    assert (caught.value.code, caught.value.params["tensors"]) == ("adapter_incomplete", [half])
