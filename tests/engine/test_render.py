"""Real pictures from the starter model: the same recipe, the same pixels, whatever happened before."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from engine.errors import EngineError, ModelError, SpecError
from engine.render import Engine
from engine.schedulers import schedulers_for
from engine.specs import pixels_sha256
from engine.starter import WEIGHTS

FRESH = """
import json, sys
from engine.render import Engine
from engine.specs import ImageSpec
from engine.starter import WEIGHTS
spec = ImageSpec.from_dict(json.loads(sys.argv[1]))
engine = Engine(lambda sha256: WEIGHTS, memory_budget_bytes=10**9, device="cpu", threads=int(sys.argv[2]))
print(engine.render(spec, lambda step: None).pixels_sha256)
"""


class Canceled(Exception):
    pass


def ignore(step):
    return None


def test_it_draws_a_picture_and_says_what_it_depended_on(starter_engine, starter_spec):
    rendered = starter_engine.render(starter_spec, ignore)
    assert (rendered.image.mode, rendered.image.size) == ("RGB", (128, 128))
    assert np.asarray(rendered.image).std() > 20
    assert rendered.pixels_sha256 == pixels_sha256(128, 128, rendered.image.tobytes())
    environment = rendered.environment
    assert (environment.device, environment.dtype, environment.attention) == ("cpu", "float32", "sdpa")
    assert (environment.batch_size, environment.batch_position) == (1, 0)
    assert environment.threads == torch.get_num_threads()
    assert environment.versions["torch"] == torch.__version__
    assert set(rendered.seconds) == {"loading", "encoding", "denoising", "decoding"}


def test_the_same_recipe_gives_the_same_pixels_after_others(starter_engine, starter_spec):
    first = starter_engine.render(starter_spec, ignore).pixels_sha256
    other = starter_engine.render(starter_spec.replace(seed=8, scheduler="euler_a"), ignore).pixels_sha256
    assert starter_engine.render(starter_spec, ignore).pixels_sha256 == first
    assert other != first


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", ["dpmpp_2m", "dpmpp_sde_karras"])
def test_a_new_process_draws_the_same_pixels(scheduler, starter_engine, starter_spec):
    spec = starter_spec.replace(scheduler=scheduler)
    arguments = [json.dumps(spec.as_dict()), str(torch.get_num_threads())]
    done = subprocess.run([sys.executable, "-c", FRESH, *arguments], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == starter_engine.render(spec, ignore).pixels_sha256


@pytest.mark.parametrize("key", [info.key for info in schedulers_for("sd1")])
def test_every_scheduler_draws_and_repeats_itself(key, starter_engine, starter_spec):
    spec = starter_spec.replace(scheduler=key, width=64, height=64)
    first, second = (starter_engine.render(spec, ignore) for _ in range(2))
    assert first.pixels_sha256 == second.pixels_sha256
    assert np.asarray(first.image).std() > 5


@pytest.mark.parametrize("key", ["euler_a", "dpmpp_2m_sde", "dpmpp_sde", "ddpm", "lcm"])
def test_step_noise_follows_the_seed(key, starter_engine, starter_spec):
    spec = starter_spec.replace(scheduler=key, width=64, height=64)
    assert starter_engine.render(spec, ignore).pixels_sha256 != (
        starter_engine.render(spec.replace(seed=8), ignore).pixels_sha256
    )


def test_it_tells_each_step(starter_engine, starter_spec):
    steps = []
    starter_engine.render(starter_spec, lambda step: steps.append((step.stage, step.index, step.total)))
    assert steps == [
        ("loading", 0, 1),
        ("loading", 1, 1),
        ("encoding", 0, 1),
        ("encoding", 1, 1),
        *[("denoising", index, 4) for index in range(5)],
        ("decoding", 0, 1),
        ("decoding", 1, 1),
    ]


def test_a_second_order_scheduler_counts_its_own_steps(starter_engine, starter_spec):
    steps = []
    starter_engine.render(starter_spec.replace(scheduler="heun"), steps.append)
    counts = [(step.index, step.total) for step in steps if step.stage == "denoising"]
    assert counts[-1] == (7, 7)


@pytest.mark.parametrize("stage", ["loading", "encoding", "denoising", "decoding"])
def test_canceling_passes_through_and_leaves_the_engine_usable(stage, starter_engine, starter_spec):
    before = starter_engine.render(starter_spec, ignore).pixels_sha256

    def cancel(step):
        if step.stage == stage and step.index == min(2, step.total):
            raise Canceled

    with pytest.raises(Canceled):
        starter_engine.render(starter_spec, cancel)
    assert starter_engine.render(starter_spec, ignore).pixels_sha256 == before


def test_previews_grow_towards_the_picture_and_change_nothing(starter_engine, starter_spec):
    spec = starter_spec.replace(num_inference_steps=8)
    previews = []

    def keep(step):
        if step.preview:
            previews.append(step.preview())

    rendered = starter_engine.render(spec, keep)
    assert rendered.pixels_sha256 == starter_engine.render(spec, ignore).pixels_sha256
    assert {(preview.mode, preview.size) for preview in previews} == {("RGB", (256, 256))}
    final = np.asarray(rendered.image.resize((256, 256)), dtype=float)
    errors = [np.abs(np.asarray(preview, dtype=float) - final).mean() for preview in previews]
    assert errors[-1] < 30
    assert errors[-1] < errors[0]


@pytest.mark.parametrize("scheduler", ["euler", "ddim", "unipc", "heun"])
def test_previews_are_scaled_for_every_kind_of_scheduler(scheduler, starter_engine, starter_spec):
    previews = []
    spec = starter_spec.replace(num_inference_steps=8, scheduler=scheduler)
    rendered = starter_engine.render(spec, lambda step: previews.append(step.preview()) if step.preview else None)
    final = np.asarray(rendered.image.resize((256, 256)), dtype=float)
    assert np.abs(np.asarray(previews[-1], dtype=float) - final).mean() < 30


def test_guidance_of_one_needs_no_negative_prompt(starter_engine, starter_spec):
    spec = starter_spec.replace(guidance_scale=1.0)
    assert starter_engine.render(spec, ignore).pixels_sha256 == (
        starter_engine.render(spec.replace(negative_prompt="noisy"), ignore).pixels_sha256
    )


def test_a_bad_recipe_is_refused_before_anything_is_loaded(starter_spec):
    engine = Engine(lambda sha256: WEIGHTS, memory_budget_bytes=10**9, device="cpu", threads=1)
    with pytest.raises(SpecError) as caught:
        engine.render(starter_spec.replace(width=509), ignore)
    assert caught.value.code == "size_not_multiple"
    assert engine.resident == []


def test_a_model_of_another_architecture_is_refused(starter_engine, starter_spec):
    with pytest.raises(ModelError) as caught:
        starter_engine.render(starter_spec.replace(architecture="sd2"), ignore)
    assert caught.value.code == "architecture_mismatch"


def test_values_that_are_no_numbers_stop_the_job(starter_hash, starter_spec):
    engine = Engine(lambda sha256: WEIGHTS, memory_budget_bytes=10**9, device="cpu", threads=1)
    engine.render(starter_spec, ignore)
    vae = engine.models.residents[starter_hash].loaded.parts["vae"]
    vae.decoder.conv_out.bias.data.fill_(float("nan"))
    with pytest.raises(EngineError) as caught:
        engine.render(starter_spec, ignore)
    assert caught.value.code == "not_a_number"


def test_too_little_memory_is_said_in_words_and_everything_is_let_go(starter_hash, starter_spec):
    engine = Engine(lambda sha256: WEIGHTS, memory_budget_bytes=10**9, device="cpu", threads=1)

    def run_out(step):
        if step.stage == "denoising":
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(EngineError, match="smaller size") as caught:
        engine.render(starter_spec, run_out)
    assert caught.value.code == "out_of_memory"
    assert engine.resident == []
    assert engine.render(starter_spec, ignore).image.size == (128, 128)


def test_it_leaves_torchs_settings_as_they_were(starter_engine, starter_spec):
    starter_engine.render(starter_spec, ignore)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory


def test_unloading_forgets_models_and_embeddings(starter_hash, starter_spec):
    engine = Engine(lambda sha256: WEIGHTS, memory_budget_bytes=10**9, device="cpu", threads=1)
    first = engine.render(starter_spec, ignore).pixels_sha256
    assert engine.resident == [starter_hash]
    engine.unload()
    assert engine.resident == []
    assert engine.render(starter_spec, ignore).pixels_sha256 == first
