"""Sampler names of other tools in A1111's words: the label and the schedule type."""

from collections.abc import Mapping
from typing import Any

COMFY_SAMPLERS: Mapping[str, str] = {
    "euler": "Euler",
    "euler_ancestral": "Euler a",
    "heun": "Heun",
    "dpm_2": "DPM2",
    "dpm_2_ancestral": "DPM2 a",
    "lms": "LMS",
    "dpm_fast": "DPM fast",
    "dpm_adaptive": "DPM adaptive",
    "dpmpp_2s_ancestral": "DPM++ 2S a",
    "dpmpp_sde": "DPM++ SDE",
    "dpmpp_sde_gpu": "DPM++ SDE",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_2m_sde_gpu": "DPM++ 2M SDE",
    "dpmpp_3m_sde": "DPM++ 3M SDE",
    "dpmpp_3m_sde_gpu": "DPM++ 3M SDE",
    "ddpm": "DDPM",
    "lcm": "LCM",
    "ddim": "DDIM",
    "uni_pc": "UniPC",
    "uni_pc_bh2": "UniPC",
}
COMFY_SCHEDULES: Mapping[str, str] = {
    "normal": "Uniform",
    "karras": "Karras",
    "exponential": "Exponential",
    "sgm_uniform": "SGM Uniform",
    "simple": "Simple",
    "ddim_uniform": "DDIM",
    "beta": "Beta",
}
INVOKE_SAMPLERS: Mapping[str, str] = {
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "deis": "DEIS",
    "lms": "LMS",
    "pndm": "PLMS",
    "heun": "Heun",
    "euler": "Euler",
    "euler_a": "Euler a",
    "kdpm_2": "DPM2",
    "kdpm_2_a": "DPM2 a",
    "dpmpp_2s": "DPM++ 2S",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_sde": "DPM++ SDE",
    "unipc": "UniPC",
    "lcm": "LCM",
    "tcd": "TCD",
}


def name_comfy(sampler: Any, schedule: Any) -> dict[str, Any]:
    """Return ComfyUI's sampler and schedule as A1111's; unknown words stay as they are."""
    if not isinstance(sampler, str):
        return {}
    known = COMFY_SCHEDULES.get(schedule, schedule) if isinstance(schedule, str) else None
    return {"sampler": COMFY_SAMPLERS.get(sampler, sampler), "schedule_type": known}


def name_invoke(scheduler: Any) -> dict[str, Any]:
    """Return InvokeAI's scheduler as A1111's; an unknown word stays as it is."""
    if not isinstance(scheduler, str):
        return {}
    name = scheduler.removesuffix("_k")
    schedule = "Karras" if name != scheduler else "Uniform"
    return {"sampler": INVOKE_SAMPLERS.get(name, scheduler), "schedule_type": schedule}
