"""Read safetensors headers strictly, without torch and without trusting a single number in them.

The format: eight bytes of little-endian header length, a JSON object (name -> dtype, shape, offsets, and
`__metadata__`), then the tensors back to back. Source: the safetensors format description.
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from engine.errors import ModelError

MAX_HEADER_BYTES = 100_000_000
MAX_TENSORS = 50_000
MAX_METADATA_BYTES = 1_000_000
MAX_DIMENSIONS = 8
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


def _read_raw(start: bytes, size: int, read: Any) -> bytes:
    if start[:2] == b"PK" or start[:1] == b"\x80":
        raise ModelError("pickle_content", "This is a pickle or zip file with a .safetensors name.")
    if len(start) < 8:
        raise ModelError("file_too_short", "The file is too short to be a model.", bytes=size)
    length: int = struct.unpack("<Q", start)[0]
    if length > size - 8:
        raise ModelError("header_over_file", "The header claims to be longer than the file.", length=length, bytes=size)
    if length > MAX_HEADER_BYTES:
        raise ModelError("header_too_long", "The header is too long.", length=length, limit=MAX_HEADER_BYTES)
    raw: bytes = read(length)
    if len(raw) != length:
        raise ModelError("file_too_short", "The file ended inside its header.", bytes=size)
    return raw


def _parse(raw: bytes) -> dict[str, Any]:
    if not raw.startswith(b"{"):
        raise ModelError("header_not_json", "The header is not a JSON object.")
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
