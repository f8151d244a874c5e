"""Load single-file checkpoints (Stable Diffusion 1, 2, XL) and VAEs with diffusers' own converters, offline.

CLIP's vocabulary is in no such file: it comes from a folder that holds any CLIP tokenizer.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers.loaders.single_file_utils import create_diffusers_clip_model_from_ldm
from safetensors import SafetensorError
from safetensors.torch import load_file

from engine.errors import ModelError
from engine.folders import Loaded, load_tokenizer, settle
from engine.headers import Detected, Shapes, read_header
from engine.shapes import SCALING_FACTORS, TEXT, UNET, VAE, text_config, unet_config, vae_config

Weights = dict[str, torch.Tensor]


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
    with tempfile.TemporaryDirectory(prefix="daicho-") as folder:
        for name, config in configs.items():
            _write_config(Path(folder) / name, config)
            own = _pick(name, weights, detected.architecture, config)
            parts[name] = settle(_convert(name, own, folder, dtype), name, device)
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
    with tempfile.TemporaryDirectory(prefix="daicho-") as folder:
        _write_config(Path(folder) / "vae", vae_config(shapes, SCALING_FACTORS["sd1"]))
        vae = _convert("vae", weights, folder, dtype)
    return settle(vae, "vae", device)


def _load_tokenizers(folder: Path | None, architecture: str) -> dict[str, Any]:
    found = [place for place in (folder, folder and folder / "tokenizer") if place and _is_tokenizer(place)]
    if not found:
        message = (
            "A single-file model carries no vocabulary. Put the tokenizer folder of any Stable Diffusion model "
            "into the folder for tokenizers, or use a diffusers folder."
        )
        raise ModelError("tokenizer_missing", message, folder=str(folder or ""))
    first = load_tokenizer(transformers.CLIPTokenizer, found[0])
    second = load_tokenizer(transformers.CLIPTokenizer, found[0])
    # OpenCLIP's encoders were trained with token 0 ("!") as padding, CLIP's own with the end mark.
    second.pad_token = second.convert_ids_to_tokens(0)
    if architecture == "sdxl":
        return {"tokenizer": first, "tokenizer_2": second}
    return {"tokenizer": second if architecture == "sd2" else first}


def _is_tokenizer(folder: Path) -> bool:
    return (folder / "tokenizer.json").is_file() or (folder / "vocab.json").is_file()


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


def _write_config(folder: Path, config: dict[str, Any]) -> None:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))


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


def _convert(name: str, weights: Weights, folder: str, dtype: torch.dtype) -> Any:
    options = {"config": folder, "subfolder": name, "torch_dtype": dtype, "local_files_only": True}
    try:
        if name.startswith("text_encoder"):
            has_projection = name == "text_encoder_2"
            cls = transformers.CLIPTextModelWithProjection if has_projection else transformers.CLIPTextModel
            return create_diffusers_clip_model_from_ldm(cls, weights, **options)
        cls = diffusers.UNet2DConditionModel if name == "unet" else diffusers.AutoencoderKL
        return cls.from_single_file(weights, **options)
    except (ValueError, KeyError, RuntimeError, OSError) as error:
        message = f"The {name} in this file cannot be loaded: {str(error)[:300]}"
        raise ModelError("component_broken", message, component=name) from error


def _fill(model: Any, weights: Weights) -> Any:
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(
            "component_broken", f"The VAE cannot be loaded: {str(error)[:300]}", component="vae"
        ) from error
    return model
