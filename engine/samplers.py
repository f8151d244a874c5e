"""Build diffusers' schedulers from Daicho's table, so that the same recipe always steps the same way."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import diffusers
import torch
from diffusers.schedulers.scheduling_dpmsolver_sde import BrownianTreeNoiseSampler

from engine.errors import SpecError
from engine.schedulers import FLOW, SCHEDULERS
from engine.specs import ImageSpec

# What belongs to the trained model and not to the sampler, and so comes from the model's own scheduler file.
_TRAINED = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas", "prediction_type")
_TRAINED_FLOW = ("num_train_timesteps", "shift", "use_dynamic_shifting", "base_shift", "max_shift")
_TRAINED_FLOW += ("base_image_seq_len", "max_image_seq_len", "shift_terminal", "time_shift_type")
_DEFAULTS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def build_scheduler(spec: ImageSpec, model_config: Mapping[str, Any]) -> Any:
    """Return a fresh scheduler: the model's noise schedule, the table's settings, then the recipe's own."""
    info = SCHEDULERS[spec.scheduler]
    is_sde = info.class_name == "DPMSolverSDEScheduler"
    cls = SeededSdeScheduler if is_sde else getattr(diffusers, info.class_name)
    known = set(cls._get_init_keys(cls))
    config = {**_trained_config(spec.architecture, model_config), **info.config}
    unknown = sorted(set(spec.scheduler_config) - known)
    if unknown:
        message = f"{info.title} has no setting named {', '.join(unknown)}."
        raise SpecError("scheduler_config_unknown", message, field="scheduler_config", keys=unknown)
    config = {key: value for key, value in config.items() if key in known} | dict(spec.scheduler_config)
    scheduler = cls(**config)
    if is_sde:
        scheduler.noise_seed = spec.seed
    _begin_at_first(scheduler)
    return scheduler


def _begin_at_first(scheduler: Any) -> None:
    """Say where the steps begin; diffusers would search by value, and some Karras sigmas round to the same timestep."""
    set_timesteps = scheduler.set_timesteps

    @wraps(set_timesteps)
    def begin(*arguments: Any, **options: Any) -> None:
        set_timesteps(*arguments, **options)
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(0)

    scheduler.set_timesteps = begin


def _trained_config(architecture: str, model_config: Mapping[str, Any]) -> dict[str, Any]:
    if architecture in FLOW:
        return {key: model_config[key] for key in _TRAINED_FLOW if key in model_config}
    config = _DEFAULTS | {key: model_config[key] for key in _TRAINED if key in model_config}
    # Distilled (turbo, lightning) and zero-SNR models are trained for these and break without them.
    if model_config.get("timestep_spacing") == "trailing":
        config["timestep_spacing"] = "trailing"
    if model_config.get("rescale_betas_zero_snr"):
        config["rescale_betas_zero_snr"] = True
    return config


class SeededSdeScheduler(diffusers.DPMSolverSDEScheduler):
    """Walk a Brownian path that is drawn on the CPU from the recipe's seed, so that every device walks the same one."""

    noise_seed = 0

    def step(self, model_output: torch.Tensor, timestep: Any, sample: torch.Tensor, return_dict: bool = True) -> Any:
        """Take one step; the same as diffusers' own but for where the noise comes from."""
        if self.noise_sampler is None:
            self.noise_sampler = self._draw_path(sample)
        return super().step(model_output, timestep, sample, return_dict)

    def _draw_path(self, sample: torch.Tensor) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        sigmas = self.sigmas[self.sigmas > 0]
        low, high = sigmas.min().item(), sigmas.max().item()
        # A path needs two ends, also where a single step leaves only one noise level.
        low = low if low < high else high / 2
        path = BrownianTreeNoiseSampler(torch.zeros(sample.shape), low, high, self.noise_seed)
        return lambda sigma, sigma_next: path(sigma, sigma_next).to(sample.device, sample.dtype)
