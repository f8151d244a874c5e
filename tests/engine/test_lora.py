"""A LoRA adds exactly alpha / rank x up x down to the weights, whichever names its file uses."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import ModelError
from engine.lora import count_matrices, fold_scales, rename_text_layers
from engine.specs import AdapterRef
from tests.engine.test_adapters import kohya
from tests.engine.test_architectures import make_engine, make_spec, pixels
from tests.engine.test_render import ignore
from tests.engine.tiny import build_folder

ATTENTION = "mid_block.attentions.0.transformer_blocks.0.attn2"
TEXT_LAYER = "encoder.layers.0.self_attn.q_proj.weight"
PAIR = {"layer.lora_down.weight": torch.ones(4, 8), "layer.lora_up.weight": torch.ones(8, 4)}


def merge(folder, target, lora, scale):
    """Copy a folder with the LoRA added into its weights by hand."""
    shutil.copytree(folder, target)
    names = {
        f"lora_unet_{ATTENTION.replace('.', '_')}_to_q": ("unet", f"{ATTENTION}.to_q.weight"),
        f"lora_unet_{ATTENTION.replace('.', '_')}_to_v": ("unet", f"{ATTENTION}.to_v.weight"),
        "lora_te_text_model_encoder_layers_0_self_attn_q_proj": ("text_encoder", TEXT_LAYER),
    }
    for layer, (part, name) in names.items():
        (file,) = (target / part).glob("*.safetensors")
        weights = load_file(file)
        found = name if name in weights else f"text_model.{name}"
        weights[found] += scale * lora[f"{layer}.lora_up.weight"] @ lora[f"{layer}.lora_down.weight"]
        save_file(weights, file, {"format": "pt"})
    return target


@pytest.mark.parametrize(("alpha", "weight"), [(None, 1.0), (2, 1.0), (8, 0.5), (4, -0.7)])
def test_a_lora_draws_what_its_merged_weights_draw(alpha, weight, tmp_path):
    folder = build_folder("sd1", tmp_path / "m")
    file = kohya(tmp_path / "lora", width=32, inner=32, text=32, alpha=alpha, scale=0.4)
    merged = merge(folder, tmp_path / "merged", load_file(file), weight * (alpha or 4) / 4)
    engine, (base, adapter, by_hand) = make_engine(folder, file, merged)
    spec = make_spec("sd1", base, guidance_scale=2.0)
    on = engine.render(spec.replace(adapters=(AdapterRef(kind="lora", sha256=adapter, weight=weight),)), ignore)
    wanted = engine.render(spec.replace(base_model=by_hand), ignore)
    plain = engine.render(spec, ignore)
    assert np.abs(pixels(on) - pixels(wanted)).max() <= 2
    assert np.abs(pixels(on) - pixels(plain)).max() > 5


def test_sdxl_takes_layers_for_both_text_encoders(tmp_path):
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for which in (1, 2):
        for layer, (out, into) in {"self_attn_q_proj": (32, 32), "mlp_fc1": (64, 32), "mlp_fc2": (32, 64)}.items():
            name = f"lora_te{which}_text_model_encoder_layers_1_{layer}"
            weights[f"{name}.lora_down.weight"] = torch.randn(2, into, generator=generator)
            weights[f"{name}.lora_up.weight"] = torch.randn(out, 2, generator=generator)
    unet = "lora_unet_middle_block_1_transformer_blocks_0_attn2_to_q"
    weights |= {f"{unet}.lora_down.weight": torch.ones(2, 32), f"{unet}.lora_up.weight": torch.ones(32, 2)}
    save_file(weights, tmp_path / "lora")
    engine, (base, adapter) = make_engine(build_folder("sdxl", tmp_path / "m"), tmp_path / "lora")
    spec = make_spec("sdxl", base)
    plain = engine.render(spec, ignore).pixels_sha256
    on = spec.replace(adapters=(AdapterRef(kind="lora", sha256=adapter),))
    assert engine.render(on, ignore).pixels_sha256 != plain
    assert engine.render(spec, ignore).pixels_sha256 == plain


@pytest.mark.parametrize(("architecture", "layer"), [("flux", "attn.to_q"), ("sd3", "attn.to_q")])
def test_the_large_transformers_take_loras_too(architecture, layer, tmp_path):
    name = f"transformer.transformer_blocks.0.{layer}"
    save_file(
        {f"{name}.lora_A.weight": torch.randn(2, 32), f"{name}.lora_B.weight": torch.randn(32, 2)}, tmp_path / "lora"
    )
    engine, (base, adapter) = make_engine(build_folder(architecture, tmp_path / "m"), tmp_path / "lora")
    spec = make_spec(architecture, base)
    plain = engine.render(spec, ignore).pixels_sha256
    on = spec.replace(adapters=(AdapterRef(kind="lora", sha256=adapter),))
    assert engine.render(on, ignore).pixels_sha256 != plain
    assert engine.render(spec, ignore).pixels_sha256 == plain


@pytest.mark.parametrize(("alpha", "scale"), [(None, 1.0), (4.0, 1.0), (1.0, 0.25), (8.0, 2.0)])
def test_kohyas_alpha_is_folded_into_the_weights(alpha, scale):
    weights = PAIR | ({"layer.alpha": torch.tensor(alpha)} if alpha else {})
    folded = fold_scales(weights, {})
    assert set(folded) == set(PAIR)
    assert torch.equal(folded["layer.lora_up.weight"], torch.full((8, 4), scale))
    assert torch.equal(folded["layer.lora_down.weight"], torch.ones(4, 8))


@pytest.mark.parametrize(
    ("saved", "scale"),
    [
        ({"unet.lora_alpha": 2}, 0.5),
        ({"unet.lora_alpha": 2, "unet.alpha_pattern": {"mid.to_q": 8}}, 2.0),
        ({"unet.lora_alpha": 2, "unet.use_rslora": True}, 1.0),
        ({"text_encoder.lora_alpha": 2}, 1.0),
    ],
)
def test_pefts_own_description_is_believed(saved, scale):
    weights = {"unet.mid.to_q.lora_A.weight": torch.ones(4, 8), "unet.mid.to_q.lora_B.weight": torch.ones(8, 4)}
    folded = fold_scales(weights, {"lora_adapter_metadata": json.dumps(saved)})
    assert torch.equal(folded["unet.mid.to_q.lora_B.weight"], torch.full((8, 4), scale))


@pytest.mark.parametrize("weights", [PAIR | {"layer.alpha": torch.tensor(float("nan"))}])
def test_an_alpha_that_is_no_number_is_refused(weights):
    with pytest.raises(ModelError) as caught:
        fold_scales(weights, {})
    assert caught.value.code == "adapter_broken"


def test_a_description_that_is_not_json_is_refused():
    with pytest.raises(ModelError):
        fold_scales(PAIR, {"lora_adapter_metadata": "{"})


def test_text_layers_get_pefts_names_and_the_rest_stays():
    names = {
        "lora_te_text_model_encoder_layers_11_mlp_fc1": "text_encoder.text_model.encoder.layers.11.mlp.fc1",
        "lora_te1_text_model_encoder_layers_0_self_attn_out_proj": (
            "text_encoder.text_model.encoder.layers.0.self_attn.out_proj"
        ),
        "lora_te2_text_projection": "text_encoder_2.text_projection",
    }
    text, others = rename_text_layers({f"{key}.lora_down.weight": torch.ones(1) for key in (*names, "lora_unet_x")})
    assert set(text) == {f"{name}.lora_A.weight" for name in names.values()}
    assert set(others) == {"lora_unet_x.lora_down.weight"}


def test_matrices_are_counted_under_every_name():
    assert count_matrices(PAIR | {"a.lora_A.weight": torch.ones(1), "a.alpha": torch.ones(1)}) == 3
