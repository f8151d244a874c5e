"""LoHa, LoKr and DoRA mean what PEFT makes of the same numbers, and files that are not whole are refused."""

import pytest
import torch
from peft import LoHaConfig, LoKrConfig, LoraConfig
from peft.tuners.loha import layer as loha
from peft.tuners.lokr import layer as lokr
from peft.tuners.lora import layer as lora
from safetensors.torch import load_file, save_file
from torch import nn

from engine.deltas import is_unusual, read_changes
from engine.errors import ModelError
from tests.engine.adapter_material import BLOCK, STARTER, lora_layer, random, write_layers
from tests.engine.bench import ref

QUERY = f"{BLOCK}_attn2_to_q"
QUERY_NAME = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_q.weight"


def named(layer, parts):
    return {f"{layer}.{part}": tensor for part, tensor in parts.items()}


def change_of(parts, base, metadata=None, layer=QUERY):
    """Return what a file with one layer makes of a base tensor."""
    changes = read_changes(
        {f"{layer}.{part}": tensor for part, tensor in parts.items()}, metadata or {}, layers_per_block=2
    )
    (change,) = changes.values()
    with torch.no_grad():
        return change(base)


def fill(layer, names):
    """Give a PEFT layer random numbers; return them as LyCORIS names them."""
    parts = {}
    for number, name in enumerate(names):
        stored = getattr(layer, name)
        if "default" in stored:
            with torch.no_grad():
                stored["default"].copy_(random(*stored["default"].shape, seed=number))
            parts[name] = stored["default"].detach().clone()
    return parts


HADA = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2")
KRON = ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2")


def base_layers():
    torch.manual_seed(0)
    return {"linear": nn.Linear(24, 40), "convolution": nn.Conv2d(24, 40, 3), "point": nn.Conv2d(24, 40, 1)}


@pytest.mark.parametrize("kind", ["linear", "convolution", "point"])
@pytest.mark.parametrize("with_core", [False, True])
def test_a_loha_is_what_peft_makes_of_it(kind, with_core):
    base = base_layers()[kind]
    config = LoHaConfig(r=4, alpha=6, use_effective_conv2d=with_core)
    cls = loha.Linear if kind == "linear" else loha.Conv2d
    layer = cls(base, "default", config, r=4, alpha=6)
    parts = fill(layer, HADA) | {"alpha": torch.tensor(6.0)}
    expected = base.weight + layer.get_delta_weight("default")
    assert torch.allclose(change_of(parts, base.weight.detach()), expected.detach(), atol=1e-6)


@pytest.mark.parametrize("kind", ["linear", "convolution", "point"])
@pytest.mark.parametrize("rank", [1, 2, 16])
@pytest.mark.parametrize(
    "options", [{}, {"decompose_both": True}, {"decompose_factor": 4}, {"use_effective_conv2d": True}]
)
def test_a_lokr_is_what_peft_makes_of_it(kind, rank, options):
    base = base_layers()[kind]
    config = LoKrConfig(r=rank, alpha=3, **options)
    cls = lokr.Linear if kind == "linear" else lokr.Conv2d
    layer = cls(base, "default", config, r=rank, alpha=3)
    parts = fill(layer, KRON) | {"alpha": torch.tensor(3.0)}
    is_whole = "lokr_w1" in parts and "lokr_w2" in parts
    # PEFT divides by the rank even where nothing has it; LyCORIS does not, and LyCORIS made the files.
    delta = layer.get_delta_weight("default") * (rank / 3 if is_whole else 1)
    assert torch.allclose(change_of(parts, base.weight.detach()), (base.weight + delta).detach(), atol=1e-6)


@pytest.mark.parametrize("kind", ["linear", "convolution"])
@pytest.mark.parametrize("shape", ["row", "column", "peft"])
def test_a_dora_by_output_is_what_peft_makes_of_it(kind, shape):
    base = base_layers()[kind]
    config = LoraConfig(r=4, lora_alpha=8, use_dora=True)
    cls = lora.Linear if kind == "linear" else lora.Conv2d
    layer = cls(base, "default", config, r=4, lora_alpha=8)
    down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    magnitudes = random(40, seed=3).abs() + 0.5
    with torch.no_grad():
        up.copy_(random(*up.shape, seed=1))
        stored = layer.lora_magnitude_vector["default"].weight
        stored.copy_(magnitudes.view(stored.shape))
    scales = {
        "row": {"dora_scale": magnitudes},
        "column": {"dora_scale": magnitudes.view(40, *[1] * (base.weight.ndim - 1))},
        "peft": {"lora_magnitude_vector": stored.detach().clone()},
    }
    parts = {"lora_down.weight": down.detach(), "lora_up.weight": up.detach(), "alpha": torch.tensor(8.0)}
    changed = change_of(parts | scales[shape], base.weight.detach())
    inputs = random(2, 24, *((5, 5) if kind == "convolution" else ()), seed=4)
    run = nn.functional.linear if kind == "linear" else nn.functional.conv2d
    with torch.no_grad():
        assert torch.allclose(run(inputs, changed, base.bias), layer(inputs), atol=1e-5)


