"""Load a base model to learn with: its parts on the device that each needs, its noise schedule, its text encoders."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.errors import ModelError
from engine.folders import load_folder, load_vae_folder
from engine.headers import detect_architecture, hash_model
from engine.singles import load_single, load_vae_single
from engine.specs import TrainingSpec
from engine.training.noise import NoiseTable, read_noise
from engine.training.texts import Text, TextReader

TRAINABLE = ("sd1", "sd2", "sdxl")
PRECISIONS: Mapping[str, torch.dtype] = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(slots=True, kw_only=True)
class Networks:
    """A base model of its own for one training; nothing else draws with it."""

    unet: Any
    vae: Any
    reader: TextReader
    noise: NoiseTable
    parts: Mapping[str, Any]
    scheduler_config: Mapping[str, Any]
    architecture: str
    device: torch.device
    vae_sha256: str

    def predict(self, noisy: Tensor, timesteps: Tensor, text: Text) -> Tensor:
        """Return the UNet's prediction [b,c,h,w] for noisy latents, in float32."""
        options: dict[str, Any] = {}
        if text.pooled is not None:
            options["added_cond_kwargs"] = {"text_embeds": text.pooled, "time_ids": size_ids(noisy)}
        dtype = self.unet.dtype
        predicted = self.unet(
            noisy.to(dtype), timesteps, encoder_hidden_states=text.hidden.to(dtype), return_dict=False, **options
        )
        return predicted[0].float()

    def rest(self, *names: str) -> None:
        """Move parts that wait to the CPU, so that a GPU has room for those that learn."""
        for name in names:
            if self.device.type != "cpu":
                self.parts[name].to("cpu")
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def wake(self, *names: str) -> None:
        """Move parts to the device."""
        for name in names:
            self.parts[name].to(self.device)


def size_ids(latents: Tensor) -> Tensor:
    """Return SDXL's [b, 6]: original size, crop corner and target size in pixels, all of the bucket itself."""
    height, width = latents.shape[2] * 8, latents.shape[3] * 8
    row = torch.tensor([height, width, 0, 0, height, width], device=latents.device, dtype=latents.dtype)
    return row.expand(len(latents), 6)


def load_networks(
    spec: TrainingSpec, *, resolve: Callable[[str], Path], device: torch.device, tokenizers: Path | None
) -> Networks:
    """Load what a spec names, after checking the bytes. Raises ModelError."""
    path = find_model(resolve, spec.base_model)
    detected = detect_architecture(path)
    if detected.architecture != spec.architecture or spec.architecture not in TRAINABLE:
        message = f"The recipe says {spec.architecture}, but the model is {detected.architecture}."
        raise ModelError("architecture_mismatch", message, found=detected.architecture, wanted=spec.architecture)
    # Whole weights that learn themselves need every bit; a frozen base lies in half of them.
    dtype = torch.float32 if spec.method == "dreambooth" else PRECISIONS[spec.mixed_precision]
    if detected.layout == "single":
        loaded = load_single(path, detected, device=device, dtype=dtype, tokenizers=tokenizers)
    else:
        loaded = load_folder(path, detected, device=device, dtype=dtype)
    parts = dict(loaded.parts)
    if spec.vae:
        parts["vae"] = load_other_vae(find_model(resolve, spec.vae), parts["vae"], device=device)
    # Posteriors are kept for good, and some encoders overflow in half precision.
    parts["vae"].float()
    config = dict(loaded.scheduler_config)
    config["prediction_type"] = spec.prediction_type or config.get("prediction_type") or detected.prediction_type
    return Networks(
        unet=parts["unet"],
        vae=parts["vae"],
        reader=TextReader(parts, spec.architecture),
        noise=read_noise(config).to(device),
        parts=parts,
        scheduler_config=config,
        architecture=spec.architecture,
        device=device,
        vae_sha256=spec.vae or spec.base_model,
    )


def find_model(resolve: Callable[[str], Path], sha256: str) -> Path:
    """Return where a model lies. Raises ModelError when it is gone, or its bytes are no longer what the hash says."""
    path = resolve(sha256)
    if not path.exists():
        raise ModelError("model_missing", f"The file {path.name} is gone.", file=path.name)
    if hash_model(path) != sha256:
        message = f"{path.name} has changed since it was registered. It will not be used."
        raise ModelError("model_changed", message, file=path.name)
    return path


def load_other_vae(path: Path, own: Any, *, device: torch.device) -> Any:
    """Load a VAE that stands in for the base model's own. Raises ModelError when its latents do not fit."""
    load = load_vae_folder if path.is_dir() else load_vae_single
    vae = load(path, device=device, dtype=torch.float32)
    wanted = own.config.latent_channels
    if vae.config.latent_channels != wanted:
        message = f"This VAE has {vae.config.latent_channels} latent channels, the base model {wanted}."
        raise ModelError("vae_mismatch", message, vae=vae.config.latent_channels, base_model=wanted)
    return vae
