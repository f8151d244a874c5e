"""Write adapters to disk whole and with their hashes, read them back, and see whether somebody changed them."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import torch
from safetensors.torch import load_file

from engine import adapter_layouts as layouts
from engine.adapter_layers import Weights
from engine.adapter_names import LAYERS_PER_BLOCK
from engine.adapter_public import PEFT_KEY
from engine.errors import ModelError
from engine.headers import hash_tensors, read_header
from engine.specs import AdapterKind, Architecture
from engine.tensor_files import save_tensor_file

Precision = Literal["fp16", "fp32"]
HASH, DATE, KIND, LAYERS = "modelspec.hash_sha256", "modelspec.date", "daicho.kind", "daicho.layers_per_block"
STRUCTURE = ("layer_structure", "activation_func", "is_layer_norm", "use_dropout", "activate_output")
_DTYPES: Mapping[str, torch.dtype] = {"fp16": torch.float16, "fp32": torch.float32}
_LEGACY_START, _LEGACY_BYTES = 0x100000, 0x10000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredAdapter:
    """Hold what a file held: weights as `Trained.weights` names them, float32, and the header's texts.

    A LoRA's alpha / rank is folded into its weights, so the alpha that belongs to them is each layer's rank.
    """

    kind: AdapterKind
    weights: Weights
    header: Mapping[str, str]


def write_adapter(
    path: Path,
    kind: AdapterKind,
    weights: Weights,
    header: Mapping[str, str],
    *,
    architecture: Architecture,
    lora_alpha: float | None = None,
    layers_per_block: int = LAYERS_PER_BLOCK,
    dtype: Precision = "fp16",
) -> None:
    """Write an adapter in Daicho's own layout, whole or not at all. Raises ModelError.

    `lora_alpha` None means the rank, layer by layer. The header gets its hashes, and a date when it has none.
    """
    options = {"architecture": architecture, "lora_alpha": lora_alpha, "layers_per_block": layers_per_block}
    tensors = layouts.to_kohya(weights, **options) if kind == "lora" else _lay_out(kind, weights, header)
    own = {KIND: kind} | ({LAYERS: str(layers_per_block)} if layers_per_block != LAYERS_PER_BLOCK else {})
    # What another file said of its own names, and PEFT's description, would have this one misread.
    kept = {key: text for key, text in header.items() if key not in (PEFT_KEY, LAYERS)}
    save_tensors(path, tensors, {**kept, **own}, dtype=dtype)


def read_adapter(path: Path) -> StoredAdapter:
    """Return an adapter of any layout that Daicho writes. Raises ModelError, also where it was changed."""
    check_hash(path)
    metadata = read_header(path).metadata
    tensors = load_file(path)
    _refuse_values(tensors)
    kind = layouts.find_kind(tensors)
    if kind == "lora":
        layers = metadata.get(LAYERS, "")
        count = int(layers) if layers.isdecimal() and len(layers) < 3 else LAYERS_PER_BLOCK
        weights = layouts.from_lora_file(tensors, metadata, layers_per_block=count)
    elif kind == "textual_inversion":
        weights = layouts.from_embedding(tensors)
    else:
        weights = {name: tensor.float() for name, tensor in layouts.check_names(kind, tensors).items()}
    return StoredAdapter(kind=kind, weights=weights, header=metadata)


def save_tensors(path: Path, tensors: Weights, header: Mapping[str, str], *, dtype: Precision) -> None:
    """Write tensors and header with ModelSpec's and kohya's hashes: under another name first, seen onto the disk.

    Alphas stay float32. Raises ModelError for values that are no numbers, or are none in this precision, and OSError.
    """
    if not tensors:
        raise ModelError("adapter_empty", "There is nothing to write: nothing was learned, or nothing differs.")
    _refuse_values(tensors)
    stored = {name: _store(name, tensor, dtype) for name, tensor in tensors.items()}
    _refuse_values(stored)
    header = {"format": "pt", DATE: datetime.now(UTC).isoformat(timespec="seconds"), **header}
    with TemporaryDirectory(prefix=".", dir=path.parent) as folder:
        bare, whole = Path(folder) / "bare.safetensors", Path(folder) / "whole.safetensors"
        # kohya hashes the file as it would be with nothing but its own keys in the header.
        save_tensor_file(stored, bare, {key: text for key, text in header.items() if key.startswith("ss_")})
        digest = hash_tensors(bare)
        hashes = {HASH: f"0x{digest}", "sshs_model_hash": digest, "sshs_legacy_hash": hash_legacy(bare)}
        _write_header(bare, whole, {**header, **hashes})
        read_header(whole)
        whole.replace(path)
    sync_folder(path.parent)


def read_hash(path: Path) -> str | None:
    """Return the hash of the tensors that a file's own header claims, 64 digits, or None where it claims none."""
    claimed = read_header(path).metadata.get(HASH, "").strip().lower()
    return claimed.removeprefix("0x") or None


def check_hash(path: Path) -> bool:
    """Say whether a file carries the hash of its tensors. Raises ModelError("adapter_changed") for a wrong one."""
    claimed = read_hash(path)
    if claimed is not None and claimed != hash_tensors(path):
        message = f"{path.name} has other weights than its header says. Somebody changed it."
        raise ModelError("adapter_changed", message, file=path.name)
    return claimed is not None


def hash_legacy(path: Path) -> str:
    """Return A1111's old hash of a file, as kohya writes it: 8 digits, over the 64 KiB that begin at 1 MiB."""
    with path.open("rb") as file:
        file.seek(_LEGACY_START)
        return hashlib.sha256(file.read(_LEGACY_BYTES)).hexdigest()[:8]


def sync_folder(folder: Path) -> None:
    """See a folder's names onto the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lay_out(kind: AdapterKind, weights: Weights, header: Mapping[str, str]) -> dict[str, torch.Tensor]:
    if kind == "textual_inversion":
        return layouts.to_embedding(weights, "", "kohya")
    missing = [name for name in STRUCTURE if name not in header] if kind == "hypernetwork" else []
    if missing:
        raise ModelError("header_incomplete", f"The header lacks {', '.join(missing)}.", keys=missing)
    return layouts.check_names(kind, weights)


def _write_header(source: Path, target: Path, metadata: Mapping[str, str]) -> None:
    """Copy a file under another header whose keys are in order: safetensors shuffles them, and so the file's hash."""
    with source.open("rb") as old, target.open("wb") as new:
        tensors = json.loads(old.read(int.from_bytes(old.read(8), "little")))
        tensors.pop("__metadata__", None)
        header = {"__metadata__": dict(sorted(metadata.items())), **tensors}
        raw = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        raw += b" " * (-len(raw) % 8)
        new.write(len(raw).to_bytes(8, "little") + raw)
        shutil.copyfileobj(old, new, 2**20)
        new.flush()
        os.fsync(new.fileno())


def _store(name: str, tensor: torch.Tensor, dtype: Precision) -> torch.Tensor:
    wanted = torch.float32 if name.endswith(".alpha") else _DTYPES[dtype]
    return tensor.detach().to("cpu", wanted, copy=True).contiguous()


def _refuse_values(tensors: Weights) -> None:
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            message = f"{name[:80]!r} holds values that are no numbers, or too large for this precision."
            raise ModelError("adapter_not_finite", message, tensor=name[:80])
