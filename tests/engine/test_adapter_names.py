"""kohya's names of a real SD1.5 and SDXL model are exactly those that its own program writes."""

import contextlib
import re

import diffusers
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from engine.adapter_names import kernel_size, list_layers, name_kohya, name_layer, name_parameter
from engine.errors import ModelError
from engine.training.learners import plain_name, text_targets, unet_targets
from tests.engine.tiny import build_unet

SD15 = {
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
}
SDXL = {
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
IN_A_TRANSFORMER_BLOCK = [
    *(f"attn{which}_{part}" for which in (1, 2) for part in ("to_q", "to_k", "to_v", "to_out_0")),
    "ff_net_0_proj",
    "ff_net_2",
]
IN_A_TEXT_LAYER = [*(f"self_attn_{part}_proj" for part in ("q", "k", "v", "out")), "mlp_fc1", "mlp_fc2"]


@pytest.fixture(scope="module")
def networks():
    """Return the networks of the real models, which exist on the meta device only: no weight is made."""
    small = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    large = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20}
    with torch.device("meta"):
        text = CLIPTextModel(CLIPTextConfig(**small))
        text_2 = CLIPTextModelWithProjection(CLIPTextConfig(**large, projection_dim=1280))
        sd15, sdxl = diffusers.UNet2DConditionModel(**SD15), diffusers.UNet2DConditionModel(**SDXL)
    assert all(weight.is_meta for weight in sdxl.parameters())
    return {
        "sd1": {"unet": sd15, "text_encoder": text},
        "sdxl": {"unet": sdxl, "text_encoder": text, "text_encoder_2": text_2},
    }


@pytest.fixture(scope="module")
def names(networks):
    """Return the parameters' names of the real models."""
    return {
        architecture: [name for network, module in parts.items() for name in prefix(network, module)]
        for architecture, parts in networks.items()
    }


def prefix(network, module):
    return [f"{network}.{name}" for name, _ in module.named_parameters()]


def transformer(start, depth):
    """Return the layers of one Transformer2DModel."""
    inner = [f"{start}_transformer_blocks_{block}_{part}" for block in range(depth) for part in IN_A_TRANSFORMER_BLOCK]
    return [f"{start}_proj_in", *inner, f"{start}_proj_out"]


def text_layers(start, count):
    return [f"{start}_text_model_encoder_layers_{layer}_{part}" for layer in range(count) for part in IN_A_TEXT_LAYER]


def expect_sd15():
    """Three down blocks with two transformers, the middle, three up blocks with three, all of one block deep."""
    places = [f"down_blocks_{block}_attentions_{index}" for block in (0, 1, 2) for index in (0, 1)]
    places += ["mid_block_attentions_0"]
    places += [f"up_blocks_{block}_attentions_{index}" for block in (1, 2, 3) for index in (0, 1, 2)]
    unet = [name for place in places for name in transformer(f"lora_unet_{place}", 1)]
    return unet + text_layers("lora_te", 12)


def expect_sdxl():
    """The original UNet's blocks that hold a SpatialTransformer as their second module, and how deep these are."""
    depths = {f"input_blocks_{number}_1": 2 for number in (4, 5)}
    depths |= {f"input_blocks_{number}_1": 10 for number in (7, 8)}
    depths |= {"middle_block_1": 10}
    depths |= {f"output_blocks_{number}_1": 10 for number in (0, 1, 2)}
    depths |= {f"output_blocks_{number}_1": 2 for number in (3, 4, 5)}
    unet = [name for place, depth in depths.items() for name in transformer(f"lora_unet_{place}", depth)]
    return unet + text_layers("lora_te1", 12) + text_layers("lora_te2", 32)


def expect_sd15_convolutions():
    resnets = [f"down_blocks_{block}_resnets_{index}" for block in range(4) for index in range(2)]
    resnets += [f"mid_block_resnets_{index}" for index in range(2)]
    resnets += [f"up_blocks_{block}_resnets_{index}" for block in range(4) for index in range(3)]
    layers = [f"{resnet}_{part}" for resnet in resnets for part in ("conv1", "conv2", "time_emb_proj")]
    # A shortcut is where the number of channels changes: at the first resnet of two down blocks, and always going up.
    layers += [f"down_blocks_{block}_resnets_0_conv_shortcut" for block in (1, 2)]
    layers += [f"up_blocks_{block}_resnets_{index}_conv_shortcut" for block in range(4) for index in range(3)]
    layers += [f"down_blocks_{block}_downsamplers_0_conv" for block in range(3)]
    layers += [f"up_blocks_{block}_upsamplers_0_conv" for block in range(3)]
    return [f"lora_unet_{layer}" for layer in layers]


