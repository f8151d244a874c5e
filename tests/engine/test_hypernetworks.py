"""Hypernetworks are A1111's to the number of every layer, and a UNet that loses them is the one it was."""

import json

import pytest
import torch
from torch import nn

from engine.errors import ModelError
from engine.hypernetworks import (
    ACTIVATIONS,
    HypernetworkProcessor,
    attach,
    build_hypernetwork,
    describe,
    detach,
    from_state,
    state,
    widths_of,
)
from tests.engine.tiny import WIDTH, build_unet


@pytest.fixture(scope="module")
def unet():
    torch.manual_seed(0)
    return build_unet("sd1").eval()


def predict(unet, *, words=5):
    generator = torch.Generator().manual_seed(1)
    noisy = torch.randn(2, 4, 8, 8, generator=generator)
    text = torch.randn(2, words, WIDTH, generator=generator)
    with torch.no_grad():
        return unet(noisy, 10, text).sample


def make(widths, *, deviation=0.2, seed=0, **options):
    """Make a hypernetwork that changes much, ready to use."""
    torch.manual_seed(seed)
    hypernetwork = build_hypernetwork(widths, **options).eval()
    for parameter in hypernetwork.parameters():
        nn.init.normal_(parameter, std=deviation)
    return hypernetwork


def names(hypernetwork, side="k"):
    start = f"32.{side}.linear."
    return sorted(name.removeprefix(start) for name in state(hypernetwork) if name.startswith(start))


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({}, ["0", "1"]),
        ({"activation_func": "relu"}, ["0", "2"]),
        ({"activation_func": "relu", "activate_output": False}, ["0", "2"]),
        ({"is_layer_norm": True}, ["0", "1", "2", "3"]),
        ({"activation_func": "swish", "is_layer_norm": True}, ["0", "2", "3", "5"]),
        ({"activation_func": "swish", "is_layer_norm": True, "activate_output": False}, ["0", "2", "3", "4"]),
        ({"use_dropout": True}, ["0", "2"]),
        ({"activation_func": "elu", "is_layer_norm": True, "use_dropout": True}, ["0", "2", "4", "6"]),
        ({"layer_structure": (1, 2, 2, 1), "activation_func": "tanh", "use_dropout": True}, ["0", "3", "6"]),
    ],
)
def test_every_module_of_the_row_takes_a_number_as_in_a1111(options, weights):
    found = names(build_hypernetwork([32], **options))
    assert found == sorted([f"{index}.weight" for index in weights] + [f"{index}.bias" for index in weights])


def test_a_fresh_one_changes_next_to_nothing():
    hypernetwork = build_hypernetwork([32, 768], is_layer_norm=True)
    for name, tensor in state(hypernetwork).items():
        assert tensor.dtype == torch.float32
        if name.endswith("bias"):
            assert not tensor.any()
        else:
            assert 0 < tensor.abs().mean() < 0.02
    inputs = torch.randn(1, 4, 768)
    assert (hypernetwork.change(inputs, "k", 1.0) - inputs).abs().max() < 0.1


def test_the_input_is_kept_and_the_row_is_added_with_its_strength():
    hypernetwork = make([32], activation_func="relu")
    inputs = torch.randn(2, 3, 32)
    first, last = (hypernetwork.pairs["32"]["v"].linear[index] for index in (0, 2))
    expected = inputs + 0.5 * torch.relu(last(torch.relu(first(inputs))))
    assert torch.equal(hypernetwork.change(inputs, "v", 0.5), expected)
    assert not torch.equal(hypernetwork.change(inputs, "k", 0.5), expected)


def test_what_has_another_width_is_not_touched():
    inputs = torch.randn(1, 3, 31)
    assert make([32]).change(inputs, "k", 1.0) is inputs


def test_half_precision_stays_half_precision():
    assert make([32]).change(torch.randn(1, 3, 32).half(), "k", 1.0).dtype == torch.float16


