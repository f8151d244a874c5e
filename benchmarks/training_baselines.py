"""What diffusers' example scripts do in a training, written again for the comparison in `benchmarks/training.py`.

After `train_text_to_image_lora.py`, `train_dreambooth_lora.py` and `textual_inversion.py` with their defaults: a
DataLoader without workers opens, resizes and crops every picture anew, the VAE encodes it and the text encoder its
caption in every step, adapters are peft's, the optimizer is torch's AdamW, and Textual Inversion trains the whole
table of words and puts the other rows back. With two text encoders it is what their `_sdxl` siblings do: the VAE stays
in float32, the UNet is told sizes, and DreamBooth's two prompts are encoded once. Left out, in the scripts' favour:
progress bar, trackers, checkpoints, validation and accelerate's own wrappers.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from diffusers.optimization import get_scheduler
from peft import LoraConfig
from PIL import Image
from PIL.ImageOps import exif_transpose
from torch.utils.data import DataLoader, Dataset
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from benchmarks.training_models import Picture

LORA_TARGETS = ("to_k", "to_q", "to_v", "to_out.0")
MAX_GRAD_NORM = 1.0
TEMPLATES = (
    "a photo of a {}",
    "a rendering of a {}",
    "a cropped photo of the {}",
    "the photo of a {}",
    "a photo of a clean {}",
    "a photo of a dirty {}",
    "a dark photo of the {}",
    "a photo of my {}",
    "a photo of the cool {}",
    "a close-up photo of a {}",
)
REPEATS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Say what is trained on which pictures, in the scripts' own words."""

    folder: Path
    pictures: tuple[Picture, ...]
    class_pictures: tuple[Picture, ...] = ()
    instance_prompt: str = "a sks mug"
    class_prompt: str = "a mug"
    placeholder_token: str = "<concept>"
    initializer_token: str = "mug"
    resolution: int = 128
    train_batch_size: int = 4
    max_train_steps: int = 300
    rank: int = 16
    targets: tuple[str, ...] = LORA_TARGETS
    learning_rate: float = 1e-4
    prior_loss_weight: float = 1.0
    seed: int = 0
    device: str = "cpu"
    dtype: torch.dtype = torch.float32


@dataclass(slots=True, kw_only=True)
class Models:
    """Hold what the scripts load; everything is frozen until a script says otherwise."""

    unet: UNet2DConditionModel
    vae: AutoencoderKL
    text_encoders: list[CLIPTextModel]
    tokenizers: list[CLIPTokenizer]
    noise_scheduler: DDPMScheduler
    kept_text: dict[bytes, tuple[torch.Tensor, dict[str, torch.Tensor]]] | None = None


def load_models(recipe: Recipe) -> Models:
    """Load a diffusers folder part by part, frozen, in the recipe's number type."""
    folder, is_xl = recipe.folder, (recipe.folder / "text_encoder_2").exists()
    kinds = {"text_encoder": CLIPTextModel} | ({"text_encoder_2": CLIPTextModelWithProjection} if is_xl else {})
    models = Models(
        unet=UNet2DConditionModel.from_pretrained(folder, subfolder="unet", torch_dtype=recipe.dtype),
        vae=AutoencoderKL.from_pretrained(
            folder, subfolder="vae", torch_dtype=torch.float32 if is_xl else recipe.dtype
        ),
        text_encoders=[
            kind.from_pretrained(folder, subfolder=name, dtype=recipe.dtype) for name, kind in kinds.items()
        ],
        tokenizers=[
            CLIPTokenizer.from_pretrained(folder, subfolder=name.replace("text_encoder", "tokenizer")) for name in kinds
        ],
        noise_scheduler=DDPMScheduler.from_pretrained(folder, subfolder="scheduler"),
    )
    for model in (models.unet, models.vae, *models.text_encoders):
        model.requires_grad_(False).to(recipe.device)
    return models


def to_pixels(image: Image.Image, size: int) -> torch.Tensor:
    """Resize the shorter side, crop at random, and scale to -1 … 1, as torchvision's transforms do."""
    shorter = min(image.size)
    width, height = (round(side * size / shorter) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = random.randint(0, width - size), random.randint(0, height - size)
    image = image.crop((left, top, left + size, top + size))
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)
    return (pixels - 0.5) / 0.5


def tokenize(tokenizers: list[CLIPTokenizer], text: str) -> torch.Tensor:
    """Return token numbers [encoders, length], padded to the encoders' length."""
    options = {"padding": "max_length", "truncation": True, "return_tensors": "pt"}
    ids = [tokenizer(text, max_length=tokenizer.model_max_length, **options).input_ids for tokenizer in tokenizers]
    return torch.cat(ids)


class CaptionedPictures(Dataset):
    """Pictures with their captions, transformed whenever one is asked for."""

    def __init__(self, recipe: Recipe, tokenizers: list[CLIPTokenizer]) -> None:
        self.recipe, self.tokenizers = recipe, tokenizers

    def __len__(self) -> int:
        return len(self.recipe.pictures)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        picture = self.recipe.pictures[index]
        pixels = to_pixels(Image.open(picture.path).convert("RGB"), self.recipe.resolution)
        return {"pixel_values": pixels, "input_ids": tokenize(self.tokenizers, picture.caption)}


