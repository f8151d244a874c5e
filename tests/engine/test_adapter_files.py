"""An adapter file holds what was learned, loads everywhere, says its hashes, and cannot be changed unnoticed."""

import errno
import hashlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
from safetensors.torch import load_file, save_file

from engine import adapter_files
from engine.adapter_exports import export_peft
from engine.adapter_files import check_hash, read_adapter, read_hash, write_adapter
from engine.adapter_layers import split_layers
from engine.adapter_names import list_layers, name_kohya
from engine.errors import ModelError
from engine.headers import read_header
from engine.starter import WEIGHTS
from tests.engine.adapter_weights import (
    add_by_hand,
    list_parameters,
    load_pipeline,
    make_lora,
    networks_of,
    predict,
)
from tests.engine.tiny import build_folder

LAYER = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_q"
FACTS = {"modelspec.date": "2026-01-02T03:04:05+00:00", "ss_network_dim": "4", "daicho.run": "r1"}
HYPERNETWORK = {f"32.{side}.linear.{index}.weight": torch.randn(32, 32) for side in "kv" for index in (0, 1)}
STRUCTURE = {
    "layer_structure": "[1, 1, 1]",
    "activation_func": "linear",
    "is_layer_norm": "false",
    "use_dropout": "false",
    "activate_output": "true",
}


