"""Write adapters as other programs want them: PEFT's LoRA, three embeddings, hypernetworks, a diffusers folder."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from engine import adapter_layouts as layouts
from engine.adapter_bases import unpack_base
from engine.adapter_files import STRUCTURE, Precision, check_hash, save_tensors, sync_folder
from engine.adapter_layers import Weights
from engine.adapter_names import name_parameter
from engine.adapter_public import PEFT_KEY, public_header
from engine.errors import ModelError
from engine.headers import UNSAFE_SUFFIXES, component_files, read_header, read_json
from engine.tensor_files import save_tensor_file

_WEIGHT_SUFFIXES = (".safetensors", ".json", *UNSAFE_SUFFIXES, ".msgpack", ".h5", ".onnx")


def export_public(source: Path, path: Path) -> None:
    """Copy an adapter file with nothing in its header that tells of the dataset; the weights keep their bytes."""
    check_hash(source)
    tensors = load_file(source)
    is_half = any(tensor.dtype == torch.float16 for tensor in tensors.values())
    save_tensors(path, tensors, public_header(read_header(source).metadata), dtype="fp16" if is_half else "fp32")


def export_peft(
    path: Path,
    weights: Weights,
    header: Mapping[str, str],
    *,
    lora_alpha: float | None = None,
    dtype: Precision = "fp16",
) -> None:
    """Write a LoRA or DoRA as diffusers' `save_lora_weights` does, so that `load_lora_weights` reads it whole."""
    tensors, configs = layouts.to_peft(weights, lora_alpha=lora_alpha)
    described = {f"{network}.{key}": value for network, config in configs.items() for key, value in config.items()}
    text = json.dumps(described, indent=2, sort_keys=True)
    save_tensors(path, tensors, {**header, PEFT_KEY: text}, dtype=dtype)


def export_embedding(
    path: Path,
    vectors: Weights,
    token: str,
    header: Mapping[str, str],
    *,
    layout: layouts.EmbeddingLayout = "diffusers",
    dtype: Precision = "fp32",
) -> None:
    """Write a textual inversion; A1111 and ComfyUI take the file's name as its word, diffusers the tensor's."""
    tensors = layouts.to_embedding(vectors, token, layout)
    named = {"modelspec.trigger_phrase": token} | ({"name": token} if layout == "a1111" else {})
    save_tensors(path, tensors, {**header, **named}, dtype=dtype)


def export_hypernetwork(path: Path, weights: Weights, header: Mapping[str, str], *, dtype: Precision = "fp32") -> None:
    """Write a hypernetwork as safetensors; `to_a1111_hypernetwork` says how A1111 itself names the same values."""
    save_tensors(path, layouts.check_names("hypernetwork", weights), header, dtype=dtype)


def to_a1111_hypernetwork(weights: Weights, header: Mapping[str, str]) -> dict[int | str, Any]:
    """Return what A1111 keeps in a .pt file, for whoever wants to save one; Daicho itself writes no pickles.

    `128.k.linear.0.weight` becomes `[128][0]["linear.0.weight"]`, and of `v` `[128][1]`; the structure stands beside.
    """
    pairs: dict[int | str, Any] = {}
    for name, tensor in layouts.check_names("hypernetwork", weights).items():
        width, side, path = name.split(".", 2)
        pairs.setdefault(int(width), ({}, {}))["kv".index(side)][path] = tensor
    structure: dict[int | str, Any] = {key: header[key] for key in STRUCTURE if key in header}
    for key in ("layer_structure", "is_layer_norm", "use_dropout", "activate_output"):
        if key in structure:
            structure[key] = json.loads(structure[key])
    known = {key: header[key] for key in ("name", "weight_initialization") if key in header}
    step = {"step": int(header["step"])} if header.get("step", "").isdecimal() else {}
    return pairs | structure | known | step


def export_dreambooth_folder(base: Path, weights: Weights, folder: Path, *, tokenizers: Path | None = None) -> None:
    """Write a diffusers folder with the trained parameters in place of the base's, in the base's precision.

    Everything else is copied, except for other formats of the trained networks; a checkpoint in one file becomes a
    folder first, for which it needs `tokenizers` as drawing with it does. Raises ModelError.
    """
    trained = layouts.check_names("dreambooth", weights)
    networks = {name.split(".")[0] for name in trained}
    with TemporaryDirectory(prefix=".", dir=folder.parent) as temporary:
        source, target = base, Path(temporary) / "model"
        if not base.is_dir():
            source = unpack_base(base, Path(temporary) / "base", tokenizers=tokenizers)
        shutil.copytree(source, target, ignore=_ignore_weights(source, networks), copy_function=shutil.copyfile)
        for network in sorted(networks):
            _write_network(source / network, target / network, network, trained)
        target.rename(folder)
    sync_folder(folder.parent)


def _ignore_weights(base: Path, networks: set[str]) -> Any:
    """Leave out hidden files, whatever can run programs, and the trained networks' own weights of every format."""

    def ignore(folder: str, names: list[str]) -> list[str]:
        is_trained = Path(folder).parent == base and Path(folder).name in networks
        kept = {"config.json", *_index_names(Path(folder))}
        return [
            name
            for name in names
            if name.startswith(".")
            or name.lower().endswith(UNSAFE_SUFFIXES)
            or (is_trained and name.lower().endswith(_WEIGHT_SUFFIXES) and name not in kept)
        ]

    return ignore


def _index_names(folder: Path) -> set[str]:
    """Return the indices that list just the files which are written anew."""
    files = {file.name for file in component_files(folder)}
    indices = folder.glob("*.index*.json")
    return {path.name for path in indices if set(read_json(path).get("weight_map", {}).values()) <= files}


def _write_network(source: Path, target: Path, network: str, weights: Weights) -> None:
    left = {name for name in weights if name.split(".")[0] == network}
    for file in component_files(source):
        read_header(file)
        with safe_open(file, "pt") as opened:
            metadata = opened.metadata() or {"format": "pt"}
        tensors = load_file(file)
        for name, tensor in tensors.items():
            trained = weights.get(name_parameter(f"{network}.{name}"))
            if trained is not None:
                tensors[name] = _fit(network, name, trained, tensor)
                left.discard(name_parameter(f"{network}.{name}"))
        save_tensor_file(tensors, target / file.name, metadata)
    if left:
        message = f"The base model has no {sorted(left)[0]}."
        raise ModelError("adapter_mismatch", message, file="", fitting=0, wanted=len(left))


def _fit(network: str, name: str, trained: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    if trained.shape != base.shape:
        message = f"{network}.{name} has another shape than the base model's."
        raise ModelError("adapter_mismatch", message, file="", fitting=0, wanted=1)
    return trained.detach().to("cpu", base.dtype, copy=True).contiguous()
