"""Every kind of adapter changes the picture at its weight, stacks, mixes, and leaves no trace; at 0 it is not there."""

import random

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import ModelError, SpecError
from engine.starter import WEIGHTS
from tests.engine.adapter_material import (
    KINDS,
    STARTER,
    TINY,
    write_any,
    write_dreambooth,
    write_hypernetwork,
    write_layers,
)
from tests.engine.bench import Bench, ref
from tests.engine.test_architectures import make_engine, make_spec
from tests.engine.test_render import ignore
from tests.engine.tiny import build_folder

PROMPT = "a zkink car"


@pytest.fixture(scope="module")
def shelf(bench, tmp_path_factory):
    """Return (kind, hash) of one file of each kind and form for the starter model."""
    folder = tmp_path_factory.mktemp("adapters")
    return {kind: (write_any(kind, folder / kind, WEIGHTS, sizes=STARTER), bench.add(folder / kind)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_it_changes_the_picture_by_its_weight_and_comes_off_without_a_trace(kind, bench, shelf):
    plain = bench.draw(prompt=PROMPT)
    clean, objects = bench.weights_hash(), bench.objects()
    pictures = [bench.draw(ref(*shelf[kind], weight), prompt=PROMPT) for weight in (1.0, 0.5, -0.5)]
    assert len({plain, *pictures}) == 4
    assert bench.draw(ref(*shelf[kind]), prompt=PROMPT) == pictures[0]
    assert bench.draw(prompt=PROMPT) == plain
    assert (bench.weights_hash(), bench.objects()) == (clean, objects)


@pytest.mark.parametrize("kind", KINDS)
def test_strength_zero_is_the_base_model_bit_for_bit(kind, bench, shelf):
    plain = bench.draw(prompt=PROMPT)
    clean, objects = bench.weights_hash(), bench.objects()
    assert bench.draw(ref(*shelf[kind], 0.0), prompt=PROMPT) == plain
    # It is not put on at all: nothing of the model is another object while the recipe names it.
    assert (bench.weights_hash(), bench.objects()) == (clean, objects)


@pytest.mark.slow
def test_all_kinds_work_together_and_one_at_zero_changes_nothing(bench, shelf):
    plain = bench.draw(prompt=PROMPT)
    refs = [ref(*found, 0.5) for found in shelf.values()]
    together = bench.draw(*refs, prompt=PROMPT)
    fewer = {bench.draw(*refs[:index], *refs[index + 1 :], prompt=PROMPT) for index in range(len(refs))}
    assert len({together, plain, *fewer}) == len(refs) + 2
    without = [ref(*found, 0.0 if kind == "lokr" else 0.5) for kind, found in shelf.items()]
    position = list(shelf).index("lokr")
    left_out = bench.draw(*refs[:position], *refs[position + 1 :], prompt=PROMPT)
    assert bench.draw(*without, prompt=PROMPT) == left_out
    assert bench.draw(prompt=PROMPT) == plain


def test_hypernetworks_work_in_their_order(bench, shelf, tmp_path):
    second = ref("hypernetwork", bench.add(write_hypernetwork(tmp_path / "second", seed=1, **STARTER)))
    first = ref(*shelf["hypernetwork"])
    assert bench.draw(first, second) != bench.draw(second, first)


def test_a_dreambooth_at_weight_one_is_what_was_trained(bench, shelf):
    bench.draw(ref(*shelf["dreambooth"]))
    trained = load_file(bench.known[shelf["dreambooth"][1]])
    now = dict(bench.resident.loaded.parts["unet"].named_parameters())
    own = {name.removeprefix("unet."): tensor for name, tensor in trained.items() if name.startswith("unet.")}
    assert own
    assert all(torch.equal(now[name], tensor) for name, tensor in own.items())


def test_a_dreambooth_at_half_weight_is_half_way(bench, shelf):
    bench.draw()
    parameter = "mid_block.attentions.0.transformer_blocks.0.attn2.to_q.weight"
    trained = load_file(bench.known[shelf["dreambooth"][1]])
    name = next(name for name in trained if name.startswith("unet.") and name.endswith("to_q.weight"))
    parameter = name.removeprefix("unet.")
    unet = bench.resident.loaded.parts["unet"]
    before = unet.get_parameter(parameter).clone()
    bench.draw(ref(*shelf["dreambooth"], 0.5))
    assert torch.allclose(unet.get_parameter(parameter), (before + trained[name]) / 2, atol=1e-6)


def test_two_that_swap_the_same_tensor_add_their_shares(bench, shelf, tmp_path):
    loha = ref("lora", bench.add(write_layers(tmp_path / "loha", "loha", only="attn2_to_q", **STARTER)), 0.5)
    lokr = ref("lora", bench.add(write_layers(tmp_path / "lokr", "lokr", only="attn2_to_q", **STARTER)), -1.0)
    name = "mid_block.attentions.0.transformer_blocks.0.attn2.to_q.weight"
    found = []
    for adapters in ((), (loha,), (lokr,), (loha, lokr)):
        bench.draw(*adapters)
        found.append(bench.resident.loaded.parts["unet"].get_parameter(name).detach().clone())
    base, one, two, both = found
    assert torch.allclose(both - base, (one - base) + (two - base), atol=1e-5)


def other_network(path):
    save_file({"vae.decoder.conv_in.weight": torch.zeros(3)}, path)


def unknown_tensor(path):
    save_file({"unet.nowhere.weight": torch.zeros(3)}, path)


def wrong_shape(path):
    save_file({"unet.conv_in.weight": torch.zeros(64, 7, 3, 3)}, path)


def no_numbers(path):
    weights = load_file(write_dreambooth(path))
    weights[min(weights)].view(-1)[0] = float("inf")
    save_file(weights, path)


def other_widths(path):
    write_hypernetwork(path, inner=192, widths=(320, 640, 768))


def some_other_widths(path):
    write_hypernetwork(path, inner=192, widths=(128, 768))


def no_hypernetwork(path):
    save_file({"unet.conv_in.weight": torch.zeros(1)}, path)


def hypernetwork_with_nan(path):
    weights = load_file(write_hypernetwork(path, **STARTER))
    weights[min(weights)].view(-1)[0] = float("nan")
    save_file(weights, path)


def half_hypernetwork(path):
    weights = load_file(write_hypernetwork(path, **STARTER))
    save_file({name: tensor for name, tensor in weights.items() if ".v." not in name}, path)


@pytest.mark.parametrize(
    ("kind", "write", "code"),
    [
        ("dreambooth", other_network, "adapter_mismatch"),
        ("dreambooth", unknown_tensor, "adapter_mismatch"),
        ("dreambooth", wrong_shape, "adapter_mismatch"),
        ("dreambooth", no_numbers, "adapter_broken"),
        ("hypernetwork", other_widths, "adapter_mismatch"),
        ("hypernetwork", some_other_widths, "adapter_mismatch"),
        ("hypernetwork", no_hypernetwork, "hypernetwork_invalid"),
        ("hypernetwork", hypernetwork_with_nan, "adapter_broken"),
        ("hypernetwork", half_hypernetwork, "hypernetwork_invalid"),
    ],
)
def test_what_does_not_fit_is_refused_and_what_was_on_comes_off(kind, write, code, bench, shelf, tmp_path):
    write(tmp_path / "bad")
    bad = bench.add(tmp_path / "bad")
    plain = bench.draw()
    clean, objects = bench.weights_hash(), bench.objects()
    others = [ref(*found) for found in shelf.values()]
    with pytest.raises(ModelError) as caught:
        bench.draw(*others, ref(kind, bad))
    assert caught.value.code == code
    assert (bench.weights_hash(), bench.objects()) == (clean, objects)
    assert bench.draw() == plain


def test_what_stops_while_adapters_go_on_leaves_the_base_model(bench, shelf, monkeypatch):
    """Whatever it is, also what is no error of a model."""
    plain = bench.draw()
    clean = bench.weights_hash()
    missing = ref("lora", "f" * 64)
    with pytest.raises(KeyError):
        bench.draw(*(ref(*found) for found in shelf.values()), missing)
    assert bench.weights_hash() == clean
    assert bench.draw() == plain


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["sd1", "sdxl"])
def test_a_hundred_cycles_of_mixed_kinds_leave_every_bit(architecture, tmp_path):
    base = build_folder(architecture, tmp_path / "base")
    bench = Bench(base, make_spec(architecture, "0" * 64, guidance_scale=1.0))
    shelf = write_shelf(bench, tmp_path, architecture)
    plain = bench.draw(num_inference_steps=1)
    clean, objects = bench.weights_hash(), bench.objects()
    choose, pictures = random.Random(0), set()
    for _ in range(100):
        chosen = choose.sample(shelf, choose.randint(1, 4))
        adapters = [ref(kind, sha256, choose.choice((0.3, 0.8, 1.0, -0.5))) for kind, sha256 in chosen]
        pictures.add(bench.draw(*adapters, num_inference_steps=1, prompt="a zkink car"))
        assert bench.draw(num_inference_steps=1) == plain
        assert (bench.weights_hash(), bench.objects()) == (clean, objects)
    assert len(pictures) > 60


def write_shelf(bench, folder, architecture):
    """Write two files of each kind for a tiny model."""
    if architecture == "sdxl":
        return write_sdxl_shelf(bench, folder)
    found = []
    for seed in (0, 1):
        for kind in KINDS:
            path = folder / f"{kind}{seed}"
            found.append((write_any(kind, path, bench.base, sizes=TINY, seed=seed), bench.add(path)))
    return found


def write_sdxl_shelf(bench, folder):
    sizes = {"inner": 32, "text": 64}
    files = [
        ("lora", write_layers(folder / "lora", "lora", only="attn2", **sizes)),
        ("lora", write_layers(folder / "loha", "loha", only="attn2", **sizes)),
        ("lora", write_layers(folder / "lokr", "lokr", only="conv1", **sizes)),
        ("hypernetwork", write_hypernetwork(folder / "hyper", inner=32, widths=(32, 64))),
        ("hypernetwork", write_hypernetwork(folder / "hyper2", inner=32, widths=(64,), seed=1)),
        ("dreambooth", write_dreambooth(folder / "full", bench.base, networks=("unet", "text_encoder_2"))),
    ]
    words = {name: torch.randn(2, 32, generator=torch.Generator().manual_seed(0)) for name in ("clip_l", "clip_g")}
    save_file(words, folder / "word", {"modelspec.trigger_phrase": "zkink"})
    files.append(("textual_inversion", folder / "word"))
    return [(kind, bench.add(path)) for kind, path in files]


def test_sdxl_takes_hypernetworks_too(tmp_path):
    file = write_hypernetwork(tmp_path / "hyper", inner=32, widths=(32, 64))
    engine, (base, hyper) = make_engine(build_folder("sdxl", tmp_path / "m"), file)
    spec = make_spec("sdxl", base)
    plain = engine.render(spec, ignore).pixels_sha256
    assert engine.render(spec.replace(adapters=(ref("hypernetwork", hyper),)), ignore).pixels_sha256 != plain
    assert engine.render(spec, ignore).pixels_sha256 == plain


def test_a_model_without_a_unet_takes_no_hypernetwork(tmp_path):
    folder = build_folder("flux", tmp_path / "m")
    write_hypernetwork(tmp_path / "hyper", inner=32)
    engine, (base, hyper) = make_engine(folder, tmp_path / "hyper")
    with pytest.raises(SpecError) as caught:
        engine.render(make_spec("flux", base, adapters=(ref("hypernetwork", hyper),)), ignore)
    assert caught.value.code == "adapter_kind_unsupported"
