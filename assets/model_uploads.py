"""Looks into an uploaded model file beyond its header: are the weights numbers, and what is the LoRA made for?

Reads headers with engine.headers and bytes with numpy; no torch, nothing is unpickled. Texts are cleaned claims.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assets.claims.cleaning import clean_text
from engine.errors import ModelError
from engine.headers import Header, Shapes, TensorInfo, read_header
from engine.specs import Architecture

# An exponent of ones only is infinity or no number; F8_E4M3 has no infinity and one value that is no number.
EXPONENTS: Mapping[str, tuple[str, int]] = {
    "F64": ("<u8", 0x7FF0_0000_0000_0000),
    "F32": ("<u4", 0x7F80_0000),
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
    "F8_E5M2": ("<u1", 0x7C),
    "F8_E4M3": ("<u1", 0x7F),
}
BLOCK_BYTES = 4 * 1024 * 1024
SAMPLE_BYTES = 64 * 1024
SAMPLES = 16
MAX_SHOWN_ENTRIES = 200
MAX_SHOWN_CHARACTERS = 2000

UPPER_OF: Mapping[str, str] = {
    ".lora_down.weight": ".lora_up.weight",
    ".lora_A.weight": ".lora_B.weight",
    ".lora.down.weight": ".lora.up.weight",
    ".lora_linear_layer.down.weight": ".lora_linear_layer.up.weight",
}
OTHER_KINDS: Mapping[str, str] = {"hada_": "LoHa", "lokr_": "LoKr", "oft_": "OFT", "dora_scale": "DoRA"}
# What the text width, the side of attention to words, tells of a UNet.
WIDTHS: Mapping[int, Architecture] = {768: "sd1", 1024: "sd2", 2048: "sdxl"}
WORDS_LAYER = re.compile(r"attn2[._]to_[kv]$")
FLUX_LAYER = re.compile(r"^(lora_unet_|lora_transformer_|transformer\.|diffusion_model\.)(double_|single_)")
SD3_LAYER = re.compile(r"^(lora_unet_|diffusion_model\.)joint_")
SDXL_LAYER = re.compile(r"^(lora_te[12]_|text_encoder_2\.)")
CLAIMED: Mapping[str, Architecture] = {
    "stable-diffusion-v1": "sd1",
    "stable-diffusion-v2": "sd2",
    "stable-diffusion-xl": "sdxl",
    "stable-diffusion-3": "sd3",
    "flux-1": "flux",
    "sd_v1": "sd1",
    "sd_v2": "sd2",
    "sdxl_": "sdxl",
    "sd3": "sd3",
    "flux1": "flux",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """Describe a LoRA: its layers, their ranks, and what it was made for as far as the file shows.

    `layers_without_alpha` have no tensor for it: it is their rank, or PEFT keeps it in the metadata. `text_width` is
    the side of its attention to words, None where the file changes none.
    """

    layers: int
    ranks: tuple[int, ...]
    layers_without_alpha: int
    architecture: Architecture | None = None
    text_width: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Hold what a checked file is; `metadata` are cleaned texts to show, `lora` is None for everything else."""

    header: Header
    metadata: Mapping[str, str]
    lora: Lora | None = None


def check_upload(path: Path, *, sampled: bool = False) -> Upload:
    """Check a .safetensors file through and say what it is; `sampled` reads large tensors in parts only.

    Raises ModelError: every code of `engine.headers.read_header`, weights_not_finite, adapter_kind_unsupported,
    adapter_layer_incomplete, adapter_rank_zero, adapter_rank_differs, adapter_alpha_invalid.
    """
    header = read_header(path)
    lora = describe_lora(header)
    tensor = find_not_finite(path, header, sampled=sampled)
    if tensor is not None:
        name = clean_text(tensor, 80)
        raise ModelError("weights_not_finite", f"{name!r} holds values that are no numbers.", tensor=name)
    return Upload(header=header, metadata=clean_metadata(header.metadata), lora=lora)


def check_fits(lora: Lora, *, architecture: Architecture, text_width: int | None = None) -> None:
    """Refuse a LoRA for another base model; `text_width` is the base's own. Raises ModelError."""
    if lora.architecture not in (None, architecture):
        message = f"This LoRA was made for {lora.architecture}, not for {architecture}."
        raise ModelError("adapter_architecture_differs", message, found=lora.architecture, wanted=architecture)
    if lora.text_width and text_width and lora.text_width != text_width:
        message = f"This LoRA expects texts of width {lora.text_width}; the base model has {text_width}."
        raise ModelError("adapter_width_differs", message, found=lora.text_width, wanted=text_width)


