"""What a model is shows in its weights. Headers of the real models' shapes are enough to prove it."""

import json
import struct
from pathlib import Path

import diffusers
import pytest
import torch

from engine.errors import ModelError
from engine.headers import Detected, detect_architecture, read_header
from engine.shapes import UNET, text_config, unet_config
from engine.starter import WEIGHTS
from tests.engine.ldm import _unet
from tests.engine.tiny import build_folder

REAL_UNETS = {
    "sd1": {"cross_attention_dim": 768},
    "sd2": {"cross_attention_dim": 1024, "attention_head_dim": (5, 10, 20, 20), "use_linear_projection": True},
    "sdxl": {
        "sample_size": 128,
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "attention_head_dim": (5, 10, 20),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
        "cross_attention_dim": 2048,
    },
}


def real_unet_shapes(architecture: str) -> dict[str, tuple[int, ...]]:
    """Return the original names and shapes of the published UNet, without any memory for its weights."""
    with torch.device("meta"):
        unet = diffusers.UNet2DConditionModel(**REAL_UNETS[architecture])
    return {f"{UNET}{name}": tuple(value.shape) for name, value in _unet(unet.state_dict()).items()}


def write_header(path: Path, shapes: dict[str, tuple[int, ...]], **metadata: str) -> Path:
    """Write a sparse file with these tensors, as large as the real one but taking no space."""
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, shape in shapes.items():
        size = 2 * int(torch.Size(shape).numel())
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    raw = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        file.truncate(8 + len(raw) + end)
    return path


@pytest.mark.parametrize(
    ("architecture", "size", "prediction"),
    [("sd1", 512, "epsilon"), ("sd2", 768, "v_prediction"), ("sdxl", 1024, "epsilon")],
)
def test_the_published_models_are_told_apart_by_their_shapes(architecture, size, prediction, tmp_path):
    file = write_header(tmp_path / "model.safetensors", real_unet_shapes(architecture))
    assert detect_architecture(file) == Detected(
        architecture=architecture, layout="single", latent_channels=4, native_size=size, prediction_type=prediction
    )


@pytest.mark.parametrize("architecture", REAL_UNETS)
def test_a_published_unets_configuration_follows_from_its_shapes(architecture, tmp_path):
    shapes = real_unet_shapes(architecture)
    detected = detect_architecture(write_header(tmp_path / "m.safetensors", shapes))
    config = unet_config(shapes, detected, 1280 if architecture == "sdxl" else None)
    with torch.device("meta"):
        built = diffusers.UNet2DConditionModel(**config)
        real = diffusers.UNet2DConditionModel(**REAL_UNETS[architecture])
    wanted = {name: value.shape for name, value in real.state_dict().items()}
    assert {name: value.shape for name, value in built.state_dict().items()} == wanted
    assert list(_heads(built)) == list(_heads(real))


def _heads(unet: torch.nn.Module) -> list[int]:
    return [module.heads for module in unet.modules() if hasattr(module, "heads")]


def test_clips_configuration_follows_from_its_shapes():
    prefix = "cond_stage_model.transformer.text_model."
    shapes = {f"{prefix}embeddings.token_embedding.weight": (49408, 768)}
    for layer in range(12):
        shapes[f"{prefix}encoder.layers.{layer}.layer_norm1.weight"] = (768,)
        shapes[f"{prefix}encoder.layers.{layer}.mlp.fc1.weight"] = (3072, 768)
    config = text_config(shapes, prefix, skips_last=False, bos=49406, eos=49407)
    assert (config["num_hidden_layers"], config["num_attention_heads"], config["intermediate_size"]) == (12, 12, 3072)
    assert (config["hidden_act"], config["vocab_size"]) == ("quick_gelu", 49408)


@pytest.mark.parametrize(("word", "prediction", "size"), [("epsilon", "epsilon", 512), ("v", "v_prediction", 768)])
def test_the_model_spec_says_how_stable_diffusion_2_predicts(word, prediction, size, tmp_path):
    shapes = real_unet_shapes("sd2")
    file = write_header(tmp_path / "m.safetensors", shapes, **{"modelspec.prediction_type": word})
    detected = detect_architecture(file)
    assert (detected.prediction_type, detected.native_size) == (prediction, size)


def test_a_v_prediction_mark_among_the_tensors_is_believed(tmp_path):
    file = write_header(tmp_path / "m.safetensors", real_unet_shapes("sdxl") | {"v_pred": ()})
    assert detect_architecture(file).prediction_type == "v_prediction"


@pytest.mark.parametrize(
    ("shapes", "architecture"),
    [
        ({"double_blocks.0.img_attn.qkv.weight": (9216, 3072), "img_in.weight": (3072, 64)}, "flux"),
        (
            {
                "model.diffusion_model.joint_blocks.0.context_block.attn.qkv.weight": (4608, 1536),
                "model.diffusion_model.x_embedder.proj.weight": (1536, 16, 2, 2),
            },
            "sd3",
        ),
    ],
)
def test_single_files_of_the_large_transformers_are_recognised(shapes, architecture, tmp_path):
    detected = detect_architecture(write_header(tmp_path / "m.safetensors", shapes))
    assert (detected.architecture, detected.layout, detected.latent_channels) == (architecture, "single", 16)


def test_an_inpainting_model_is_refused_by_its_purpose(tmp_path):
    shapes = real_unet_shapes("sd1") | {f"{UNET}input_blocks.0.0.weight": (320, 9, 3, 3)}
    with pytest.raises(ModelError) as caught:
        detect_architecture(write_header(tmp_path / "m.safetensors", shapes))
    assert caught.value.code == "model_purpose_unsupported"


@pytest.mark.parametrize("shapes", [{}, {"lora_unet_down.lora_up.weight": (4, 4)}, {"conv_in.weight": (1,)}])
def test_what_is_no_base_model_is_refused(shapes, tmp_path):
    with pytest.raises(ModelError) as caught:
        detect_architecture(write_header(tmp_path / "m.safetensors", shapes))
    assert caught.value.code == "architecture_unsupported"


@pytest.mark.parametrize("architecture", ["sd1", "sd2", "sdxl", "sd3", "flux"])
def test_folders_are_told_apart_whatever_they_are_called(architecture, tmp_path):
    detected = detect_architecture(build_folder(architecture, tmp_path / "an-sdxl-turbo-flux"))
    assert (detected.architecture, detected.layout) == (architecture, "diffusers")
    assert detected.latent_channels == (16 if architecture in ("sd3", "flux") else 4)


def test_a_folder_that_lacks_a_part_is_refused_by_the_parts_name(tmp_path):
    folder = build_folder("sd1", tmp_path / "m")
    (folder / "vae").rename(tmp_path / "vae")
    with pytest.raises(ModelError) as caught:
        detect_architecture(folder)
    assert (caught.value.code, caught.value.params["component"]) == ("component_missing", "vae")


def test_a_folder_with_pickled_weights_is_refused_for_what_they_are(tmp_path):
    folder = build_folder("sd1", tmp_path / "m")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(ModelError) as caught:
        detect_architecture(folder)
    assert caught.value.code == "unsafe_format"


def test_the_starter_model_says_its_native_size():
    detected = detect_architecture(WEIGHTS)
    assert detected.architecture == "sd1"
    assert detected.native_size == json.loads((WEIGHTS / "daicho.json").read_text())["native_width"]
    assert read_header(WEIGHTS / "unet/diffusion_pytorch_model.safetensors").shape("conv_in.weight")[1] == (
        detected.latent_channels
    )
