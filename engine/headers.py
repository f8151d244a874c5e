"""Read safetensors headers strictly, without torch and without trusting a single number in them.

The format: eight bytes of little-endian header length, a JSON object (name -> dtype, shape, offsets, and
`__metadata__`), then the tensors back to back. Source: the safetensors format description.
"""

import hashlib
import json
import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NoReturn

from engine.errors import ModelError
from engine.specs import Architecture

Shapes = Mapping[str, tuple[int, ...]]

MAX_HEADER_BYTES = 100_000_000
MAX_TENSORS = 50_000
MAX_METADATA_BYTES = 1_000_000
MAX_DIMENSIONS = 8
MAX_JSON_BYTES = 10_000_000
UNSAFE_SUFFIXES = (".ckpt", ".pt", ".pth", ".bin", ".pkl", ".pickle")
DTYPE_BYTES: Mapping[str, int] = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "I64": 8,
    "U64": 8,
    "F64": 8,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorInfo:
    """Describe one tensor; `begin` and `end` are byte offsets after the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Hold a checked header: tensors by name, metadata as strings, and where the tensor bytes begin."""

    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]
    data_start: int
    file_bytes: int

    def shape(self, name: str) -> tuple[int, ...]:
        """Return a tensor's shape, or () when it is not there."""
        info = self.tensors.get(name)
        return info.shape if info else ()

    def parameter_count(self) -> int:
        """Return how many numbers the tensors hold together."""
        return sum(math.prod(info.shape) for info in self.tensors.values())


def read_header(path: Path) -> Header:
    """Return the checked header of a .safetensors file. Raises ModelError with a code per defect."""
    refuse_unsafe_name(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            raw = _read_raw(file.read(8), size, file.read)
    except OSError as error:
        raise ModelError("file_unreadable", f"{path.name} cannot be read.", file=path.name) from error
    values = _parse(raw)
    metadata = _check_metadata(values.pop("__metadata__", {}))
    if len(values) > MAX_TENSORS:
        _refuse_count(len(values))
    tensors = {name: _check_tensor(name, value) for name, value in values.items()}
    _check_layout(tensors, size - 8 - len(raw))
    return Header(tensors=tensors, metadata=metadata, data_start=8 + len(raw), file_bytes=size)


def refuse_unsafe_name(path: Path) -> None:
    """Refuse file types that can run code when they are loaded."""
    if path.suffix.lower() in UNSAFE_SUFFIXES:
        raise ModelError(
            "unsafe_format",
            f"{path.name} is a {path.suffix} file. Such files can run programs when they are opened; "
            "Daicho reads .safetensors only.",
            file=path.name,
            suffix=path.suffix.lower(),
        )


def _read_raw(start: bytes, size: int, read: Callable[[int], bytes]) -> bytes:
    if len(start) < 8:
        raise ModelError("file_too_short", "The file is too short to be a model.", bytes=size)
    length: int = struct.unpack("<Q", start)[0]
    if length > size - 8:
        _refuse_pickle(start)
        raise ModelError("header_over_file", "The header claims to be longer than the file.", length=length, bytes=size)
    if length > MAX_HEADER_BYTES:
        raise ModelError("header_too_long", "The header is too long.", length=length, limit=MAX_HEADER_BYTES)
    raw = read(length)
    if not raw.startswith(b"{"):
        _refuse_pickle(start)
        raise ModelError("header_not_json", "The header is not a JSON object.")
    return raw


def _refuse_pickle(start: bytes) -> None:
    # Only what is no header can be told a pickle: a true length may begin with the same bytes.
    if start[:2] == b"PK" or start[:1] == b"\x80":
        raise ModelError("pickle_content", "This is a pickle or zip file with a .safetensors name.")


def _parse(raw: bytes) -> dict[str, Any]:
    if raw.count(b'"data_offsets"') > MAX_TENSORS:
        _refuse_count(raw.count(b'"data_offsets"'))
    try:
        values = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ModelError("header_not_json", "The header is not a JSON object.") from error
    if not isinstance(values, dict):
        raise ModelError("header_not_json", "The header is not a JSON object.")
    return values


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ModelError("header_duplicate_key", "The header names the same thing twice.")
    return values


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(text)


def _refuse_count(count: int) -> NoReturn:
    raise ModelError("too_many_tensors", "The file lists too many tensors.", count=count, limit=MAX_TENSORS)


def _check_metadata(values: Any) -> dict[str, str]:
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise ModelError("metadata_invalid", "The metadata must be names with texts.")
    size = sum(len(text.encode("utf-8", "replace")) for pair in values.items() for text in pair)
    if size > MAX_METADATA_BYTES:
        raise ModelError("metadata_too_large", "The metadata is too large.", bytes=size, limit=MAX_METADATA_BYTES)
    return values


def _check_tensor(name: str, value: Any) -> TensorInfo:
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise ModelError("tensor_invalid", f"The entry {name[:80]!r} is not a tensor.", tensor=name[:80])
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPE_BYTES:
        raise ModelError("tensor_dtype_unknown", f"{name[:80]!r} has an unknown number type.", tensor=name[:80])
    if not _are_counts(shape) or len(shape) > MAX_DIMENSIONS:
        raise ModelError("tensor_shape_invalid", f"{name[:80]!r} has an impossible shape.", tensor=name[:80])
    if not _are_counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ModelError("tensor_offsets_invalid", f"{name[:80]!r} has impossible offsets.", tensor=name[:80])
    if math.prod(shape) * DTYPE_BYTES[dtype] != offsets[1] - offsets[0]:
        raise ModelError("tensor_size_mismatch", f"{name[:80]!r} does not fit its bytes.", tensor=name[:80])
    return TensorInfo(dtype=dtype, shape=tuple(shape), begin=offsets[0], end=offsets[1])


def _are_counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**63 for value in values)


