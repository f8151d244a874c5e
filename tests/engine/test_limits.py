"""What a recipe may ask for: one table for every form, the API and the engine."""

import math
import subprocess
import sys

import pytest

from engine.limits import check_spec, nearest_sides
from engine.schedulers import SCHEDULERS
from engine.specs import AdapterRef, ImageSpec

SHA = "0" * 64
GOOD = ImageSpec(
    architecture="sd1",
    base_model=SHA,
    prompt="a red car",
    seed=0,
    num_inference_steps=20,
    guidance_scale=7.5,
    width=512,
    height=512,
)
LORA = AdapterRef(kind="lora", sha256="1" * 64)

BAD_VALUES = [
    ({"architecture": "sd9"}, "architecture", "architecture_unknown"),
    ({"width": 7}, "width", "size_out_of_range"),
    ({"height": 10**5}, "height", "size_out_of_range"),
    ({"width": 512.0}, "width", "size_out_of_range"),
    ({"width": True}, "width", "size_out_of_range"),
    ({"height": 509}, "height", "size_not_multiple"),
    ({"architecture": "flux", "scheduler": "flow_euler", "width": 520}, "width", "size_not_multiple"),
    ({"seed": -1}, "seed", "seed_out_of_range"),
    ({"seed": 2**63}, "seed", "seed_out_of_range"),
    ({"seed": 1.5}, "seed", "seed_out_of_range"),
    ({"num_inference_steps": 0}, "num_inference_steps", "steps_out_of_range"),
    ({"num_inference_steps": 10**6}, "num_inference_steps", "steps_out_of_range"),
    ({"guidance_scale": math.nan}, "guidance_scale", "guidance_out_of_range"),
    ({"guidance_scale": math.inf}, "guidance_scale", "guidance_out_of_range"),
    ({"guidance_scale": -1}, "guidance_scale", "guidance_out_of_range"),
    ({"guidance_scale": "7"}, "guidance_scale", "guidance_out_of_range"),
    ({"clip_skip": -1}, "clip_skip", "clip_skip_out_of_range"),
    ({"clip_skip": 12}, "clip_skip", "clip_skip_out_of_range"),
    ({"scheduler": "lcm", "num_inference_steps": 51}, "num_inference_steps", "steps_out_of_range"),
    ({"scheduler": "magic"}, "scheduler", "scheduler_unknown"),
    ({"scheduler": "flow_euler"}, "scheduler", "scheduler_not_for_architecture"),
    ({"architecture": "sd3"}, "scheduler", "scheduler_not_for_architecture"),
    ({"scheduler_config": {"num_train_timesteps": 10**9}}, "scheduler_config", "scheduler_config_invalid"),
    ({"scheduler_config": {"use_dynamic_shifting": True}}, "scheduler_config", "scheduler_config_invalid"),
    ({"scheduler_config": {"beta_start": math.nan}}, "scheduler_config", "scheduler_config_invalid"),
    ({"scheduler_config": {"timestep_spacing": []}}, "scheduler_config", "scheduler_config_invalid"),
    ({"prompt": "x" * 1_000_000}, "prompt", "prompt_too_long"),
    ({"prompt": "a\0b"}, "prompt", "prompt_not_text"),
    ({"negative_prompt": "\ud800"}, "negative_prompt", "prompt_not_text"),
    ({"prompt": "(a:1e9)"}, "prompt", "weight_out_of_range"),
    ({"negative_prompt": "(a:nan)"}, "negative_prompt", "weight_not_finite"),
    ({"adapters": (AdapterRef(kind="lora", sha256=SHA, weight=math.nan),)}, "adapters", "adapter_weight_out_of_range"),
    ({"adapters": (AdapterRef(kind="oft", sha256=SHA),)}, "adapters", "adapter_kind_unsupported"),
    (
        {"architecture": "flux", "adapters": (AdapterRef(kind="hypernetwork", sha256=SHA),)},
        "adapters",
        "adapter_kind_unsupported",
    ),
    (
        {"adapters": (AdapterRef(kind="textual_inversion", sha256=SHA, word="a\nb"),)},
        "adapters",
        "adapter_word_invalid",
    ),
    (
        {"adapters": (AdapterRef(kind="textual_inversion", sha256=SHA, word="w" * 101),)},
        "adapters",
        "adapter_word_invalid",
    ),
    ({"adapters": (LORA, LORA)}, "adapters", "adapter_twice"),
    ({"base_model": "../../etc/passwd"}, "base_model", "hash_invalid"),
    ({"vae": "ABC"}, "vae", "hash_invalid"),
    ({"mode": "img2img"}, "mode", "mode_unknown"),
]


def test_a_good_recipe_has_nothing_wrong_with_it():
    assert check_spec(GOOD) == []
    assert check_spec(GOOD.replace(adapters=(LORA,), scheduler_config={"timestep_spacing": "trailing"})) == []


@pytest.mark.parametrize(("changes", "field", "code"), BAD_VALUES)
def test_each_bad_value_is_refused_at_its_field(changes, field, code):
    errors = check_spec(GOOD.replace(**changes))
    assert (field, code) in [(error.params["field"], error.code) for error in errors]


def test_flux_takes_no_negative_prompt():
    spec = GOOD.replace(architecture="flux", scheduler="flow_euler", negative_prompt="blurry")
    assert [error.code for error in check_spec(spec)] == ["negative_unsupported"]


def test_several_mistakes_are_said_at_once():
    errors = check_spec(GOOD.replace(width=509, seed=-1, scheduler="magic"))
    assert [error.params["field"] for error in errors] == ["width", "seed", "scheduler"]


@pytest.mark.parametrize(
    ("side", "factor", "near"), [(509, 8, (504, 512)), (520, 16, (512, 528)), (64, 8, (64,)), (4095, 8, (4088, 4096))]
)
def test_it_says_which_sizes_are_near(side, factor, near):
    assert nearest_sides(side, factor) == near


def test_the_near_sizes_stand_in_the_error():
    (error,) = check_spec(GOOD.replace(width=509))
    assert error.params["nearest"] == (504, 512)
    assert "504 and 512" in str(error)


@pytest.mark.parametrize("key", [key for key, info in SCHEDULERS.items() if "sd1" in info.architectures])
def test_every_scheduler_of_the_table_may_be_asked_for(key):
    assert check_spec(GOOD.replace(scheduler=key)) == []


def test_checking_a_recipe_needs_no_torch():
    code = "import sys, engine.limits, engine.headers, engine.shapes; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
