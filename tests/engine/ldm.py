"""Write diffusers folders back as single files in the original layout, so that reading such files can be proved."""

import re
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

Weights = dict[str, torch.Tensor]

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
PLAIN = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
CLIP = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def write_single_file(folder: Path, architecture: str, target: Path, **metadata: str) -> Path:
    """Save one .safetensors file that holds the UNet, VAE and text encoders of a diffusers folder."""
    weights = {f"model.diffusion_model.{key}": value for key, value in _unet(_load(folder / "unet")).items()}
    weights |= {f"first_stage_model.{key}": value for key, value in vae_weights(folder / "vae").items()}
    if architecture == "sd1":
        weights |= _clip(_load(folder / "text_encoder"), "cond_stage_model.transformer.text_model.")
    elif architecture == "sd2":
        weights |= _open_clip(_load(folder / "text_encoder"), "cond_stage_model.model.", extra_layer=True)
    else:
        weights |= _clip(_load(folder / "text_encoder"), "conditioner.embedders.0.transformer.text_model.")
        weights |= _open_clip(_load(folder / "text_encoder_2"), "conditioner.embedders.1.model.")
    save_file({key: value.contiguous() for key, value in weights.items()}, target, metadata or None)
    return target


def vae_weights(folder: Path) -> Weights:
    """Return a VAE's weights under the original names, without prefix."""
    weights = _load(folder)
    levels = 1 + max(int(match.group(1)) for key in weights if (match := re.match(r"encoder\.down_blocks\.(\d+)", key)))
    return {_vae_name(key, levels): _as_convolution(key, value) for key, value in weights.items()}


def _load(folder: Path) -> Weights:
    (file,) = folder.glob("*.safetensors")
    return load_file(file)


def _unet(weights: Weights) -> Weights:
    layers = len({key.split(".")[3] for key in weights if key.startswith("down_blocks.0.resnets.")})
    with_attention = {int(key.split(".")[1]) for key in weights if re.match(r"up_blocks\.\d+\.attentions", key)}
    return {_unet_name(key, layers, with_attention): value for key, value in weights.items()}


def _unet_name(key: str, layers: int, with_attention: set[int]) -> str:
    for ours, theirs in PLAIN.items():
        if key.startswith(f"{ours}."):
            return key.replace(ours, theirs, 1)
    for rename in (_middle_name, _down_name, _up_name):
        key = rename(key, layers, with_attention)
    if ".transformer_blocks." not in key:
        for ours, theirs in RESNET.items():
            key = key.replace(f".{ours}.", f".{theirs}.")
    return key


def _middle_name(key: str, layers: int, with_attention: set[int]) -> str:
    key = key.replace("mid_block.attentions.0", "middle_block.1")
    return re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"middle_block.{2 * int(m[1])}", key)


def _down_name(key: str, layers: int, with_attention: set[int]) -> str:
    def block(m: re.Match[str]) -> str:
        return f"input_blocks.{(layers + 1) * int(m[1]) + int(m[3]) + 1}.{int(m[2] == 'attentions')}"

    def halving(m: re.Match[str]) -> str:
        return f"input_blocks.{(layers + 1) * (int(m[1]) + 1)}.0.op"

    key = re.sub(r"down_blocks\.(\d)\.(resnets|attentions)\.(\d)", block, key)
    return re.sub(r"down_blocks\.(\d)\.downsamplers\.0\.conv", halving, key)


def _up_name(key: str, layers: int, with_attention: set[int]) -> str:
    def block(m: re.Match[str]) -> str:
        return f"output_blocks.{(layers + 1) * int(m[1]) + int(m[3])}.{int(m[2] == 'attentions')}"

    def doubling(m: re.Match[str]) -> str:
        return f"output_blocks.{(layers + 1) * int(m[1]) + layers}.{1 + int(int(m[1]) in with_attention)}"

    key = re.sub(r"up_blocks\.(\d)\.(resnets|attentions)\.(\d)", block, key)
    return re.sub(r"up_blocks\.(\d)\.upsamplers\.0", doubling, key)


def _vae_name(key: str, levels: int) -> str:
    key = re.sub(r"encoder\.down_blocks\.(\d)\.resnets\.(\d)", r"encoder.down.\1.block.\2", key)
    key = re.sub(r"encoder\.down_blocks\.(\d)\.downsamplers\.0", r"encoder.down.\1.downsample", key)
    key = re.sub(
        r"decoder\.up_blocks\.(\d)\.resnets\.(\d)",
        lambda m: f"decoder.up.{levels - 1 - int(m[1])}.block.{m[2]}",
        key,
    )
    key = re.sub(
        r"decoder\.up_blocks\.(\d)\.upsamplers\.0", lambda m: f"decoder.up.{levels - 1 - int(m[1])}.upsample", key
    )
    key = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", key)
    names = {"mid_block.attentions.0": "mid.attn_1", "conv_shortcut": "nin_shortcut", "conv_norm_out": "norm_out"}
    names |= {".group_norm.": ".norm.", ".to_q.": ".q.", ".to_k.": ".k.", ".to_v.": ".v.", ".to_out.0.": ".proj_out."}
    for ours, theirs in names.items():
        key = key.replace(ours, theirs)
    return key


def _as_convolution(key: str, value: torch.Tensor) -> torch.Tensor:
    is_attention = ".attentions." in key and key.endswith(".weight") and value.ndim == 2
    return value[:, :, None, None] if is_attention else value


def _inner(weights: Weights) -> Weights:
    return {key.removeprefix("text_model."): value for key, value in weights.items()}


def _clip(weights: Weights, prefix: str) -> Weights:
    return {f"{prefix}{key}": value for key, value in _inner(weights).items()}


def _open_clip(weights: Weights, prefix: str, *, extra_layer: bool = False) -> Weights:
    inner = _inner(weights)
    result: Weights = {
        "positional_embedding": inner.pop("embeddings.position_embedding.weight"),
        "token_embedding.weight": inner.pop("embeddings.token_embedding.weight"),
        "ln_final.weight": inner.pop("final_layer_norm.weight"),
        "ln_final.bias": inner.pop("final_layer_norm.bias"),
        "text_projection": inner.pop("text_projection.weight", torch.eye(4)).T,
        "logit_scale": torch.tensor(4.6),
    }
    if extra_layer:
        result["text_projection"] = torch.eye(result["token_embedding.weight"].shape[1])
    for key in list(inner):
        if ".q_proj." in key:
            three = [inner.pop(key.replace(".q_proj.", f".{part}_proj.")) for part in "qkv"]
            name = key.replace("self_attn.q_proj.", "attn.in_proj_")
            result[_clip_name(name)] = torch.cat(three)
    result |= {_clip_name(key): value for key, value in inner.items()}
    if extra_layer:
        last = max(int(match[1]) for key in result if (match := re.match(r"transformer\.resblocks\.(\d+)", key)))
        blocks = {key: value for key, value in result.items() if f"resblocks.{last}." in key}
        result |= {key.replace(f".{last}.", f".{last + 1}.", 1): value.clone() for key, value in blocks.items()}
    return {f"{prefix}{key}": value for key, value in result.items()}


def _clip_name(key: str) -> str:
    key = key.replace("encoder.layers.", "transformer.resblocks.")
    for ours, theirs in CLIP.items():
        key = key.replace(ours, theirs)
    return key
