"""LoHa, LoKr and DoRA become LoRAs that change the base as they did."""

import pytest
import torch

from engine.adapter_bases import read_base
from engine.adapter_conversion import to_lora
from engine.adapter_layers import split_layers
from engine.adapter_math import resize
from engine.adapter_names import name_kohya
from engine.errors import ModelError
from tests.engine.tiny import build_folder

LINEAR = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_q"
POINT = "unet.mid_block.attentions.0.proj_in"
WIDE = "unet.mid_block.resnets.0.conv1"
TEXT = "text_encoder.text_model.encoder.layers.0.mlp.fc1"
ALPHA, RANK = 2.0, 3


@pytest.fixture(scope="module", params=["sd1", "sdxl"])
def model(request, tmp_path_factory):
    return request.param, read_base(build_folder(request.param, tmp_path_factory.mktemp("model") / "m"))


def draw(*shape):
    return 0.3 * torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def write_loha(base, layer):
    """Return a layer of a LoHa, with its convolution's kernel beside its inputs, and what it adds."""
    shape = base[f"{layer}.weight"].shape
    out, into = shape[0], shape[1:].numel()
    parts = {f"hada_w{which}_a": draw(out, RANK) * which for which in (1, 2)}
    parts |= {f"hada_w{which}_b": draw(RANK, into) * which for which in (1, 2)}
    wanted = (parts["hada_w1_a"] @ parts["hada_w1_b"]) * (parts["hada_w2_a"] @ parts["hada_w2_b"])
    return parts, wanted.reshape(shape) * ALPHA / RANK


def write_loha_with_a_core(base, layer):
    out, into, *kernel = base[f"{layer}.weight"].shape
    if not kernel:
        return write_loha(base, layer)
    parts, halves = {}, []
    for which in (1, 2):
        core, up, down = draw(RANK, RANK, *kernel) * which, draw(RANK, out), draw(RANK, into)
        parts |= {f"hada_t{which}": core, f"hada_w{which}_a": up, f"hada_w{which}_b": down}
        halves.append(torch.einsum("ijkl,io,jn->onkl", core, up, down))
    return parts, halves[0] * halves[1] * ALPHA / RANK


def write_lokr(base, layer):
    out, into, *kernel = base[f"{layer}.weight"].shape
    one, two = draw(2, 4), draw(out // 2, into // 4, *kernel)
    wanted = torch.stack([torch.cat([one[i, j] * two for j in range(4)], dim=1) for i in range(2)]).flatten(0, 1)
    return {"lokr_w1": one, "lokr_w2": two}, wanted


def write_split_lokr(base, layer):
    out, into, *kernel = base[f"{layer}.weight"].shape
    one, up, down = draw(2, 4), draw(out // 2, RANK), draw(RANK, into // 4 * torch.Size(kernel).numel())
    two = (up @ down).reshape(out // 2, into // 4, *kernel)
    wanted = torch.stack([torch.cat([one[i, j] * two for j in range(4)], dim=1) for i in range(2)]).flatten(0, 1)
    return {"lokr_w1": one, "lokr_w2_a": up, "lokr_w2_b": down}, wanted * ALPHA / RANK


def write_dora(base, layer):
    weight = base[f"{layer}.weight"]
    out, into, *kernel = weight.shape
    up, down = draw(out, RANK, *[1] * len(kernel)), draw(RANK, into, *kernel)
    changed = weight + (up.flatten(1) @ down.flatten(1)).reshape(weight.shape) * ALPHA / RANK
    lengths = draw(out).abs() + 1
    column = [-1] + [1] * (weight.ndim - 1)
    wanted = changed * (lengths / changed.flatten(1).norm(dim=1)).reshape(column) - weight
    return {"lora_up.weight": up, "lora_down.weight": down, "dora_scale": lengths.reshape(column)}, wanted


MAKERS = [write_loha, write_loha_with_a_core, write_lokr, write_split_lokr, write_dora]


def write_file(make, architecture, base):
    """Return the tensors of a file, and what each of its layers adds."""
    weights, wanted = {}, {}
    for layer in (LINEAR, POINT, WIDE, TEXT):
        kohya = name_kohya(layer, architecture, layers_per_block=1)
        parts, wanted[layer] = make(base, layer)
        weights |= {f"{kohya}.{part}": tensor for part, tensor in parts.items()}
        weights[f"{kohya}.alpha"] = torch.tensor(ALPHA)
    return weights, wanted


@pytest.mark.parametrize("make", MAKERS)
def test_all_of_the_energy_is_the_same_change(make, model):
    architecture, base = model
    weights, wanted = write_file(make, architecture, base)
    found = to_lora(weights, {}, base, energy=1.0, layers_per_block=1)
    assert set(found.retained) == set(wanted)
    for name, layer in split_layers(found.weights).items():
        assert layer.delta().shape == base[f"{name}.weight"].shape
        assert torch.allclose(layer.delta(), wanted[name], atol=2e-6), name


@pytest.mark.parametrize("make", MAKERS)
def test_a_lower_rank_loses_the_tail_only(make, model):
    architecture, base = model
    weights, wanted = write_file(make, architecture, base)
    found = to_lora(weights, {}, base, rank=4, layers_per_block=1)
    for name, layer in split_layers(found.weights).items():
        values = torch.linalg.svdvals(wanted[name].double().flatten(1))
        lost = float((layer.delta() - wanted[name]).double().norm())
        assert layer.rank == 4
        assert lost == pytest.approx(float(values[4:].square().sum().sqrt()), rel=1e-3, abs=1e-5)
    assert set(resize(found.weights, rank=2).ranks.values()) == {2}


def test_a_changed_bias_is_named_as_left_out(model):
    architecture, base = model
    name = name_kohya(TEXT, architecture, layers_per_block=1)
    weights = {f"{name}.diff": torch.ones_like(base[f"{TEXT}.weight"]), f"{name}.diff_b": torch.ones(64)}
    found = to_lora(weights, {}, base, rank=1, layers_per_block=1)
    assert (set(found.retained), found.left_out) == ({TEXT}, (f"{TEXT}.bias",))
    assert found.retained[TEXT] == pytest.approx(1.0)


def test_a_file_for_another_model_is_refused(model):
    _, base = model
    weights = {"lora_unet_down_blocks_9_attentions_0_proj_in.diff": torch.ones(2, 2)}
    with pytest.raises(ModelError) as caught:
        to_lora(weights, {}, base, rank=1, layers_per_block=1)
    assert caught.value.code == "adapter_mismatch"