def test_the_widths_are_those_of_attention(unet):
    assert widths_of(unet) == (16, 32)
    assert widths_of(build_unet("sdxl")) == (32, 64)


@pytest.mark.parametrize("architecture", ["sd1", "sdxl"])
def test_attention_without_a_change_is_diffusers_own_to_the_last_bit(architecture):
    torch.manual_seed(0)
    unet = build_unet(architecture).eval()
    inputs = {"encoder_hidden_states": torch.randn(2, 5, unet.config.cross_attention_dim)}
    if architecture == "sdxl":
        extra = {"text_embeds": torch.randn(2, WIDTH), "time_ids": torch.zeros(2, 6)}
        inputs["added_cond_kwargs"] = extra
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    noisy = torch.randn(2, 4, 8, 8)
    with torch.no_grad():
        for more in ({}, {"encoder_attention_mask": mask}):
            plain = unet(noisy, 10, **inputs, **more).sample
            attach(unet, [(make([7]), 1.0)])
            assert torch.equal(unet(noisy, 10, **inputs, **more).sample, plain)
            detach(unet)


def test_attention_over_pixels_is_diffusers_own_too():
    torch.manual_seed(0)
    types = {"down_block_types": ("DownBlock2D", "AttnDownBlock2D"), "up_block_types": ("AttnUpBlock2D", "UpBlock2D")}
    unet = build_unet("sd1", **types).eval()
    plain = predict(unet)
    attach(unet, [(make([7]), 1.0)])
    assert torch.equal(predict(unet), plain)


def test_it_changes_the_prediction_and_comes_off_without_a_trace(unet):
    plain, processors = predict(unet), dict(unet.attn_processors)
    before = {name: tensor.clone() for name, tensor in unet.state_dict().items()}
    attach(unet, [(make(widths_of(unet)), 1.0)])
    assert not torch.equal(predict(unet), plain)
    assert unet.state_dict().keys() == before.keys()
    detach(unet)
    assert torch.equal(predict(unet), plain)
    assert unet.attn_processors == processors
    assert all(torch.equal(tensor, before[name]) for name, tensor in unet.state_dict().items())


def test_strength_zero_puts_nothing_on(unet):
    attach(unet, [(make(widths_of(unet)), 0.0)])
    assert not any(isinstance(each, HypernetworkProcessor) for each in unet.attn_processors.values())


def test_several_work_one_after_the_other(unet):
    one, two = make(widths_of(unet)), make(widths_of(unet), seed=1)
    pictures = []
    for stack in ([(one, 1.0), (two, 0.5)], [(two, 0.5), (one, 1.0)], [(one, 1.0)], [(two, 0.5)]):
        attach(unet, stack)
        pictures.append(predict(unet))
    detach(unet)
    assert all(not torch.equal(a, b) for i, a in enumerate(pictures) for b in pictures[:i])


def test_attaching_again_replaces_what_was_there(unet):
    one, two = make(widths_of(unet)), make(widths_of(unet), seed=1)
    attach(unet, [(two, 1.0)])
    expected = predict(unet)
    detach(unet)
    attach(unet, [(one, 1.0)])
    attach(unet, [(two, 1.0)])
    assert torch.equal(predict(unet), expected)
    detach(unet)
    assert not any(isinstance(each, HypernetworkProcessor) for each in unet.attn_processors.values())


def test_gradients_reach_the_pairs_and_nothing_else(unet):
    hypernetwork = make(widths_of(unet), deviation=0.01).train()
    unet.requires_grad_(False)
    attach(unet, [(hypernetwork, 1.0)])
    unet(torch.randn(1, 4, 8, 8), 10, torch.randn(1, 5, WIDTH)).sample.sum().backward()
    detach(unet)
    assert all(parameter.grad is not None for parameter in hypernetwork.parameters())
    assert all(parameter.grad is None for parameter in unet.parameters())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"activation_func": "mish", "is_layer_norm": True, "use_dropout": True, "activate_output": False},
        {"layer_structure": (1, 0.5, 2.5, 1), "use_dropout": True},
        {"activation_func": "prelu"},
    ],
)
def test_it_is_read_back_as_it_was(options):
    hypernetwork = make([16, 32], **options)
    again = from_state(state(hypernetwork), describe(hypernetwork))
    assert state(again).keys() == state(hypernetwork).keys()
    assert all(torch.equal(tensor, state(hypernetwork)[name]) for name, tensor in state(again).items())
    assert describe(again) == describe(hypernetwork)
    assert not again.training


