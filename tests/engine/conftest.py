"""One engine with the starter model, shared by the tests that only look at pictures."""

import pytest
import torch

from engine.headers import hash_model
from engine.render import Engine
from engine.specs import ImageSpec
from engine.starter import WEIGHTS
from tests.engine.bench import Bench

PROMPT = "a red car, on a beach, golden sunset light, flat vector style"


@pytest.fixture(scope="session")
def starter_hash():
    return hash_model(WEIGHTS)


@pytest.fixture(scope="session")
def starter_engine(starter_hash):
    threads = torch.get_num_threads()
    yield Engine({starter_hash: WEIGHTS}.__getitem__, memory_budget_bytes=10**9, device="cpu", threads=1)
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def starter_spec(starter_hash):
    return ImageSpec(
        architecture="sd1",
        base_model=starter_hash,
        prompt=PROMPT,
        negative_prompt="blurry, noisy",
        seed=7,
        num_inference_steps=4,
        guidance_scale=2.5,
        width=128,
        height=128,
    )


@pytest.fixture(scope="module")
def bench(starter_spec):
    """The starter model and a place for adapters; what one test puts on, the next must find taken off."""
    threads = torch.get_num_threads()
    yield Bench(WEIGHTS, starter_spec)
    torch.set_num_threads(threads)
