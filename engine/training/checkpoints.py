"""Keep where a training stands, so that another attempt goes on to the bit as if nothing had happened."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from engine.training.caches import write_whole
from engine.training.optimizers import pack_state, unpack_state

FILE = "checkpoint.safetensors"


@dataclass(slots=True, kw_only=True)
class Progress:
    """Everything besides weights and optimizer that the next step depends on.

    `held_out` and `train` are the measured losses by step, `losses` the training loss as it was reported, `waiting`
    the sum of losses since the last report.
    """

    step: int = 0
    held_out: dict[int, np.ndarray] = field(default_factory=dict)
    train: dict[int, np.ndarray] = field(default_factory=dict)
    losses: list[tuple[int, float]] = field(default_factory=list)
    waiting: float = 0.0
    train_seconds: float = 0.0
    cache_seconds: float = 0.0
    scaler: Mapping[str, Any] = field(default_factory=dict)


def save_checkpoint(
    folder: Path,
    *,
    recipe: str,
    progress: Progress,
    parameters: Mapping[str, Tensor],
    averages: Mapping[str, Tensor],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write everything into one file that is there wholly or not at all. Raises OSError, as on a full disk."""
    state, others = pack_state(optimizer)
    tensors = {f"parameter.{name}": value for name, value in parameters.items()}
    tensors |= {f"average.{name}": value for name, value in averages.items()}
    tensors |= {f"optimizer.{name}": value for name, value in state.items()}
    for side in ("held_out", "train"):
        tensors |= {f"{side}.{step}": torch.from_numpy(each) for step, each in getattr(progress, side).items()}
    kept = {name: getattr(progress, name) for name in ("step", "losses", "waiting", "train_seconds", "cache_seconds")}
    meta = {"recipe": recipe, "optimizer": others, "progress": json.dumps({**kept, "scaler": dict(progress.scaler)})}
    write_whole(folder / FILE, tensors, meta)


def load_checkpoint(
    folder: Path,
    *,
    recipe: str,
    parameters: Mapping[str, Tensor],
    averages: Mapping[str, Tensor],
    optimizer: torch.optim.Optimizer,
) -> Progress | None:
    """Bring weights and optimizer back, and return where the training stood; None where there is nothing to go on from.

    A checkpoint of another recipe is none of this training's, and one that is damaged is none: nothing is moved then.
    """
    wanted = {f"parameter.{name}": each for name, each in parameters.items()}
    wanted |= {f"average.{name}": each for name, each in averages.items()}
    try:
        with safe_open(folder / FILE, "pt") as file:
            meta = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
    except (OSError, SafetensorError):
        return None
    if meta.get("recipe") != recipe or any(not fits(tensors.get(name), each) for name, each in wanted.items()):
        return None
    with torch.no_grad():
        for name, target in wanted.items():
            target.copy_(tensors[name])
    state = {name.removeprefix("optimizer."): each for name, each in tensors.items() if name.startswith("optimizer.")}
    unpack_state(optimizer, state, meta["optimizer"])
    kept = json.loads(meta["progress"])
    kept["losses"] = [tuple(each) for each in kept["losses"]]
    return Progress(**kept, held_out=arrays(tensors, "held_out."), train=arrays(tensors, "train."))


def fits(kept: Tensor | None, target: Tensor) -> bool:
    """Is a tensor there, of the size that it should have?"""
    return kept is not None and kept.shape == target.shape


def arrays(tensors: Mapping[str, Tensor], prefix: str) -> dict[int, np.ndarray]:
    """Return measured losses by step, in order."""
    found = {int(name.removeprefix(prefix)): each for name, each in tensors.items() if name.startswith(prefix)}
    return {step: found[step].numpy() for step in sorted(found)}


def best_file(folder: Path, step: int) -> Path:
    """Return where the best weights of one step are kept."""
    return folder / f"best-{step}.safetensors"


def keep_best(folder: Path, step: int, parameters: Mapping[str, Tensor]) -> None:
    """Keep the weights of the best step so far; older ones stay until the next checkpoint names this one."""
    write_whole(best_file(folder, step), dict(parameters))


def load_best(folder: Path, step: int, parameters: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """Return the weights of the best step, None where they are gone or damaged."""
    try:
        kept = load_file(best_file(folder, step))
    except (OSError, SafetensorError):
        return None
    return kept if all(fits(kept.get(name), each) for name, each in parameters.items()) else None


def drop_older(folder: Path, best_step: int) -> None:
    """Take away the weights of steps that are no longer the best."""
    for path in folder.glob("best-*.safetensors"):
        if path != best_file(folder, best_step):
            path.unlink(missing_ok=True)