def expect_sdxl_convolutions():
    resnets = [f"input_blocks_{number}_0" for number in (1, 2, 4, 5, 7, 8)]
    resnets += ["middle_block_0", "middle_block_2", *(f"output_blocks_{number}_0" for number in range(9))]
    layers = [f"{resnet}_{part}" for resnet in resnets for part in ("in_layers_2", "emb_layers_1", "out_layers_3")]
    layers += [f"input_blocks_{number}_0_skip_connection" for number in (4, 7)]
    layers += [f"output_blocks_{number}_0_skip_connection" for number in range(9)]
    layers += ["input_blocks_3_0_op", "input_blocks_6_0_op", "output_blocks_2_2_conv", "output_blocks_5_2_conv"]
    return [f"lora_unet_{layer}" for layer in layers]


@pytest.mark.parametrize(
    ("architecture", "expected", "unet", "text"),
    [("sd1", expect_sd15(), 192, 72), ("sdxl", expect_sdxl(), 722, 72 + 192)],
)
def test_kohyas_names_of_a_real_model_are_the_expected_list(architecture, expected, unet, text, names):
    layers = list_layers(names[architecture])
    found = [name_kohya(layer, architecture) for layer in layers]
    assert sorted(found) == sorted(expected)
    assert (len(found), sum(name.startswith("lora_unet_") for name in found)) == (unet + text, unet)
    assert [name_layer(name) for name in found] == layers


@pytest.mark.parametrize(
    ("architecture", "linear", "expected", "count"),
    [("sd1", expect_sd15(), expect_sd15_convolutions(), 278), ("sdxl", expect_sdxl(), expect_sdxl_convolutions(), 788)],
)
def test_kohyas_names_of_the_convolutions_too(architecture, linear, expected, count, names):
    layers = list_layers(names[architecture], with_conv=True)
    found = [name_kohya(layer, architecture) for layer in layers]
    assert sorted(found) == sorted(linear + expected)
    assert sum(name.startswith("lora_unet_") for name in found) == count
    assert [name_layer(name) for name in found] == layers


@pytest.mark.parametrize("with_conv", [False, True])
@pytest.mark.parametrize(
    ("architecture", "linear", "convolutions"),
    [("sd1", expect_sd15(), expect_sd15_convolutions()), ("sdxl", expect_sdxl(), expect_sdxl_convolutions())],
)
def test_a_training_adapts_exactly_these_layers(architecture, linear, convolutions, with_conv, networks, names):
    found = []
    for network, module in networks[architecture].items():
        targets = unet_targets(module, with_conv) if network == "unet" else text_targets(module)
        found += [plain_name(f"{network}.{target}") for target in targets]
    assert sorted(found) == sorted(list_layers(names[architecture], with_conv=with_conv))
    kohya = [name_kohya(layer, architecture) for layer in found]
    assert sorted(kohya) == sorted(linear + convolutions * with_conv)


def test_the_ends_of_an_xl_unet_have_original_names_too(names):
    ends = ("conv_in", "conv_out", "time_embedding.linear_1", "time_embedding.linear_2", "add_embedding.linear_1")
    found = {end: name_kohya(f"unet.{end}", "sdxl") for end in ends}
    assert found["conv_in"] == "lora_unet_input_blocks_0_0"
    assert found["add_embedding.linear_1"] == "lora_unet_label_emb_0_0"
    assert [name_layer(name) for name in found.values()] == [f"unet.{end}" for end in ends]


def test_a_kernel_is_as_wide_as_the_weight(names):
    unets = {"sd1": build_unet("sd1"), "sd2": build_unet("sd2"), "sdxl": build_unet("sdxl")}
    for architecture, unet in unets.items():
        for name, weight in unet.named_parameters():
            if name.endswith(".weight") and weight.ndim > 1:
                wanted = weight.shape[-1] if weight.ndim == 4 else None
                assert kernel_size(f"unet.{name.removesuffix('.weight')}", architecture) == wanted, name


@pytest.mark.parametrize(
    ("short", "classic"),
    [
        ("text_encoder.encoder.layers.0.mlp.fc1.weight", "text_encoder.text_model.encoder.layers.0.mlp.fc1.weight"),
        ("text_encoder.text_model.final_layer_norm.bias", "text_encoder.text_model.final_layer_norm.bias"),
        ("text_encoder_2.text_projection.weight", "text_encoder_2.text_projection.weight"),
        ("unet.conv_in.weight", "unet.conv_in.weight"),
    ],
)
def test_clips_parameters_have_their_classic_names(short, classic):
    assert name_parameter(short) == classic


@pytest.mark.parametrize("layer", ["unet", "vae.conv_in", "text_encoder_2.text_model.x", "transformer.blocks.0.to_q"])
def test_a_layer_of_no_such_network_has_no_name(layer):
    with pytest.raises(ModelError) as caught:
        name_kohya(layer, "sd1")
    assert caught.value.code == "adapter_name_unknown"


@given(st.text(alphabet="abiklnopstu_0123456789", max_size=40))
def test_no_name_in_a_file_breaks_the_reader(rest):
    for name in (f"lora_unet_{rest}", f"lora_unet_input_blocks_{rest}", f"lora_te_{rest}", rest):
        with contextlib.suppress(ModelError):
            assert re.fullmatch(r"(unet|text_encoder(_2)?)\..+", name_layer(name))
