"""Load single-file checkpoints (Stable Diffusion 1, 2, XL) and VAEs with diffusers' own converters, offline.

CLIP's vocabulary is in no such file: it comes from a folder that holds any CLIP tokenizer.
"""

from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from accelerate import init_empty_weights
from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)
from safetensors import SafetensorError
from safetensors.torch import load_file

from engine.completeness import check_weights, refuse_missing
from engine.errors import ModelError
from engine.folders import Loaded, load_tokenizer, settle
from engine.headers import Detected, Shapes, read_header
from engine.shapes import SCALING_FACTORS, TEXT, UNET, VAE, text_config, unet_config, vae_config
from engine.tokenizer_places import PLACE, find_tokenizer

Weights = dict[str, torch.Tensor]
_OPEN_CLIP = tuple(prefix for prefixes in TEXT.values() for prefix in prefixes if prefix.endswith(".model."))


def load_single(
    path: Path, detected: Detected, *, device: torch.device, dtype: torch.dtype, tokenizers: Path | None
) -> Loaded:
    """Load a checkpoint. Raises ModelError, also when no CLIP tokenizer is at hand."""
    if detected.architecture not in TEXT:
        message = f"A single file of {detected.architecture} cannot be drawn with. Use its diffusers folder."
        raise ModelError("single_file_unsupported", message, architecture=detected.architecture)
    parts = _load_tokenizers(tokenizers, detected.architecture)
    shapes = {name: info.shape for name, info in read_header(path).tensors.items()}
    configs = _configure(shapes, detected, parts)
    weights = _read_weights(path)
    for name, config in configs.items():
        own = _pick(name, weights, detected.architecture, config)
        parts[name] = settle(_convert(name, own, config, dtype), name, device)
    schedule: dict[str, Any] = {"prediction_type": detected.prediction_type}
    if "ztsnr" in weights:
        schedule |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return Loaded(parts=parts, scheduler_config=schedule)


def load_vae_single(path: Path, *, device: torch.device, dtype: torch.dtype) -> Any:
    """Load a VAE file: AutoencoderKL under the original or diffusers' names, or AutoencoderTiny."""
    shapes = {name.removeprefix(VAE): info.shape for name, info in read_header(path).tensors.items()}
    weights = {name.removeprefix(VAE): weight for name, weight in _read_weights(path).items()}
    if "decoder.layers.0.weight" in shapes:
        vae = diffusers.AutoencoderTiny(latent_channels=shapes["decoder.layers.0.weight"][1])
        return settle(_fill(vae, weights).to(dtype), "vae", device)
    return settle(_convert("vae", weights, vae_config(shapes, SCALING_FACTORS["sd1"]), dtype), "vae", device)


def _load_tokenizers(folder: Path | None, architecture: str) -> dict[str, Any]:
    found = find_tokenizer(folder)
    if found is None:
        message = (
            "A single-file model carries no vocabulary. Copy the tokenizer folder of any Stable Diffusion model to "
            f"TOKENIZERS_ROOT/{PLACE}, or use a diffusers folder."
        )
        raise ModelError("tokenizer_missing", message, place=PLACE)
    first = load_tokenizer(transformers.CLIPTokenizer, found)
    second = load_tokenizer(transformers.CLIPTokenizer, found)
    # OpenCLIP's encoders were trained with token 0 ("!") as padding, CLIP's own with the end mark.
    second.pad_token = second.convert_ids_to_tokens(0)
    if architecture == "sdxl":
        return {"tokenizer": first, "tokenizer_2": second}
    return {"tokenizer": second if architecture == "sd2" else first}


def _configure(shapes: Shapes, detected: Detected, parts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    architecture, tokenizer = detected.architecture, parts["tokenizer"]
    marks = {"bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id}
    texts = [text_config(shapes, prefix, skips_last=architecture == "sd2", **marks) for prefix in TEXT[architecture]]
    pooled = texts[1]["projection_dim"] if architecture == "sdxl" else None
    vae_shapes = {name.removeprefix(VAE): shape for name, shape in shapes.items() if name.startswith(VAE)}
    configs = {
        "unet": unet_config(shapes, detected, pooled),
        "vae": vae_config(vae_shapes, SCALING_FACTORS[architecture]),
        "text_encoder": texts[0],
    }
    return configs | ({"text_encoder_2": texts[1]} if architecture == "sdxl" else {})


def _read_weights(path: Path) -> Weights:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ModelError("file_unreadable", f"{path.name} cannot be read.", file=path.name) from error


def _pick(name: str, weights: Weights, architecture: str, config: dict[str, Any]) -> Weights:
    """Return the weights that belong to one part."""
    if not name.startswith("text_encoder"):
        return {key: weight for key, weight in weights.items() if key.startswith(UNET if name == "unet" else VAE)}
    prefix = TEXT[architecture][-1 if name == "text_encoder_2" else 0]
    own = {key: weight for key, weight in weights.items() if key.startswith(prefix)}
    if architecture == "sd2":
        skipped = (f"{prefix}transformer.resblocks.{config['num_hidden_layers']}.", f"{prefix}text_projection")
        own = {key: weight for key, weight in own.items() if not key.startswith(skipped)}
    return own


def _convert(name: str, weights: Weights, config: dict[str, Any], dtype: torch.dtype) -> Any:
    """Return one network with its weights under diffusers' names; a weight too few or of another shape is refused."""
    try:
        model = _build(name, config)
        own = _rename(name, weights, config, model)
    except (ValueError, KeyError, IndexError, RuntimeError) as error:
        if isinstance(error, KeyError) and "." in str(error.args[0]):
            refuse_missing(name, [str(error.args[0])])
        message = f"The {name} in this file cannot be loaded: {str(error)[:300]}"
        raise ModelError("component_broken", message, component=name) from error
    check_weights(model, own, name)
    model.load_state_dict({key: weight.to(dtype).contiguous() for key, weight in own.items()}, False, assign=True)
    return model.to(dtype)


def _build(name: str, config: dict[str, Any]) -> Any:
    """Return a network without weights."""
    with init_empty_weights():
        if not name.startswith("text_encoder"):
            return (diffusers.UNet2DConditionModel if name == "unet" else diffusers.AutoencoderKL).from_config(config)
        has_projection = name == "text_encoder_2"
        cls = transformers.CLIPTextModelWithProjection if has_projection else transformers.CLIPTextModel
        return cls(transformers.CLIPTextConfig(**config))


def _rename(name: str, weights: Weights, config: dict[str, Any], model: Any) -> Weights:
    if name.startswith("text_encoder"):
        prefix = next((prefix for prefix in _OPEN_CLIP if any(key.startswith(prefix) for key in weights)), None)
        own = convert_open_clip_checkpoint(model, weights, prefix) if prefix else convert_ldm_clip_checkpoint(weights)
        return own if hasattr(model, "text_model") else {key.removeprefix("text_model."): own[key] for key in own}
    if any("down_blocks." in key for key in weights):
        return weights
    convert = convert_ldm_unet_checkpoint if name == "unet" else convert_ldm_vae_checkpoint
    return convert(weights, config)


def _fill(model: Any, weights: Weights) -> Any:
    check_weights(model, weights, "vae")
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(
            "component_broken", f"The VAE cannot be loaded: {str(error)[:300]}", component="vae"
        ) from error
    return model
