"""What a killed training leaves is enough to end at the very same weights."""

import os
import signal
from multiprocessing import get_context

import pytest
import torch

from engine.training.checkpoints import FILE
from engine.training.values import Checkpointed, Evaluated, Stepped

from .stage import METHODS, VARIED, learn, spec_of

HALF = 2
# Each method with another of the things that are kept between attempts.
KEPT = {
    "lora": {"train_text_encoder": True, "train_conv": True, "lora_dropout": 0.2, "ema_decay": 0.9},
    "dreambooth": {"train_batch_size": 1, "gradient_accumulation_steps": 2},
    "dreambooth_lora": {"optimizer": "prodigy", "learning_rate": 1.0, "use_dora": True},
    "textual_inversion": {"lr_scheduler": "cosine", "lr_warmup_steps": 1},
    "hypernetwork": {"optimizer": "adafactor"},
}


def die_in_the_middle(spec, material, folder):
    """Train in a process of its own, and kill it one step after its first checkpoint, as nothing can be caught."""

    def listen(event):
        if isinstance(event, Stepped) and event.step == HALF + 1:
            os.kill(os.getpid(), signal.SIGKILL)

    learn(spec, material, folder, listen=listen)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_killed_and_resumed_is_bit_for_bit_the_same(method, material, tmp_path):
    spec = spec_of(method, **{**VARIED, **KEPT[method]})
    whole, heard = learn(spec, material, tmp_path / "whole")
    process = get_context("spawn").Process(target=die_in_the_middle, args=(spec, material, tmp_path / "killed"))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    assert (tmp_path / "killed" / "run" / FILE).is_file()

    resumed, later = learn(spec, material, tmp_path / "killed")

    assert [each.step for each in later if isinstance(each, Stepped)] == [3, 4]
    assert whole.weights.keys() == resumed.weights.keys()
    assert all(torch.equal(whole.weights[name], resumed.weights[name]) for name in whole.weights)
    assert whole.curve == resumed.curve
    assert whole.losses == resumed.losses
    assert [each.step for each in heard if isinstance(each, Evaluated)] == [0, 2, 4]


def test_a_stop_between_two_checkpoints_keeps_the_last_one(material, tmp_path):
    class Stop(Exception):
        pass

    def stop(event):
        if isinstance(event, Stepped) and event.step == 3:
            raise Stop

    spec = spec_of("lora")
    with pytest.raises(Stop):
        learn(spec, material, tmp_path, listen=stop)
    _, later = learn(spec, material, tmp_path)
    assert [each.step for each in later if isinstance(each, Stepped)] == [3, 4]


def test_a_checkpoint_of_another_recipe_is_not_gone_on_from(material, tmp_path):
    learn(spec_of("lora", max_train_steps=2), material, tmp_path)
    _, later = learn(spec_of("lora", max_train_steps=2, seed=1), material, tmp_path)
    assert [each.step for each in later if isinstance(each, Stepped)] == [1, 2]


def test_a_torn_checkpoint_begins_anew(material, tmp_path):
    spec = spec_of("textual_inversion", max_train_steps=2)
    first, _ = learn(spec, material, tmp_path)
    file = tmp_path / "run" / FILE
    file.write_bytes(file.read_bytes()[:-7])
    second, later = learn(spec, material, tmp_path)
    assert [each.step for each in later if isinstance(each, Stepped)] == [1, 2]
    assert all(torch.equal(first.weights[name], second.weights[name]) for name in first.weights)


def test_a_full_disk_leaves_the_checkpoint_before(material, tmp_path, monkeypatch):
    spec = spec_of("lora", checkpointing_steps=1, validation_steps=0)
    full = []

    def fill(event):
        if isinstance(event, Checkpointed) and event.step == 2:
            full.append(event)

    def refuse(file):
        if full:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        learn(spec, material, tmp_path, listen=fill)
    monkeypatch.undo()
    assert not list((tmp_path / "run").glob(".*"))
    _, later = learn(spec, material, tmp_path)
    assert [each.step for each in later if isinstance(each, Stepped)] == [3, 4]
