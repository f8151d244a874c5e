"""Train the autoencoder on crops of scenes, turn whole scenes into latents once, and sharpen the decoder on those."""

import copy
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.lib.format import open_memmap
from torch import Tensor
from tqdm import tqdm

from engine.starter.dataset import LATENTS, batches, open_images
from engine.starter.loop import Average, autocast, build_adamw, keyed_generator, keyed_rng

CROP = 64
KL_WEIGHT = 2e-6
EDGE_WEIGHT = 0.5
SHARP_EDGE_WEIGHT = 1.0
SQUARE_WEIGHT = 2.0
EMA_DECAY = 0.998
START_LOG_VARIANCE = -6.0


def build_vae(latent_channels: int = 8, widths: tuple[int, ...] = (16, 32, 64, 128)) -> AutoencoderKL:
    """Return a new autoencoder of factor 8; its posterior starts narrow, or it would learn to draw grey."""
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        block_out_channels=widths,
        layers_per_block=1,
        latent_channels=latent_channels,
        norm_num_groups=min(8, widths[0]),
        sample_size=128,
        mid_block_add_attention=False,
    )
    with torch.no_grad():
        vae.quant_conv.bias[latent_channels:] = START_LOG_VARIANCE
        vae.quant_conv.weight[latent_channels:] *= 0.1
    return vae


def to_tensor(pixels: np.ndarray) -> Tensor:
    """Return N × H × W × 3 bytes as N × 3 × H × W floats from -1 to 1."""
    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def edge_error(drawn: Tensor, real: Tensor) -> Tensor:
    """Return how much the differences between neighboring pixels differ."""
    return sum((drawn.diff(dim=axis) - real.diff(dim=axis)).abs().mean() for axis in (2, 3))


class Autoencoder:
    """The training of the VAE on random crops."""

    def __init__(
        self,
        *,
        vae: AutoencoderKL,
        images: np.ndarray,
        optimizer: torch.optim.Optimizer,
        device: torch.device,
        batch_size: int = 32,
        seed: int = 0,
    ) -> None:
        self.vae, self.images, self.optimizer = vae, images, optimizer
        self.device, self.batch_size, self.seed = device, batch_size, seed
        self.average = Average(vae, AutoencoderKL.from_config(vae.config).to(device), EMA_DECAY)
        self.modules = {"vae": vae, "vae_average": self.average}

    def loss(self, step: int) -> Tensor:
        """Return the error of one batch of crops drawn again from their latents."""
        rng, generator = keyed_rng(self.seed, step), keyed_generator(self.seed, step)
        real = self.crop(rng).to(self.device)
        with autocast(self.device):
            posterior = self.vae.encode(real).latent_dist
            noise = torch.randn(posterior.mean.shape, generator=generator).to(self.device)
            drawn = self.vae.decode(posterior.mean + posterior.std * noise).sample.float()
        error = (drawn - real).abs().mean() + SQUARE_WEIGHT * (drawn - real).pow(2).mean()
        mean, log_variance = posterior.mean.float(), posterior.logvar.float()
        divergence = 0.5 * (mean.pow(2) + log_variance.exp() - 1 - log_variance).mean()
        return error + EDGE_WEIGHT * edge_error(drawn, real) + KL_WEIGHT * divergence

    def crop(self, rng: np.random.Generator) -> Tensor:
        """Return random crops of 64 pixels."""
        rows = rng.choice(len(self.images), self.batch_size, replace=False)
        corners = rng.integers(0, self.images.shape[1] - CROP + 1, (self.batch_size, 2))
        crops = [self.images[row, y : y + CROP, x : x + CROP] for row, (y, x) in zip(rows, corners, strict=True)]
        return to_tensor(np.stack(crops))

    def finish_step(self, step: int) -> None:
        self.average.follow(self.vae, step)

    def export(self, folder: Path) -> None:
        """Write the averaged weights in half precision, scaled so that latents have unit variance."""
        vae = AutoencoderKL.from_config(self.average.copy.config).to(self.device)
        vae.load_state_dict(self.average.copy.state_dict())
        with torch.no_grad():
            latents = vae.encode(to_tensor(self.images[:256]).to(self.device)).latent_dist.mean
        vae.register_to_config(scaling_factor=1 / latents.std().item())
        vae.half().save_pretrained(folder / "vae")


