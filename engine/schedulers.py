"""The table of schedulers: Daicho's key, the name as A1111 writes it, and diffusers' class. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

UNET = ("sd1", "sd2", "sdxl")
FLOW = ("sd3", "flux")
SAMPLER_ALIASES = MappingProxyType({"pndm": "pndm", "k_euler": "euler", "euler ancestral": "euler_a"})
# A1111's "Automatic" is each sampler's own habit; every sampler that is not named here means "Uniform".
AUTOMATIC_TYPES = MappingProxyType({"dpm++ 2m": "karras", "dpm++ sde": "karras", "dpm++ 2m sde": "exponential"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerInfo:
    """Describe one scheduler; `label` and `schedule_type` are A1111's words, `config` goes to `class_name`.

    `max_steps` is the scheduler's own limit, where it has one below everybody's.
    """

    key: str
    label: str
    schedule_type: str
    class_name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    architectures: tuple[str, ...] = UNET
    is_stochastic: bool = False
    max_steps: int | None = None

    @property
    def title(self) -> str:
        """Return the name that people know: the label, and the schedule where it is not the plain one."""
        return self.label if self.schedule_type == "Uniform" else f"{self.label} {self.schedule_type}"


def _entry(key: str, label: str, class_name: str, **config: Any) -> SchedulerInfo:
    schedule = {"use_karras_sigmas": "Karras", "use_exponential_sigmas": "Exponential"}
    kind = next((name for option, name in schedule.items() if config.get(option)), "Uniform")
    stochastic = key.startswith(("euler_a", "ddpm", "lcm")) or "sde" in key
    return SchedulerInfo(
        key=key,
        label=label,
        schedule_type=kind,
        class_name=class_name,
        config=MappingProxyType(config),
        is_stochastic=stochastic,
        # It is distilled from a schedule of 50 steps and can take no more.
        max_steps=50 if key == "lcm" else None,
    )


def _flow(key: str, label: str, class_name: str, *architectures: str) -> SchedulerInfo:
    return SchedulerInfo(
        key=key, label=label, schedule_type="Uniform", class_name=class_name, architectures=architectures
    )


_MULTISTEP = "DPMSolverMultistepScheduler"
_SDE: Mapping[str, Any] = {"algorithm_type": "sde-dpmsolver++", "final_sigmas_type": "zero"}
_KARRAS: Mapping[str, Any] = {"use_karras_sigmas": True}
_LEADING: Mapping[str, Any] = {"timestep_spacing": "leading", "steps_offset": 1}

SCHEDULERS: Mapping[str, SchedulerInfo] = MappingProxyType(
    {
        info.key: info
        for info in (
            _entry("dpmpp_2m", "DPM++ 2M", _MULTISTEP),
            _entry("dpmpp_2m_karras", "DPM++ 2M", _MULTISTEP, **_KARRAS),
            _entry("dpmpp_2m_sde", "DPM++ 2M SDE", _MULTISTEP, **_SDE),
            _entry("dpmpp_2m_sde_karras", "DPM++ 2M SDE", _MULTISTEP, **_SDE, **_KARRAS),
            _entry("dpmpp_2m_sde_exponential", "DPM++ 2M SDE", _MULTISTEP, **_SDE, use_exponential_sigmas=True),
            _entry("dpmpp_sde", "DPM++ SDE", "DPMSolverSDEScheduler"),
            _entry("dpmpp_sde_karras", "DPM++ SDE", "DPMSolverSDEScheduler", **_KARRAS),
            _entry("euler", "Euler", "EulerDiscreteScheduler"),
            _entry("euler_karras", "Euler", "EulerDiscreteScheduler", **_KARRAS),
            _entry("euler_a", "Euler a", "EulerAncestralDiscreteScheduler"),
            _entry("heun", "Heun", "HeunDiscreteScheduler"),
            _entry("heun_karras", "Heun", "HeunDiscreteScheduler", **_KARRAS),
            _entry("unipc", "UniPC", "UniPCMultistepScheduler"),
            _entry("unipc_karras", "UniPC", "UniPCMultistepScheduler", **_KARRAS),
            _entry("ddim", "DDIM", "DDIMScheduler", clip_sample=False, set_alpha_to_one=False, **_LEADING),
            _entry("ddpm", "DDPM", "DDPMScheduler", clip_sample=False, **_LEADING),
            _entry("pndm", "PLMS", "PNDMScheduler", skip_prk_steps=True, set_alpha_to_one=False, **_LEADING),
            _entry("lcm", "LCM", "LCMScheduler"),
            _flow("flow_euler", "Euler", "FlowMatchEulerDiscreteScheduler", "sd3", "flux"),
            _flow("flow_heun", "Heun", "FlowMatchHeunDiscreteScheduler", "sd3"),
        )
    }
)

# What a recipe may change about a scheduler, with the values or the open interval that are allowed.
CONFIG_CHOICES: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "prediction_type": ("epsilon", "v_prediction"),
        "timestep_spacing": ("leading", "linspace", "trailing"),
        "beta_schedule": ("linear", "scaled_linear"),
        "final_sigmas_type": ("zero", "sigma_min"),
        "solver_type": ("midpoint", "heun"),
        "solver_order": (1, 2, 3),
        "rescale_betas_zero_snr": (True, False),
        "lower_order_final": (True, False),
        "euler_at_final": (True, False),
    }
)
CONFIG_RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"beta_start": (0.0, 1.0), "beta_end": (0.0, 1.0), "shift": (0.0, 100.0)}
)


def schedulers_for(architecture: str) -> list[SchedulerInfo]:
    """Return the schedulers that can draw with an architecture, in the order in which a form offers them."""
    return [info for info in SCHEDULERS.values() if architecture in info.architectures]


def find_scheduler(sampler: str, schedule_type: str = "Automatic") -> SchedulerInfo | None:
    """Return the scheduler that A1111's words mean, as in "DPM++ 2M" + "Karras" or the older "DPM++ 2M Karras"."""
    name, kind = sampler.strip().lower(), schedule_type.strip().lower()
    for word in ("karras", "exponential"):
        if name.endswith(f" {word}"):
            name, kind = name.removesuffix(f" {word}"), word
    if name in SAMPLER_ALIASES:
        name = SCHEDULERS[SAMPLER_ALIASES[name]].label.lower()
    if kind == "automatic":
        kind = AUTOMATIC_TYPES.get(name, "uniform")
    for info in schedulers_for("sd1"):
        if (info.label.lower(), info.schedule_type.lower()) == (name, kind):
            return info
    return None


def usual_scheduler(architecture: str) -> str:
    """Return the scheduler for a model that names none: a flow needs one of its own."""
    return "flow_euler" if architecture in FLOW else "dpmpp_2m"