def small_lora(rank=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    down, up = torch.randn(rank, 8, generator=generator), torch.randn(6, rank, generator=generator)
    return {f"{LAYER}.lora_A.weight": down, f"{LAYER}.lora_B.weight": up}


def write(path, weights=None, header=FACTS, **options):
    write_adapter(path, "lora", weights or small_lora(), header, architecture="sd1", **options)
    return path


def refusal(call, *arguments, **options):
    with pytest.raises(ModelError) as caught:
        call(*arguments, **options)
    return caught.value


@pytest.fixture(scope="module", params=["sd1", "sd2", "sdxl", "starter"])
def model(request, tmp_path_factory):
    """Return an architecture and a pipeline of it that nobody may change."""
    if request.param == "starter":
        return "sd1", load_pipeline("sd1", WEIGHTS)
    folder = build_folder(request.param, tmp_path_factory.mktemp("model") / request.param)
    return request.param, load_pipeline(request.param, folder)


def test_plain_diffusers_predicts_what_the_weights_say(model, tmp_path):
    architecture, pipeline = model
    before = predict(networks_of(pipeline))
    weights = make_lora(pipeline, with_conv=True)
    wanted = predict(add_by_hand(pipeline, weights, 6 / 3))
    file = tmp_path / "one.safetensors"
    options = {"architecture": architecture, "lora_alpha": 6.0, "layers_per_block": 1, "dtype": "fp32"}
    write_adapter(file, "lora", weights, FACTS, **options)
    pipeline.load_lora_weights(tmp_path, weight_name=file.name)
    found = predict(networks_of(pipeline))
    pipeline.unload_lora_weights()
    assert (found - wanted).abs().max() < 1e-5
    assert (wanted - before).abs().max() > 0.01
    assert torch.equal(predict(networks_of(pipeline)), before)


def test_plain_diffusers_predicts_what_the_usual_file_stores(model, tmp_path):
    """A file is fp16 unless said otherwise: the weights as it stores them are what everybody predicts with."""
    architecture, pipeline = model
    weights = make_lora(pipeline, with_conv=True)
    stored = {name: tensor.half().float() for name, tensor in weights.items()}
    assert any(not torch.equal(stored[name], tensor) for name, tensor in weights.items())
    wanted = predict(add_by_hand(pipeline, stored, 6 / 3))
    file = tmp_path / "one.safetensors"
    write_adapter(file, "lora", weights, FACTS, architecture=architecture, lora_alpha=6.0, layers_per_block=1)
    assert {tensor.dtype for name, tensor in load_file(file).items() if not name.endswith(".alpha")} == {torch.float16}
    pipeline.load_lora_weights(tmp_path, weight_name=file.name)
    found = predict(networks_of(pipeline))
    pipeline.unload_lora_weights()
    assert (found - wanted).abs().max() < 1e-5
    assert (found - predict(networks_of(pipeline))).abs().max() > 0.01


def test_a_files_names_are_kohyas_and_each_layer_has_its_alpha(model, tmp_path):
    architecture, pipeline = model
    weights = make_lora(pipeline, with_conv=True)
    options = {"architecture": architecture, "lora_alpha": 1.5, "layers_per_block": 1}
    write_adapter(tmp_path / "one", "lora", weights, FACTS, **options)
    layers = list_layers(list_parameters(pipeline), with_conv=True)
    kohya = [name_kohya(layer, architecture, layers_per_block=1) for layer in layers]
    stored = load_file(tmp_path / "one")
    assert set(stored) == {f"{name}.{end}" for name in kohya for end in ("lora_down.weight", "lora_up.weight", "alpha")}
    assert {float(stored[f"{name}.alpha"]) for name in kohya} == {1.5}
    assert {tensor.dtype for name, tensor in stored.items() if "lora_" in name.split(".")[1]} == {torch.float16}


@pytest.mark.parametrize("alpha", [None, 1.0, 8.0])
def test_what_is_written_is_read_back_with_its_alpha_folded_in(alpha, model, tmp_path):
    architecture, pipeline = model
    weights = make_lora(pipeline, rank=4, with_conv=True, with_dora=alpha == 8.0)
    options = {"architecture": architecture, "lora_alpha": alpha, "layers_per_block": 1, "dtype": "fp32"}
    write_adapter(tmp_path / "one", "lora", weights, FACTS, **options)
    read = read_adapter(tmp_path / "one")
    assert (read.kind, read.header["daicho.run"]) == ("lora", "r1")
    written, found = split_layers(weights), split_layers(read.weights)
    assert set(found) == set(written)
    for name, layer in written.items():
        assert torch.allclose(found[name].delta(), layer.delta() * (alpha or 4) / 4, atol=1e-6)
        assert (layer.magnitude is None) or torch.equal(found[name].magnitude, layer.magnitude)


def test_rows_lengths_of_a_dora_stand_as_lycoris_writes_them(tmp_path):
    weights = small_lora() | {f"{LAYER}.lora_magnitude_vector": torch.rand(6)}
    stored = load_file(write(tmp_path / "one", weights, dtype="fp32"))
    scale = stored[f"lora_{LAYER.replace('.', '_')}.dora_scale"]
    assert scale.shape == (6, 1)
    assert torch.equal(scale.flatten(), weights[f"{LAYER}.lora_magnitude_vector"])


def test_a_dora_of_columns_is_refused(tmp_path):
    name = f"lora_{LAYER.replace('.', '_')}"
    tensors = {f"{name}.lora_down.weight": torch.ones(2, 8), f"{name}.lora_up.weight": torch.ones(6, 2)}
    save_file(tensors | {f"{name}.dora_scale": torch.ones(1, 8)}, tmp_path / "one")
    assert refusal(read_adapter, tmp_path / "one").code == "adapter_dora_unsupported"


@pytest.mark.parametrize("size", [8, 400_000])
def test_the_hashes_are_kohyas_own(size, tmp_path):
    """kohya hashes the tensors saved with its `ss_` keys only; the old hash sees nothing of what is below 1 MiB."""
    weights = {f"{LAYER}.lora_A.weight": torch.randn(1, size), f"{LAYER}.lora_B.weight": torch.randn(6, 1)}
    header = FACTS | {"ss_tag_frequency": '{"é": 1}', "modelspec.title": "not hashed"}
    write(tmp_path / "one", weights, header, dtype="fp32")
    kohya = {key: value for key, value in header.items() if key.startswith("ss_")}
    saved = safetensors.torch.save(load_file(tmp_path / "one"), kohya)
    length = int.from_bytes(saved[:8], "little")
    metadata = read_header(tmp_path / "one").metadata
    assert metadata["sshs_model_hash"] == hashlib.sha256(saved[8 + length :]).hexdigest()
    assert metadata["sshs_legacy_hash"] == hashlib.sha256(saved[0x100000:0x110000]).hexdigest()[:8]
    assert metadata["modelspec.hash_sha256"] == f"0x{metadata['sshs_model_hash']}"
    assert (metadata["sshs_legacy_hash"] == "e3b0c442") is (size == 8)


def test_the_same_adapter_is_the_same_file(tmp_path):
    assert write(tmp_path / "one").read_bytes() == write(tmp_path / "two").read_bytes()


def test_a_file_without_a_date_gets_one(tmp_path):
    header = read_header(write(tmp_path / "one", header={})).metadata
    assert header["modelspec.date"].startswith("20")
    assert read_header(write(tmp_path / "two")).metadata["modelspec.date"] == FACTS["modelspec.date"]


def test_changed_weights_are_noticed(tmp_path):
    file = write(tmp_path / "one")
    assert check_hash(file)
    assert read_hash(file) == read_header(file).metadata["sshs_model_hash"]
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert refusal(check_hash, file).code == "adapter_changed"
    assert refusal(read_adapter, file).params == {"file": "one"}


def test_another_header_is_no_change(tmp_path):
    file = write(tmp_path / "one")
    metadata = read_header(file).metadata
    save_file(load_file(file), tmp_path / "two", {**metadata, "ss_training_comment": "better words"})
    assert check_hash(tmp_path / "two")


def test_a_foreign_file_need_not_say_its_hash(tmp_path):
    save_file({"emb_params": torch.ones(2, 8)}, tmp_path / "one")
    assert not check_hash(tmp_path / "one")
    assert read_hash(tmp_path / "one") is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_values_that_no_file_can_hold_are_refused_and_leave_the_old_file(value, tmp_path):
    file = write(tmp_path / "one")
    old = file.read_bytes()
    weights = small_lora()
    weights[f"{LAYER}.lora_B.weight"][0, 0] = value
    assert refusal(write, file, weights).code == "adapter_not_finite"
    assert file.read_bytes() == old
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_header_that_nobody_could_read_again_is_refused(tmp_path):
    error = refusal(write, tmp_path / "one", header={"ss_training_comment": "x" * 1_000_001})
    assert error.code == "metadata_too_large"
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_breaks_off_leaves_the_old_file(tmp_path, monkeypatch):
    file = write(tmp_path / "one")
    old = file.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(adapter_files.os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write(file, small_lora(seed=1))
    assert file.read_bytes() == old
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_disk_without_room_is_an_error_with_its_number(tmp_path):
    limit = 64 * 1024
    script = (
        "import sys, torch; from pathlib import Path; from engine.adapter_files import save_tensors\n"
        "try: save_tensors(Path(sys.argv[1]), {'x': torch.zeros(100_000)}, {}, dtype='fp16')\n"
        "except OSError as error: print(error.errno)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "one")],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(errno.EFBIG)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("weights", "code"),
    [
        ({}, "adapter_empty"),
        ({f"{LAYER}.lora_A.weight": torch.ones(2, 8)}, "adapter_incomplete"),
        ({f"{LAYER}.lora_A.weight": torch.ones(2, 8), f"{LAYER}.lora_B.weight": torch.ones(6, 3)}, "adapter_broken"),
        ({f"{LAYER}.lora_A.weight": torch.ones(0, 8), f"{LAYER}.lora_B.weight": torch.ones(6, 0)}, "adapter_broken"),
        ({f"{LAYER}.weight": torch.ones(2, 8)}, "adapter_name_unknown"),
        ({"vae.x.lora_A.weight": torch.ones(2, 8), "vae.x.lora_B.weight": torch.ones(6, 2)}, "adapter_name_unknown"),
    ],
)
def test_weights_that_are_no_lora_are_not_written(weights, code, tmp_path):
    assert refusal(write_adapter, tmp_path / "one", "lora", weights, FACTS, architecture="sd1").code == code


@pytest.mark.parametrize(
    ("kind", "weights"),
    [
        ("textual_inversion", {"text_encoder": torch.randn(3, 8)}),
        ("textual_inversion", {"text_encoder": torch.randn(3, 8), "text_encoder_2": torch.randn(3, 16)}),
        ("hypernetwork", HYPERNETWORK),
        ("dreambooth", {"unet.conv_in.weight": torch.randn(4, 4, 3, 3), "text_encoder.text_model.x": torch.ones(2)}),
    ],
)
def test_every_kind_is_read_back(kind, weights, tmp_path):
    write_adapter(tmp_path / "one", kind, weights, FACTS | STRUCTURE, architecture="sdxl", dtype="fp32")
    read = read_adapter(tmp_path / "one")
    assert (read.kind, read.header["daicho.kind"]) == (kind, kind)
    assert set(read.weights) == set(weights)
    assert all(torch.equal(read.weights[name], tensor) for name, tensor in weights.items())


@pytest.mark.parametrize(
    ("weights", "names"),
    [
        ({"text_encoder": torch.ones(1, 8)}, {"emb_params"}),
        ({"text_encoder": torch.ones(1, 8), "text_encoder_2": torch.ones(1, 16)}, {"clip_l", "clip_g"}),
    ],
)
def test_a_textual_inversion_lies_in_kohyas_layout(weights, names, tmp_path):
    write_adapter(tmp_path / "one", "textual_inversion", weights, FACTS, architecture="sdxl")
    assert set(load_file(tmp_path / "one")) == names


def test_a_dreambooths_text_encoder_gets_its_classic_names(tmp_path):
    weights = {"text_encoder.encoder.layers.0.mlp.fc1.bias": torch.ones(2)}
    write_adapter(tmp_path / "one", "dreambooth", weights, FACTS, architecture="sd1")
    assert set(load_file(tmp_path / "one")) == {"text_encoder.text_model.encoder.layers.0.mlp.fc1.bias"}


def test_a_hypernetwork_without_its_structure_is_not_written(tmp_path):
    error = refusal(write_adapter, tmp_path / "one", "hypernetwork", HYPERNETWORK, FACTS, architecture="sd1")
    assert (error.code, len(error.params["keys"])) == ("header_incomplete", 5)


def test_peft_names_are_read_with_pefts_alpha(tmp_path):
    saved = {"unet.lora_alpha": 2, "unet.r": 4}
    save_file(small_lora(), tmp_path / "one", {"lora_adapter_metadata": json.dumps(saved)})
    read = split_layers(read_adapter(tmp_path / "one").weights)[LAYER]
    assert torch.allclose(read.delta(), split_layers(small_lora())[LAYER].delta() / 2)


def test_a_peft_file_may_be_written_again_as_kohyas(model, tmp_path):
    architecture, pipeline = model
    weights = make_lora(pipeline)
    export_peft(tmp_path / "one", weights, FACTS, lora_alpha=6.0, dtype="fp32")
    read = read_adapter(tmp_path / "one")
    options = {"architecture": architecture, "layers_per_block": 1, "dtype": "fp32"}
    write_adapter(tmp_path / "two.safetensors", "lora", read.weights, read.header, **options)
    pipeline.load_lora_weights(tmp_path, weight_name="two.safetensors")
    found = predict(networks_of(pipeline))
    pipeline.unload_lora_weights()
    assert (found - predict(add_by_hand(pipeline, weights, 2.0))).abs().max() < 1e-5


def test_a_file_says_how_its_own_names_count_blocks(tmp_path):
    write(tmp_path / "one", layers_per_block=1)
    write(tmp_path / "two", header=read_header(tmp_path / "one").metadata)
    said = [read_header(tmp_path / name).metadata.get("daicho.layers_per_block") for name in ("one", "two")]
    assert said == ["1", None]


@pytest.mark.parametrize(
    ("tensors", "code"),
    [
        ({"lora_unet_conv_in.hada_w1_a": torch.ones(1)}, "adapter_lycoris"),
        ({f"x{index}": torch.ones(1) for index in range(3)}, "adapter_mismatch"),
        ({"clip_l": torch.ones(1, 8)}, "adapter_incomplete"),
        ({"lora_unet_x.lora_mid.weight": torch.ones(1)}, "adapter_name_unknown"),
        ({"other.lora_A.weight": torch.ones(1, 1), "other.lora_B.weight": torch.ones(1, 1)}, "adapter_name_unknown"),
    ],
)
def test_files_of_other_kinds_are_refused(tensors, code, tmp_path):
    save_file(tensors, tmp_path / "one")
    assert refusal(read_adapter, tmp_path / "one").code == code
