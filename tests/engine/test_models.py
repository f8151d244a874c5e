"""Models stay in memory within a budget, and only while their bytes are what they were."""

import os
import shutil
import socket

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import ModelError
from engine.headers import hash_model
from engine.render import Engine
from tests.engine.test_architectures import make_engine, make_spec
from tests.engine.test_render import ignore
from tests.engine.tiny import build_folder, build_vae


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("models")
    return [build_folder("sd1", place / f"m{seed}", seed=seed) for seed in range(3)]


def size_of(engine, sha256):
    return engine.models.residents[sha256].bytes


def test_the_least_recently_used_model_leaves_first(folders):
    engine, (a, b, c) = make_engine(*folders)
    engine.render(make_spec("sd1", a), ignore)
    engine.models.budget_bytes = 2 * size_of(engine, a) + 1
    engine.render(make_spec("sd1", b), ignore)
    engine.render(make_spec("sd1", a), ignore)
    assert engine.resident == [b, a]
    engine.render(make_spec("sd1", c), ignore)
    assert engine.resident == [a, c]


def test_the_sizes_in_the_budget_are_those_of_the_weights(folders):
    engine, (a, *_) = make_engine(*folders)
    engine.render(make_spec("sd1", a), ignore)
    parts = engine.models.residents[a].loaded.parts.values()
    networks = [part for part in parts if isinstance(part, torch.nn.Module)]
    assert size_of(engine, a) == sum(weight.nbytes for network in networks for weight in network.parameters())


def test_a_model_over_the_budget_is_refused_and_pushes_nothing_out(folders):
    engine, (a, b, _) = make_engine(*folders)
    engine.render(make_spec("sd1", a), ignore)
    engine.models.budget_bytes = size_of(engine, a) - 1
    with pytest.raises(ModelError) as caught:
        engine.render(make_spec("sd1", b), ignore)
    assert caught.value.code == "model_too_large"
    assert engine.resident == [a]


def test_a_vae_does_not_push_out_its_own_base_model(folders, tmp_path):
    vae = build_vae(tmp_path / "vae")
    engine, (a, b, v) = make_engine(*folders[:2], vae)
    engine.render(make_spec("sd1", a), ignore)
    engine.render(make_spec("sd1", b), ignore)
    engine.models.budget_bytes = 2 * size_of(engine, a)
    engine.render(make_spec("sd1", a, vae=v), ignore)
    assert engine.resident == [a, v]


def test_a_model_drawn_again_after_leaving_draws_the_same(folders):
    engine, (a, b, _) = make_engine(*folders)
    first = engine.render(make_spec("sd1", a), ignore).pixels_sha256
    engine.models.budget_bytes = size_of(engine, a)
    engine.render(make_spec("sd1", b), ignore)
    assert engine.resident == [b]
    assert engine.render(make_spec("sd1", a), ignore).pixels_sha256 == first


def test_a_file_that_changed_is_not_loaded(folders, tmp_path):
    folder = shutil.copytree(folders[0], tmp_path / "m")
    engine, (base,) = make_engine(folder)
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelError, match="has changed") as caught:
        engine.render(make_spec("sd1", base), ignore)
    assert caught.value.code == "model_changed"


def test_a_file_is_hashed_once_while_it_stays_the_same(folders, tmp_path):
    folder = shutil.copytree(folders[0], tmp_path / "m")
    engine, (base,) = make_engine(folder)
    engine.models.find(base)
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    stat = weights.stat()
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    with pytest.raises(ModelError):
        engine.models.find(base)


def test_a_file_that_changed_and_was_given_its_old_time_is_not_loaded(folders, tmp_path):
    folder = shutil.copytree(folders[0], tmp_path / "m")
    engine, (base,) = make_engine(folder)
    engine.models.find(base)
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    stat = weights.stat()
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(ModelError) as caught:
        engine.models.find(base)
    assert caught.value.code == "model_changed"


def test_a_file_that_is_gone_is_said_to_be_gone(tmp_path):
    engine = Engine(lambda sha256: tmp_path / "none", memory_budget_bytes=10**9, device="cpu", threads=1)
    with pytest.raises(ModelError) as caught:
        engine.render(make_spec("sd1", "0" * 64), ignore)
    assert caught.value.code == "model_missing"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(value, folders, tmp_path):
    folder = shutil.copytree(folders[0], tmp_path / "m")
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    weights["conv_out.bias"][0] = value
    save_file(weights, file)
    engine, (base,) = make_engine(folder)
    with pytest.raises(ModelError) as caught:
        engine.render(make_spec("sd1", base), ignore)
    assert caught.value.code == "weights_not_finite"


def test_a_folder_cannot_choose_what_code_runs(folders, tmp_path):
    folder = shutil.copytree(folders[0], tmp_path / "m")
    (folder / "model_index.json").write_text('{"_class_name": ["os", "system"], "unet": ["os", "system"]}')
    engine, (base,) = make_engine(folder)
    assert engine.render(make_spec("sd1", base), ignore).image.size == (64, 64)


def test_nothing_asks_the_network(folders, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("The engine opened a socket.")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    engine, (base, *_) = make_engine(*folders)
    assert engine.render(make_spec("sd1", base), ignore).image.size == (64, 64)


def test_half_precision_is_drawn_when_asked_for(folders):
    base = hash_model(folders[0])
    engine = Engine(
        {base: folders[0]}.__getitem__, memory_budget_bytes=10**9, device="cpu", dtype=torch.bfloat16, threads=1
    )
    previews = []
    rendered = engine.render(make_spec("sd1", base), lambda step: previews.append(step.preview and step.preview()))
    assert rendered.environment.dtype == "bfloat16"
    assert any(previews)
    assert rendered.pixels_sha256 == engine.render(make_spec("sd1", base), ignore).pixels_sha256
