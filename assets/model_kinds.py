"""Tells from a model file's own bytes what it is, and refuses what contradicts the kind that a person gave it.

Reads headers and hashes; imports no torch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from assets.adapter_kinds import Adapter, check_fits, describe_adapter
from assets.claims.cleaning import clean_text
from assets.model_uploads import check_upload
from engine.errors import ModelError
from engine.headers import Shapes, component_files, detect_architecture, hash_model, read_header
from engine.shapes import TEXT, UNET, VAE
from engine.specs import Architecture

Kind = Literal["base", "vae", "adapter", "upscaler"]
Layout = Literal["diffusers", "single"]

# Transformers under their makers' names; everything else that draws has its UNet under one prefix.
TRANSFORMER_BLOCKS = ("double_blocks.0.", "joint_blocks.0.")
MAX_WORD = 80
UPSCALER_NAMES = ("conv_first.weight", "model.1.sub.0.")
# How many latent channels a VAE has for a published architecture; others are small models of somebody's own.
USUAL_CHANNELS = {4: ("sd1", "sd2", "sdxl"), 16: ("sd3", "flux")}
NOBODY_KNOWS = {"base": "architecture_unsupported", "vae": "vae_unsupported", "adapter": "adapter_unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """Say what a file is by its header; `kind` is empty where nothing is recognised, `native_size` is in pixels."""

    kind: Kind | Literal[""]
    layout: Layout
    architecture: Architecture | None = None
    latent_channels: int | None = None
    native_size: int | None = None
    adapter: Adapter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """Hold what was read from a file that passed every check; `architecture` is empty for an upscaler.

    `method` is an adapter's; `word` is what an embedding is called in prompts.
    """

    path: Path
    kind: Kind
    sha256: str
    size_bytes: int
    layout: Layout
    architecture: str
    latent_channels: int | None
    native_size: int | None
    method: str = ""
    word: str = ""


def examine_model(
    path: Path,
    *,
    kind: Kind,
    made_for: Sequence[str] = (),
    hash_file: Callable[[Path], str] | None = None,
    file_name: str = "",
) -> Examined:
    """Check a file or folder through and hash it; `made_for` are the architectures that a person says it fits.

    `file_name` is what a file was called before it lay here: an embedding that does not name itself is called by it.
    Raises ModelError: the codes of `identify` and `assets.model_uploads.check_upload`, kind_is_base, kind_is_vae,
    kind_is_adapter, kind_is_upscaler, architecture_unsupported, vae_unsupported, adapter_unknown, adapter_base_needed,
    architecture_needed, vae_channels_differ.
    """
    found = identify(path)
    check_kind(found, kind)
    architecture = choose_architecture(found, kind, made_for)
    sha256 = hash_model(path, hash_file)
    adapter = found.adapter
    for file in weight_files(path):
        # Whole networks are as large as base models; everything smaller is read to the last byte.
        check_upload(file, sampled=adapter is None or adapter.method == "dreambooth")
    return Examined(
        path=path,
        kind=kind,
        sha256=sha256,
        size_bytes=size_of(path),
        layout=found.layout,
        architecture=architecture,
        latent_channels=found.latent_channels,
        native_size=found.native_size,
        method=adapter.method if adapter else "",
        word=choose_word(adapter, file_name or path.name),
    )


def identify(path: Path) -> Identified:
    """Return what a file or folder is. Raises ModelError for one that is damaged, or known and of no use here."""
    if path.is_dir():
        return _identify_folder(path)
    header = read_header(path)
    adapter = describe_adapter(header)
    if adapter is not None:
        return Identified(kind="adapter", layout="single", architecture=adapter.architecture, adapter=adapter)
    shapes = {name: info.shape for name, info in header.tensors.items()}
    if any(name.removeprefix(UNET).startswith(TRANSFORMER_BLOCKS) or name.startswith(UNET) for name in shapes):
        return _identify_checkpoint(path, shapes)
    channels = vae_channels(shapes)
    if channels is not None:
        return Identified(kind="vae", layout="single", latent_channels=channels)
    is_upscaler = any(name.startswith(UPSCALER_NAMES) for name in shapes)
    return Identified(kind="upscaler" if is_upscaler else "", layout="single")


def check_kind(found: Identified, kind: Kind) -> None:
    """Refuse a file that is something else than a person says. Raises ModelError.

    Upscalers come in more shapes than anybody can list, so what nobody recognises may be one.
    """
    if found.kind == kind or (kind == "upscaler" and not found.kind):
        return
    if found.kind:
        raise ModelError(f"kind_is_{found.kind}", f"The file is of the kind {found.kind}, not {kind}.")
    raise ModelError(NOBODY_KNOWS[kind], f"The file is of no kind that Daicho knows, and no {kind}.")


def choose_architecture(found: Identified, kind: Kind, made_for: Sequence[str]) -> str:
    """Return the architecture that a file fits: its own word first, then the person's. Raises ModelError."""
    if kind == "base":
        return found.architecture or ""
    if kind == "upscaler":
        return ""
    if kind == "vae":
        return _fit_vae(found, made_for)
    for each in made_for:
        if found.adapter is not None:
            check_fits(found.adapter, architecture=each)  # type: ignore[arg-type]  # a word of the database
    architecture: str = found.architecture or next(iter(made_for), "")
    if not architecture:
        raise ModelError("adapter_base_needed", "The adapter does not say what it was made for.")
    return architecture


