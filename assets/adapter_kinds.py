"""Tells from an adapter's header what it is and what it was made for: LoRA in all its forms, words, and the others.

Names and sizes decide; a file's own word counts only where they are silent. Reads headers only, and imports no torch.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from assets.adapter_nets import describe_hypernetwork
from assets.claims.cleaning import clean_text
from engine.errors import ModelError
from engine.headers import Header, Shapes
from engine.layer_parts import DOWN, PRODUCTS, SAME, UNUSUAL, form_of, missing_parts, part_of
from engine.specs import AdapterKind, Architecture

Shape = tuple[int, ...]
Parts = dict[str, Shape]

UPPER_OF: Mapping[str, str] = {
    ".lora_down.weight": ".lora_up.weight",
    ".lora_A.weight": ".lora_B.weight",
    ".lora.down.weight": ".lora.up.weight",
    ".lora_linear_layer.down.weight": ".lora_linear_layer.up.weight",
}
OTHER_FORMS: Mapping[str, str] = {".oft_": "OFT", ".boft_": "BOFT", ".on_input": "IA3", ".a1.weight": "GLoRA"}
# What the text width, the side of attention to words, tells of a UNet.
WIDTHS: Mapping[int, Architecture] = {768: "sd1", 1024: "sd2", 2048: "sdxl"}
WORDS_LAYER = re.compile(r"attn2[._]to_[kv]$")
FLUX_LAYER = re.compile(r"^(lora_unet_|lora_transformer_|transformer\.|diffusion_model\.)(double_|single_)")
SD3_LAYER = re.compile(r"^(lora_unet_|diffusion_model\.)joint_")
SDXL_LAYER = re.compile(r"^(lora_te[12]_|text_encoder_2\.|unet\.add_embedding\.)")
WITH_UNET = ("sd1", "sd2", "sdxl")
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
NETWORKS = ("unet.", "transformer.", "text_encoder.", "text_encoder_2.")
GENERIC_WORDS = ("emb_params", "clip_l", "clip_g", "*")
BOTH_ENCODERS = {"clip_l", "clip_g"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """Describe an adapter: its method, what people call its form, and what it was made for as far as the file shows.

    `layers`, `ranks` and `layers_without_alpha` are a LoRA's; a missing alpha is the rank, or PEFT keeps it in the
    metadata. `text_width` is the side of attention to words, None where the file changes none. `word` is what a Textual
    Inversion calls itself, cleaned and empty where it does not say.
    """

    method: AdapterKind
    form: str
    layers: int = 0
    ranks: tuple[int, ...] = ()
    layers_without_alpha: int = 0
    architecture: Architecture | None = None
    text_width: int | None = None
    word: str = ""


def describe_adapter(header: Header) -> Adapter | None:
    """Return what kind of adapter a header describes, None when it is none. Raises ModelError for a broken one."""
    shapes = {name: info.shape for name, info in header.tensors.items()}
    claimed = header.metadata.get("daicho.kind", "")
    return (
        _describe_lora(shapes, header.metadata)
        or _describe_hypernetwork(shapes, header.metadata, is_claimed=claimed == "hypernetwork")
        or _describe_word(shapes, header.metadata, is_claimed=claimed == "textual_inversion")
        or _describe_dreambooth(shapes, header.metadata)
    )


def check_fits(adapter: Adapter, *, architecture: Architecture, text_width: int | None = None) -> None:
    """Refuse an adapter for another base model; `text_width` is the base's own. Raises ModelError."""
    if adapter.architecture not in (None, architecture):
        message = f"This adapter was made for {adapter.architecture}, not for {architecture}."
        raise ModelError("adapter_architecture_differs", message, found=adapter.architecture, wanted=architecture)
    if adapter.text_width and text_width and adapter.text_width != text_width:
        message = f"This adapter expects texts of width {adapter.text_width}; the base model has {text_width}."
        raise ModelError("adapter_width_differs", message, found=adapter.text_width, wanted=text_width)