class Sharpening:
    """The training of the decoder alone: what the latents mean stays, so a UNet that was trained on them still fits."""

    def __init__(
        self,
        *,
        vae: AutoencoderKL,
        latents: np.ndarray,
        images: np.ndarray,
        peak_lr: float,
        device: torch.device,
        batch_size: int = 8,
        seed: int = 0,
    ) -> None:
        self.vae, self.latents, self.images = vae, latents, images
        self.device, self.batch_size, self.seed = device, batch_size, seed
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)
        self.optimizer = build_adamw([vae.post_quant_conv, vae.decoder], peak_lr, weight_decay=0.0)
        self.average = Average(vae, AutoencoderKL.from_config(vae.config).to(device), EMA_DECAY)
        self.modules = {"vae": vae, "vae_average": self.average}

    def loss(self, step: int) -> Tensor:
        """Return the error of one batch of whole pictures, drawn from their latents."""
        rng, generator = keyed_rng(self.seed, step), keyed_generator(self.seed, step)
        rows = np.sort(rng.choice(len(self.images), self.batch_size, replace=False))
        real = to_tensor(self.images[rows]).to(self.device)
        mean, deviation = torch.from_numpy(np.asarray(self.latents[rows], dtype=np.float32)).chunk(2, 1)
        noisy = mean + deviation * torch.randn(mean.shape, generator=generator)
        with autocast(self.device):
            drawn = self.vae.decode(noisy.to(self.device)).sample.float()
        return (drawn - real).abs().mean() + SHARP_EDGE_WEIGHT * edge_error(drawn, real)

    def finish_step(self, step: int) -> None:
        self.average.follow(self.vae, step)

    def export(self, folder: Path) -> None:
        """Write the averaged weights in half precision; the scale of the latents stays."""
        half = copy.deepcopy(self.average.copy).half()
        half.register_to_config(_name_or_path="")
        half.save_pretrained(folder / "vae")


@torch.no_grad()
def write_latents(folder: Path, vae: AutoencoderKL, *, device: torch.device, batch_size: int = 64) -> np.ndarray:
    """Write mean and standard deviation of every picture's posterior, and return them from the disk."""
    path = folder / LATENTS
    if path.exists():
        return np.load(path, mmap_mode="r")
    images, temporary = open_images(folder), path.with_suffix(".part.npy")
    side = images.shape[1] // 2 ** (len(vae.config.block_out_channels) - 1)
    shape = (len(images), 2 * vae.config.latent_channels, side, side)
    latents = open_memmap(temporary, mode="w+", dtype=np.float16, shape=shape)
    for rows in tqdm(list(batches(len(images), batch_size)), desc="latents", mininterval=5):
        posterior = vae.encode(to_tensor(images[rows]).to(device)).latent_dist
        latents[rows] = torch.cat([posterior.mean, posterior.std], 1).cpu().half().numpy()
    latents.flush()
    temporary.replace(path)
    return np.load(path, mmap_mode="r")


@torch.no_grad()
def measure_psnr(vae: AutoencoderKL, images: np.ndarray, device: torch.device) -> float:
    """Return the mean peak signal-to-noise ratio, in dB, of pictures drawn again from their latents."""
    real = to_tensor(images).to(device)
    drawn = vae.decode(vae.encode(real).latent_dist.mean).sample.clamp(-1, 1)
    return (-10 * ((drawn - real) / 2).pow(2).mean((1, 2, 3)).log10()).mean().item()
