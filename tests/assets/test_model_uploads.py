"""Uploaded model files: every bad one has its reason, and a LoRA says what it was made for."""

import json
import struct

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from assets.adapter_kinds import check_fits
from assets.model_uploads import SAMPLE_BYTES, SAMPLES, check_upload
from engine.errors import ModelError
from engine.headers import DTYPE_BYTES, MAX_METADATA_BYTES, MAX_TENSORS

ONE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
MANY = {str(number): {**ONE, "data_offsets": [4 * number, 4 * number + 4]} for number in range(100_000)}
UNET = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"


def pack(header, data=b"", *, length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def one(data=bytes(4), **changes):
    return pack({"a": {**ONE, **changes}}, data)


# name: (file name, content, code)
REFUSED = {
    "empty": ("m.safetensors", b"", "file_too_short"),
    "pickle renamed": ("m.safetensors", b"\x80\x04\x95" + bytes(99), "pickle_content"),
    "zip of pickles renamed": ("m.safetensors", b"PK\x03\x04" + bytes(99), "pickle_content"),
    ".ckpt": ("m.ckpt", one(), "unsafe_format"),
    ".pt": ("m.pt", one(), "unsafe_format"),
    ".PTH in capitals": ("m.PTH", one(), "unsafe_format"),
    ".bin": ("m.bin", one(), "unsafe_format"),
    "header length 2^63": ("m.safetensors", pack({}, length=2**63), "header_over_file"),
    "header length over the file": ("m.safetensors", pack({}, length=3), "header_over_file"),
    "negative header length": ("m.safetensors", struct.pack("<q", -1) + b"{}", "header_over_file"),
    "100k tensors": ("m.safetensors", pack(MANY, bytes(400_000)), "too_many_tensors"),
    "100k tensors with escaped names": (
        "m.safetensors",
        pack(json.dumps(MANY).replace("data_offsets", "data_offset\\u0073").encode(), bytes(400_000)),
        "too_many_tensors",
    ),
    "overlapping offsets": (
        "m.safetensors",
        pack({"a": ONE, "b": {**ONE, "data_offsets": [2, 6]}}, bytes(6)),
        "tensors_overlap",
    ),
    "the same offsets twice": ("m.safetensors", pack({"a": ONE, "b": ONE}, bytes(4)), "tensors_overlap"),
    "a hole": ("m.safetensors", pack({"a": ONE, "b": {**ONE, "data_offsets": [8, 12]}}, bytes(12)), "tensors_hole"),
    "a payload behind the tensors": ("m.safetensors", one(bytes(4) + b"PK\x03\x04"), "tensors_hole"),
    "cut off": ("m.safetensors", one(bytes(3)), "file_truncated"),
    "shape overflow": ("m.safetensors", one(shape=[2**32, 2**32]), "tensor_size_mismatch"),
    "shape overflow to the right size": ("m.safetensors", one(shape=[2**62 + 1, 4]), "tensor_size_mismatch"),
    "side over 64 bits": ("m.safetensors", one(shape=[2**64]), "tensor_shape_invalid"),
    "negative sides": ("m.safetensors", one(shape=[-1, -1]), "tensor_shape_invalid"),
    "negative offsets": ("m.safetensors", one(data_offsets=[-4, 0]), "tensor_offsets_invalid"),
    "duplicate keys": ("m.safetensors", pack(b'{"a":1,"a":2}'), "header_duplicate_key"),
    "duplicate keys in a tensor": (
        "m.safetensors",
        pack(b'{"a":{"dtype":"F32","dtype":"F16"}}'),
        "header_duplicate_key",
    ),
    "duplicate metadata": ("m.safetensors", pack(b'{"__metadata__":{"a":"1","a":"2"}}'), "header_duplicate_key"),
    "unknown dtype": ("m.safetensors", one(dtype="PICKLE"), "tensor_dtype_unknown"),
    "dtype in lower case": ("m.safetensors", one(dtype="f32"), "tensor_dtype_unknown"),
    "metadata over 1 MB": (
        "m.safetensors",
        pack({"__metadata__": {"a": "x" * MAX_METADATA_BYTES}}),
        "metadata_too_large",
    ),
    "metadata that is no text": ("m.safetensors", pack({"__metadata__": {"a": {"b": "c"}}}), "metadata_invalid"),
    "NaN": ("m.safetensors", one(struct.pack("<f", float("nan"))), "weights_not_finite"),
    "infinity": ("m.safetensors", one(struct.pack("<f", float("-inf"))), "weights_not_finite"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_is_refused_with_its_reason(name, tmp_path):
    file_name, content, code = REFUSED[name]
    path = tmp_path / file_name
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        check_upload(path)
    assert caught.value.code == code
    assert str(caught.value)


def test_the_limit_of_tensors_is_named(tmp_path):
    path = tmp_path / "m.safetensors"
    path.write_bytes(pack(MANY, bytes(400_000)))
    with pytest.raises(ModelError) as caught:
        check_upload(path)
    assert caught.value.params == {"count": 100_000, "limit": MAX_TENSORS}


FLOATS = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}


# F8_E4M3 has no infinity.
NO_NUMBERS = [(kind, value) for kind in FLOATS for value in ("nan", "-nan", "inf", "-inf")]
NO_NUMBERS = [pair for pair in NO_NUMBERS if pair[0] != "F8_E4M3" or "nan" in pair[1]]


@pytest.mark.parametrize(("dtype", "value"), NO_NUMBERS)
def test_each_number_type_knows_what_is_no_number(dtype, value, tmp_path):
    weights = torch.ones(9)
    weights[4] = -torch.tensor(float("nan")) if value == "-nan" else float(value)
    path = tmp_path / "m.safetensors"
    save_file({"fine": torch.ones(3), "broken": weights.to(FLOATS[dtype])}, path)
    with pytest.raises(ModelError) as caught:
        check_upload(path)
    assert (caught.value.code, caught.value.params) == ("weights_not_finite", {"tensor": "broken"})


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_largest_and_smallest_numbers_are_numbers(dtype, tmp_path):
    limits = torch.finfo(FLOATS[dtype])
    path = tmp_path / "m.safetensors"
    extremes = torch.tensor([limits.max, limits.min, limits.tiny, -0.0], dtype=torch.float64)
    save_file({"a": extremes.to(FLOATS[dtype])}, path)
    assert check_upload(path).adapter is None


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bits=st.integers(0, 2**16 - 1), dtype=st.sampled_from(["F16", "BF16"]))
def test_every_half_number_is_judged_as_torch_judges_it(bits, dtype, tmp_path):
    raw = struct.pack("<H", bits)
    path = tmp_path / "m.safetensors"
    path.write_bytes(pack({"a": {"dtype": dtype, "shape": [1], "data_offsets": [0, 2]}}, raw))
    value = torch.frombuffer(bytearray(raw), dtype=FLOATS[dtype])
    try:
        check_upload(path)
    except ModelError:
        assert not torch.isfinite(value).all()
    else:
        assert torch.isfinite(value).all()


def test_whole_numbers_with_all_bits_set_are_numbers(tmp_path):
    path = tmp_path / "m.safetensors"
    kinds = [kind for kind in DTYPE_BYTES if kind not in FLOATS and kind != "BOOL"]
    at, header, data = 0, {}, b""
    for kind in kinds:
        header[kind] = {"dtype": kind, "shape": [1], "data_offsets": [at, at + DTYPE_BYTES[kind]]}
        at += DTYPE_BYTES[kind]
        data += b"\xff" * DTYPE_BYTES[kind]
    path.write_bytes(pack(header, data))
    assert set(check_upload(path).header.tensors) == set(kinds)


LARGE = SAMPLES * SAMPLE_BYTES // 4 + 1000


@pytest.mark.parametrize(("place", "is_sampled_found"), [(0, True), (LARGE - 1, True), (SAMPLE_BYTES // 4 + 5, False)])
def test_samples_read_the_ends_of_large_tensors_and_a_full_scan_everything(place, is_sampled_found, tmp_path):
    values = np.ones(LARGE, dtype=np.float32)
    values[place] = np.nan
    path = tmp_path / "m.safetensors"
    save_file({"a": torch.from_numpy(values)}, path)
    with pytest.raises(ModelError):
        check_upload(path)
    if is_sampled_found:
        with pytest.raises(ModelError):
            check_upload(path, sampled=True)
    else:
        check_upload(path, sampled=True)


def test_metadata_is_text_to_show(tmp_path):
    path = tmp_path / "m.safetensors"
    said = {"ss_title": "<script>alert(1)</script>\u202e\0 か\u3099", "long": "x" * 500_000, "\u202ebad": "1"}
    save_file({"a": torch.ones(1)}, path, said)
    shown = check_upload(path).metadata
    assert shown["ss_title"] == "<script>alert(1)</script> が"
    assert len(shown["long"]) == 2000
    assert shown["bad"] == "1"


def lora(
    *, layer=UNET, width=768, rank=4, upper_rank=None, alpha=None, endings=(".lora_down.weight", ".lora_up.weight")
):
    weights = {layer + endings[0]: torch.ones(rank, width), layer + endings[1]: torch.ones(320, upper_rank or rank)}
    return weights if alpha is None else weights | {f"{layer}.alpha": torch.tensor(alpha)}


def upload(tmp_path, weights, metadata=None):
    path = tmp_path / "l.safetensors"
    save_file(weights, path, metadata)
    return check_upload(path)


def test_a_missing_alpha_counts_as_the_rank(tmp_path):
    found = upload(tmp_path, lora() | lora(layer="lora_unet_mid_attn1_to_q", alpha=2.0, rank=8)).adapter
    assert (found.layers, found.ranks, found.layers_without_alpha) == (2, (4, 8), 1)


def test_peft_names_are_read(tmp_path):
    layer = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
    found = upload(tmp_path, lora(layer=layer, width=2048, endings=(".lora_A.weight", ".lora_B.weight"))).adapter
    assert (found.architecture, found.text_width, found.ranks) == ("sdxl", 2048, (4,))


BROKEN_LORAS = {
    "rank 0": (lora(rank=0), "adapter_rank_zero"),
    "only the lower matrix": ({f"{UNET}.lora_down.weight": torch.ones(4, 768)}, "adapter_layer_incomplete"),
    "a matrix with one side": (
        {f"{UNET}.lora_down.weight": torch.ones(4), f"{UNET}.lora_up.weight": torch.ones(4, 4)},
        "adapter_layer_incomplete",
    ),
    "two ranks": (lora(upper_rank=8), "adapter_rank_differs"),
    "several alphas": (lora() | {f"{UNET}.alpha": torch.ones(3)}, "adapter_alpha_invalid"),
    "no alpha in its tensor": (lora() | {f"{UNET}.alpha": torch.ones(0)}, "adapter_alpha_invalid"),
    "alpha NaN": (lora(alpha=float("nan")), "weights_not_finite"),
    "half a LoHa": ({f"{UNET}.hada_w1_a": torch.ones(4, 4)}, "adapter_layer_incomplete"),
    "half a LoKr": ({f"{UNET}.lokr_w1": torch.ones(4, 4)}, "adapter_layer_incomplete"),
    "magnitudes alone": ({f"{UNET}.dora_scale": torch.ones(4)}, "adapter_layer_incomplete"),
    "OFT": ({f"{UNET}.oft_blocks": torch.ones(4, 4, 4)}, "adapter_kind_unsupported"),
    "DoRA with something else": (
        lora() | {f"{UNET}.{name}": torch.ones(4) for name in ("dora_scale", "more")},
        "adapter_kind_unsupported",
    ),
}


@pytest.mark.parametrize("name", BROKEN_LORAS)
def test_a_broken_lora_is_refused_with_its_reason(name, tmp_path):
    weights, code = BROKEN_LORAS[name]
    with pytest.raises(ModelError) as caught:
        upload(tmp_path, weights)
    assert caught.value.code == code
    assert str(caught.value)


MADE_FOR = {
    "sd1 by width": (lora(), {}, "sd1"),
    "sd2 by width": (lora(width=1024), {}, "sd2"),
    "sdxl by width": (lora(width=2048), {}, "sdxl"),
    "sdxl by its text encoders": (lora(layer="lora_te2_text_model_encoder_layers_0_mlp_fc1", width=1280), {}, "sdxl"),
    "flux": (lora(layer="lora_unet_double_blocks_0_img_attn_qkv", width=3072), {}, "flux"),
    "flux, PEFT": (lora(layer="transformer.single_transformer_blocks.0.attn.to_q", width=3072), {}, "flux"),
    "sd3": (lora(layer="lora_unet_joint_blocks_0_x_block_attn_qkv", width=1536), {}, "sd3"),
    "by its own word only": (
        lora(layer="lora_te_text_model_encoder_layers_0_mlp_fc1"),
        {"ss_base_model_version": "sd_v1"},
        "sd1",
    ),
    "its own word does not count against its sizes": (
        lora(width=2048),
        {"modelspec.architecture": "stable-diffusion-v1/lora"},
        "sdxl",
    ),
    "a width that nobody knows": (lora(width=32), {}, None),
}


@pytest.mark.parametrize("name", MADE_FOR)
def test_a_lora_says_what_it_was_made_for(name, tmp_path):
    weights, metadata, expected = MADE_FOR[name]
    assert upload(tmp_path, weights, metadata).adapter.architecture == expected


def test_a_lora_for_another_model_is_refused(tmp_path):
    found = upload(tmp_path, lora()).adapter
    check_fits(found, architecture="sd1", text_width=768)
    with pytest.raises(ModelError) as caught:
        check_fits(found, architecture="sdxl")
    assert (caught.value.code, caught.value.params) == (
        "adapter_architecture_differs",
        {"found": "sd1", "wanted": "sdxl"},
    )
    unknown = upload(tmp_path, lora(width=32)).adapter
    check_fits(unknown, architecture="sd1")
    with pytest.raises(ModelError) as caught:
        check_fits(unknown, architecture="sd1", text_width=768)
    assert caught.value.code == "adapter_width_differs"