def _describe_lora(shapes: Shapes, metadata: Mapping[str, str]) -> Adapter | None:
    for mark, form in OTHER_FORMS.items():
        if any(mark in name for name in shapes):
            raise _unsupported(form)
    unusual = _unusual_layers(shapes)
    layers = {layer: {DOWN: shape} for layer, shape in _pairs(shapes) if layer not in unusual} | unusual
    if not layers:
        return None
    form = form_of({part for parts in layers.values() for part in parts})
    widths = [_input_width(parts) for layer, parts in layers.items() if WORDS_LAYER.search(layer)]
    texts = [width for width in widths if width]
    architecture = _architecture(layers, texts, metadata)
    if unusual and architecture not in (None, *WITH_UNET):
        raise _unsupported(f"{form}, {architecture}")
    return Adapter(
        method="lora",
        form=form,
        layers=len(layers),
        ranks=tuple(sorted({parts[DOWN][0] for parts in layers.values() if DOWN in parts})),
        layers_without_alpha=sum(f"{layer}.alpha" not in shapes for layer in layers),
        architecture=architecture,
        text_width=texts[0] if texts else None,
    )


def _pairs(shapes: Shapes) -> Iterator[tuple[str, Shape]]:
    """Yield each plain layer's name and the shape of its lower matrix, checked against its upper one and its alpha."""
    for lower, shape in shapes.items():
        ending = next((each for each in UPPER_OF if lower.endswith(each)), None)
        if ending is None:
            continue
        layer = lower.removesuffix(ending)
        upper = shapes.get(layer + UPPER_OF[ending], ())
        if len(shape) < 2 or len(upper) < 2:
            raise _broken("adapter_layer_incomplete", layer, "lacks one of its parts")
        _check_layer(layer, {"a": upper, "b": shape, "alpha": shapes.get(f"{layer}.alpha", ())}, (("a", "b", ""),))
        yield layer, shape


def _unusual_layers(shapes: Shapes) -> dict[str, Parts]:
    """Return the parts of all layers of a file that has more than plain pairs, each checked; else nothing."""
    named = {name: part_of(name) for name in shapes}
    if not any(part in UNUSUAL for part in named.values()):
        return {}
    layers: dict[str, Parts] = {}
    for name, part in named.items():
        if not part:
            raise _unsupported(clean_text(name.rpartition(".")[2], 40))
        layers.setdefault(name.removesuffix(f".{part}"), {})[SAME.get(part, part)] = shapes[name]
    for layer, parts in layers.items():
        if missing_parts(parts):
            raise _broken("adapter_layer_incomplete", layer, "lacks one of its parts")
        _check_layer(layer, parts, (*PRODUCTS, ("lora_up.weight", DOWN, "lora_mid.weight")))
    return layers


def _check_layer(layer: str, parts: Mapping[str, Shape], products: Iterable[tuple[str, str, str]]) -> None:
    if any(0 in shape for name, shape in parts.items() if name != "alpha"):
        raise _broken("adapter_rank_zero", layer, "has rank 0")
    for left, right, core in products:
        one, two = parts.get(left, ()), parts.get(right, ())
        if core not in parts and len(one) > 1 and len(two) > 1 and one[1] != two[0]:
            raise _broken("adapter_rank_differs", layer, "has two matrices of different ranks")
    if math.prod(parts.get("alpha", ())) != 1:
        raise _broken("adapter_alpha_invalid", layer, "has more than one alpha")


def _input_width(parts: Parts) -> int | None:
    """Return the width that a linear layer reads, None where its parts do not say it."""
    for name in (DOWN, "hada_w1_b", "diff"):
        if name in parts:
            return parts[name][1] if len(parts[name]) == 2 else None
    sides = [parts.get(f"lokr_w{which}") or parts.get(f"lokr_w{which}_b", ()) for which in (1, 2)]
    return math.prod(side[1] for side in sides) if all(len(side) == 2 for side in sides) else None


def _describe_hypernetwork(shapes: Shapes, metadata: Mapping[str, str], *, is_claimed: bool) -> Adapter | None:
    widths = describe_hypernetwork(shapes, is_claimed=is_claimed)
    if not widths:
        return None
    texts = [width for width in widths if width in WIDTHS]
    known = WIDTHS[texts[0]] if len(texts) == 1 else _claimed(metadata)
    width = texts[0] if len(texts) == 1 else None
    return Adapter(method="hypernetwork", form="Hypernetwork", architecture=known, text_width=width)


