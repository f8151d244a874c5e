"""Every scheduler that a form offers passes the limits with the settings that the table gives it."""

import pytest

from engine.limits import check_spec
from engine.schedulers import SCHEDULERS
from engine.specs import ImageSpec


@pytest.mark.parametrize("key", SCHEDULERS)
def test_a_scheduler_may_have_its_own_settings_in_the_recipe(key):
    info = SCHEDULERS[key]
    spec = ImageSpec(
        architecture=info.architectures[0], base_model="0" * 64, prompt="a cat", seed=1, scheduler=key,
        scheduler_config=dict(info.config), num_inference_steps=4, guidance_scale=2.0, width=64, height=64,
    )  # fmt: skip
    assert check_spec(spec) == []
