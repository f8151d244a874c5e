"""Several processes together come to the weights that one would, and stop together."""

import os
import signal
import time
from multiprocessing import active_children, get_context

import psutil
import pytest
import torch

from engine.errors import ModelError
from engine.starter import WEIGHTS
from engine.training.teams import count_processes
from engine.training.train import train
from engine.training.values import Checkpointed, Evaluated, Stepped

from .stage import STARTER, learn, spec_of


def learn_together(spec, material, folder, on_event, *, models=None):
    return train(
        spec,
        material,
        models=models or {STARTER: WEIGHTS}.__getitem__,
        folder=folder / "run",
        cache=folder / "cache",
        on_event=on_event,
        device="cpu",
        threads=1,
        processes=2,
    )


@pytest.mark.slow
def test_two_processes_come_to_the_same_weights(material, tmp_path):
    spec = spec_of("lora", gradient_accumulation_steps=2, train_batch_size=1, max_train_steps=3, validation_steps=3)
    alone, _ = learn(spec, material, tmp_path / "alone")
    events = []
    together = learn_together(spec, material, tmp_path / "together", events.append)
    assert all(torch.equal(alone.weights[name], together.weights[name]) for name in alone.weights)
    assert alone.curve == together.curve
    assert alone.losses == together.losses
    assert [each.step for each in events if isinstance(each, Stepped)] == [1, 2, 3]
    assert [each.step for each in events if isinstance(each, Evaluated)] == [0, 3]


def train_and_kill(spec, material, folder):
    """Start a team, and be killed as nothing can be caught, once it is at work."""

    def on_event(event):
        if isinstance(event, Checkpointed):
            (folder / "members").write_text(" ".join(str(each.pid) for each in active_children()))
            os.kill(os.getpid(), signal.SIGKILL)

    learn_together(spec, material, folder, on_event)


@pytest.mark.slow
def test_a_team_ends_with_the_process_that_started_it(material, tmp_path):
    spec = spec_of("textual_inversion", gradient_accumulation_steps=2, max_train_steps=5000, validation_steps=0)
    leader = get_context("spawn").Process(target=train_and_kill, args=(spec, material, tmp_path))
    leader.start()
    leader.join(120)
    assert leader.exitcode == -signal.SIGKILL
    members = [int(each) for each in (tmp_path / "members").read_text().split()]
    assert len(members) == 2
    deadline = time.monotonic() + 30
    while any(psutil.pid_exists(each) for each in members) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not [each for each in members if psutil.pid_exists(each)]


@pytest.mark.slow
def test_they_stop_together_and_go_on_from_the_checkpoint(material, tmp_path):
    class Canceled(Exception):
        pass

    def cancel(event):
        if isinstance(event, Checkpointed):
            raise Canceled

    spec = spec_of("textual_inversion", gradient_accumulation_steps=2, max_train_steps=4, validation_steps=0)
    with pytest.raises(Canceled):
        learn_together(spec, material, tmp_path, cancel)
    events = []
    learn_together(spec, material, tmp_path, events.append)
    steps = [each.step for each in events if isinstance(each, Stepped)]
    assert (steps[0] >= 3, steps[-1]) == (True, 4)


@pytest.mark.slow
def test_an_error_of_one_is_the_error_of_all(material, tmp_path):
    spec = spec_of("lora", base_model="0" * 64, gradient_accumulation_steps=2)
    with pytest.raises(Exception, match="changed since it was registered") as refused:
        learn_together(spec, material, tmp_path, lambda _event: None, models=lambda _sha256: WEIGHTS)
    assert refused.value.code == "model_changed"
    assert isinstance(refused.value, ModelError.__mro__[1])


@pytest.mark.parametrize(("accumulated", "wanted", "count"), [(1, 4, 1), (2, 4, 2), (8, 4, 4), (4, 0, 1)])
def test_no_process_is_idle(accumulated, wanted, count):
    assert count_processes(accumulated, wanted) == count
