"""Two threads learn from one batch: the same gradients, and the same weights every time."""

import pytest
import torch

from engine.training.halves import Pair, can_halve

from .stage import METHODS, learn, spec_of
from .test_priors import PRIOR, lessons_of

CASES = {
    "lora": {},
    "dreambooth": {},
    "dreambooth_lora": {**PRIOR, "num_class_images": 4},
    "textual_inversion": {},
    "hypernetwork": {"use_dropout": False},
}


def gradients(lessons) -> list[torch.Tensor]:
    """Return the gradients of what learns, and forget them."""
    found = [parameter.grad.clone() for parameter in lessons.learner.parameters.values()]
    for parameter in lessons.learner.parameters.values():
        parameter.grad = None
    return found


@pytest.mark.parametrize("method", METHODS)
def test_halves_teach_what_the_whole_batch_does(method, material, tmp_path):
    spec = spec_of(method, validation_steps=0, snr_gamma=5.0, **CASES[method])
    lessons = lessons_of(spec, material, tmp_path)
    learning = list(lessons.learner.parameters.values())
    assert can_halve(spec, learning, threads=2)
    pair = Pair(lessons, learning, threads=2)
    whole = lessons.loss(lessons.task(0)) * 0.5
    whole.backward()
    expected = gradients(lessons)
    loss = pair.learn(0, 0.5)
    pair.close()
    torch.testing.assert_close(loss, whole.detach())
    for one, other in zip(gradients(lessons), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_two_threads_come_to_the_same_weights_every_time(material, tmp_path):
    spec = spec_of("lora", train_batch_size=3, gradient_accumulation_steps=2)
    one, other = (learn(spec, material, tmp_path / name, threads=2)[0] for name in ("a", "b"))
    assert all(torch.equal(weight, other.weights[name]) for name, weight in one.weights.items())
    alone, _ = learn(spec, material, tmp_path / "c", threads=1)
    for name, weight in one.weights.items():
        torch.testing.assert_close(weight, alone.weights[name], rtol=1e-2, atol=1e-4)


def test_a_batch_of_one_is_not_halved(material, tmp_path):
    lessons = lessons_of(spec_of("lora", train_batch_size=1, validation_steps=0), material, tmp_path)
    assert len(lessons.task(0).halve()) == 1


@pytest.mark.parametrize(
    ("method", "changes", "threads"),
    [
        ("lora", {}, 1),
        ("lora", {"lora_dropout": 0.1}, 2),
        ("lora", {"mixed_precision": "bf16"}, 2),
        ("lora", {"gradient_checkpointing": True}, 2),
        ("dreambooth_lora", {}, 2),
        ("hypernetwork", {}, 2),
    ],
)
def test_what_threads_would_disturb_stays_whole(method, changes, threads):
    assert not can_halve(spec_of(method, **changes), [torch.nn.Parameter(torch.zeros(1))], threads=threads)
