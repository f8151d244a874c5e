"""Model files as people bring them, small enough to write in a moment."""

from pathlib import Path

import torch
from django.conf import settings
from safetensors.torch import save_file

from assets.models import ModelIntake
from assets.services import Declaration
from assets.services.intake import Asked, finish_files, take_model

LORA_LAYER = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
CIVITAI = "LicenseRef-Daicho-Civitai"


def lora_weights(seed: int = 0, text: int = 128) -> dict[str, torch.Tensor]:
    """Return one layer of a LoRA for a model with texts of this width; 768 is Stable Diffusion 1, 128 nobody's."""
    generator = torch.Generator().manual_seed(seed)
    return {
        f"{LORA_LAYER}.lora_down.weight": torch.randn(4, text, generator=generator),
        f"{LORA_LAYER}.lora_up.weight": torch.randn(8, 4, generator=generator),
        f"{LORA_LAYER}.alpha": torch.tensor(4.0),
    }


def vae_weights(channels: int = 4) -> dict[str, torch.Tensor]:
    """Return so much of an AutoencoderKL that it is known as one."""
    return {
        "encoder.conv_in.weight": torch.ones(8, 3, 3, 3),
        "decoder.conv_in.weight": torch.ones(8, channels, 3, 3),
    }


def upscaler_weights() -> dict[str, torch.Tensor]:
    """Return so much of an ESRGAN that it is known as one."""
    return {"conv_first.weight": torch.ones(4, 3, 3, 3), "conv_last.weight": torch.ones(3, 4, 3, 3)}


def strange_weights() -> dict[str, torch.Tensor]:
    """Return weights of no kind that anybody knows."""
    return {"something.weight": torch.ones(2, 2)}


def write(name: str, weights: dict[str, torch.Tensor]) -> str:
    """Save weights below MODELS_ROOT and return their location there."""
    path = Path(settings.MODELS_ROOT, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, path)
    return name


def asked(kind: str = "adapter", name: str = "Inkline", expression: str = "CC-BY-4.0", **more) -> Asked:
    """Return what a person says about a file."""
    facts = more.pop("facts", {})
    declaration = Declaration(expression=expression, creator="Ana", facts=facts)
    return Asked(kind=kind, name=name, declaration=declaration, **more)


def run(job: ModelIntake, **options) -> ModelIntake:
    """Do a waiting job as a worker does, in this process."""
    assert job.claim()
    with job.work():
        take_model(job, **options)
    finish_files(job)
    job.refresh_from_db()
    return job
