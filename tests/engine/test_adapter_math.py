"""What is computed from LoRAs is exactly what the matrices say, and what is lost is the tail of singular values."""

import itertools

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.adapter_layers import join_layers, level_alphas, split_layers
from engine.adapter_math import extract, merge, resize
from engine.adapter_names import list_layers
from engine.errors import ModelError
from tests.engine.adapter_weights import (
    add_by_hand,
    list_parameters,
    load_pipeline,
    make_lora,
    networks_of,
    predict,
)
from tests.engine.tiny import build_folder

LINEAR = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_q"
WIDE = "unet.mid_block.resnets.0.conv1"
TEXT = "text_encoder.text_model.encoder.layers.0.mlp.fc1"
SHAPES = {LINEAR: (12, 9), WIDE: (8, 6, 3, 3), TEXT: (7, 16)}


def draw(ranks, seed=0, dtype=torch.float32):
    """Return a LoRA with these ranks by layer."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for layer, rank in ranks.items():
        out, into, *kernel = SHAPES[layer]
        weights[f"{layer}.lora_A.weight"] = torch.randn(rank, into, *kernel, generator=generator).to(dtype)
        weights[f"{layer}.lora_B.weight"] = torch.randn(out, rank, *[1] * len(kernel), generator=generator).to(dtype)
    return weights


def deltas(weights, alpha=None):
    layers = split_layers(weights)
    return {name: layer.delta().double() * ((alpha or layer.rank) / layer.rank) for name, layer in layers.items()}


def apply_convolution(weights, name, latents):
    """Run the two halves one after the other, as PEFT does."""
    down, up = weights[f"{name}.lora_A.weight"], weights[f"{name}.lora_B.weight"]
    return torch.nn.functional.conv2d(torch.nn.functional.conv2d(latents, down, padding=1), up)


def distance(one, other):
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def tail(delta, rank):
    return float(torch.linalg.svdvals(delta.flatten(1))[rank:].square().sum().sqrt())


def test_a_merge_is_the_weighted_sum_of_the_changes():
    one, two = draw({LINEAR: 3, WIDE: 2}), draw({LINEAR: 2, TEXT: 4, WIDE: 5}, seed=1)
    merged = merge([(one, 6.0, 0.7), (two, None, -0.4)])
    first, second = deltas(one, 6.0), deltas(two)
    wanted = {name: 0.7 * first.get(name, 0) - 0.4 * second.get(name, 0) for name in (LINEAR, WIDE, TEXT)}
    found = deltas(merged)
    assert set(found) == set(wanted)
    assert distance(found, wanted) < 1e-5
    assert {name: layer.rank for name, layer in split_layers(merged).items()} == {LINEAR: 5, WIDE: 7, TEXT: 4}


def test_a_merge_of_three_is_exact_to_a_millionth():
    inputs = [(draw({LINEAR: 3, WIDE: 2}, seed), 2.0, weight * 0.1) for seed, weight in enumerate((3, -2, 5))]
    found = deltas(merge(inputs))
    parts = [{name: weight * delta for name, delta in deltas(lora, alpha).items()} for lora, alpha, weight in inputs]
    wanted = {name: sum(part[name] for part in parts) for name in (LINEAR, WIDE)}
    assert distance(found, wanted) < 1e-6


def test_merged_convolutions_work_as_the_sum_of_both():
    one, two = draw({WIDE: 2}), draw({WIDE: 3}, seed=1)
    latents = torch.randn(1, 6, 5, 5)
    wanted = apply_convolution(one, WIDE, latents) + 0.5 * apply_convolution(two, WIDE, latents)
    assert torch.allclose(
        apply_convolution(merge([(one, None, 1), (two, None, 0.5)]), WIDE, latents), wanted, atol=1e-4
    )


def test_merging_nothing_away_leaves_nothing():
    lora = draw({LINEAR: 3})
    assert distance(deltas(merge([(lora, 3.0, 1.0), (lora, 3.0, -1.0)])), {LINEAR: torch.zeros(12, 9)}) < 1e-6


def test_halves_are_merged_in_full_precision():
    one, two = (draw({LINEAR: 2}, seed, torch.float16) for seed in (0, 1))
    wanted = {LINEAR: deltas({k: v.float() for k, v in one.items()})[LINEAR] * 0.3}
    wanted[LINEAR] += deltas({k: v.float() for k, v in two.items()})[LINEAR] * 0.3
    assert distance(deltas(merge([(one, None, 0.3), (two, None, 0.3)])), wanted) < 1e-5


@settings(max_examples=30, deadline=None)
@example(8, 8, 1.0, 0)
@given(st.integers(1, 8), st.integers(1, 10), st.floats(0.1, 20), st.integers(0, 1000))
def test_a_resized_layer_is_the_best_of_its_rank(before, after, alpha, seed):
    """Eckart-Young: the distance to the nearest matrix of a rank is the tail of the singular values."""
    lora = draw({LINEAR: before, WIDE: before, TEXT: before}, seed)
    reduced = resize(lora, rank=after, lora_alpha=alpha)
    full, small = deltas(lora, alpha), deltas(reduced.weights)
    for name, delta in full.items():
        lost = float((delta - small[name]).norm())
        assert lost == pytest.approx(tail(delta, after), abs=1e-4 * float(delta.norm()))
        kept = 1 - (tail(delta, after) / float(delta.norm())) ** 2
        assert reduced.retained[name] == pytest.approx(kept, abs=1e-6)
    assert reduced.ranks == {name: min(before, after, *delta.flatten(1).shape) for name, delta in full.items()}


@pytest.mark.parametrize("energy", [0.3, 0.8, 0.95, 1.0])
def test_a_share_of_the_energy_needs_the_lowest_ranks_that_keep_it(energy):
    lora = draw({LINEAR: 6, WIDE: 5, TEXT: 4})
    reduced = resize(lora, energy=energy)
    for name, delta in deltas(lora).items():
        rank = reduced.ranks[name]
        assert reduced.retained[name] >= energy - 1e-9
        assert rank == 1 or 1 - (tail(delta, rank - 1) / float(delta.norm())) ** 2 < energy
    assert (max(reduced.ranks.values()) > 1) is (energy > 0.5)


def test_both_halves_of_a_resized_layer_are_of_one_size():
    layer = split_layers(resize(draw({LINEAR: 6}), rank=3, lora_alpha=600.0).weights)[LINEAR]
    assert torch.allclose(layer.down.norm(dim=1), layer.up.norm(dim=0), rtol=1e-4)


def test_a_layer_that_changes_nothing_stays_so():
    lora = draw({LINEAR: 3})
    lora[f"{LINEAR}.lora_B.weight"].zero_()
    for wish in ({"rank": 2}, {"energy": 0.9}):
        reduced = resize(lora, **wish)
        assert reduced.retained == {LINEAR: 1.0}
        assert not split_layers(reduced.weights)[LINEAR].delta().any()


@pytest.fixture(scope="module", params=["sd1", "sdxl"])
def pipeline(request, tmp_path_factory):
    return load_pipeline(request.param, build_folder(request.param, tmp_path_factory.mktemp("model") / "m"))


def test_an_extraction_of_full_rank_predicts_what_the_tuned_model_does(pipeline):
    weights = make_lora(pipeline, rank=2, with_conv=True)
    tuned = add_by_hand(pipeline, weights, 1.0)
    base = {name: weight.detach() for name, weight in list_parameters(pipeline).items()}
    other = {f"{network}.{name}": w.detach() for network, part in tuned.items() for name, w in part.named_parameters()}
    found = extract(base, other, rank=2, with_conv=True)
    assert set(split_layers(found.weights)) == set(list_layers(base, with_conv=True))
    assert (found.left_out, min(found.retained.values())) == ((), pytest.approx(1.0, abs=1e-6))
    assert distance(deltas(found.weights), deltas(weights)) < 1e-6
    again = predict(add_by_hand(pipeline, found.weights, 1.0))
    assert (again - predict(tuned)).abs().max() < 1e-5
    assert (again - predict(networks_of(pipeline))).abs().max() > 0.01


def make_models(seed=0):
    generator = torch.Generator().manual_seed(seed)
    base = {f"{name}.weight": torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}
    base |= {f"{LINEAR}.bias": torch.zeros(12), "unet.conv_norm_out.weight": torch.ones(4), "unet.only": torch.ones(1)}
    tuned = {name: weight + 0.1 * torch.randn(weight.shape, generator=generator) for name, weight in base.items()}
    del tuned["unet.only"]
    return base, tuned


@pytest.mark.parametrize("rank", [1, 3, 50])
def test_an_extraction_loses_the_tail_of_each_difference(rank):
    base, tuned = make_models()
    found = extract(base, tuned, rank=rank, with_conv=True)
    for name, delta in deltas(found.weights).items():
        whole = (tuned[f"{name}.weight"] - base[f"{name}.weight"]).double()
        assert float((whole - delta).norm()) == pytest.approx(tail(whole, rank), abs=1e-5)
        assert found.retained[name] == pytest.approx(1 - (tail(whole, rank) / float(whole.norm())) ** 2, abs=1e-6)
    assert set(found.left_out) == {f"{LINEAR}.bias", "unet.conv_norm_out.weight"}


def test_an_extraction_takes_what_is_chosen_and_names_the_rest():
    base, tuned = make_models()
    assert set(extract(base, tuned, rank=2).retained) == {LINEAR, TEXT}
    found = extract(base, tuned, rank=2, chosen=lambda layer: layer.startswith("text_encoder."))
    assert set(found.retained) == {TEXT}
    assert {f"{LINEAR}.weight", f"{WIDE}.weight"} <= set(found.left_out)


def test_what_did_not_change_is_not_extracted():
    base, tuned = make_models()
    tuned[f"{TEXT}.weight"] = base[f"{TEXT}.weight"].clone()
    found = extract(base, tuned, energy=0.5, with_conv=True)
    assert set(found.retained) == {LINEAR, WIDE}


def test_clips_parameters_may_have_either_name():
    base, tuned = make_models()
    short = {name.replace("text_model.", ""): weight for name, weight in tuned.items()}
    assert set(extract(base, short, rank=1).retained) == {LINEAR, TEXT}


def test_somebody_may_watch_and_stop():
    seen = []

    def watch(done, total):
        seen.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    base, tuned = make_models()
    with pytest.raises(KeyboardInterrupt):
        extract(base, tuned, rank=1, with_conv=True, on_layer=watch)
    assert seen == [(1, 3), (2, 3)]
    resize(draw({LINEAR: 2, WIDE: 2}), rank=1, on_layer=lambda *step: seen.append(step))
    assert seen[2:] == [(1, 2), (2, 2)]


def refusal(call, *arguments, **options):
    with pytest.raises(ModelError) as caught:
        call(*arguments, **options)
    return caught.value.code


def test_loras_of_different_models_cannot_be_merged():
    other = {f"{LINEAR}.lora_A.weight": torch.ones(2, 5), f"{LINEAR}.lora_B.weight": torch.ones(12, 2)}
    assert refusal(merge, [(draw({LINEAR: 2}), None, 1), (other, None, 1)]) == "adapter_mismatch"
    flat = {f"{WIDE}.lora_A.weight": torch.ones(2, 54), f"{WIDE}.lora_B.weight": torch.ones(8, 2)}
    assert refusal(merge, [(draw({WIDE: 2}), None, 1), (flat, None, 1)]) == "adapter_mismatch"
    base, tuned = make_models()
    tuned[f"{LINEAR}.weight"] = torch.ones(3, 3)
    assert refusal(extract, base, tuned, rank=1) == "adapter_mismatch"


def test_a_dora_is_not_computed_with():
    dora = draw({LINEAR: 2}) | {f"{LINEAR}.lora_magnitude_vector": torch.ones(12)}
    assert refusal(merge, [(draw({LINEAR: 2}), None, 1), (dora, None, 1)]) == "adapter_dora_unsupported"
    assert refusal(resize, dora, rank=1) == "adapter_dora_unsupported"


@pytest.mark.parametrize("wish", [{}, {"rank": 0}, {"energy": 0.0}, {"energy": 1.1}, {"rank": -1, "energy": 0.5}])
def test_a_wish_that_means_nothing_is_an_error(wish):
    with pytest.raises(ValueError, match="share"):
        resize(draw({LINEAR: 2}), **wish)


def test_layers_come_apart_and_together_again():
    lora = draw({LINEAR: 2, WIDE: 3}) | {f"{LINEAR}.lora_magnitude_vector": torch.rand(12)}
    again = join_layers(split_layers(lora))
    assert set(again) == set(lora)
    assert all(torch.equal(again[name], tensor) for name, tensor in lora.items())


@pytest.mark.parametrize("alpha", [None, 2.0])
def test_one_alpha_for_all_layers_changes_none_of_them(alpha):
    lora = draw({LINEAR: 2, WIDE: 3, TEXT: 3})
    layers, common = level_alphas(split_layers(lora), alpha)
    assert common == (alpha or 3.0)
    levelled = {name: layer.delta().double() * common / layer.rank for name, layer in layers.items()}
    assert distance(levelled, deltas(lora, alpha)) < 1e-6


def test_ranks_and_energy_may_be_wished_for_together():
    lora = draw({LINEAR: 6, WIDE: 5})
    for rank, energy in itertools.product((1, 4), (0.2, 0.99)):
        ranks = resize(lora, rank=rank, energy=energy).ranks
        alone = resize(lora, energy=energy).ranks
        assert ranks == {name: min(rank, alone[name]) for name in alone}
