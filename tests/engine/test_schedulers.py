"""The table of schedulers, and what diffusers makes of it."""

import diffusers
import pytest
import torch

from engine.errors import SpecError
from engine.limits import MAX_STEPS
from engine.samplers import SeededSdeScheduler, build_scheduler
from engine.schedulers import SCHEDULERS, find_scheduler, schedulers_for
from tests.engine.test_limits import GOOD

TRAINED = {"beta_start": 0.0002, "beta_end": 0.03, "beta_schedule": "linear", "prediction_type": "v_prediction"}
ZERO_SNR = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "prediction_type": "v_prediction"}
UNET_KEYS = [info.key for info in schedulers_for("sd1")]

A1111_WORDS = {
    ("DPM++ 2M", "Karras"): "dpmpp_2m_karras",
    ("DPM++ 2M", "Automatic"): "dpmpp_2m_karras",
    ("DPM++ 2M", "Uniform"): "dpmpp_2m",
    ("DPM++ 2M Karras", "Automatic"): "dpmpp_2m_karras",
    ("DPM++ SDE", "Automatic"): "dpmpp_sde_karras",
    ("DPM++ 2M SDE", "Automatic"): "dpmpp_2m_sde_exponential",
    ("DPM++ 2M SDE Karras", "Automatic"): "dpmpp_2m_sde_karras",
    ("Euler a", "Automatic"): "euler_a",
    ("euler", "karras"): "euler_karras",
    ("PLMS", "Automatic"): "pndm",
    ("UniPC", "Automatic"): "unipc",
    ("LCM", "Automatic"): "lcm",
    ("DDIM", "Automatic"): "ddim",
}


@pytest.mark.parametrize(("words", "key"), A1111_WORDS.items())
def test_a1111s_words_find_their_scheduler(words, key):
    assert find_scheduler(*words).key == key


@pytest.mark.parametrize("words", [("Restart", "Automatic"), ("Euler a", "Karras"), ("", "")])
def test_unknown_words_find_none(words):
    assert find_scheduler(*words) is None


def test_every_name_on_screen_is_its_own():
    titles = [info.title for info in schedulers_for("sd1")]
    assert len(set(titles)) == len(titles)
    assert "DPM++ 2M Karras" in titles


def test_every_key_is_its_entrys_own():
    assert all(key == info.key for key, info in SCHEDULERS.items())
    assert {info.key for info in schedulers_for("flux")} == {"flow_euler"}


@pytest.mark.parametrize("key", UNET_KEYS)
def test_the_models_own_noise_schedule_is_kept(key):
    scheduler = build_scheduler(GOOD.replace(scheduler=key), TRAINED)
    assert {name: scheduler.config[name] for name in TRAINED} == TRAINED


@pytest.mark.parametrize("key", UNET_KEYS)
def test_latents_are_never_clipped_like_pixels(key):
    assert not build_scheduler(GOOD.replace(scheduler=key), {}).config.get("clip_sample", False)


@pytest.mark.parametrize("key", [key for key in UNET_KEYS if key.endswith("_karras")])
def test_karras_variants_use_karras_sigmas(key):
    assert build_scheduler(GOOD.replace(scheduler=key), {}).config.use_karras_sigmas


def test_a_distilled_models_spacing_is_kept_and_a_recipe_may_change_it():
    model = {"timestep_spacing": "trailing"}
    assert build_scheduler(GOOD.replace(scheduler="euler"), model).config.timestep_spacing == "trailing"
    spec = GOOD.replace(scheduler="euler", scheduler_config={"timestep_spacing": "leading"})
    assert build_scheduler(spec, model).config.timestep_spacing == "leading"


def test_a_setting_that_the_scheduler_lacks_is_refused():
    spec = GOOD.replace(scheduler="euler_a", scheduler_config={"solver_order": 2})
    with pytest.raises(SpecError) as caught:
        build_scheduler(spec, {})
    assert caught.value.code == "scheduler_config_unknown"


def test_the_flow_schedulers_keep_the_models_shift():
    spec = GOOD.replace(architecture="sd3", scheduler="flow_euler")
    assert build_scheduler(spec, {"shift": 3.0}).config.shift == 3.0


def walk(scheduler, steps=4):
    scheduler.set_timesteps(steps)
    sample = torch.ones(1, 4, 8, 8)
    for timestep in scheduler.timesteps:
        scheduler.scale_model_input(sample, timestep)
        sample = scheduler.step(sample * 0.1, timestep, sample, return_dict=False)[0]
    return sample


def test_the_brownian_path_is_drawn_from_the_seed():
    def draw(seed):
        return walk(build_scheduler(GOOD.replace(scheduler="dpmpp_sde", seed=seed), {}))

    assert torch.equal(draw(5), draw(5))
    assert not torch.equal(draw(5), draw(6))


@pytest.mark.filterwarnings("ignore:Should have ta>=t0")
def test_the_brownian_path_is_diffusers_own():
    ours = build_scheduler(GOOD.replace(scheduler="dpmpp_sde", seed=11), {})
    assert isinstance(ours, SeededSdeScheduler)
    theirs = diffusers.DPMSolverSDEScheduler.from_config(ours.config, noise_sampler_seed=11)
    assert torch.equal(walk(ours), walk(theirs))


def test_a_single_step_needs_no_path():
    assert torch.isfinite(walk(build_scheduler(GOOD.replace(scheduler="dpmpp_sde"), {}), steps=1)).all()


@pytest.mark.filterwarnings("ignore:Should have ta>=t0")
@pytest.mark.parametrize("key", UNET_KEYS)
@pytest.mark.parametrize("model", [{}, ZERO_SNR], ids=["plain", "zero-snr"])
def test_every_scheduler_walks_any_allowed_number_of_steps(key, model):
    limit = SCHEDULERS[key].max_steps or MAX_STEPS
    for steps in (1, 2, 3, 20, limit):
        assert torch.isfinite(walk(build_scheduler(GOOD.replace(scheduler=key), model), steps)).all()
