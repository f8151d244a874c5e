"""Work out diffusers' configurations from the shapes in a single-file checkpoint. Imports no torch.

Such a file holds weights only; nothing is downloaded to learn the rest. What shapes cannot tell (heads, groups,
activations) is the same in every Stable Diffusion of that architecture and written down here.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.errors import ModelError
from engine.headers import Detected, Shapes

UNET = "model.diffusion_model."
VAE = "first_stage_model."
TEXT: Mapping[str, tuple[str, ...]] = {
    "sd1": ("cond_stage_model.transformer.text_model.",),
    "sd2": ("cond_stage_model.model.",),
    "sdxl": ("conditioner.embedders.0.transformer.text_model.", "conditioner.embedders.1.model."),
}
SCALING_FACTORS: Mapping[str, float] = {"sd1": 0.18215, "sd2": 0.18215, "sdxl": 0.13025}
_HEAD_WIDTH = 64


def unet_config(shapes: Shapes, detected: Detected, pooled_width: int | None) -> dict[str, Any]:
    """Return the UNet2DConditionModel configuration; `pooled_width` is that of SDXL's second text encoder."""
    levels = list(_unet_levels(shapes))
    widths = [width for width, _, _ in levels]
    depths = [depth for _, _, depth in levels]
    config: dict[str, Any] = {
        "sample_size": (detected.native_size or 512) // 8,
        "in_channels": detected.latent_channels,
        "out_channels": detected.latent_channels,
        "block_out_channels": widths,
        "layers_per_block": levels[0][1],
        "down_block_types": ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths],
        "up_block_types": ["CrossAttnUpBlock2D" if depth else "UpBlock2D" for depth in reversed(depths)],
        "transformer_layers_per_block": [depth or 1 for depth in depths],
        "cross_attention_dim": _first(shapes, UNET, "attn2.to_k.weight")[1],
        "use_linear_projection": detected.architecture != "sd1",
        "attention_head_dim": 8 if detected.architecture == "sd1" else [_heads(width) for width in widths],
    }
    return config if pooled_width is None else config | _added_config(shapes, pooled_width)


def _added_config(shapes: Shapes, pooled_width: int) -> dict[str, Any]:
    total = shapes[f"{UNET}label_emb.0.0.weight"][1]
    return {
        "addition_embed_type": "text_time",
        # Six numbers (original size, crop, target size) are embedded beside the pooled text.
        "addition_time_embed_dim": (total - pooled_width) // 6,
        "projection_class_embeddings_input_dim": total,
    }


def vae_config(shapes: Shapes, scaling_factor: float) -> dict[str, Any]:
    """Return the AutoencoderKL configuration from shapes under the original or diffusers' names, prefix removed."""
    widths, layers = _vae_levels(shapes)
    channels = shapes.get("decoder.conv_in.weight", ())
    if len(channels) != 4:
        raise _incomplete("vae")
    attention = ("encoder.mid.attn_1.", "encoder.mid_block.attentions.")
    return {
        "block_out_channels": widths,
        "down_block_types": ["DownEncoderBlock2D"] * len(widths),
        "up_block_types": ["UpDecoderBlock2D"] * len(widths),
        "layers_per_block": layers,
        "latent_channels": channels[1],
        "scaling_factor": scaling_factor,
        "use_quant_conv": "quant_conv.weight" in shapes,
        "use_post_quant_conv": "post_quant_conv.weight" in shapes,
        "mid_block_add_attention": any(name.startswith(attention) for name in shapes),
    }


def _vae_levels(shapes: Shapes) -> tuple[list[int], int]:
    """Return each level's channels, and how many residual blocks a level has."""
    pattern = r"encoder\.down(?:_blocks)?\.(\d+)\.(?:block|resnets)\.(\d+)\.conv1\.weight"
    found = {
        (int(match.group(1)), int(match.group(2))): shape[0]
        for name, shape in shapes.items()
        if (match := re.fullmatch(pattern, name)) and len(shape) == 4
    }
    if not found:
        raise _incomplete("vae")
    widths = [found[key] for key in sorted(found) if key[1] == 0]
    return widths, len(found) // max(1, len(widths))


def text_config(shapes: Shapes, prefix: str, *, skips_last: bool, bos: int, eos: int) -> dict[str, Any]:
    """Return the CLIPTextConfig of one text encoder; Stable Diffusion 2 never runs OpenCLIP's last layer."""
    is_open = prefix.endswith(".model.")
    table = shapes.get(f"{prefix}token_embedding.weight" if is_open else f"{prefix}embeddings.token_embedding.weight")
    inner = (
        r"transformer\.resblocks\.(\d+)\.ln_1\.weight" if is_open else r"encoder\.layers\.(\d+)\.layer_norm1\.weight"
    )
    layers = _count(shapes, re.escape(prefix) + inner)
    if table is None or not layers:
        raise _incomplete("text_encoder")
    wide = _first(shapes, prefix, "mlp.c_fc.weight" if is_open else "mlp.fc1.weight")[0]
    return {
        "vocab_size": table[0],
        "hidden_size": table[1],
        "intermediate_size": wide,
        "num_hidden_layers": layers - int(skips_last),
        "num_attention_heads": _heads(table[1]),
        "hidden_act": "gelu" if is_open else "quick_gelu",
        "max_position_embeddings": 77,
        "projection_dim": (shapes.get(f"{prefix}text_projection") or table)[1],
        "bos_token_id": bos,
        "eos_token_id": eos,
        "pad_token_id": eos,
    }


def _unet_levels(shapes: Shapes) -> Iterator[tuple[int, int, int]]:
    """Yield each level's channels, residual blocks and transformer depth."""
    width, blocks, depth, index = 0, 0, 0, 1
    while f"{UNET}input_blocks.{index}.0.in_layers.2.weight" in shapes or _is_down(shapes, index):
        if _is_down(shapes, index):
            yield width, blocks, depth
            blocks = depth = 0
        else:
            width = shapes[f"{UNET}input_blocks.{index}.0.in_layers.2.weight"][0]
            blocks += 1
            pattern = re.escape(f"{UNET}input_blocks.{index}.1.") + r"transformer_blocks\.(\d+)\.norm1\.weight"
            depth = _count(shapes, pattern)
        index += 1
    if not blocks:
        raise _incomplete("unet")
    yield width, blocks, depth


def _is_down(shapes: Shapes, index: int) -> bool:
    return f"{UNET}input_blocks.{index}.0.op.weight" in shapes


def _heads(width: int) -> int:
    return max(1, width // _HEAD_WIDTH)


def _count(shapes: Shapes, pattern: str) -> int:
    return len({match.group(1) for name in shapes if (match := re.fullmatch(pattern, name))})


def _first(shapes: Shapes, prefix: str, suffix: str) -> tuple[int, ...]:
    for name, shape in shapes.items():
        if name.startswith(prefix) and name.endswith(suffix) and len(shape) == 2:
            return shape
    raise _incomplete(suffix)


def _incomplete(part: str) -> ModelError:
    return ModelError("component_missing", f"The file lacks weights of its {part}.", component=part)
