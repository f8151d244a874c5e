"""What the training benchmark trains on: models of a published shape with random weights, and drawn pictures."""

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from engine.starter import WEIGHTS
from engine.starter.scenes import random_scene, render

SD15_UNET, SD15_VAE, SD15_TEXT = (320, 640, 1280, 1280), (128, 256, 512, 512), 768
CLIP_VOCABULARY = 49408
CLIP_ACTIVATIONS = {768: "quick_gelu", 1280: "gelu"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One drawn picture and its caption."""

    path: Path
    caption: str


def draw_pictures(folder: Path, count: int, size: int, *, seed: int) -> tuple[Picture, ...]:
    """Draw scenes of the starter world as PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for index in range(count):
        scene = random_scene(random.Random(f"{seed}:{index}"), "seen")
        path = folder / f"{seed}-{index:04}.png"
        render(scene, size).save(path)
        drawn.append(Picture(path=path, caption=scene.prompt))
    return tuple(drawn)


def build_sd15(folder: Path, *, share: int = 1) -> Path:
    """Save a model of SD 1.5's shape with random weights; every width and number of heads is divided by `share`."""
    torch.manual_seed(0)
    groups = 32 // share
    _build_vae(folder / "vae", share)
    with torch.device("cpu"):
        unet = UNet2DConditionModel(
            sample_size=64,
            block_out_channels=[width // share for width in SD15_UNET],
            cross_attention_dim=SD15_TEXT // share,
            attention_head_dim=8 // share,
            norm_num_groups=groups,
        )
    unet.save_pretrained(folder / "unet")
    _build_text_encoder(folder, "", width=SD15_TEXT // share, heads=12 // share, layers=12)
    _save_scheduler(folder, "StableDiffusionPipeline", {"text_encoder": "CLIPTextModel"})
    return folder


def build_sdxl(folder: Path) -> Path:
    """Save a model of SDXL's shape with random weights."""
    torch.manual_seed(0)
    _build_vae(folder / "vae", 1, scaling_factor=0.13025)
    UNet2DConditionModel(
        sample_size=128,
        block_out_channels=(320, 640, 1280),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 10),
        attention_head_dim=(5, 10, 20),
        cross_attention_dim=2048,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=2816,
    ).save_pretrained(folder / "unet")
    _build_text_encoder(folder, "", width=768, heads=12, layers=12)
    _build_text_encoder(folder, "_2", width=1280, heads=20, layers=32)
    encoders = {"text_encoder": "CLIPTextModel", "text_encoder_2": "CLIPTextModelWithProjection"}
    _save_scheduler(folder, "StableDiffusionXLPipeline", encoders)
    return folder


def _build_vae(folder: Path, share: int, scaling_factor: float = 0.18215) -> None:
    AutoencoderKL(
        block_out_channels=[width // share for width in SD15_VAE],
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        layers_per_block=2,
        latent_channels=4,
        norm_num_groups=32 // share,
        scaling_factor=scaling_factor,
    ).save_pretrained(folder)


def _build_text_encoder(folder: Path, suffix: str, *, width: int, heads: int, layers: int) -> None:
    config = CLIPTextConfig(
        vocab_size=CLIP_VOCABULARY,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        projection_dim=width,
        hidden_act=CLIP_ACTIVATIONS.get(width, "quick_gelu"),
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    build = CLIPTextModelWithProjection if suffix else CLIPTextModel
    build(config).save_pretrained(folder / f"text_encoder{suffix}")
    _write_tokenizer(folder / f"tokenizer{suffix}")


def _write_tokenizer(folder: Path) -> None:
    """Write the starter model's tokenizer with as many words as CLIP's has, of which no caption uses the rest."""
    shutil.copytree(WEIGHTS / "tokenizer", folder)
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text("utf-8"))
    vocabulary = content["model"]["vocab"]
    vocabulary |= {f"unused{index}</w>": index for index in range(len(vocabulary), CLIP_VOCABULARY)}
    path.write_text(json.dumps(content), "utf-8")


def _save_scheduler(folder: Path, pipeline: str, encoders: dict[str, str]) -> None:
    DDPMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False, steps_offset=1
    ).save_pretrained(folder / "scheduler")
    tokenizers = {name.replace("text_encoder", "tokenizer"): ["transformers", "CLIPTokenizer"] for name in encoders}
    index = {"_class_name": pipeline, **tokenizers}
    index |= {name: ["transformers", kind] for name, kind in encoders.items()}
    index |= {"unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}
    index |= {"scheduler": ["diffusers", "DDPMScheduler"]}
    (folder / "model_index.json").write_text(json.dumps(index, indent=2), "utf-8")


def count_parameters(models: Iterator[torch.nn.Module]) -> int:
    """Return how many numbers the models hold."""
    return sum(parameter.numel() for model in models for parameter in model.parameters())