def test_a_dora_by_input_sets_the_lengths_of_columns():
    base, lengths = random(6, 9), random(1, 9, seed=2).abs() + 0.1
    changed = change_of(lora_layer((6, 9)) | {"dora_scale": lengths}, base)
    assert torch.allclose(changed.norm(dim=0), lengths[0], atol=1e-6)
    plain = base + 0.5 * lora_layer((6, 9))["lora_up.weight"] @ lora_layer((6, 9))["lora_down.weight"]
    assert torch.allclose(nn.functional.normalize(changed, dim=0), nn.functional.normalize(plain, dim=0), atol=1e-6)


def test_a_lora_with_a_core_multiplies_through_it():
    base, parts = random(6, 5, 3, 3), {"lora_mid.weight": random(4, 4, 3, 3, seed=5), "alpha": torch.tensor(2.0)}
    down, up = random(4, 5, 1, 1, seed=6), random(6, 4, 1, 1, seed=7)
    changed = change_of(parts | {"lora_down.weight": down, "lora_up.weight": up}, base)
    expected = torch.einsum("nmkl,in,mj->ijkl", parts["lora_mid.weight"], up[:, :, 0, 0], down[:, :, 0, 0])
    assert torch.allclose(changed, base + 0.5 * expected, atol=1e-6)


def test_a_full_change_is_added_to_weight_and_bias():
    weights = {f"{QUERY}.diff": random(4, 4, seed=1), f"{QUERY}.diff_b": random(4, seed=2)}
    changes = read_changes(weights, {}, layers_per_block=2)
    assert set(changes) == {QUERY_NAME, QUERY_NAME.replace("weight", "bias")}
    assert torch.equal(changes[QUERY_NAME](torch.zeros(4, 4)), weights[f"{QUERY}.diff"])
    assert torch.equal(changes[QUERY_NAME.replace("weight", "bias")](torch.zeros(4)), weights[f"{QUERY}.diff_b"])


def test_the_original_unets_names_are_understood():
    layer = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q"
    weights = named(layer, lora_layer((4, 4)) | {"dora_scale": torch.ones(4)})
    expected = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight"
    assert set(read_changes(weights, {}, layers_per_block=2)) == {expected}


def test_pefts_names_are_understood():
    layer = QUERY_NAME.removesuffix(".weight")
    weights = {f"{layer}.lora_A.weight": random(2, 4), f"{layer}.lora_B.weight": random(4, 2, seed=1)}
    weights[f"{layer}.lora_magnitude_vector"] = torch.ones(4)
    changes = read_changes(weights, {}, layers_per_block=2)
    assert torch.allclose(changes[QUERY_NAME](random(4, 4)).norm(dim=1), torch.ones(4))


def test_plain_loras_stay_with_peft():
    assert not is_unusual(named(QUERY, lora_layer((4, 4))))


def test_a_dora_with_the_lengths_there_are_is_a_plain_lora(bench, tmp_path):
    """The two ways of putting a LoRA on meet where they mean the same."""
    bench.draw()
    unet = bench.resident.loaded.parts["unet"]
    weights = load_file(write_layers(tmp_path / "plain", "lora", only="attn2_to_q", **STARTER))
    up, down = weights[f"{QUERY}.lora_up.weight"], weights[f"{QUERY}.lora_down.weight"]
    merged = unet.get_parameter(QUERY_NAME.removeprefix("unet.")) + 0.5 * up @ down
    weights[f"{QUERY}.dora_scale"] = merged.norm(dim=1).detach()
    save_file(weights, tmp_path / "dora")
    bench.draw(ref("lora", bench.add(tmp_path / "dora")))
    assert torch.allclose(unet.get_parameter(QUERY_NAME.removeprefix("unet.")), merged, atol=1e-5)


