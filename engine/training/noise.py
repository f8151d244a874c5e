"""The noise that a model learns to take away: its schedule, the target, and the weight of each timestep."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import diffusers
import torch
from torch import Tensor

DEFAULTS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
TRAINED = (*DEFAULTS, "trained_betas", "prediction_type", "rescale_betas_zero_snr")
MIN_SNR = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseTable:
    """A model's noise schedule as tables over its timesteps, float32 on one device."""

    signal: Tensor
    noise: Tensor
    snr: Tensor
    predicts_velocity: bool

    @property
    def count(self) -> int:
        """Return how many timesteps there are."""
        return len(self.signal)

    def to(self, device: torch.device) -> "NoiseTable":
        """Return the tables on a device."""
        moved = {name: getattr(self, name).to(device) for name in ("signal", "noise", "snr")}
        return NoiseTable(**moved, predicts_velocity=self.predicts_velocity)

    def mix(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """Return noisy latents [b,c,h,w] and what the model should say of them: the noise, or the velocity."""
        signal, share = self.signal[timesteps].view(-1, 1, 1, 1), self.noise[timesteps].view(-1, 1, 1, 1)
        target = signal * noise - share * clean if self.predicts_velocity else noise
        return signal * clean + share * noise, target

    def weigh(self, timesteps: Tensor, gamma: float | None) -> Tensor:
        """Return each timestep's weight on the squared error: min-SNR-gamma (Hang et al. 2023), or 1 without gamma.

        min(SNR, gamma) / SNR for the noise and min(SNR, gamma) / (SNR + 1) for the velocity: both weigh the error of
        the clean picture alike.
        """
        if gamma is None:
            return torch.ones_like(self.snr[timesteps])
        snr = self.snr[timesteps].clamp(min=MIN_SNR)
        return snr.clamp(max=gamma) / (snr + 1 if self.predicts_velocity else snr)


def read_noise(config: Mapping[str, Any]) -> NoiseTable:
    """Return the tables of a model's own scheduler file, with Stable Diffusion's usual values where it says nothing."""
    chosen = DEFAULTS | {key: config[key] for key in TRAINED if config.get(key) is not None}
    alphas = diffusers.DDPMScheduler(**chosen).alphas_cumprod
    return NoiseTable(
        signal=alphas.sqrt(),
        noise=(1 - alphas).sqrt(),
        snr=alphas / (1 - alphas),
        predicts_velocity=chosen.get("prediction_type") == "v_prediction",
    )


def draw_noise(shape: tuple[int, ...], generator: torch.Generator, *, offset: float = 0.0) -> Tensor:
    """Return noise [b,c,h,w] on the CPU; an offset moves whole channels, so that the very dark can be learned."""
    noise = torch.randn(shape, generator=generator)
    if offset:
        noise += offset * torch.randn((*shape[:2], 1, 1), generator=generator)
    return noise


def draw_timesteps(count: int, total: int, generator: torch.Generator) -> Tensor:
    """Return timesteps spread over the whole range in random order, which steadies the loss of small batches."""
    places = (torch.arange(count) + torch.rand(count, generator=generator)) * (total / count)
    return places.long().clamp_(max=total - 1)[torch.randperm(count, generator=generator)]
