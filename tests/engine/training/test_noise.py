"""The target is right for models that predict noise and for those that predict velocity."""

import diffusers
import pytest
import torch
from diffusers.optimization import get_scheduler
from diffusers.training_utils import compute_snr

from engine.training.noise import draw_noise, draw_timesteps, read_noise
from engine.training.randomness import generator_for
from engine.training.schedules import rate_factor

STEPS = torch.tensor([0, 10, 500, 999])


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_it_is_diffusers_own_noise_and_target(prediction):
    config = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    theirs = diffusers.DDPMScheduler(**config, prediction_type=prediction)
    ours = read_noise({**config, "prediction_type": prediction})
    clean, noise = torch.randn(4, 4, 8, 8), torch.randn(4, 4, 8, 8)
    noisy, target = ours.mix(clean, noise, STEPS)
    torch.testing.assert_close(noisy, theirs.add_noise(clean, noise, STEPS))
    expected = noise if prediction == "epsilon" else theirs.get_velocity(clean, noise, STEPS)
    torch.testing.assert_close(target, expected)
    snr = compute_snr(theirs, STEPS)
    weights = torch.stack([snr, 5.0 * torch.ones_like(snr)], dim=1).min(dim=1)[0]
    weights = weights / (snr if prediction == "epsilon" else snr + 1)
    torch.testing.assert_close(ours.weigh(STEPS, 5.0), weights, rtol=1e-4, atol=1e-6)


def test_min_snr_weighs_the_clean_picture_alike_in_both_predictions():
    """An error of the clean picture costs the same, whether the model speaks of noise or of velocity."""
    noise_table, velocity_table = (read_noise({"prediction_type": each}) for each in ("epsilon", "v_prediction"))
    signal, noise = noise_table.signal[STEPS], noise_table.noise[STEPS]
    # The same error d of the clean picture is d x signal / noise in the noise, and d / noise in the velocity.
    by_noise = noise_table.weigh(STEPS, 5.0) * (signal / noise) ** 2
    by_velocity = velocity_table.weigh(STEPS, 5.0) * (1 / noise) ** 2
    torch.testing.assert_close(by_noise, by_velocity, rtol=1e-3, atol=1e-6)


def test_a_schedule_without_any_signal_at_its_end_stays_finite():
    table = read_noise({"rescale_betas_zero_snr": True, "prediction_type": "v_prediction"})
    noisy, target = table.mix(torch.ones(1, 4, 2, 2), torch.ones(1, 4, 2, 2), torch.tensor([999]))
    assert torch.isfinite(noisy).all()
    assert torch.isfinite(target).all()
    assert torch.isfinite(table.weigh(torch.tensor([999]), 5.0)).all()


def test_without_gamma_all_weigh_alike():
    assert torch.equal(read_noise({}).weigh(STEPS, None), torch.ones(4))


def test_an_offset_moves_whole_channels():
    plain = draw_noise((1, 2, 4, 4), generator_for(1))
    moved = draw_noise((1, 2, 4, 4), generator_for(1), offset=0.5)
    apart = (moved - plain)[0].flatten(1)
    assert (apart.std(dim=1) < 1e-6).all()
    assert apart.abs().max() > 0.01


def test_timesteps_are_spread_over_the_range():
    drawn = draw_timesteps(10, 1000, generator_for(2)).sort().values
    assert all(100 * place <= step < 100 * (place + 1) for place, step in enumerate(drawn.tolist()))


@pytest.mark.parametrize("name", ["constant", "cosine", "linear"])
def test_the_learning_rate_is_diffusers_own(name):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    usual = "constant_with_warmup" if name == "constant" else name
    theirs = get_scheduler(usual, optimizer, num_warmup_steps=3, num_training_steps=20)
    for step in range(20):
        assert rate_factor(name, step=step, total=20, warmup=3) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