def choose_word(adapter: Adapter | None, file_name: str) -> str:
    """Return what an embedding is called in prompts, as A1111 calls it: by its own word, or else by its file's name."""
    if adapter is None or adapter.method != "textual_inversion":
        return ""
    return adapter.word or clean_text(PurePosixPath(file_name).stem, MAX_WORD)


def vae_channels(shapes: Shapes) -> int | None:
    """Return the latent channels of a VAE by its decoder's first layer, None for what is no VAE."""
    plain = {name.removeprefix(VAE): shape for name, shape in shapes.items()}
    for name in ("decoder.conv_in.weight", "decoder.layers.0.weight"):
        if len(plain.get(name, ())) == 4:
            return plain[name][1]
    return None


def weight_files(path: Path) -> list[Path]:
    """List the .safetensors files that a model is read from."""
    if not path.is_dir():
        return [path]
    return [file for folder in (path, *sorted(path.iterdir())) if folder.is_dir() for file in component_files(folder)]


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of a folder's files together."""
    return path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*") if f.is_file())


def _identify_folder(path: Path) -> Identified:
    if (path / "unet").is_dir() or (path / "transformer").is_dir():
        found = detect_architecture(path)
        return Identified(
            kind="base",
            layout="diffusers",
            architecture=found.architecture,
            latent_channels=found.latent_channels,
            native_size=found.native_size,
        )
    shapes = {name: info.shape for file in component_files(path) for name, info in read_header(file).tensors.items()}
    channels = vae_channels(shapes)
    return Identified(kind="" if channels is None else "vae", layout="diffusers", latent_channels=channels)


def _identify_checkpoint(path: Path, shapes: Shapes) -> Identified:
    found = detect_architecture(path)
    if found.architecture not in TEXT:
        message = f"A single file of {found.architecture} cannot be drawn with. Use its diffusers folder."
        raise ModelError("single_file_unsupported", message, architecture=found.architecture)
    for part, prefix in (("vae", VAE), *(("text_encoder", each) for each in TEXT[found.architecture])):
        if not any(name.startswith(prefix) for name in shapes):
            raise ModelError("part_missing", f"The file holds no {part}.", component=part)
    return Identified(
        kind="base",
        layout="single",
        architecture=found.architecture,
        latent_channels=found.latent_channels,
        native_size=found.native_size,
    )


def _fit_vae(found: Identified, made_for: Sequence[str]) -> str:
    if not made_for:
        raise ModelError("architecture_needed", "A VAE does not say what kind of base model it was made for.")
    wanted, channels = made_for[0], found.latent_channels
    if channels in USUAL_CHANNELS and wanted not in USUAL_CHANNELS[channels]:
        message = f"A VAE of {channels} channels does not fit {wanted}."
        raise ModelError("vae_channels_differ", message, channels=channels, wanted=wanted)
    return wanted
