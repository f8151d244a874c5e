"""What an adapter is and what it was made for, by its header alone, and what is refused before anybody uses it."""

import pytest
import torch
from safetensors.torch import save_file

from assets.adapter_kinds import check_fits, describe_adapter
from assets.model_kinds import examine_model, identify
from engine.errors import ModelError
from engine.headers import hash_tensors, read_header

from . import adapter_headers as headers

SD1 = {"modelspec.architecture": "stable-diffusion-v1/textual-inversion"}


def describe(tmp_path, weights, metadata=None):
    save_file(weights, tmp_path / "moody.safetensors", metadata)
    return describe_adapter(read_header(tmp_path / "moody.safetensors"))


# what it is: (weights, metadata, method, form, architecture, text width)
KNOWN = {
    "LoHa": (headers.loha(), {}, "lora", "LoHa", "sd1", 768),
    "LoHa of SD 2": (headers.loha(1024), {}, "lora", "LoHa", "sd2", 1024),
    "LoHa with cores": (headers.loha_with_cores(), {"ss_base_model_version": "sd_v1"}, "lora", "LoHa", "sd1", None),
    "LoKr": (headers.lokr(), {}, "lora", "LoKr", "sd1", 768),
    "LoKr in parts": (headers.lokr_in_parts(2048), {}, "lora", "LoKr", "sdxl", 2048),
    "DoRA": (headers.dora(), {}, "lora", "DoRA", "sd1", 768),
    "hypernetwork": (headers.hypernetwork(), {}, "hypernetwork", "Hypernetwork", "sd1", 768),
    "hypernetwork of SDXL": (headers.hypernetwork(640, 1280, 2048), {}, "hypernetwork", "Hypernetwork", "sdxl", 2048),
    "hypernetwork of nobody's": (headers.hypernetwork(64, 128), {}, "hypernetwork", "Hypernetwork", None, None),
    "DreamBooth": (headers.dreambooth(), {}, "dreambooth", "DreamBooth", "sd1", 768),
    "DreamBooth of SDXL": (
        headers.dreambooth(2048) | {"text_encoder_2.x.weight": torch.ones(2, 2)},
        {"daicho.kind": "dreambooth"},
        "dreambooth",
        "DreamBooth",
        "sdxl",
        2048,
    ),
    "word": (headers.word(), {}, "textual_inversion", "Textual Inversion", "sd1", 768),
    "word of SD 2": (headers.word(width=1024), {}, "textual_inversion", "Textual Inversion", "sd2", 1024),
    "word under its own name": (headers.word("<zk>"), {}, "textual_inversion", "Textual Inversion", "sd1", 768),
    "word under A1111's name": (headers.word("*"), {}, "textual_inversion", "Textual Inversion", "sd1", 768),
    "word for two encoders": (headers.double_word(), {}, "textual_inversion", "Textual Inversion", "sdxl", None),
    "word of nobody's model": (headers.word(width=128), SD1, "textual_inversion", "Textual Inversion", "sd1", 128),
    "one vector": ({"emb_params": torch.ones(768)}, {}, "textual_inversion", "Textual Inversion", "sd1", 768),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_an_adapter_says_what_it_is_and_what_it_was_made_for(name, tmp_path):
    weights, metadata, *expected = KNOWN[name]
    found = describe(tmp_path, weights, metadata)
    assert [found.method, found.form, found.architecture, found.text_width] == expected
    assert identify(tmp_path / "moody.safetensors").kind == "adapter"


@pytest.mark.parametrize(
    ("weights", "metadata", "word"),
    [
        (headers.word(), {}, ""),
        (headers.word("<zk>"), {}, "<zk>"),
        (headers.word(), {"modelspec.trigger_phrase": " zkink\u202e "}, "zkink"),
        (headers.word("<b>\u0000x</b>"), {}, "<b>x</b>"),
    ],
)
def test_a_word_is_read_cleaned(weights, metadata, word, tmp_path):
    assert describe(tmp_path, weights, metadata).word == word


def test_a_word_without_a_name_is_called_by_its_file(tmp_path):
    save_file(headers.word(), tmp_path / "model.safetensors")
    options = {"kind": "adapter", "made_for": ["sd1"]}
    assert examine_model(tmp_path / "model.safetensors", **options, file_name="moody light.safetensors").word == (
        "moody light"
    )
    assert examine_model(tmp_path / "model.safetensors", **options).word == "model"
    save_file(headers.loha(), tmp_path / "model.safetensors")
    assert examine_model(tmp_path / "model.safetensors", **options, file_name="moody.safetensors").word == ""


def without(weights, *endings):
    return {name: tensor for name, tensor in weights.items() if not name.endswith(endings)}


def other(weights, ending, *shape):
    return {name: torch.ones(*shape) if name.endswith(ending) else tensor for name, tensor in weights.items()}


FLUX_LOHA = {name.replace(headers.WORDS, "lora_unet_double_blocks_0_img_attn_qkv"): each for name, each in
             headers.loha().items()}  # fmt: skip
REFUSED = {
    "LoHa without a matrix": (without(headers.loha(), "hada_w2_a"), {}, "adapter_layer_incomplete"),
    "LoHa without a core": (without(headers.loha_with_cores(), "hada_t2"), {}, "adapter_layer_incomplete"),
    "LoHa of rank 0": (headers.loha(rank=0), {}, "adapter_rank_zero"),
    "LoHa of two ranks": (other(headers.loha(), "hada_w1_a", 320, 3), {}, "adapter_rank_differs"),
    "LoHa with many alphas": (other(headers.loha(), "alpha", 3), {}, "adapter_alpha_invalid"),
    "LoHa for FLUX": (FLUX_LOHA, {}, "adapter_kind_unsupported"),
    "LoKr without a factor": (without(headers.lokr(), "lokr_w1"), {}, "adapter_layer_incomplete"),
    "LoKr of two ranks": (other(headers.lokr_in_parts(), "lokr_w2_b", 5, 96), {}, "adapter_rank_differs"),
    "LoKr of rank 0": (headers.lokr_in_parts(rank=0), {}, "adapter_rank_zero"),
    "DoRA without a matrix": (without(headers.dora(), "lora_up.weight"), {}, "adapter_layer_incomplete"),
    "DoRA of two ranks": (other(headers.dora(), "lora_up.weight", 320, 9), {}, "adapter_rank_differs"),
    "hypernetwork of one side": (
        {name: each for name, each in headers.hypernetwork(64).items() if ".k." in name},
        {},
        "hypernetwork_invalid",
    ),
    "hypernetwork without a bias": (
        without(headers.hypernetwork(64), "64.k.linear.0.bias"),
        {},
        "hypernetwork_invalid",
    ),
    "hypernetwork that does not come back": (
        without(headers.hypernetwork(64), "linear.2.weight", "linear.2.bias"),
        {},
        "hypernetwork_invalid",
    ),
    "hypernetwork that breaks off": (
        other(headers.hypernetwork(64), "linear.2.weight", 64, 100),
        {},
        "hypernetwork_invalid",
    ),
    "a so-called hypernetwork": (headers.word("x.weight"), {"daicho.kind": "hypernetwork"}, "hypernetwork_invalid"),
    "a so-called DreamBooth": (headers.word("x.weight"), {"daicho.kind": "dreambooth"}, "adapter_broken"),
    "two words": (headers.word("<a>") | headers.word("<b>"), {}, "embedding_several"),
    "a word and something": (
        headers.word() | {"x.weight": torch.ones(2, 2)},
        {"daicho.kind": "textual_inversion"},
        "embedding_several",
    ),
    "half a word": ({"clip_g": torch.ones(1, 1280)}, {}, "adapter_incomplete"),
    "no vectors": (headers.word(count=0), {}, "adapter_broken"),
    "a word of three dimensions": ({"emb_params": torch.ones(1, 2, 768)}, {}, "adapter_broken"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_adapter_is_refused_with_its_reason(name, tmp_path):
    weights, metadata, code = REFUSED[name]
    with pytest.raises(ModelError) as caught:
        describe(tmp_path, weights, metadata)
    assert caught.value.code == code
    assert str(caught.value)


@pytest.mark.parametrize("name", ["LoHa", "hypernetwork", "DreamBooth", "word"])
def test_an_adapter_for_another_model_is_refused(name, tmp_path):
    found = describe(tmp_path, *KNOWN[name][:2])
    check_fits(found, architecture="sd1")
    with pytest.raises(ModelError) as caught:
        check_fits(found, architecture="sdxl")
    assert caught.value.code == "adapter_architecture_differs"


@pytest.mark.parametrize("name", ["LoHa", "LoKr", "DoRA", "hypernetwork", "DreamBooth", "word"])
def test_values_that_are_no_numbers_are_refused(name, tmp_path):
    weights = dict(KNOWN[name][0])
    key = max(weights, key=lambda each: weights[each].numel())
    weights[key] = weights[key].clone()
    weights[key].view(-1)[-1] = float("nan")
    save_file(weights, tmp_path / "a.safetensors", KNOWN[name][1] or None)
    with pytest.raises(ModelError) as caught:
        examine_model(tmp_path / "a.safetensors", kind="adapter", made_for=["sd1"])
    assert caught.value.code == "weights_not_finite"


def test_the_method_is_known_after_examining(tmp_path):
    for name, (weights, metadata, method, *_) in KNOWN.items():
        save_file(weights, tmp_path / f"{name}.safetensors", metadata or None)
        made_for = [] if KNOWN[name][4] else ["sd1"]
        assert examine_model(tmp_path / f"{name}.safetensors", kind="adapter", made_for=made_for).method == method


@pytest.mark.parametrize(("prefix", "is_right"), [("0x", True), ("", True), ("0x", False)])
def test_a_file_must_hold_what_its_own_hash_says(prefix, is_right, tmp_path):
    path = tmp_path / "a.safetensors"
    save_file(headers.loha(), path)
    digest = hash_tensors(path) if is_right else "0" * 64
    save_file(headers.loha(), path, {"modelspec.hash_sha256": prefix + digest})
    if is_right:
        assert examine_model(path, kind="adapter").method == "lora"
        return
    with pytest.raises(ModelError) as caught:
        examine_model(path, kind="adapter")
    assert caught.value.code == "adapter_hash_differs"


def test_a_hash_that_is_none_is_passed_over(tmp_path):
    save_file(headers.loha(), tmp_path / "a.safetensors", {"modelspec.hash_sha256": "unknown"})
    assert examine_model(tmp_path / "a.safetensors", kind="adapter").method == "lora"


def test_what_is_no_adapter_stays_none(tmp_path):
    assert describe(tmp_path, {"something.weight": torch.ones(2, 2)}) is None
    assert describe(tmp_path, {"conv_first.weight": torch.ones(4, 3, 3, 3)}) is None
