"""Train the UNet and its text encoder together on latents of scenes.

Epsilon prediction with scaled-linear betas, as Stable Diffusion 1.x. The loss mixes min-SNR-5 weights
(Hang et al. 2023), which learn shapes first, with plain ones, which keep the fine grain that makes a style.
"""

import copy
import math
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from engine.starter.loop import Average, autocast, keyed_generator, keyed_rng
from engine.starter.scenes import Scene

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
TRAIN_TIMESTEPS = 1000
MIN_SNR_GAMMA = 5.0
PLAIN_SHARE = 0.2
EMPTY_CAPTION_SHARE = 0.12
DROPPED_SLOT_SHARE = 0.12
SHUFFLED_SHARE = 0.15
EMA_DECAY = 0.999
MAX_NOISE_WEIGHT = 12.0
NOISE_ALONE_SHARE = 0.25
LATE_TIMESTEPS = 60


def build_text_encoder(tokenizer: CLIPTokenizer, width: int = 128, layers: int = 3) -> CLIPTextModel:
    """Return a new text encoder for the tokenizer."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=tokenizer.model_max_length,
        projection_dim=width,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)


def build_unet(latent_channels: int = 8, widths: tuple[int, int, int] = (64, 128, 192), text: int = 128) -> nn.Module:
    """Return a new UNet for 16 × 16 latents."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=latent_channels,
        out_channels=latent_channels,
        layers_per_block=1,
        block_out_channels=widths,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=text,
        attention_head_dim=4,
        norm_num_groups=16,
    )


def vary_caption(scene: Scene, rng: np.random.Generator) -> str:
    """Return the scene's caption, now and then empty, short of one slot, or in another order."""
    if rng.random() < EMPTY_CAPTION_SHARE:
        return ""
    subject, *others = scene.parts
    if rng.random() < SHUFFLED_SHARE:
        others = [others[index] for index in rng.permutation(len(others))]
    if rng.random() < DROPPED_SLOT_SHARE:
        others.pop(int(rng.integers(len(others))))
    return ", ".join([subject, *others])


def spread_timesteps(count: int, generator: torch.Generator) -> Tensor:
    """Return timesteps spread evenly over the whole range, which steadies the loss of a small batch."""
    offsets = torch.rand(count, generator=generator)
    return ((torch.arange(count) + offsets) * (TRAIN_TIMESTEPS / count)).long().clamp_(max=TRAIN_TIMESTEPS - 1)


def count_noise_alone(batch_size: int) -> int:
    """Return how many rows of a batch start from noise alone."""
    return math.ceil(batch_size * NOISE_ALONE_SHARE)


def choose_timesteps(batch_size: int, generator: torch.Generator) -> Tensor:
    """Return each row's timestep; the rows of noise alone stand first, most of them at the very end."""
    timesteps = spread_timesteps(batch_size, generator)
    # Rows of latents are sorted for the disk; their noise must not follow that order.
    timesteps = timesteps[torch.randperm(batch_size, generator=generator)]
    alone = count_noise_alone(batch_size)
    back = (torch.rand(alone, generator=generator).pow(3) * LATE_TIMESTEPS).long()
    timesteps[:alone] = TRAIN_TIMESTEPS - 1 - back
    return timesteps


def loss_weights(alphas_cumprod: Tensor, timesteps: Tensor) -> Tensor:
    """Return each timestep's weight on the error of the predicted noise.

    In nearly pure noise even a wrong picture leaves a tiny error in the noise, so that color, light and style would
    be decided badly there: those timesteps weigh more, by the square root of the noise-to-signal ratio.
    """
    alphas = alphas_cumprod[timesteps]
    snr = alphas / (1 - alphas)
    calm = PLAIN_SHARE + (1 - PLAIN_SHARE) * snr.clamp(max=MIN_SNR_GAMMA) / snr
    return calm * snr.rsqrt().clamp(1.0, MAX_NOISE_WEIGHT)


