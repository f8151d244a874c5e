"""Turn A1111's .pt files, which are pickles, into safetensors; for an operator, never for what people upload.

torch reads them with `weights_only`, where nothing can be called that is not on its list, so that a file which wants to
run a program is refused instead. What comes out is checked as strictly as any other file.
"""

import json
import pickle
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine import hypernetworks
from engine.adapter_files import KIND, save_tensors
from engine.errors import ModelError
from engine.headers import UNSAFE_SUFFIXES

Tensors = dict[str, torch.Tensor]

MAX_BYTES = 2 * 1024**3
TARGET = ".safetensors"
# What A1111's first hypernetworks called their two layers.
OLD_NAMES: Mapping[str, str] = {"linear1": "linear.0", "linear2": "linear.1"}
# What torch's own reader raises when bytes are not what it expects.
UNREADABLE = (
    *(pickle.UnpicklingError, struct.error, RuntimeError, EOFError, OSError, ValueError, TypeError, LookupError),
    *(AttributeError, AssertionError, ImportError, ArithmeticError, MemoryError),
)
_BOOLEANS = ("is_layer_norm", "use_dropout", "activate_output")
_LAYER = re.compile(r"linear[12]?\.(?:\d{1,3}\.)?(?:weight|bias)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """Say what a pickle held: a hypernetwork, or an embedding with its word."""

    kind: str
    name: str
    tensors: int


def convert_pickle(source: Path, target: Path) -> Converted:
    """Write what an A1111 hypernetwork or embedding holds as safetensors.

    Raises ModelError: pickle_refused, pickle_unknown, pickle_target, hypernetwork_invalid, weights_not_finite.
    """
    if target.suffix.lower() != TARGET or target.exists():
        message = f"{target.name} must end in {TARGET} and be no file that is there already."
        raise ModelError("pickle_target", message, file=target.name)
    data = read_pickle(source)
    kind, tensors, header = _read_hypernetwork(data) or _read_embedding(data, source.stem) or _refuse(source)
    _check(kind, tensors, header)
    save_tensors(target, tensors, {**header, KIND: kind}, dtype="fp32")
    name = header.get("modelspec.trigger_phrase") or header.get("name") or source.stem
    return Converted(kind=kind, name=name, tensors=len(tensors))


def _check(kind: str, tensors: Tensors, header: Mapping[str, str]) -> None:
    broken = next((name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()), None)
    if broken is not None:
        message = f"{broken[:80]!r} holds values that are no numbers."
        raise ModelError("weights_not_finite", message, tensor=broken[:80])
    if kind == "hypernetwork":
        hypernetworks.from_state(tensors, header)


def read_pickle(path: Path) -> Mapping[Any, Any]:
    """Return the dictionary in a pickle; nothing in it is run. Raises ModelError("pickle_refused")."""
    if not path.is_file() or path.stat().st_size > MAX_BYTES or path.suffix.lower() not in UNSAFE_SUFFIXES:
        raise _refused(path)
    try:
        # Embeddings of the first days keep their tensors in one of torch's own modules.
        with torch.serialization.safe_globals([torch.nn.ParameterDict]):
            data = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise _refused(path) from error
    if not isinstance(data, dict):
        raise _refused(path)
    return data


def _read_hypernetwork(data: Mapping[Any, Any]) -> tuple[str, Tensors, dict[str, str]] | None:
    pairs = {width: pair for width, pair in data.items() if isinstance(width, int) and not isinstance(width, bool)}
    tensors: Tensors = {}
    for width, pair in pairs.items():
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(isinstance(side, dict) for side in pair):
            return None
        for side, layers in zip("kv", pair, strict=True):
            for name, tensor in layers.items():
                if not isinstance(tensor, torch.Tensor) or not _LAYER.fullmatch(str(name)):
                    return None
                first, _, rest = name.partition(".")
                tensors[f"{width}.{side}.{OLD_NAMES.get(first, first)}.{rest}"] = tensor.detach().float().contiguous()
    return ("hypernetwork", tensors, _describe(data)) if tensors else None


def _describe(data: Mapping[Any, Any]) -> dict[str, str]:
    """Return the structure as our headers say it; what is missing is what A1111 takes."""
    dropouts = data.get("dropout_structure")
    has_dropout = isinstance(dropouts, list) and any(dropouts)
    values = {"is_layer_norm": False, "use_dropout": has_dropout, "activate_output": True}
    values |= {name: bool(data[name]) for name in _BOOLEANS if isinstance(data.get(name), bool)}
    values["use_dropout"] = values["use_dropout"] or has_dropout
    return {
        "layer_structure": json.dumps(data.get("layer_structure") or [1, 2, 1], default=str),
        "activation_func": str(data.get("activation_func") or "linear"),
        **{name: json.dumps(value) for name, value in values.items()},
        "weight_initialization": str(data.get("weight_initialization") or "Normal")[:40],
        "step": str(data.get("step") or 0)[:20],
        "name": str(data.get("name") or "")[:200],
    }


def _read_embedding(data: Mapping[Any, Any], stem: str) -> tuple[str, Tensors, dict[str, str]] | None:
    """Read A1111's, diffusers' and SDXL's layouts; A1111 calls a word by its file, diffusers by its key."""
    held = data.get("string_to_param", data)
    if isinstance(held, torch.nn.ParameterDict):
        held = dict(held.items())
    if not isinstance(held, dict) or not held or not all(_is_row(name, each) for name, each in held.items()):
        return None
    tensors = {name: torch.atleast_2d(each.detach().float()).contiguous() for name, each in held.items()}
    if tensors.keys() == {"clip_l", "clip_g"}:
        return "textual_inversion", tensors, {"modelspec.trigger_phrase": stem}
    if len(tensors) != 1:
        return None
    [(name, rows)] = tensors.items()
    word = name if name.startswith("<") and name.endswith(">") else stem
    return "textual_inversion", {"emb_params": rows}, {"modelspec.trigger_phrase": word[:100]}


def _is_row(name: Any, value: Any) -> bool:
    return isinstance(name, str) and isinstance(value, torch.Tensor) and value.ndim in (1, 2) and value.numel() > 0


def _refuse(path: Path) -> Any:
    message = f"{path.name} is no hypernetwork or embedding as A1111 writes them."
    raise ModelError("pickle_unknown", message, file=path.name)


def _refused(path: Path) -> ModelError:
    message = f"{path.name} is damaged, or wants to run a program; it was not opened."
    return ModelError("pickle_refused", message, file=path.name)
