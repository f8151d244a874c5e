"""Adapters of every kind, so much of each that its header says what it is; sizes of Stable Diffusion 1 unless asked."""

import torch

WORDS = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
KERNEL = "lora_unet_down_blocks_0_resnets_0_conv1"


def put(layer, **parts):
    return {f"{layer}.{name}": torch.ones(shape) for name, shape in parts.items()}


def loha(text=768, rank=4):
    sides = {f"hada_w{which}_a": (320, rank) for which in (1, 2)} | {
        f"hada_w{which}_b": (rank, text) for which in (1, 2)
    }
    return put(WORDS, **sides, alpha=())


def loha_with_cores(rank=4):
    sides = {f"hada_w{which}_{side}": (rank, 320) for which in (1, 2) for side in "ab"}
    return put(KERNEL, **sides, hada_t1=(rank, rank, 3, 3), hada_t2=(rank, rank, 3, 3), alpha=())


def lokr(text=768):
    return put(WORDS, lokr_w1=(8, 8), lokr_w2=(40, text // 8))


def lokr_in_parts(text=768, rank=4):
    return put(WORDS, lokr_w1=(8, 8), lokr_w2_a=(40, rank), lokr_w2_b=(rank, text // 8), alpha=())


def dora(text=768, rank=4):
    pair = {f"{WORDS}.lora_down.weight": torch.ones(rank, text), f"{WORDS}.lora_up.weight": torch.ones(320, rank)}
    return pair | put(WORDS, dora_scale=(1, text), alpha=())


def hypernetwork(*widths):
    shapes = {}
    for width in widths or (320, 640, 768, 1280):
        for side in "kv":
            shapes |= put(f"{width}.{side}.linear.0", weight=(2 * width, width), bias=(2 * width,))
            shapes |= put(f"{width}.{side}.linear.2", weight=(width, 2 * width), bias=(width,))
    return shapes


def dreambooth(text=768):
    name = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight"
    return {f"unet.{name}": torch.ones(320, text), "unet.conv_in.bias": torch.ones(320)}


def word(key="emb_params", width=768, count=2):
    return {key: torch.ones(count, width)}


def double_word(count=2):
    return {"clip_l": torch.ones(count, 768), "clip_g": torch.ones(count, 1280)}
