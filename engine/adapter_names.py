"""Say what the layers of a LoRA are called, in Daicho and in kohya's files. Imports no torch.

A layer is `<network>.<module path>` with diffusers' and transformers' module names. kohya joins the names with
underscores behind a prefix; its UNet of Stable Diffusion XL is the original one, where blocks are counted through.
Source: kohya's sd-scripts, `networks/lora.py` and `library/sdxl_model_util.py`.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from engine.errors import ModelError
from engine.specs import Architecture

LAYERS_PER_BLOCK = 2
_ONE_ENCODER: Mapping[str, str] = MappingProxyType({"unet": "lora_unet", "text_encoder": "lora_te"})
_TWO_ENCODERS: Mapping[str, str] = MappingProxyType(
    {"unet": "lora_unet", "text_encoder": "lora_te1", "text_encoder_2": "lora_te2"}
)
PREFIXES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"sd1": _ONE_ENCODER, "sd2": _ONE_ENCODER, "sdxl": _TWO_ENCODERS}
)
_NETWORKS: Mapping[str, str] = MappingProxyType(
    {prefix: network for prefixes in (_ONE_ENCODER, _TWO_ENCODERS) for network, prefix in prefixes.items()}
)

# Names of modules that hold an underscore themselves: what parts the others must not part these.
_COMPOUNDS = (
    *("down_blocks", "up_blocks", "mid_block", "transformer_blocks", "input_blocks", "middle_block", "output_blocks"),
    *("proj_in", "proj_out", "to_q", "to_k", "to_v", "to_out", "conv_in", "conv_out"),
    *("conv_shortcut", "time_emb_proj", "time_embedding", "add_embedding", "linear_1", "linear_2"),
    *("in_layers", "out_layers", "emb_layers", "skip_connection", "time_embed", "label_emb"),
    *("text_model", "text_projection", "self_attn", "q_proj", "k_proj", "v_proj", "out_proj"),
)
_WORD = re.compile(rf"({'|'.join(sorted(_COMPOUNDS, key=len, reverse=True))}|[^_]+)(?:_|\Z)")

_RESNET_PARTS: Mapping[str, str] = MappingProxyType(
    {
        "conv1": "in_layers.2",
        "conv2": "out_layers.3",
        "time_emb_proj": "emb_layers.1",
        "conv_shortcut": "skip_connection",
    }
)
_ENDS: Mapping[str, str] = MappingProxyType(
    {
        "conv_in": "input_blocks.0.0",
        "conv_out": "out.2",
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
    }
)
_ORIGINAL_RESNET_PARTS = {original: name for name, original in _RESNET_PARTS.items()}
_ORIGINAL_ENDS = {original: name for name, original in _ENDS.items()}

_ATTENTION = re.compile(
    r"unet\..+\.attentions\.\d+\."
    r"(?:proj_in|proj_out|transformer_blocks\.\d+\.(?:attn[12]\.to_(?:q|k|v|out\.0)|ff\.net\.(?:0\.proj|2)))"
)
_CONVOLUTIONS = re.compile(
    r"unet\..+\.(?:resnets\.\d+\.(?:conv1|conv2|time_emb_proj|conv_shortcut)|(?:down|up)samplers\.0\.conv)"
)
_TEXT = re.compile(
    r"text_encoder(?:_2)?\.text_model\.encoder\.layers\.\d+\.(?:self_attn\.(?:q|k|v|out)_proj|mlp\.fc[12])"
)
_WIDE = re.compile(r"(?:resnets\.\d+\.conv[12]|samplers\.0\.conv|conv_in|conv_out)\Z")
_POINT = re.compile(r"resnets\.\d+\.conv_shortcut\Z")
_PROJECTION = re.compile(r"attentions\.\d+\.proj_(?:in|out)\Z")


def name_kohya(layer: str, architecture: Architecture, *, layers_per_block: int = LAYERS_PER_BLOCK) -> str:
    """Return a layer's name in a kohya file. Raises ModelError("adapter_name_unknown")."""
    network, _, path = layer.partition(".")
    prefix = PREFIXES.get(architecture, {}).get(network)
    if prefix is None or not path:
        raise _unknown(layer)
    if network == "unet" and architecture == "sdxl":
        path = _to_original(path, layers_per_block)
    return f"{prefix}_{path.replace('.', '_')}"


def name_layer(kohya: str, *, layers_per_block: int = LAYERS_PER_BLOCK) -> str:
    """Return the layer that a name in a kohya file means, whichever UNet names it follows. Raises ModelError."""
    prefix = next((each for each in sorted(_NETWORKS, reverse=True) if kohya.startswith(f"{each}_")), "")
    words = _WORD.findall(kohya[len(prefix) + 1 :])
    if not prefix or not words:
        raise _unknown(kohya)
    path = ".".join(words)
    try:
        return f"{_NETWORKS[prefix]}.{_from_original(path, layers_per_block) if prefix == 'lora_unet' else path}"
    except ValueError as error:
        raise _unknown(kohya) from error