def _describe_word(shapes: Shapes, metadata: Mapping[str, str], *, is_claimed: bool) -> Adapter | None:
    is_double = shapes.keys() == BOTH_ENCODERS
    if not is_double and not is_claimed and not _looks_like_word(shapes):
        return None
    if not is_double and len(shapes) != 1:
        raise ModelError("embedding_several", "This embedding file holds more than one word.", count=len(shapes))
    if "clip_g" in shapes and not is_double:
        raise ModelError("adapter_incomplete", "clip_l is missing.", tensors=["clip_g"])
    if any(0 in shape or len(shape) not in (1, 2) for shape in shapes.values()):
        raise ModelError("adapter_broken", "An embedding is a row of vectors.")
    width = next(iter(shapes.values()))[-1]
    claimed = _claimed(metadata)
    found = claimed if is_double and claimed == "sd3" else "sdxl" if is_double else WIDTHS.get(width, claimed)
    word = _word(shapes, metadata)
    text_width = None if is_double else width
    return Adapter(
        method="textual_inversion", form="Textual Inversion", architecture=found, text_width=text_width, word=word
    )


def _looks_like_word(shapes: Shapes) -> bool:
    """Is every tensor named and sized as the vectors of a word?"""
    return bool(shapes) and all(
        name in GENERIC_WORDS or (name.startswith("<") and name.endswith(">")) or _is_lonely(shapes) for name in shapes
    )


def _is_lonely(shapes: Shapes) -> bool:
    """Is there one tensor only, of few rows and with a name that no network gives its weights?"""
    name, shape = next(iter(shapes.items()))
    is_plain = "." not in name and len(shape) == 2
    return len(shapes) == 1 and is_plain and shape[0] < shape[1]


def _word(shapes: Shapes, metadata: Mapping[str, str]) -> str:
    named = metadata.get("modelspec.trigger_phrase", "").strip()
    key = next((name for name in shapes if name not in GENERIC_WORDS), "")
    return clean_text(named or key, 100)


def _describe_dreambooth(shapes: Shapes, metadata: Mapping[str, str]) -> Adapter | None:
    is_claimed = metadata.get("daicho.kind") == "dreambooth"
    is_whole = bool(shapes) and all(name.startswith(NETWORKS) for name in shapes)
    if not is_whole:
        if is_claimed:
            raise ModelError("adapter_broken", "This DreamBooth holds tensors of no network.")
        return None
    names = [name.removesuffix(".weight") for name in shapes]
    texts = [shape[1] for name, shape in zip(names, shapes.values(), strict=True) if WORDS_LAYER.search(name)]
    found, width = _architecture(names, texts, metadata), texts[0] if texts else None
    return Adapter(method="dreambooth", form="DreamBooth", architecture=found, text_width=width)


def _architecture(layers: Iterable[str], texts: list[int], metadata: Mapping[str, str]) -> Architecture | None:
    """Return the architecture by the layers' names and sizes; the file's own word counts only where they are silent."""
    named: tuple[tuple[re.Pattern[str], Architecture], ...] = (
        (FLUX_LAYER, "flux"),
        (SD3_LAYER, "sd3"),
        (SDXL_LAYER, "sdxl"),
    )
    layers = list(layers)
    for pattern, architecture in named:
        if any(pattern.search(layer) for layer in layers):
            return architecture
    return WIDTHS.get(texts[0]) if texts else _claimed(metadata)


def _claimed(metadata: Mapping[str, str]) -> Architecture | None:
    words = (metadata.get("modelspec.architecture", ""), metadata.get("ss_base_model_version", ""))
    return next((found for word in words for start, found in CLAIMED.items() if word.lower().startswith(start)), None)


def _broken(code: str, layer: str, fault: str) -> ModelError:
    name = clean_text(layer, 80)
    return ModelError(code, f"The layer {name!r} of this adapter {fault}.", layer=name)


def _unsupported(form: str) -> ModelError:
    return ModelError("adapter_kind_unsupported", f"Adapters of the kind {form} cannot be used.", kind=form)
