"""Every architecture draws, on tiny models of its own real kind, from folders and from single files."""

import json

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from engine.errors import ModelError
from engine.headers import hash_model
from engine.render import Engine
from engine.specs import ImageSpec
from engine.starter import WEIGHTS
from tests.engine.ldm import vae_weights, write_single_file
from tests.engine.test_render import ignore
from tests.engine.tiny import (
    build_clip,
    build_folder,
    build_tiny_vae,
    build_unet,
    build_vae,
    copy_tokenizer,
    save_scheduler,
)

ALL = ["sd1", "sd2", "sdxl", "sd3", "sd3_t5", "flux"]


def make_engine(*paths, budget=10**9, tokenizers=None):
    """Return an engine that knows these files, and their hashes in order."""
    known = {hash_model(path): path for path in paths}
    engine = Engine(known.__getitem__, memory_budget_bytes=budget, device="cpu", threads=1, tokenizers=tokenizers)
    return engine, list(known)


def make_spec(name, base_model, **changes):
    architecture = name.removesuffix("_t5")
    is_flow = architecture in ("sd3", "flux")
    spec = ImageSpec(
        architecture=architecture,
        base_model=base_model,
        prompt="a (red:1.2) car on a beach",
        negative_prompt="" if architecture == "flux" else "blurry",
        seed=5,
        scheduler="flow_euler" if is_flow else "dpmpp_2m",
        num_inference_steps=2,
        guidance_scale=3.0,
        width=64,
        height=64,
    )
    return spec.replace(**changes)


def pixels(rendered):
    return np.asarray(rendered.image, dtype=int)


@pytest.mark.parametrize("name", ALL)
def test_a_tiny_model_draws_repeats_and_previews(name, tmp_path):
    engine, (base,) = make_engine(build_folder(name, tmp_path / "m"))
    spec, previews = make_spec(name, base), []
    first = engine.render(spec, lambda step: previews.append(step.preview()) if step.preview else None)
    assert first.pixels_sha256 == engine.render(spec, ignore).pixels_sha256
    assert pixels(first).std() > 5
    assert {preview.size for preview in previews} == {(256, 256)}
    assert engine.render(spec.replace(prompt="a blue fish"), ignore).pixels_sha256 != first.pixels_sha256
    assert engine.render(spec.replace(width=96), ignore).image.size == (96, 64)


def test_stable_diffusion_3_draws_with_heun_too(tmp_path):
    engine, (base,) = make_engine(build_folder("sd3", tmp_path / "m"))
    assert pixels(engine.render(make_spec("sd3", base, scheduler="flow_heun"), ignore)).std() > 5


def test_velocity_prediction_follows_the_models_own_schedule(tmp_path):
    engine, (base,) = make_engine(build_folder("sd2", tmp_path / "m"))
    spec = make_spec("sd2", base)
    other = spec.replace(scheduler_config={"prediction_type": "epsilon"})
    same = spec.replace(scheduler_config={"prediction_type": "v_prediction"})
    hashes = [engine.render(each, ignore).pixels_sha256 for each in (spec, other, same)]
    assert hashes[0] == hashes[2] != hashes[1]


