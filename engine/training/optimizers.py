"""Build the optimizers by their usual names; each state can be kept and taken up again to the bit."""

import importlib
import importlib.util
import json
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import EngineError
from engine.specs import TrainingSpec

BETAS = (0.9, 0.999)
LIBRARIES = {"prodigy": ("prodigyopt", "Prodigy"), "adamw_8bit": ("bitsandbytes", "8-bit AdamW")}


def build_optimizer(spec: TrainingSpec, groups: Sequence[Mapping[str, Any]]) -> torch.optim.Optimizer:
    """Return the optimizer that a spec names, over groups of {"params", "lr"}. Raises EngineError without a library."""
    rows, decay = [dict(group) for group in groups], spec.weight_decay
    if spec.optimizer == "adafactor":
        return torch.optim.Adafactor(rows, lr=spec.learning_rate, weight_decay=decay)
    if spec.optimizer == "prodigy":
        make = library(*LIBRARIES["prodigy"]).Prodigy
        with redirect_stdout(None):
            return make(rows, lr=spec.learning_rate, weight_decay=decay, safeguard_warmup=True)
    if spec.optimizer == "adamw_8bit":
        make = library(*LIBRARIES["adamw_8bit"]).optim.AdamW8bit
        return make(rows, lr=spec.learning_rate, betas=BETAS, weight_decay=decay)
    return torch.optim.AdamW(rows, lr=spec.learning_rate, betas=BETAS, weight_decay=decay, fused=True)


def check_optimizer(spec: TrainingSpec) -> None:
    """Raise EngineError where the optimizer's library is missing, before anything is loaded and drawn for it."""
    if spec.optimizer in LIBRARIES:
        find_library(*LIBRARIES[spec.optimizer])


def library(name: str, title: str) -> Any:
    """Return a library that is not everywhere. Raises EngineError."""
    find_library(name, title)
    return importlib.import_module(name)


def find_library(name: str, title: str) -> None:
    """Raise EngineError where a library is missing."""
    if importlib.util.find_spec(name) is None:
        message = f"{title} needs the library {name}, which is not installed here."
        raise EngineError("optimizer_missing", message, optimizer=title, library=name)


def pack_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], str]:
    """Return an optimizer's tensors by "parameter.name", and everything else as JSON."""
    state = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    others: dict[str, Any] = {"state": {}, "groups": []}
    for index, values in state["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{index}.{name}"] = value
            else:
                others["state"].setdefault(str(index), {})[name] = value
    for place, group in enumerate(state["param_groups"]):
        kept = {}
        for name, value in group.items():
            if isinstance(value, Tensor):
                tensors[f"group.{place}.{name}"] = value
            elif name != "params":
                kept[name] = value
        others["groups"].append(kept)
    return tensors, json.dumps(others)


def unpack_state(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], others: str) -> None:
    """Bring an optimizer back to where `pack_state` found it."""
    kept = json.loads(others)
    state: dict[int, dict[str, Any]] = {int(index): dict(values) for index, values in kept["state"].items()}
    groups = optimizer.state_dict()["param_groups"]
    for group, values in zip(groups, kept["groups"], strict=True):
        group.update({name: as_before(group.get(name), value) for name, value in values.items()})
    for name, tensor in tensors.items():
        head, _, rest = name.partition(".")
        if head == "group":
            place, _, key = rest.partition(".")
            groups[int(place)][key] = tensor
        else:
            state.setdefault(int(head), {})[rest] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def as_before(example: Any, value: Any) -> Any:
    """Return a value of JSON as the kind that the optimizer itself uses."""
    return tuple(value) if isinstance(example, tuple) else value


def split_groups(
    parameters: Mapping[str, nn.Parameter], text: frozenset[str], spec: TrainingSpec
) -> list[dict[str, Any]]:
    """Return the groups: the UNet's at the learning rate, the text encoders' at their own where one is given.

    Prodigy finds its rate by itself, one for all.
    """
    has_one = spec.text_encoder_lr is None or spec.method == "textual_inversion" or spec.optimizer == "prodigy"
    rates = {False: spec.learning_rate, True: spec.learning_rate if has_one else spec.text_encoder_lr}
    groups = []
    for is_text, rate in rates.items():
        chosen = [each for name, each in parameters.items() if (name in text) is is_text]
        if chosen:
            groups.append({"params": chosen, "lr": rate, "peak_lr": rate})
    return groups
