"""Make small pictures of unfinished latents with one matrix product instead of a decoder.

For each VAE a linear map from latent channels to RGB is fitted once by least squares, on soft colour
fields that the VAE's own encoder has turned into latents. It works for any number of channels.
"""

import copy
from typing import Any

import torch
from PIL import Image

PREVIEW_SIDE = 256
_FIT_SIDE = 64
_FIT_COUNT = 16


def fit_colors(vae: Any) -> torch.Tensor:
    """Return the [channels + 1, 3] map from scaled latents (and a constant 1) to RGB in 0..1, on the CPU."""
    # Some encoders overflow in half precision, and this happens once for each VAE.
    vae = vae if vae.dtype == torch.float32 else copy.deepcopy(vae).float()
    generator = torch.Generator("cpu").manual_seed(0)
    coarse = torch.rand(_FIT_COUNT, 3, 4, 4, generator=generator)
    fields = torch.nn.functional.interpolate(coarse, size=(_FIT_SIDE, _FIT_SIDE), mode="bicubic").clamp(0, 1)
    encoded = vae.encode((fields * 2 - 1).to(vae.device, vae.dtype))
    latents = encoded.latent_dist.mean if hasattr(encoded, "latent_dist") else encoded.latents
    latents = (latents - (vae.config.shift_factor or 0.0)) * vae.config.scaling_factor
    latents = latents.float().cpu()
    small = torch.nn.functional.interpolate(fields, size=latents.shape[2:], mode="area")
    rows = latents.movedim(1, -1).flatten(0, -2)
    rows = torch.cat([rows, torch.ones(len(rows), 1)], dim=1)
    return torch.linalg.lstsq(rows, small.movedim(1, -1).flatten(0, -2), driver="gelsd").solution


def draw_preview(latents: torch.Tensor, colors: torch.Tensor) -> Image.Image:
    """Return an RGB picture of one latent [channels, height, width], its longer side at most 256 pixels."""
    pixels = latents.float().cpu().movedim(0, -1)
    rgb = pixels @ colors[:-1] + colors[-1]
    picture = Image.fromarray((rgb.clamp(0, 1) * 255).round().to(torch.uint8).numpy(), "RGB")
    scale = max(1, PREVIEW_SIDE // max(picture.size))
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.BICUBIC)


def estimate_clean(scheduler: Any, latents: torch.Tensor) -> torch.Tensor:
    """Return the scheduler's idea of the finished latents, or the noisy latents brought to the usual scale."""
    kept = [output for output in getattr(scheduler, "model_outputs", []) if output is not None]
    if kept:
        return kept[-1]
    if float(getattr(scheduler, "init_noise_sigma", 1.0)) <= 1.5:
        return latents
    sigma = scheduler.sigmas[min(scheduler.step_index, len(scheduler.sigmas) - 1)].item()
    return latents / (sigma**2 + 1) ** 0.5
