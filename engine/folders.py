"""Load the parts of a diffusers folder by their known classes; a folder never chooses what code runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import diffusers
import torch
import transformers

from engine.completeness import check_report, refuse_missing
from engine.errors import ModelError
from engine.headers import Detected, component_files, read_header, read_json

# A worker's log is no terminal, and what matters comes as an exception.
diffusers.utils.logging.set_verbosity_error()
diffusers.utils.logging.disable_progress_bar()
transformers.utils.logging.disable_progress_bar()

PIPELINES: Mapping[str, Any] = MappingProxyType(
    {
        "sd1": diffusers.StableDiffusionPipeline,
        "sd2": diffusers.StableDiffusionPipeline,
        "sdxl": diffusers.StableDiffusionXLPipeline,
        "sd3": diffusers.StableDiffusion3Pipeline,
        "flux": diffusers.FluxPipeline,
    }
)
_SD: Mapping[str, Any] = {
    "unet": diffusers.UNet2DConditionModel,
    "text_encoder": transformers.CLIPTextModel,
    "tokenizer": transformers.CLIPTokenizer,
}
_TWO: Mapping[str, Any] = {
    "text_encoder_2": transformers.CLIPTextModelWithProjection,
    "tokenizer_2": transformers.CLIPTokenizer,
}
PARTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "sd1": _SD,
        "sd2": _SD,
        "sdxl": {**_SD, **_TWO},
        "sd3": {
            "transformer": diffusers.SD3Transformer2DModel,
            "text_encoder": transformers.CLIPTextModelWithProjection,
            "tokenizer": transformers.CLIPTokenizer,
            **_TWO,
            "text_encoder_3": transformers.T5EncoderModel,
            "tokenizer_3": transformers.T5Tokenizer,
        },
        "flux": {
            "transformer": diffusers.FluxTransformer2DModel,
            "text_encoder": transformers.CLIPTextModel,
            "tokenizer": transformers.CLIPTokenizer,
            "text_encoder_2": transformers.T5EncoderModel,
            "tokenizer_2": transformers.T5Tokenizer,
        },
    }
)
# Stable Diffusion 3 draws without its third text encoder, and many people leave out those 10 GB.
OPTIONAL = ("text_encoder_3", "tokenizer_3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Hold a base model's parts by diffusers' names, and the noise schedule that it was trained with."""

    parts: Mapping[str, Any]
    scheduler_config: Mapping[str, Any]


def load_folder(folder: Path, detected: Detected, *, device: torch.device, dtype: torch.dtype) -> Loaded:
    """Load a diffusers folder. Raises ModelError for parts that are missing, broken or not finite."""
    parts: dict[str, Any] = {"vae": load_vae_folder(folder / "vae", device=device, dtype=dtype)}
    for name, cls in PARTS[detected.architecture].items():
        if name in OPTIONAL and not (folder / name).is_dir():
            parts[name] = None
        elif name.startswith("tokenizer"):
            parts[name] = load_tokenizer(cls, folder / name)
        else:
            parts[name] = load_part(cls, folder / name, device=device, dtype=dtype)
    return Loaded(parts=parts, scheduler_config=read_json(folder / "scheduler" / "scheduler_config.json"))


def load_part(cls: Any, folder: Path, *, device: torch.device, dtype: torch.dtype) -> Any:
    """Load one network from its folder onto a device. Raises ModelError, also when it is not whole."""
    files = component_files(folder)
    for file in files:
        read_header(file)
    variant = files[0].stem.split(".")[1].split("-")[0] if files and "." in files[0].stem else None
    word = "dtype" if cls.__module__.startswith("transformers") else "torch_dtype"
    options = {word: dtype, "use_safetensors": True, "local_files_only": True, "variant": variant}
    # What does not fit is reported instead of raised, so that one sentence can name it.
    reporting = {"output_loading_info": True, "ignore_mismatched_sizes": True}
    try:
        model, report = cls.from_pretrained(folder, **options, **reporting)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        message = f"The {folder.name} of this model cannot be loaded: {str(error)[:300]}"
        raise ModelError("component_broken", message, component=folder.name) from error
    check_report(report, folder.name)
    return settle(model, folder.name, device)


def load_vae_folder(folder: Path, *, device: torch.device, dtype: torch.dtype) -> Any:
    """Load an AutoencoderKL or AutoencoderTiny, whichever the folder's config names."""
    name = read_json(folder / "config.json").get("_class_name", "AutoencoderKL")
    if name not in ("AutoencoderKL", "AutoencoderTiny"):
        raise ModelError(
            "vae_unsupported", "Only AutoencoderKL and AutoencoderTiny can be used as VAE.", kind=str(name)
        )
    return load_part(getattr(diffusers, name), folder, device=device, dtype=dtype)


def load_tokenizer(cls: Any, folder: Path) -> Any:
    """Load a tokenizer from its folder."""
    try:
        return cls.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"The {folder.name} of this model cannot be loaded: {str(error)[:300]}"
        raise ModelError("component_broken", message, component=folder.name) from error


def settle(model: Any, name: str, device: torch.device) -> Any:
    """Return a network ready to draw: whole, on its device, without gradients, and with finite weights only."""
    refuse_missing(name, [key for key, weight in model.state_dict().items() if weight.is_meta])
    for key, weight in model.named_parameters():
        if not torch.isfinite(weight.sum(dtype=torch.float32)) and not torch.isfinite(weight).all():
            message = f"The {name} of this model holds values that are no numbers, in {key}."
            raise ModelError("weights_not_finite", message, component=name, tensor=key)
    return model.requires_grad_(False).eval().to(device)
