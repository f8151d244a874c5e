"""Count what a training step keeps for the way back, and measure what the VAE needs: the constants of the estimates.

    python -m benchmarks.training_memory [--vae]

UNets of the published shapes live on PyTorch's meta device, so nothing is computed and no graphics card is needed:
autograd's hooks tell what each method would keep, as flash attention keeps it. The VAE is measured on the CPU.
"""

import argparse
import threading
import time
from pathlib import Path
from typing import Any

import diffusers.models.attention_processor as attention
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from peft import LoraConfig
from torch import Tensor, nn

from engine.training.learners import unet_targets
from training.recipes.estimates import ACTIVATIONS, CHECKPOINTED

SHAPES: dict[str, tuple[int, dict[str, Any]]] = {
    "sd1": (64, {"cross_attention_dim": 768, "attention_head_dim": 8}),
    "sdxl": (
        128,
        {
            "block_out_channels": (320, 640, 1280),
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            "transformer_layers_per_block": (1, 2, 10),
            "attention_head_dim": (5, 10, 20),
            "cross_attention_dim": 2048,
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
        },
    ),
}
VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
}


class FlashAttention(torch.autograd.Function):
    """Keep what flash attention keeps: queries, keys, values, the result, and one number for each row."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        result = torch.empty_like(query)
        ctx.save_for_backward(query, key, value, result, torch.empty(query.shape[:-1], device=query.device))
        return result


def build_unet(shape: str, method: str) -> nn.Module:
    """Return a UNet on the meta device in bfloat16, ready to learn in one way."""
    side, config = SHAPES[shape]
    with torch.device("meta"):
        unet = UNet2DConditionModel(sample_size=side, **config).to(torch.bfloat16)
        unet.requires_grad_(method == "dreambooth")
        if method == "lora":
            unet.add_adapter(LoraConfig(r=16, lora_alpha=16, target_modules=unet_targets(unet, False)))
    for name, parameter in unet.named_parameters():
        if ".lora_" in name:
            parameter.data = parameter.data.float()
            parameter.requires_grad_(True)
    return unet.train()


def count_kept(shape: str, method: str, *, checkpointing: bool) -> float:
    """Return the bytes that one latent pixel of one picture leaves for the way back."""
    side, config = SHAPES[shape]
    unet = build_unet(shape, method)
    if checkpointing:
        unet.enable_gradient_checkpointing()
    own = {parameter.untyped_storage()._cdata for parameter in unet.parameters()}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        key = tensor.untyped_storage()._cdata
        if key not in own:
            kept[key] = tensor
        return tensor

    options: dict[str, Any] = {"device": "meta", "dtype": torch.bfloat16}
    latents = torch.empty(1, 4, side, side, **options).requires_grad_(checkpointing or method == "textual_inversion")
    text = torch.empty(1, 77, config["cross_attention_dim"], **options)
    text.requires_grad_(method == "textual_inversion")
    more = {"text_embeds": torch.empty(1, 1280, **options), "time_ids": torch.empty(1, 6, **options)}
    added = {"added_cond_kwargs": more} if shape == "sdxl" else {}
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), torch.autocast("cpu", torch.bfloat16):
        unet(latents, torch.zeros(1, device="meta", dtype=torch.long), encoder_hidden_states=text, **added)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values()) / side**2


def measure_vae(side: int, *, decoding: bool) -> float:
    """Return the bytes that one pixel needs while a VAE encodes or decodes a picture in full precision."""
    vae = AutoencoderKL(**VAE).eval()
    before, peak, is_over = resident_bytes(), resident_bytes(), False

    def watch() -> None:
        nonlocal peak
        while not is_over:
            peak = max(peak, resident_bytes())
            time.sleep(0.005)

    thread = threading.Thread(target=watch)
    thread.start()
    with torch.no_grad():
        if decoding:
            vae.decode(torch.zeros(1, 4, side // 8, side // 8))
        else:
            vae.encode(torch.zeros(1, 3, side, side))
    is_over = True
    thread.join()
    return (peak - before) / side**2


def resident_bytes() -> int:
    """Return what this process holds in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def main() -> None:
    """Print what is counted beside what the estimates use."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--vae", action="store_true", help="measure the VAE too: a minute on a CPU")
    arguments = parser.parse_args()
    attention.F.scaled_dot_product_attention = lambda query, key, value, *_more, **_options: FlashAttention.apply(
        query, key, value
    )
    for shape in SHAPES:
        for method in ACTIVATIONS[shape]:
            for name, table in (("all kept", ACTIVATIONS), ("checkpointing", CHECKPOINTED)):
                counted = count_kept(shape, method, checkpointing=table is CHECKPOINTED)
                print(
                    f"{shape:5} {method:18} {name:14} {counted:9.0f} bytes a latent pixel, used {table[shape][method]}"
                )
    if arguments.vae:
        for word in ("encoding", "decoding"):
            print(f"VAE {word}: {measure_vae(512, decoding=word == 'decoding'):.0f} bytes a pixel")


if __name__ == "__main__":
    main()