def list_layers(parameters: Iterable[str], *, with_conv: bool = False) -> list[str]:
    """Return the layers that kohya's LoRA has in these parameters, given as `<network>.<parameter name>`, in order.

    These are a text encoder's attention and MLP, and a UNet's transformers; with `with_conv` its resnets and samplers.
    """
    layers = (name_parameter(each).removesuffix(".weight") for each in parameters if each.endswith(".weight"))
    return [layer for layer in layers if is_target(layer, with_conv=with_conv)]


def is_target(layer: str, *, with_conv: bool = False) -> bool:
    """Say whether kohya's LoRA has such a layer."""
    patterns = (_ATTENTION, _TEXT, _CONVOLUTIONS) if with_conv else (_ATTENTION, _TEXT)
    return any(pattern.fullmatch(layer) for pattern in patterns)


def name_parameter(parameter: str) -> str:
    """Return a parameter under its classic name: transformers has dropped CLIP's `text_model.` from its modules."""
    network, _, path = parameter.partition(".")
    is_short = network.startswith("text_encoder") and not path.startswith(("text_model.", "text_projection"))
    return f"{network}.text_model.{path}" if is_short else parameter


def kernel_size(layer: str, architecture: Architecture) -> int | None:
    """Return the side of a layer's kernel in pixels, or None where it is a linear layer."""
    if _WIDE.search(layer):
        return 3
    # Stable Diffusion 1 projects with 1 x 1 convolutions, the later ones with linear layers.
    is_point = _POINT.search(layer) or (architecture == "sd1" and _PROJECTION.search(layer))
    return 1 if is_point else None


def _to_original(path: str, layers_per_block: int) -> str:
    if path in _ENDS:
        return _ENDS[path]
    stride = layers_per_block + 1
    match path.split("."):
        case ["down_blocks", block, "downsamplers", "0", "conv"]:
            return f"input_blocks.{(int(block) + 1) * stride}.0.op"
        case ["up_blocks", block, "upsamplers", "0", "conv"]:
            return f"output_blocks.{int(block) * stride + layers_per_block}.2.conv"
        case ["down_blocks", block, "resnets" | "attentions" as kind, index, *rest]:
            start = f"input_blocks.{int(block) * stride + int(index) + 1}.{_place(kind)}"
        case ["up_blocks", block, "resnets" | "attentions" as kind, index, *rest]:
            start = f"output_blocks.{int(block) * stride + int(index)}.{_place(kind)}"
        case ["mid_block", "resnets" | "attentions" as kind, index, *rest]:
            start = f"middle_block.{2 * int(index) + _place(kind)}"
        case _:
            raise _unknown(path)
    end = ".".join(rest)
    return f"{start}.{_RESNET_PARTS.get(end, end) if kind == 'resnets' else end}"


def _from_original(path: str, layers_per_block: int) -> str:
    if path in _ORIGINAL_ENDS:
        return _ORIGINAL_ENDS[path]
    stride = layers_per_block + 1
    match path.split("."):
        case ["input_blocks", number, "0", "op"]:
            return f"down_blocks.{int(number) // stride - 1}.downsamplers.0.conv"
        case ["output_blocks", number, _, "conv"]:
            return f"up_blocks.{int(number) // stride}.upsamplers.0.conv"
        case ["input_blocks", number, "0" | "1" as place, *rest]:
            block, index = divmod(int(number) - 1, stride)
            start = f"down_blocks.{block}.{_kind(place)}.{index}"
        case ["output_blocks", number, "0" | "1" as place, *rest]:
            block, index = divmod(int(number), stride)
            start = f"up_blocks.{block}.{_kind(place)}.{index}"
        case ["middle_block", "0" | "1" | "2" as number, *rest]:
            place = "1" if number == "1" else "0"
            start = f"mid_block.{_kind(place)}.{int(number) // 2}"
        case _:
            return path
    end = ".".join(rest)
    return f"{start}.{_ORIGINAL_RESNET_PARTS.get(end, end) if place == '0' else end}"


def _place(kind: str) -> int:
    return 0 if kind == "resnets" else 1


def _kind(place: str) -> str:
    return "resnets" if place == "0" else "attentions"


def _unknown(name: str) -> ModelError:
    message = f"No layer of a Stable Diffusion 1, 2 or XL model is called {name[:80]!r}."
    return ModelError("adapter_name_unknown", message, layer=name[:80])
