"""Real models of every architecture, small enough to build in a second: random weights, saved as diffusers folders."""

import shutil
from pathlib import Path

import diffusers
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, T5Config, T5EncoderModel

from engine.starter import WEIGHTS

WIDTH = 32
VOCABULARY = 758


def build_folder(architecture: str, folder: Path, *, seed: int = 0) -> Path:
    """Save a tiny diffusers folder of an architecture."""
    torch.manual_seed(seed)
    _BUILDERS[architecture](folder)
    return folder


def build_vae(folder: Path, *, channels: int = 4, groups: int = 8, widths: tuple[int, ...] = (8, 8, 16, 16)) -> Path:
    build = diffusers.AutoencoderKL(
        block_out_channels=widths,
        down_block_types=["DownEncoderBlock2D"] * len(widths),
        up_block_types=["UpDecoderBlock2D"] * len(widths),
        layers_per_block=1,
        latent_channels=channels,
        norm_num_groups=groups,
        scaling_factor=0.18215,
        shift_factor=0.06 if channels == 16 else None,
    )
    build.save_pretrained(folder)
    return folder


def build_tiny_vae(folder: Path, *, channels: int = 4) -> Path:
    """Save an AutoencoderTiny of the published shape."""
    diffusers.AutoencoderTiny(latent_channels=channels).save_pretrained(folder)
    return folder


def save_scheduler(folder: Path, name: str = "DDIMScheduler", **config: object) -> None:
    getattr(diffusers, name)(**config).save_pretrained(folder / "scheduler")


def build_clip(*, projects: bool = False, width: int = WIDTH, layers: int = 3, act: str = "quick_gelu"):
    config = CLIPTextConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=max(1, width // 64),
        projection_dim=width,
        hidden_act=act,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    return (CLIPTextModelWithProjection if projects else CLIPTextModel)(config)


def copy_tokenizer(folder: Path) -> None:
    shutil.copytree(WEIGHTS / "tokenizer", folder)


def build_t5(folder: Path, part: str, tokenizer_part: str, *, width: int = WIDTH) -> None:
    lines = ["a red car on a beach", "a blue fish under the sea", "soft daylight, flat vector style"] * 5
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=90, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>")
    tokenizer.train_from_iterator(lines, trainer)
    pieces = tokenizer.to_str()
    (folder / tokenizer_part).mkdir(parents=True)
    (folder / tokenizer_part / "tokenizer.json").write_text(pieces)
    wrapped = transformers.T5Tokenizer(tokenizer_file=str(folder / tokenizer_part / "tokenizer.json"), extra_ids=0)
    wrapped.save_pretrained(folder / tokenizer_part)
    config = T5Config(vocab_size=100, d_model=width, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
    T5EncoderModel(config).save_pretrained(folder / part)


def build_unet(architecture: str, *, groups: int = 8, widths: tuple[int, ...] = (16, 32), **changes: object):
    options: dict[str, object] = {
        "sample_size": 8,
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": widths,
        "layers_per_block": 1,
        "norm_num_groups": groups,
        "down_block_types": ("CrossAttnDownBlock2D",) * (len(widths) - 1) + ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * (len(widths) - 1),
        "cross_attention_dim": WIDTH,
        "attention_head_dim": 8,
        "use_linear_projection": architecture != "sd1",
    }
    if architecture == "sdxl":
        options |= {
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
            "transformer_layers_per_block": (1, 2),
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 6 * 8 + WIDTH,
            "cross_attention_dim": 2 * WIDTH,
        }
    return diffusers.UNet2DConditionModel(**options | changes)


def _build_sd(folder: Path, architecture: str, prediction: str) -> None:
    build_vae(folder / "vae")
    build_unet(architecture).save_pretrained(folder / "unet")
    build_clip().save_pretrained(folder / "text_encoder")
    copy_tokenizer(folder / "tokenizer")
    save_scheduler(folder, prediction_type=prediction, beta_schedule="scaled_linear")


def _build_sdxl(folder: Path) -> None:
    _build_sd(folder, "sdxl", "epsilon")
    build_clip(projects=True).save_pretrained(folder / "text_encoder_2")
    copy_tokenizer(folder / "tokenizer_2")


def _build_sd3(folder: Path) -> None:
    diffusers.SD3Transformer2DModel(
        sample_size=16,
        patch_size=2,
        in_channels=16,
        out_channels=16,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=2 * WIDTH,
        caption_projection_dim=WIDTH,
        pooled_projection_dim=2 * WIDTH,
        pos_embed_max_size=16,
    ).save_pretrained(folder / "transformer")
    build_vae(folder / "vae", channels=16)
    for suffix in ("", "_2"):
        build_clip(projects=True).save_pretrained(folder / f"text_encoder{suffix}")
        copy_tokenizer(folder / f"tokenizer{suffix}")
    save_scheduler(folder, "FlowMatchEulerDiscreteScheduler", shift=3.0)


def _build_sd3_with_t5(folder: Path) -> None:
    _build_sd3(folder)
    build_t5(folder, "text_encoder_3", "tokenizer_3", width=2 * WIDTH)


def _build_flux(folder: Path) -> None:
    diffusers.FluxTransformer2DModel(
        patch_size=1,
        in_channels=64,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        pooled_projection_dim=WIDTH,
        guidance_embeds=True,
        axes_dims_rope=(4, 4, 8),
    ).save_pretrained(folder / "transformer")
    build_vae(folder / "vae", channels=16)
    build_clip().save_pretrained(folder / "text_encoder")
    copy_tokenizer(folder / "tokenizer")
    build_t5(folder, "text_encoder_2", "tokenizer_2")
    save_scheduler(folder, "FlowMatchEulerDiscreteScheduler", shift=3.0, use_dynamic_shifting=True)


_BUILDERS = {
    "sd1": lambda folder: _build_sd(folder, "sd1", "epsilon"),
    "sd2": lambda folder: _build_sd(folder, "sd2", "v_prediction"),
    "sdxl": _build_sdxl,
    "sd3": _build_sd3,
    "sd3_t5": _build_sd3_with_t5,
    "flux": _build_flux,
}
