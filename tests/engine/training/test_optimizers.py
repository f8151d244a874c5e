"""Optimizers are built by name, and their state comes back to the bit."""

import importlib.util

import pytest
import torch

from engine.errors import EngineError
from engine.training.optimizers import build_optimizer, pack_state, split_groups, unpack_state

from .stage import learn, spec_of


def make(name, seed=0):
    torch.manual_seed(seed)
    parameters = {"unet.a": torch.nn.Parameter(torch.randn(6, 4)), "text_encoder.b": torch.nn.Parameter(torch.randn(5))}
    spec = spec_of("lora", optimizer=name, learning_rate=1.0 if name == "prodigy" else 1e-2, text_encoder_lr=1e-3)
    groups = split_groups(parameters, frozenset({"text_encoder.b"}), spec)
    return parameters, build_optimizer(spec, groups)


def step(parameters, optimizer, number):
    generator = torch.Generator().manual_seed(number)
    for parameter in parameters.values():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    optimizer.step()


@pytest.mark.parametrize("name", ["adamw", "adafactor", "prodigy"])
def test_state_comes_back_to_the_bit(name):
    parameters, optimizer = make(name)
    for number in range(3):
        step(parameters, optimizer, number)
    tensors, others = pack_state(optimizer)
    tensors = {key: value.clone() for key, value in tensors.items()}
    weights = {key: value.detach().clone() for key, value in parameters.items()}
    for number in range(3, 6):
        step(parameters, optimizer, number)

    again, second = make(name, seed=1)
    with torch.no_grad():
        for key, value in again.items():
            value.copy_(weights[key])
    unpack_state(second, tensors, others)
    for number in range(3, 6):
        step(again, second, number)
    assert all(torch.equal(parameters[key], again[key]) for key in parameters)


def test_text_encoders_have_a_rate_of_their_own():
    _, optimizer = make("adamw")
    assert [group["lr"] for group in optimizer.param_groups] == [1e-2, 1e-3]


def test_a_missing_library_is_named():
    if importlib.util.find_spec("bitsandbytes"):
        pytest.skip("bitsandbytes is installed here")
    with pytest.raises(EngineError) as refused:
        make("adamw_8bit")
    assert refused.value.code == "optimizer_missing"


def test_a_missing_library_is_told_before_anything_is_loaded(material, tmp_path):
    if importlib.util.find_spec("bitsandbytes"):
        pytest.skip("bitsandbytes is installed here")
    heard = []
    with pytest.raises(EngineError) as refused:
        learn(spec_of("lora", optimizer="adamw_8bit"), material, tmp_path, listen=heard.append)
    assert refused.value.code == "optimizer_missing"
    assert heard == []
    assert refused.value.params["library"] == "bitsandbytes"