def turn_around(weights):
    """Make the product of the right size, but the wrong way round."""
    for side in ("a", "b"):
        weights[f"{BLOCK}_attn2_to_v.hada_w1_{side}"] = weights[f"{BLOCK}_attn2_to_v.hada_w1_{side}"].T.contiguous()
    one, two = (weights[f"{BLOCK}_attn2_to_v.hada_w1_{side}"] for side in ("a", "b"))
    weights[f"{BLOCK}_attn2_to_v.hada_w1_a"], weights[f"{BLOCK}_attn2_to_v.hada_w1_b"] = two, one
    for side in ("a", "b"):
        weights[f"{BLOCK}_attn2_to_v.hada_w2_{side}"] = weights[f"{BLOCK}_attn2_to_v.hada_w1_{side}"].clone()


def drop(part):
    def change(weights):
        del weights[f"{QUERY}.{part}"]

    return change


def put(part, make):
    def change(weights):
        weights[f"{QUERY}.{part}"] = make()

    return change


def overflow(weights):
    weights[f"{QUERY}.hada_w1_a"] = torch.full((192, 4), 1e20)
    weights[f"{QUERY}.hada_w1_b"] = torch.full((4, 192), 1e20)


def rename(weights):
    for name in [name for name in weights if name.startswith(QUERY)]:
        weights[name.replace("mid_block_attentions_0", "mid_block_attentions_7")] = weights.pop(name)


@pytest.mark.parametrize(
    ("form", "spoil", "code"),
    [
        ("loha", drop("hada_w2_b"), "adapter_incomplete"),
        ("loha", put("hada_t1", lambda: torch.ones(4, 4, 1, 1)), "adapter_incomplete"),
        ("loha", put("hada_w1_a", lambda: torch.ones(192, 3)), "adapter_mismatch"),
        ("loha", put("hada_w1_a", lambda: torch.ones(192, 0)), "adapter_broken"),
        ("loha", put("alpha", lambda: torch.tensor(float("nan"))), "adapter_broken"),
        ("loha", put("alpha", lambda: torch.ones(2)), "adapter_broken"),
        ("loha", overflow, "adapter_broken"),
        ("loha", put("oft_blocks", lambda: torch.ones(2)), "adapter_kind_unsupported"),
        ("loha", turn_around, "adapter_mismatch"),
        ("loha", rename, "adapter_mismatch"),
        ("lokr", drop("lokr_w1"), "adapter_incomplete"),
        ("lokr", drop("lokr_w2"), "adapter_incomplete"),
        ("lokr", put("lokr_w2", lambda: torch.ones(5, 5)), "adapter_mismatch"),
        ("dora", drop("lora_up.weight"), "adapter_incomplete"),
        ("dora", put("dora_scale", lambda: torch.ones(7)), "adapter_mismatch"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_and_leaves_no_trace(form, spoil, code, bench, tmp_path):
    weights = load_file(write_layers(tmp_path / "good", form, **STARTER))
    spoil(weights)
    save_file(weights, tmp_path / "bad")
    bad = bench.add(tmp_path / "bad")
    plain = bench.draw()
    clean, objects = bench.weights_hash(), bench.objects()
    with pytest.raises(ModelError) as caught:
        bench.draw(ref("lora", bad))
    assert caught.value.code == code
    assert (bench.weights_hash(), bench.objects()) == (clean, objects)
    assert bench.draw() == plain


def test_a_missing_alpha_means_the_rank(bench, tmp_path):
    weights = load_file(write_layers(tmp_path / "with", "loha", **STARTER))
    for name in weights:
        if name.endswith(".alpha"):
            weights[name] = torch.tensor(4.0)
    save_file(weights, tmp_path / "with")
    save_file({name: each for name, each in weights.items() if not name.endswith(".alpha")}, tmp_path / "without")
    one, two = (bench.draw(ref("lora", bench.add(tmp_path / name))) for name in ("with", "without"))
    assert one == two != bench.draw()


@pytest.mark.parametrize("options", [{"is_whole": False}, {"rank": 2, "is_whole": False}, {"factor": 8}])
def test_lokr_in_parts_is_drawn_with_too(options, bench, tmp_path):
    sha256 = bench.add(write_layers(tmp_path / "lokr", "lokr", **STARTER, **options))
    assert bench.draw(ref("lora", sha256)) != bench.draw()


def test_loha_with_cores_is_drawn_with_too(bench, tmp_path):
    sha256 = bench.add(write_layers(tmp_path / "loha", "loha", **STARTER, with_core=True))
    assert bench.draw(ref("lora", sha256)) != bench.draw()
