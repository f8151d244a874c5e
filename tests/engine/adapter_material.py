"""Adapters of every kind with random weights, for models with `inner` channels in the middle and `text` in words."""

import torch
from safetensors.torch import load_file, save_file

from engine.headers import component_files
from engine.hypernetworks import build_hypernetwork, describe, state
from engine.starter import WEIGHTS

BLOCK = "lora_unet_mid_block_attentions_0_transformer_blocks_0"
STARTER = {"inner": 192, "text": 128}
TINY = {"inner": 32, "text": 32}
WORDS = ("zkink", "zkmoon")
WIDTHS = {192: (64, 128, 192), 32: (16, 32)}


def random(*shape, seed=0, scale=0.2):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def layers(inner, text):
    """Return the weights' shapes of some layers: linear, feed-forward, a convolution, and the text encoder's."""
    return {
        f"{BLOCK}_attn2_to_q": (inner, inner),
        f"{BLOCK}_attn2_to_v": (inner, text),
        f"{BLOCK}_ff_net_2": (inner, 4 * inner),
        "lora_unet_mid_block_resnets_0_conv1": (inner, inner, 3, 3),
        "lora_te_text_model_encoder_layers_0_self_attn_q_proj": (text, text),
    }


def loha_layer(shape, rank=4, seed=0, with_core=False):
    out, into = shape[0], int(torch.tensor(shape[1:]).prod())
    parts = {}
    for number, name in enumerate(("w1", "w2")):
        if with_core and len(shape) == 4:
            parts[f"hada_t{number + 1}"] = random(rank, rank, *shape[2:], seed=seed + 10 + number)
            parts[f"hada_{name}_a"] = random(rank, out, seed=seed + number)
            parts[f"hada_{name}_b"] = random(rank, shape[1], seed=seed + 5 + number)
        else:
            parts[f"hada_{name}_a"] = random(out, rank, seed=seed + number)
            parts[f"hada_{name}_b"] = random(rank, into, seed=seed + 5 + number)
    return parts | {"alpha": torch.tensor(rank / 2)}


def lokr_layer(shape, rank=4, seed=0, factor=4, is_whole=True):
    """Return Kronecker factors: the first [factor, factor], the second whole or in two."""
    out, into, kernel = shape[0] // factor, shape[1] // factor, shape[2:]
    parts = {"lokr_w1": random(factor, factor, seed=seed), "alpha": torch.tensor(rank / 2)}
    if is_whole:
        return parts | {"lokr_w2": random(out, into, *kernel, seed=seed + 1)}
    size = into * int(torch.tensor(kernel).prod()) if kernel else into
    return parts | {"lokr_w2_a": random(out, rank, seed=seed + 1), "lokr_w2_b": random(rank, size, seed=seed + 2)}


def lora_layer(shape, rank=4, seed=0):
    kernel = shape[2:]
    return {
        "lora_down.weight": random(rank, shape[1], *kernel, seed=seed),
        "lora_up.weight": random(shape[0], rank, *((1, 1) if kernel else ()), seed=seed + 1),
        "alpha": torch.tensor(rank / 2),
    }


def dora_layer(shape, seed=0):
    """Return a LoRA with a magnitude for each input, as LyCORIS has them."""
    magnitudes = random(1, shape[1], *(1 for _ in shape[2:]), seed=seed + 3).abs() + 0.5
    return lora_layer(shape, seed=seed) | {"dora_scale": magnitudes}


LAYERS = {"lora": lora_layer, "loha": loha_layer, "lokr": lokr_layer, "dora": dora_layer}


def write_layers(path, form, *, inner, text, seed=0, metadata=None, only=None, **options):
    """Write a file of one form under kohya's names."""
    weights = {}
    for number, (layer, shape) in enumerate(layers(inner, text).items()):
        if only is None or only in layer:
            for part, tensor in LAYERS[form](shape, seed=seed + 20 * number, **options).items():
                weights[f"{layer}.{part}"] = tensor.contiguous()
    save_file(weights, path, metadata)
    return path


def write_hypernetwork(path, *, inner, text=None, seed=0, widths=None, **options):
    torch.manual_seed(seed)
    hypernetwork = build_hypernetwork(widths or WIDTHS[inner], **options)
    for parameter in hypernetwork.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    save_file(state(hypernetwork), path, describe(hypernetwork) | {"daicho.kind": "hypernetwork"})
    return path


def write_dreambooth(path, base=WEIGHTS, *, seed=0, scale=0.02, networks=("unet", "text_encoder")):
    """Write a file of whole tensors, each a little off from the base model's own."""
    weights = {}
    for network in networks:
        for file in component_files(base / network):
            for number, (name, tensor) in enumerate(load_file(file).items()):
                if number % 5 == 0:
                    is_short = network.startswith("text_encoder") and not name.startswith("text_model.")
                    full = f"{network}.text_model.{name}" if is_short else f"{network}.{name}"
                    weights[full] = tensor.float() + random(*tensor.shape, seed=seed + number, scale=scale)
    save_file(weights, path, {"daicho.kind": "dreambooth"})
    return path


def write_words(path, *, text, key="emb_params", count=3, seed=0, metadata=None, inner=None):
    save_file({key: random(count, text, seed=seed, scale=1.0)}, path, metadata)
    return path


def write_any(kind, path, base, *, sizes, seed=0):
    """Write an adapter of a kind or a form; return which kind a recipe calls it."""
    if kind == "dreambooth":
        write_dreambooth(path, base, seed=seed)
    elif kind == "hypernetwork":
        write_hypernetwork(path, seed=seed, **sizes)
    elif kind == "textual_inversion":
        write_words(path, seed=seed, metadata={"modelspec.trigger_phrase": WORDS[seed]}, **sizes)
    else:
        write_layers(path, kind, seed=seed, **sizes)
        return "lora"
    return kind


KINDS = ("lora", "loha", "lokr", "dora", "dreambooth", "hypernetwork", "textual_inversion")
