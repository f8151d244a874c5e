"""What a killed training leaves is enough to end at the very same weights."""

import errno
import os
import resource
import signal
from multiprocessing import get_context

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

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


@pytest.mark.parametrize("damage", ["no metadata", "a tensor is missing", "a tensor is too small"])
def test_a_damaged_checkpoint_moves_nothing_and_begins_anew(damage, material, tmp_path):
    spec = spec_of("textual_inversion", max_train_steps=2)
    first, _ = learn(spec, material, tmp_path)
    file = tmp_path / "run" / FILE
    with safe_open(file, "pt") as kept:
        meta, tensors = kept.metadata(), {name: kept.get_tensor(name) for name in kept.keys()}  # noqa: SIM118
    name = next(name for name in tensors if name.startswith("parameter."))
    if damage == "a tensor is missing":
        del tensors[name]
    elif damage == "a tensor is too small":
        tensors[name] = tensors[name][:1].clone()
    save_file(tensors, file, None if damage == "no metadata" else meta)
    second, later = learn(spec, material, tmp_path)
    assert [each.step for each in later if isinstance(each, Stepped)] == [1, 2]
    assert all(torch.equal(first.weights[name], second.weights[name]) for name in first.weights)


def test_lost_best_weights_leave_the_last_ones(material, tmp_path):
    spec = spec_of("lora", learning_rate=0.03, max_train_steps=4, validation_steps=1, checkpointing_steps=1)
    first, _ = learn(spec, material, tmp_path)
    assert first.step < 4
    (tmp_path / "run" / f"best-{first.step}.safetensors").write_bytes(b"no longer")
    second, _ = learn(spec, material, tmp_path)
    assert (second.step, second.last_step) == (4, 4)


def train_with_little_room(spec, material, folder, told):
    """Train in a process whose files may not grow beyond what its first checkpoint needs; say what it met."""

    def listen(event):
        if isinstance(event, Checkpointed):
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        learn(spec, material, folder, listen=listen)
    except OSError as error:
        told.put(error.errno)


def test_no_room_for_a_checkpoint_is_an_error_with_its_number(material, tmp_path):
    spec = spec_of("lora", checkpointing_steps=1, validation_steps=0)
    context = get_context("spawn")
    told = context.Queue()
    process = context.Process(target=train_with_little_room, args=(spec, material, tmp_path, told))
    process.start()
    assert told.get(timeout=120) == errno.EFBIG
    process.join(30)
    assert not list((tmp_path / "run").glob(".*"))
    _, later = learn(spec, material, tmp_path)
    assert [each.step for each in later if isinstance(each, Stepped)] == [2, 3, 4]


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