class TextToImage:
    """The training of UNet and text encoder on cached latents."""

    def __init__(
        self,
        *,
        unet: UNet2DConditionModel,
        text_encoder: CLIPTextModel,
        tokenizer: CLIPTokenizer,
        latents: np.ndarray,
        scenes: list[Scene],
        scaling_factor: float,
        optimizer: torch.optim.Optimizer,
        device: torch.device,
        batch_size: int = 32,
        seed: int = 0,
    ) -> None:
        self.unet, self.text_encoder, self.tokenizer = unet, text_encoder, tokenizer
        self.latents, self.scenes, self.scaling_factor = latents, scenes, scaling_factor
        self.optimizer, self.device, self.batch_size, self.seed = optimizer, device, batch_size, seed
        self.noise_scheduler = DDPMScheduler(num_train_timesteps=TRAIN_TIMESTEPS, clip_sample=False, **BETAS)
        self.averages = {
            "unet": Average(unet, UNet2DConditionModel.from_config(unet.config).to(device), EMA_DECAY),
            "text_encoder": Average(text_encoder, CLIPTextModel(text_encoder.config).to(device), EMA_DECAY),
        }
        self.modules = {"unet": unet, "text_encoder": text_encoder}
        self.modules |= {f"{name}_average": average for name, average in self.averages.items()}

    def loss(self, step: int) -> Tensor:
        """Return the weighted error of the predicted noise on one batch."""
        rng, generator = keyed_rng(self.seed, step), keyed_generator(self.seed, step)
        rows = np.sort(rng.choice(len(self.scenes), self.batch_size, replace=False))
        timesteps = choose_timesteps(self.batch_size, generator)
        noisy, target = self.add_noise(self.sample_latents(rows, generator), timesteps, generator)
        with autocast(self.device):
            text = self.encode([vary_caption(self.scenes[row], rng) for row in rows])
            predicted = self.unet(noisy.to(self.device), timesteps.to(self.device), text).sample
        errors = (predicted.float() - target.to(self.device)).pow(2).mean((1, 2, 3))
        return (errors * loss_weights(self.noise_scheduler.alphas_cumprod, timesteps).to(self.device)).mean()

    def add_noise(self, clean: Tensor, timesteps: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return noisy latents, and the noise that leads from them back to the clean ones.

        At its last timestep the schedule still lets the picture's mean through, yet sampling starts from noise alone.
        So the first rows get noise alone, or the model would learn to read the mean there and not in the caption.
        """
        noise = torch.randn(clean.shape, generator=generator)
        noisy = self.noise_scheduler.add_noise(clean, noise, timesteps)
        alone = count_noise_alone(len(clean))
        noisy[:alone] = noise[:alone]
        alphas = self.noise_scheduler.alphas_cumprod[timesteps].view(-1, 1, 1, 1)
        return noisy, (noisy - alphas.sqrt() * clean) / (1 - alphas).sqrt()

    def sample_latents(self, rows: np.ndarray, generator: torch.Generator) -> Tensor:
        """Return latents drawn from the VAE's posterior, scaled to about unit variance."""
        mean, deviation = torch.from_numpy(np.asarray(self.latents[rows], dtype=np.float32)).chunk(2, 1)
        return (mean + deviation * torch.randn(mean.shape, generator=generator)) * self.scaling_factor

    def encode(self, captions: list[str]) -> Tensor:
        """Return the captions' embeddings, padded to 77 tokens as every pipeline pads them."""
        length = self.tokenizer.model_max_length
        tokens = self.tokenizer(captions, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        return self.text_encoder(tokens.input_ids.to(self.device)).last_hidden_state

    def finish_step(self, step: int) -> None:
        self.averages["unet"].follow(self.unet, step)
        self.averages["text_encoder"].follow(self.text_encoder, step)

    def export(self, folder: Path) -> None:
        """Write the averaged weights as diffusers folders, in half precision."""
        for name, average in self.averages.items():
            half = copy.deepcopy(average.copy).half()
            if isinstance(half, UNet2DConditionModel):
                # A folder of the machine that trained it is nobody's business.
                half.register_to_config(_name_or_path="")
            half.save_pretrained(folder / name)