def _check_layout(tensors: Mapping[str, TensorInfo], data_bytes: int) -> None:
    order = sorted(tensors.values(), key=lambda info: (info.begin, info.end))
    if order and order[0].begin != 0:
        raise ModelError("tensors_hole", "The tensors do not begin right after the header.")
    for before, after in pairwise(order):
        if after.begin < before.end:
            raise ModelError("tensors_overlap", "Two tensors share the same bytes.")
        if after.begin > before.end:
            raise ModelError("tensors_hole", "There are bytes between two tensors that belong to none.")
    end = order[-1].end if order else 0
    if end > data_bytes:
        raise ModelError("file_truncated", "The file ends before its last tensor.", missing=end - data_bytes)
    if end < data_bytes:
        raise ModelError("tensors_hole", "The file has bytes after its last tensor.", extra=data_bytes - end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """Say what a base model is; `native_size` is in pixels, `prediction_type` is diffusers' word or None if unknown."""

    architecture: Architecture
    layout: Literal["diffusers", "single"]
    latent_channels: int
    native_size: int | None = None
    prediction_type: str | None = None


NATIVE_SIZES: Mapping[str, int] = {"sd1": 512, "sd2": 768, "sdxl": 1024, "sd3": 1024, "flux": 1024}
REQUIRED_PARTS: Mapping[str, tuple[str, ...]] = {
    "sd1": ("unet", "vae", "text_encoder", "tokenizer"),
    "sd2": ("unet", "vae", "text_encoder", "tokenizer"),
    "sdxl": ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"),
    "sd3": ("transformer", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"),
    "flux": ("transformer", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"),
}
_UNHASHED = ("readme", "daicho.json", "judge")


def detect_architecture(path: Path) -> Detected:
    """Return what a model folder or single file is, from its weights' names and shapes, never from its own name."""
    return _detect_folder(path) if path.is_dir() else _detect_single(path)


def hash_model(path: Path, hash_file: Callable[[Path], str] | None = None) -> str:
    """Return a file's sha256, or for a folder the sha256 over its files' "relative path NUL sha256" lines.

    A folder's README, hidden files, `daicho.json` and judge files change no picture and are left out.
    """
    hash_file = hash_file or _hash_file
    if not path.is_dir():
        return hash_file(path)
    lines = sorted(f"{part}\0{hash_file(path / part)}\n" for part in _list_hashed(path))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def hash_tensors(path: Path) -> str:
    """Return the sha256 of what follows a checked header: A1111 knows a LoRA by its first 12 digits."""
    with path.open("rb") as file:
        file.seek(8 + int.from_bytes(file.read(8), "little"))
        return hashlib.file_digest(file, "sha256").hexdigest()


def component_files(folder: Path) -> list[Path]:
    """Return the .safetensors files of one component, preferring full precision to the "fp16" variant."""
    files = sorted(folder.glob("*.safetensors"))
    plain = [file for file in files if "." not in file.stem]
    return plain or files


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _list_hashed(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*"):
        part = file.relative_to(folder)
        is_hidden = any(name.startswith(".") for name in part.parts)
        if file.is_file() and not is_hidden and not part.name.lower().startswith(_UNHASHED):
            yield part.as_posix()


def _detect_folder(folder: Path) -> Detected:
    shapes = _read_shapes(folder / ("transformer" if (folder / "transformer").is_dir() else "unet"))
    architecture, channels = _read_transformer(shapes) if _is_transformer(shapes) else _read_unet(shapes, _DIFFUSERS)
    for part in REQUIRED_PARTS[architecture]:
        if not (folder / part).is_dir():
            raise ModelError("component_missing", f"The model folder has no {part}.", component=part)
        if not part.startswith("tokenizer"):
            _read_shapes(folder / part)
    return Detected(
        architecture=architecture,
        layout="diffusers",
        latent_channels=channels,
        native_size=_read_native_size(folder, architecture),
        prediction_type=read_json(folder / "scheduler" / "scheduler_config.json").get("prediction_type"),
    )


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object from a small file, or {} when there is no such file. Raises ModelError("json_invalid")."""
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8")) if path.stat().st_size <= MAX_JSON_BYTES else None
    except (ValueError, RecursionError) as error:
        raise ModelError("json_invalid", f"{path.name} is not valid JSON.", file=path.name) from error
    if not isinstance(values, dict):
        raise ModelError("json_invalid", f"{path.name} is not a JSON object.", file=path.name)
    return values


def _read_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    files = component_files(folder)
    if not files:
        for file in sorted(folder.glob("*")):
            refuse_unsafe_name(file)
        raise ModelError(
            "component_missing", f"The model folder has no weights in {folder.name}.", component=folder.name
        )
    return {name: info.shape for file in files for name, info in read_header(file).tensors.items()}


def _read_native_size(folder: Path, architecture: str) -> int | None:
    size = read_json(folder / "daicho.json").get("native_width")
    if type(size) is int:
        return size
    sample = read_json(folder / "unet" / "config.json").get("sample_size")
    blocks = read_json(folder / "vae" / "config.json").get("block_out_channels", [0] * 4)
    return sample * 2 ** (len(blocks) - 1) if type(sample) is int else NATIVE_SIZES[architecture]


def _is_transformer(shapes: Shapes) -> bool:
    return "context_embedder.weight" in shapes


def _read_transformer(shapes: Shapes) -> tuple[Architecture, int]:
    if shapes.get("x_embedder.weight") and any(name.startswith("single_transformer_blocks.") for name in shapes):
        return "flux", shapes["x_embedder.weight"][1] // 4
    if shapes.get("pos_embed.proj.weight"):
        return "sd3", shapes["pos_embed.proj.weight"][1]
    raise _unknown()


@dataclass(frozen=True, slots=True, kw_only=True)
class _UnetNames:
    conv_in: str
    conv_out: str
    added: str
    is_projection: Callable[[str], bool]


_LDM = "model.diffusion_model."
_DIFFUSERS = _UnetNames(
    conv_in="conv_in.weight",
    conv_out="conv_out.weight",
    added="add_embedding.linear_1.weight",
    is_projection=lambda name: name.endswith(".proj_in.weight"),
)
_ORIGINAL = _UnetNames(
    conv_in=f"{_LDM}input_blocks.0.0.weight",
    conv_out=f"{_LDM}out.2.weight",
    added=f"{_LDM}label_emb.0.0.weight",
    is_projection=lambda name: name.startswith(_LDM) and name.endswith(".proj_in.weight"),
)


def _read_unet(shapes: Shapes, names: _UnetNames) -> tuple[Architecture, int]:
    conv_in, conv_out = shapes.get(names.conv_in, ()), shapes.get(names.conv_out, ())
    projections = [shape for name, shape in shapes.items() if names.is_projection(name)]
    if len(conv_in) != 4 or len(conv_out) != 4 or not projections:
        raise _unknown()
    if conv_in[1] != conv_out[0]:
        raise ModelError("model_purpose_unsupported", "This model edits pictures (inpainting or instructions).")
    if names.added in shapes:
        return "sdxl", conv_in[1]
    # Stable Diffusion 2 projects with linear layers (two dimensions), version 1 with 1 x 1 convolutions (four).
    return ("sd2" if len(projections[0]) == 2 else "sd1"), conv_in[1]


def _detect_single(path: Path) -> Detected:
    header = read_header(path)
    shapes = {name.removeprefix("model.diffusion_model."): info.shape for name, info in header.tensors.items()}
    if "double_blocks.0.img_attn.qkv.weight" in shapes and "img_in.weight" in shapes:
        return Detected(architecture="flux", layout="single", latent_channels=shapes["img_in.weight"][1] // 4)
    if "joint_blocks.0.context_block.attn.qkv.weight" in shapes and "x_embedder.proj.weight" in shapes:
        return Detected(architecture="sd3", layout="single", latent_channels=shapes["x_embedder.proj.weight"][1])
    architecture, channels = _read_unet({name: info.shape for name, info in header.tensors.items()}, _ORIGINAL)
    prediction = _read_prediction(header, architecture)
    is_base_2 = architecture == "sd2" and prediction == "epsilon"
    return Detected(
        architecture=architecture,
        layout="single",
        latent_channels=channels,
        native_size=512 if is_base_2 else NATIVE_SIZES[architecture],
        prediction_type=prediction,
    )


def _read_prediction(header: Header, architecture: str) -> str:
    named = header.metadata.get("modelspec.prediction_type", "").lower()
    if named in ("v", "epsilon"):
        return "v_prediction" if named == "v" else "epsilon"
    if "v_pred" in header.tensors:
        return "v_prediction"
    # Nothing in the weights tells 2.0-base from 2.1; the later one is what people have.
    return "v_prediction" if architecture == "sd2" else "epsilon"


def _unknown() -> ModelError:
    return ModelError(
        "architecture_unsupported",
        "The weights are of no base model that Daicho can draw with: Stable Diffusion 1, 2, XL and 3, and FLUX.1 are.",
    )