def find_not_finite(path: Path, header: Header, *, sampled: bool = False) -> str | None:
    """Return the first tensor of a checked file that holds NaN or infinity; whole-number tensors cannot."""
    with path.open("rb") as file:
        for name, info in sorted(header.tensors.items(), key=lambda item: item[1].begin):
            if info.dtype not in EXPONENTS:
                continue
            kind, mask = EXPONENTS[info.dtype]
            for begin, size in _blocks(info, sampled):
                file.seek(header.data_start + begin)
                values = np.frombuffer(file.read(size), dtype=kind)
                if ((values & values.dtype.type(mask)) == mask).any():
                    return name
    return None


def describe_lora(header: Header) -> Lora | None:
    """Return what kind of LoRA a header describes, None when it is none. Raises ModelError."""
    shapes = {name: info.shape for name, info in header.tensors.items()}
    for mark, kind in OTHER_KINDS.items():
        if any(f".{mark}" in name for name in shapes):
            message = f"Adapters of the kind {kind} cannot be used yet."
            raise ModelError("adapter_kind_unsupported", message, kind=kind)
    layers = dict(_layers(shapes))
    if not layers:
        return None
    texts = [shape[1] for layer, shape in layers.items() if WORDS_LAYER.search(layer)]
    return Lora(
        layers=len(layers),
        ranks=tuple(sorted({shape[0] for shape in layers.values()})),
        layers_without_alpha=sum(f"{layer}.alpha" not in shapes for layer in layers),
        architecture=_architecture(layers, texts, header.metadata),
        text_width=texts[0] if texts else None,
    )


def clean_metadata(metadata: Mapping[str, str]) -> Mapping[str, str]:
    """Return a file's own texts fit to be shown: cleaned, cut, and as text, whatever markup they hold."""
    shown = list(metadata.items())[:MAX_SHOWN_ENTRIES]
    return {clean_text(name, 100): clean_text(text, MAX_SHOWN_CHARACTERS) for name, text in shown}


def _blocks(info: TensorInfo, sampled: bool) -> Iterator[tuple[int, int]]:
    """Yield offset and size in bytes of what is read of a tensor: everything, or its ends and parts between."""
    size = info.end - info.begin
    if not sampled or size <= SAMPLES * SAMPLE_BYTES:
        for begin in range(info.begin, info.end, BLOCK_BYTES):
            yield begin, min(BLOCK_BYTES, info.end - begin)
        return
    for number in range(SAMPLES):
        # Multiples of eight bytes keep every number whole.
        step = (size - SAMPLE_BYTES) * number // (SAMPLES - 1) // 8 * 8
        yield info.begin + step, SAMPLE_BYTES
    yield info.end - 8, 8


def _layers(shapes: Shapes) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield each layer's name and the shape of its lower matrix, checked against its upper one and its alpha."""
    for lower, shape in shapes.items():
        ending = next((each for each in UPPER_OF if lower.endswith(each)), None)
        if ending is None:
            continue
        layer = lower.removesuffix(ending)
        upper = shapes.get(layer + UPPER_OF[ending], ())
        if len(shape) < 2 or len(upper) < 2:
            raise _broken("adapter_layer_incomplete", layer, "lacks one of its two matrices")
        if 0 in shape or 0 in upper:
            raise _broken("adapter_rank_zero", layer, "has rank 0")
        if upper[1] != shape[0]:
            raise _broken("adapter_rank_differs", layer, "has two matrices of different ranks")
        if math.prod(shapes.get(f"{layer}.alpha", ())) != 1:
            raise _broken("adapter_alpha_invalid", layer, "has more than one alpha")
        yield layer, shape


def _broken(code: str, layer: str, fault: str) -> ModelError:
    name = clean_text(layer, 80)
    return ModelError(code, f"The layer {name!r} of this LoRA {fault}.", layer=name)


def _architecture(layers: Mapping[str, object], texts: list[int], metadata: Mapping[str, str]) -> Architecture | None:
    """Return the architecture by the layers' names and sizes; the file's own word counts only where they are silent."""
    named: tuple[tuple[re.Pattern[str], Architecture], ...] = (
        (FLUX_LAYER, "flux"),
        (SD3_LAYER, "sd3"),
        (SDXL_LAYER, "sdxl"),
    )
    for pattern, architecture in named:
        if any(pattern.search(layer) for layer in layers):
            return architecture
    if texts:
        return WIDTHS.get(texts[0])
    words = (metadata.get("modelspec.architecture", ""), metadata.get("ss_base_model_version", ""))
    return next((found for word in words for start, found in CLAIMED.items() if word.lower().startswith(start)), None)
