"""A network that its file fills only in part is refused by name: the libraries would fill it with random numbers."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import ModelError
from engine.starter import WEIGHTS
from generation.sentences import sentence
from tests.engine.ldm import write_single_file
from tests.engine.test_architectures import build_large_enough, make_engine, make_spec
from tests.engine.test_render import ignore
from tests.engine.tiny import build_folder, build_tiny_vae, build_vae

FOLDERS = [
    ("sd1", "text_encoder", "layers.1.mlp.fc1.weight"),
    ("sd1", "unet", "mid_block.resnets.0.conv1.weight"),
    ("sd1", "vae", "decoder.conv_in.bias"),
    ("sdxl", "text_encoder_2", "text_projection.weight"),
    ("sd3", "transformer", "transformer_blocks.0.ff.net.0.proj.weight"),
    ("sd3_t5", "text_encoder_3", "encoder.block.1.layer.0.SelfAttention.k.weight"),
    ("flux", "text_encoder_2", "shared.weight"),
]
SINGLES = [
    ("sd1", "text_encoder", "encoder.layers.1.mlp.fc1.weight"),
    ("sd1", "unet", "time_embed.0.weight"),
    ("sd1", "unet", "middle_block.0.in_layers.2.weight"),
    ("sd1", "vae", "decoder.mid.block_1.conv1.weight"),
    ("sd2", "text_encoder", "transformer.resblocks.1.mlp.c_fc.bias"),
    ("sd2", "text_encoder", "transformer.resblocks.0.attn.in_proj_weight"),
    ("sdxl", "text_encoder", "encoder.layers.2.self_attn.q_proj.weight"),
    ("sdxl", "text_encoder_2", "transformer.resblocks.1.ln_2.weight"),
]


def change(file, ending, weight=None):
    """Take the one weight whose name ends so out of a file, or put another in its place."""
    weights = load_file(file)
    (name,) = [name for name in weights if name.endswith(ending)]
    del weights[name]
    save_file({**weights, **({} if weight is None else {name: weight})}, file, {"format": "pt"})


def refusal_of(architecture, path, **changes):
    paths, tokenizers = (path if isinstance(path, list) else [path]), WEIGHTS / "tokenizer"
    engine, (base, *others) = make_engine(*paths, tokenizers=tokenizers)
    vae = others[0] if others else None
    with pytest.raises(ModelError) as caught:
        engine.render(make_spec(architecture, base, vae=vae, **changes), ignore)
    assert engine.resident == ([base] if others else [])
    return caught.value


@pytest.mark.parametrize(("architecture", "part", "ending"), FOLDERS)
def test_a_folder_that_lacks_a_weight_is_refused_by_name(architecture, part, ending, tmp_path):
    folder = build_folder(architecture, tmp_path / "m")
    change(next((folder / part).glob("*.safetensors")), ending)
    error = refusal_of(architecture, folder)
    assert (error.code, error.params["component"]) == ("weights_missing", part)
    assert [name for name in error.params["tensors"] if name.endswith(ending)]


@pytest.mark.parametrize(("architecture", "part", "ending"), FOLDERS[:6])
def test_a_folder_whose_weight_has_another_shape_is_refused_by_name(architecture, part, ending, tmp_path):
    folder = build_folder(architecture, tmp_path / "m")
    change(next((folder / part).glob("*.safetensors")), ending, torch.zeros(3, 5))
    error = refusal_of(architecture, folder)
    assert (error.code, error.params["component"], error.params["count"]) == ("weights_mismatched", part, 1)
    assert error.params["tensors"][0].endswith(ending)


@pytest.mark.parametrize(("architecture", "part", "ending"), SINGLES)
def test_a_single_file_that_lacks_a_weight_is_refused_by_name(architecture, part, ending, tmp_path):
    file = write_single_file(build_large_enough(architecture, tmp_path / "m"), architecture, tmp_path / "one")
    change(file, ending)
    error = refusal_of(architecture, file)
    assert (error.code, error.params["component"]) == ("weights_missing", part)
    assert 1 <= len(error.params["tensors"]) <= 3


@pytest.mark.parametrize(("architecture", "part", "ending"), [SINGLES[0], SINGLES[2], SINGLES[3], SINGLES[7]])
def test_a_single_file_whose_weight_has_another_shape_is_refused_by_name(architecture, part, ending, tmp_path):
    file = write_single_file(build_large_enough(architecture, tmp_path / "m"), architecture, tmp_path / "one")
    change(file, ending, torch.zeros(3))
    error = refusal_of(architecture, file)
    assert (error.code, error.params["component"]) == ("weights_mismatched", part)
    assert len(error.params["tensors"]) == 1


@pytest.mark.parametrize("build", [build_vae, build_tiny_vae])
@pytest.mark.parametrize("is_single", [False, True])
@pytest.mark.parametrize(("weight", "code"), [(None, "weights_missing"), (torch.zeros(3), "weights_mismatched")])
def test_another_vae_is_refused_too(build, is_single, weight, code, tmp_path):
    options = {} if build is build_tiny_vae else {"groups": 32, "widths": (32, 32, 32, 32)}
    folder = build(tmp_path / "vae", **options)
    (file,) = folder.glob("*.safetensors")
    change(file, "encoder.layers.3.conv.2.bias" if build is build_tiny_vae else "decoder.conv_norm_out.bias", weight)
    error = refusal_of("sd1", [build_folder("sd1", tmp_path / "m"), file if is_single else folder])
    assert (error.code, error.params["component"]) == (code, "vae")


def test_at_most_three_weights_are_named(tmp_path):
    folder = build_folder("sd1", tmp_path / "m")
    (file,) = (folder / "text_encoder").glob("*.safetensors")
    kept = {name: weight for name, weight in load_file(file).items() if ".layers.1." not in name}
    save_file(kept, file, {"format": "pt"})
    error = refusal_of("sd1", folder)
    assert (len(error.params["tensors"]), error.params["count"]) == (3, 16)
    said = sentence(error.code, error.params)
    assert "text_encoder" in said
    assert all(name in said for name in error.params["tensors"])