class DreamBoothPictures(Dataset):
    """Pairs of an instance and a class picture."""

    def __init__(self, recipe: Recipe, tokenizers: list[CLIPTokenizer]) -> None:
        self.recipe, self.tokenizers = recipe, tokenizers

    def __len__(self) -> int:
        return max(len(self.recipe.pictures), len(self.recipe.class_pictures))

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        recipe = self.recipe
        example = self._read(recipe.pictures, index, recipe.instance_prompt, "instance")
        if recipe.class_pictures:
            example |= self._read(recipe.class_pictures, index, recipe.class_prompt, "class")
        return example

    def _read(self, pictures: tuple[Picture, ...], index: int, prompt: str, name: str) -> dict[str, torch.Tensor]:
        image = exif_transpose(Image.open(pictures[index % len(pictures)].path))
        image = image if image.mode == "RGB" else image.convert("RGB")
        pixels = to_pixels(image, self.recipe.resolution)
        return {f"{name}_images": pixels, f"{name}_prompt_ids": tokenize(self.tokenizers, prompt)}


class ConceptPictures(Dataset):
    """Pictures of one concept, each under a sentence drawn at random, mirrored half of the time."""

    def __init__(self, recipe: Recipe, tokenizers: list[CLIPTokenizer]) -> None:
        self.recipe, self.tokenizers = recipe, tokenizers

    def __len__(self) -> int:
        return REPEATS * len(self.recipe.pictures)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        recipe = self.recipe
        image = Image.open(recipe.pictures[index % len(recipe.pictures)].path).convert("RGB")
        text = random.choice(TEMPLATES).format(recipe.placeholder_token)
        size = (recipe.resolution, recipe.resolution)
        image = Image.fromarray(np.array(image).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
        if random.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = (np.array(image).astype(np.uint8) / 127.5 - 1.0).astype(np.float32)
        ids = tokenize(self.tokenizers, text)
        return {"pixel_values": torch.from_numpy(pixels).permute(2, 0, 1), "input_ids": ids}


def collate_pairs(examples: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Put instance pictures before class pictures, so that one pass sees both."""
    names = [name for name in ("instance", "class") if f"{name}_images" in examples[0]]
    pixels = [example[f"{name}_images"] for name in names for example in examples]
    ids = [example[f"{name}_prompt_ids"] for name in names for example in examples]
    return {"pixel_values": torch.stack(pixels).float(), "input_ids": torch.stack(ids)}


def encode_text(recipe: Recipe, models: Models, ids: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return what the UNet reads of token numbers [b, encoders, length], and what SDXL's is told beside it."""
    key = ids.numpy().tobytes()
    if models.kept_text is not None and key in models.kept_text:
        return models.kept_text[key]
    columns = zip(models.text_encoders, ids.to(recipe.device).unbind(1), strict=True)
    if len(models.text_encoders) == 1:
        return next(encoder(column)[0] for encoder, column in columns).to(recipe.dtype), {}
    outputs = [encoder(column, output_hidden_states=True) for encoder, column in columns]
    hidden = torch.cat([output.hidden_states[-2] for output in outputs], dim=-1).to(recipe.dtype)
    sizes = torch.tensor([[recipe.resolution, recipe.resolution, 0, 0, recipe.resolution, recipe.resolution]])
    told = {"text_embeds": outputs[1].text_embeds, "time_ids": sizes.repeat(len(ids), 1).to(hidden)}
    if models.kept_text is not None:
        models.kept_text[key] = hidden, told
    return hidden, told


def predict(recipe: Recipe, models: Models, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the UNet's prediction for a batch of pictures, and what it should have been."""
    pixels = batch["pixel_values"].to(recipe.device, models.vae.dtype)
    latents = models.vae.encode(pixels).latent_dist.sample() * models.vae.config.scaling_factor
    latents = latents.to(recipe.dtype)
    noise = torch.randn_like(latents)
    scheduler = models.noise_scheduler
    timesteps = torch.randint(0, scheduler.config.num_train_timesteps, (len(latents),), device=latents.device).long()
    noisy = scheduler.add_noise(latents, noise, timesteps)
    with torch.autocast(recipe.device, recipe.dtype, enabled=recipe.dtype != torch.float32):
        hidden, told = encode_text(recipe, models, batch["input_ids"])
        prediction = models.unet(noisy, timesteps, hidden, added_cond_kwargs=told, return_dict=False)[0]
    is_velocity = scheduler.config.prediction_type == "v_prediction"
    target = scheduler.get_velocity(latents, noise, timesteps) if is_velocity else noise
    return prediction.float(), target.float()


def run_steps(
    recipe: Recipe,
    loader: Iterable[dict[str, torch.Tensor]],
    optimizer: torch.optim.Optimizer,
    *,
    measure_loss: Callable[[dict[str, torch.Tensor]], torch.Tensor],
    clipped: list[torch.nn.Parameter],
    after_step: Callable[[], None] = lambda: None,
) -> list[float]:
    """Go through the pictures epoch by epoch until every step is done, and return the losses."""
    losses: list[float] = []
    learning_rates = get_scheduler("constant", optimizer=optimizer, num_training_steps=recipe.max_train_steps)
    while len(losses) < recipe.max_train_steps:
        for batch in loader:
            loss = measure_loss(batch)
            loss.backward()
            if clipped:
                torch.nn.utils.clip_grad_norm_(clipped, MAX_GRAD_NORM)
            optimizer.step()
            learning_rates.step()
            optimizer.zero_grad()
            after_step()
            losses.append(loss.detach().item())
            if len(losses) >= recipe.max_train_steps:
                break
    return losses


def add_adapter(recipe: Recipe, unet: UNet2DConditionModel) -> list[torch.nn.Parameter]:
    """Add peft's LoRA to the attention of a UNet, and return what is to be trained."""
    config = LoraConfig(
        r=recipe.rank, lora_alpha=recipe.rank, init_lora_weights="gaussian", target_modules=list(recipe.targets)
    )
    unet.add_adapter(config)
    unet.train()
    return [parameter for parameter in unet.parameters() if parameter.requires_grad]


def train_lora(recipe: Recipe, models: Models) -> list[float]:
    """Train as `train_text_to_image_lora.py` does, and return the loss of every step."""
    trained = add_adapter(recipe, models.unet)
    pictures = CaptionedPictures(recipe, models.tokenizers)
    loader = DataLoader(pictures, shuffle=True, batch_size=recipe.train_batch_size)

    def measure_loss(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return functional.mse_loss(*predict(recipe, models, batch))

    optimizer = torch.optim.AdamW(trained, lr=recipe.learning_rate)
    return run_steps(recipe, loader, optimizer, measure_loss=measure_loss, clipped=trained)


def train_dreambooth_lora(recipe: Recipe, models: Models) -> list[float]:
    """Train as `train_dreambooth_lora.py` does, with prior preservation where there are class pictures."""
    trained = add_adapter(recipe, models.unet)
    models.kept_text = {} if len(models.text_encoders) > 1 else None
    pictures = DreamBoothPictures(recipe, models.tokenizers)
    loader = DataLoader(pictures, shuffle=True, batch_size=recipe.train_batch_size, collate_fn=collate_pairs)

    def measure_loss(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        prediction, target = predict(recipe, models, batch)
        if not recipe.class_pictures:
            return functional.mse_loss(prediction, target)
        pairs = zip(prediction.chunk(2), target.chunk(2), strict=True)
        instance, prior = (functional.mse_loss(ours, theirs) for ours, theirs in pairs)
        return instance + recipe.prior_loss_weight * prior

    optimizer = torch.optim.AdamW(trained, lr=recipe.learning_rate)
    return run_steps(recipe, loader, optimizer, measure_loss=measure_loss, clipped=trained)


def add_word(recipe: Recipe, tokenizer: CLIPTokenizer, encoder: CLIPTextModel) -> int:
    """Add the new word to a tokenizer and its table, beginning as the initializer, and return its number."""
    tokenizer.add_tokens([recipe.placeholder_token])
    initial = tokenizer.encode(recipe.initializer_token, add_special_tokens=False)[0]
    encoder.resize_token_embeddings(len(tokenizer))
    number = tokenizer.convert_tokens_to_ids(recipe.placeholder_token)
    table = encoder.get_input_embeddings().weight.data
    table[number] = table[initial].clone()
    encoder.to(dtype=torch.float32).train()
    encoder.get_input_embeddings().requires_grad_(True)
    return number


def train_textual_inversion(recipe: Recipe, models: Models) -> list[float]:
    """Train as `textual_inversion.py` does: the whole table moves, and all rows but one are put back."""
    pairs = list(zip(models.tokenizers, models.text_encoders, strict=True))
    numbers = [add_word(recipe, tokenizer, encoder) for tokenizer, encoder in pairs]
    tables = [encoder.get_input_embeddings() for encoder in models.text_encoders]
    originals = [table.weight.data.clone() for table in tables]
    loader = DataLoader(ConceptPictures(recipe, models.tokenizers), shuffle=True, batch_size=recipe.train_batch_size)

    def measure_loss(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return functional.mse_loss(*predict(recipe, models, batch))

    def put_back() -> None:
        for number, table, original in zip(numbers, tables, originals, strict=True):
            others = torch.ones((len(original),), dtype=torch.bool)
            others[number] = False
            with torch.no_grad():
                table.weight[others] = original[others]

    optimizer = torch.optim.AdamW([table.weight for table in tables], lr=recipe.learning_rate)
    return run_steps(recipe, loader, optimizer, measure_loss=measure_loss, clipped=[], after_step=put_back)


TRAIN: dict[str, Callable[[Recipe, Models], list[float]]] = {
    "lora": train_lora,
    "dreambooth_lora": train_dreambooth_lora,
    "textual_inversion": train_textual_inversion,
}
