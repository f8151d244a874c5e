"""Take a base model apart: its parameters by name, and a checkpoint in one file as a diffusers folder."""

from pathlib import Path
from typing import Any

import diffusers
import torch
from safetensors.torch import load_file

from engine.adapter_layouts import NETWORKS
from engine.adapter_names import name_parameter
from engine.folders import PIPELINES, Loaded
from engine.headers import component_files, detect_architecture, read_header
from engine.singles import load_single

# The noise schedule that Stable Diffusion 1, 2 and XL were trained with; a single file does not say it.
_SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
_SETTINGS = {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}


def read_base(base: Path, *, tokenizers: Path | None = None) -> dict[str, torch.Tensor]:
    """Return a base model's parameters as `<network>.<parameter name>`, float32. Raises ModelError.

    A checkpoint in one file needs `tokenizers` as drawing with it does.
    """
    found: dict[str, torch.Tensor] = {}
    if not base.is_dir():
        parts = _load(base, tokenizers, torch.float32).parts
        own = {network: dict(parts[network].named_parameters()) for network in NETWORKS if network in parts}
    else:
        own = {network: _read_folder(base / network) for network in NETWORKS if (base / network).is_dir()}
    for network, parameters in own.items():
        found |= {name_parameter(f"{network}.{name}"): weight.float() for name, weight in parameters.items()}
    return found


def unpack_base(base: Path, folder: Path, *, tokenizers: Path | None = None) -> Path:
    """Write a checkpoint in one file as a diffusers folder, in its own precision. Raises ModelError."""
    architecture = detect_architecture(base).architecture
    halves = sum(info.dtype in ("F16", "BF16") for info in read_header(base).tensors.values())
    is_half = 2 * halves > len(read_header(base).tensors)
    loaded = _load(base, tokenizers, torch.float16 if is_half else torch.float32)
    options: dict[str, Any] = {} if architecture == "sdxl" else {"safety_checker": None, "feature_extractor": None}
    if architecture != "sdxl":
        options["requires_safety_checker"] = False
    scheduler = diffusers.DDIMScheduler(**_SCHEDULE, **_SETTINGS, **loaded.scheduler_config)
    PIPELINES[architecture](**loaded.parts, scheduler=scheduler, **options).save_pretrained(folder)
    return folder


def _load(base: Path, tokenizers: Path | None, dtype: torch.dtype) -> Loaded:
    detected = detect_architecture(base)
    return load_single(base, detected, device=torch.device("cpu"), dtype=dtype, tokenizers=tokenizers)


def _read_folder(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for file in component_files(folder):
        read_header(file)
        found |= load_file(file)
    return found