def build_large_enough(architecture, folder):
    """Save a folder in the exact shape that original files imply: 32 groups, 64 wide heads, OpenCLIP's padding."""
    torch.manual_seed(1)
    is_two = architecture == "sdxl"
    heads = {} if architecture == "sd1" else {"attention_head_dim": (1, 1)}
    build_vae(folder / "vae", groups=32, widths=(32, 32, 32, 32))
    build_unet(architecture, groups=32, widths=(32, 64), **heads).save_pretrained(folder / "unet")
    build_clip(act="gelu" if architecture == "sd2" else "quick_gelu").save_pretrained(folder / "text_encoder")
    copy_tokenizer(folder / "tokenizer")
    if is_two:
        build_clip(projects=True, act="gelu").save_pretrained(folder / "text_encoder_2")
        copy_tokenizer(folder / "tokenizer_2")
        config = json.loads((folder / "vae/config.json").read_text()) | {"scaling_factor": 0.13025}
        (folder / "vae/config.json").write_text(json.dumps(config))
    if architecture != "sd1":
        padded = folder / ("tokenizer_2" if is_two else "tokenizer")
        tokenizer = transformers.CLIPTokenizer.from_pretrained(padded)
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(0)
        tokenizer.save_pretrained(padded)
    kind = "v_prediction" if architecture == "sd2" else "epsilon"
    save_scheduler(folder, prediction_type=kind, beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    return folder


@pytest.mark.parametrize("architecture", ["sd1", "sd2", "sdxl"])
@pytest.mark.parametrize("clip_skip", [0, 1])
def test_a_single_file_draws_the_same_pixels_as_its_folder(architecture, clip_skip, tmp_path):
    folder = build_large_enough(architecture, tmp_path / "m")
    file = write_single_file(folder, architecture, tmp_path / "checkpoint")
    engine, hashes = make_engine(folder, file, tokenizers=WEIGHTS / "tokenizer")
    specs = [make_spec(architecture, base, clip_skip=clip_skip) for base in hashes]
    one, two = (engine.render(spec, ignore) for spec in specs)
    assert one.pixels_sha256 == two.pixels_sha256
    assert pixels(one).std() > 5


def test_a_single_file_without_a_tokenizer_at_hand_says_what_to_do(tmp_path):
    file = write_single_file(build_large_enough("sd1", tmp_path / "m"), "sd1", tmp_path / "m.safetensors")
    engine, (base,) = make_engine(file)
    with pytest.raises(ModelError, match="tokenizer") as caught:
        engine.render(make_spec("sd1", base), ignore)
    assert caught.value.code == "tokenizer_missing"


def test_a_single_file_that_lacks_its_vae_says_so(tmp_path):
    file = write_single_file(build_large_enough("sd1", tmp_path / "m"), "sd1", tmp_path / "m.safetensors")
    weights = {key: value for key, value in load_file(file).items() if not key.startswith("first_stage_model.")}
    save_file(weights, file)
    engine, (base,) = make_engine(file, tokenizers=WEIGHTS / "tokenizer")
    with pytest.raises(ModelError) as caught:
        engine.render(make_spec("sd1", base), ignore)
    assert (caught.value.code, caught.value.params["component"]) == ("component_missing", "vae")


def test_another_vae_replaces_the_models_own(tmp_path):
    torch.manual_seed(3)
    base, full = build_folder("sd1", tmp_path / "m"), build_vae(tmp_path / "vae")
    small = build_tiny_vae(tmp_path / "small")
    engine, (model, *vaes) = make_engine(base, full, small)
    spec = make_spec("sd1", model)
    plain = engine.render(spec, ignore)
    with_full, with_small = (engine.render(spec.replace(vae=vae), ignore) for vae in vaes)
    assert len({plain.pixels_sha256, with_full.pixels_sha256, with_small.pixels_sha256}) == 3
    assert with_small.image.size == (64, 64)
    assert engine.render(spec, ignore).pixels_sha256 == plain.pixels_sha256


@pytest.mark.parametrize("kind", ["original", "diffusers", "prefixed", "tiny"])
def test_a_vae_may_be_a_single_file_under_any_names(kind, tmp_path):
    torch.manual_seed(4)
    base = build_folder("sd1", tmp_path / "m")
    build = build_tiny_vae if kind == "tiny" else build_vae
    options = {} if kind == "tiny" else {"groups": 32, "widths": (32, 32, 32, 32)}
    folder = build(tmp_path / "vae", **options)
    weights = load_file(next(folder.glob("*.safetensors")))
    if kind in ("original", "prefixed"):
        weights = vae_weights(folder)
    prefix = "first_stage_model." if kind == "prefixed" else ""
    file = tmp_path / "vae-file"
    save_file({prefix + key: value.contiguous() for key, value in weights.items()}, file)
    engine, (model, *vaes) = make_engine(base, folder, file)
    one, two = (engine.render(make_spec("sd1", model, vae=vae), ignore).pixels_sha256 for vae in vaes)
    assert one == two


def test_a_vae_with_other_channels_is_refused(tmp_path):
    engine, (model, vae) = make_engine(build_folder("sd1", tmp_path / "m"), build_vae(tmp_path / "v", channels=16))
    with pytest.raises(ModelError) as caught:
        engine.render(make_spec("sd1", model, vae=vae), ignore)
    assert caught.value.code == "vae_mismatch"
