"""Count what a base model's parts hold, from the headers of its files: no weight is read."""

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from assets.models import ModelFile
from engine.errors import ModelError
from engine.headers import Shapes, component_files, detect_architecture, read_header, read_json
from engine.shapes import TEXT, UNET, VAE

from .recipes import ModelSizes

TRANSFORMER = ("transformer_blocks.", ".proj_in.", ".proj_out.")
KEYS = (".attn1.to_k.weight", ".attn2.to_k.weight")
TOKENS = ("token_embedding.weight",)
TEXT_FOLDERS = ("text_encoder", "text_encoder_2")


def sizes_of(model: ModelFile) -> ModelSizes:
    """Return the sizes of a registered base model. Raises ModelError for one that is gone or cannot be read."""
    return _read_sizes(model.file, model.sha256)


@lru_cache(maxsize=64)
def _read_sizes(path: Path, sha256: str) -> ModelSizes:
    found = detect_architecture(path)
    unet, texts, vae = _parts_of_folder(path) if path.is_dir() else _parts_of_file(path, found.architecture)
    if not unet:
        raise ModelError("component_missing", "The model has no UNet.", component="unet")
    layers = {name: shape for name, shape in unet.items() if len(shape) > 1}
    adapted = {name: shape for name, shape in layers.items() if any(part in name for part in TRANSFORMER)}
    return ModelSizes(
        unet=_count(unet),
        text=_count(texts),
        vae=_count(vae),
        lora_width=_width(adapted.values()),
        conv_width=_width(shape for name, shape in layers.items() if name not in adapted),
        text_width=_width(shape for name, shape in texts.items() if len(shape) == 2 and "embedding" not in name),
        token_widths=tuple(shape[1] for name, shape in texts.items() if name.endswith(TOKENS)),
        attention_widths=tuple(sorted({shape[1] for name, shape in unet.items() if name.endswith(KEYS)})),
        latent_channels=found.latent_channels,
        vae_factor=_vae_factor(path),
    )


def _parts_of_folder(path: Path) -> tuple[Shapes, Shapes, Shapes]:
    texts = {f"{part}.{name}": shape for part in TEXT_FOLDERS for name, shape in _shapes_in(path / part).items()}
    return _shapes_in(path / "unet"), texts, _shapes_in(path / "vae")


def _shapes_in(folder: Path) -> dict[str, tuple[int, ...]]:
    return {name: info.shape for file in component_files(folder) for name, info in read_header(file).tensors.items()}


def _parts_of_file(path: Path, architecture: str) -> tuple[Shapes, Shapes, Shapes]:
    shapes = {name: info.shape for name, info in read_header(path).tensors.items()}

    def below(*prefixes: str) -> dict[str, tuple[int, ...]]:
        return {name: shape for name, shape in shapes.items() if name.startswith(prefixes)}

    return below(UNET), below(*TEXT.get(architecture, ())), below(VAE)


def _count(shapes: Mapping[str, tuple[int, ...]]) -> int:
    return sum(math.prod(shape) for shape in shapes.values())


def _width(shapes: Iterable[tuple[int, ...]]) -> int:
    """Return what one rank costs: a matrix in, with a kernel where there is one, and a matrix out."""
    return sum(math.prod(shape[1:]) + shape[0] for shape in shapes)


def _vae_factor(path: Path) -> int:
    blocks = read_json(path / "vae" / "config.json").get("block_out_channels") if path.is_dir() else None
    return 2 ** (len(blocks) - 1) if isinstance(blocks, list) and blocks else 8