def test_what_is_read_shares_no_memory_with_the_file():
    tensors = state(make([32]))
    again = from_state(tensors, {})
    tensors["32.k.linear.0.weight"].zero_()
    assert state(again)["32.k.linear.0.weight"].any()


def test_what_a_header_leaves_out_is_what_a1111_takes():
    again = from_state(state(make([32])), {})
    assert (again.layer_structure, again.activation_func) == ((1, 2, 1), "linear")
    assert (again.is_layer_norm, again.use_dropout, again.activate_output) == (False, False, True)


def test_dropout_that_a1111_leaves_out_after_the_last_hidden_layer_is_understood():
    tensors = state(make([32], layer_structure=(1, 2, 2, 1), use_dropout=True))
    tensors = {name.replace("linear.4.", "linear.3."): tensor for name, tensor in tensors.items()}
    again = from_state(tensors, {"layer_structure": "[1, 2, 2, 1]", "use_dropout": "True"})
    assert [type(layer) for layer in again.pairs["32"]["k"].linear] == [nn.Linear, nn.Dropout, nn.Linear, nn.Linear]


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_keeps_the_shape(name):
    assert make([4], activation_func=name).change(torch.randn(2, 3, 4), "k", 1.0).shape == (2, 3, 4)


def drop_one(tensors):
    del tensors["32.v.linear.1.bias"]


def drop_side(tensors):
    for name in [name for name in tensors if ".v." in name]:
        del tensors[name]


def cut_shape(tensors):
    tensors["32.k.linear.0.weight"] = torch.zeros(64, 31)


def add_other(tensors):
    tensors["other"] = torch.zeros(1)


def skip_number(tensors):
    for kind in ("weight", "bias"):
        tensors[f"32.k.linear.2.{kind}"] = tensors.pop(f"32.k.linear.1.{kind}")


@pytest.mark.parametrize("spoil", [drop_one, drop_side, cut_shape, add_other, skip_number, dict.clear])
def test_layers_that_are_not_as_described_are_refused(spoil):
    tensors = state(make([32]))
    spoil(tensors)
    with pytest.raises(ModelError):
        from_state(tensors, {})


@pytest.mark.parametrize(
    "metadata",
    [
        {"layer_structure": "[1, 2, 2, 1]"},
        {"layer_structure": "[1, 1e9, 1]"},
        {"layer_structure": "[1, NaN, 1]"},
        {"layer_structure": "[1, -2, 1]"},
        {"layer_structure": "[2, 1]"},
        {"layer_structure": "[1]"},
        {"layer_structure": "{}"},
        {"layer_structure": '["1", 2, 1]'},
        {"layer_structure": "[" * 5000},
        {"layer_structure": json.dumps([1] * 70)},
        {"activation_func": "relu"},
        {"activation_func": "__import__('os').system('true')"},
        {"activation_func": "MultiheadAttention"},
        {"is_layer_norm": "true"},
    ],
)
def test_a_header_that_contradicts_the_layers_is_refused(metadata):
    with pytest.raises(ModelError) as caught:
        from_state(state(make([32])), metadata)
    assert caught.value.code == "hypernetwork_invalid"


@pytest.mark.parametrize("structure", [(1, 2), (2, 1), (1,), (), (1, 0, 1), (1, float("nan"), 1), (1, 65, 1)])
def test_a_structure_begins_and_ends_with_one(structure):
    with pytest.raises(ModelError):
        build_hypernetwork([32], layer_structure=structure)
