"""Put changed tensors in the place of a base model's own, and the same objects back afterwards."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from engine.deltas import Change
from engine.errors import ModelError
from engine.models import Resident

NETWORKS = ("unet", "transformer", "text_encoder", "text_encoder_2")


def swap_in(resident: Resident, adapters: Sequence[tuple[Mapping[str, Change], float]]) -> None:
    """Change parameters by `<network>.<parameter name>`, each adapter at its weight, in order. Raises ModelError.

    Every adapter's share is worked out from the base model's own tensor: base + weight x (changed - base).
    """
    stacks: dict[str, list[tuple[Change, float]]] = {}
    for changes, weight in adapters:
        for name, change in changes.items():
            stacks.setdefault(name, []).append((change, weight))
    for name, stack in stacks.items():
        module, leaf = _find(resident, name)
        original = module._parameters[leaf]
        changed = _mix(original.detach(), stack, name)
        resident.swapped.append((module, leaf, original))
        module._parameters[leaf] = torch.nn.Parameter(changed, requires_grad=False)


def swap_out(resident: Resident) -> None:
    """Put every original parameter back."""
    while resident.swapped:
        module, leaf, original = resident.swapped.pop()
        module._parameters[leaf] = original


def read_full(weights: Mapping[str, torch.Tensor]) -> dict[str, Change]:
    """Return the changes that a file of whole trained tensors makes."""
    return {name: lambda base, tensor=tensor: _same_shape(tensor, base) for name, tensor in weights.items()}


def _mix(original: torch.Tensor, stack: Sequence[tuple[Change, float]], name: str) -> torch.Tensor:
    base = original.float()
    total: torch.Tensor | None = None
    for change, weight in stack:
        share = torch.lerp(base, change(base), weight)
        total = share if total is None else total + (share - base)
    assert total is not None
    changed = total.to(original.dtype)
    if not torch.isfinite(changed).all():
        raise ModelError("adapter_broken", f"The adapter makes values of {name} that are no numbers.", tensor=name)
    return changed


def _same_shape(tensor: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    if tensor.shape != base.shape:
        message = f"A tensor of this adapter has the shape {tuple(tensor.shape)}, not {tuple(base.shape)}."
        raise ModelError("adapter_mismatch", message, found=list(tensor.shape), wanted=list(base.shape))
    return tensor.to(base)


def _find(resident: Resident, name: str) -> tuple[Any, str]:
    """Return the module that holds a parameter, and its name there; CLIP's `text_model.` may be absent in either."""
    network, _, path = name.partition(".")
    root = resident.loaded.parts.get(network) if network in NETWORKS else None
    for each in (path, path.removeprefix("text_model."), f"text_model.{path}"):
        owner, _, leaf = each.rpartition(".")
        module = _submodule(root, owner)
        if module is not None and module._parameters.get(leaf) is not None:
            return module, leaf
    message = f"The base model has no {name[:120]!r}."
    raise ModelError("adapter_mismatch", message, layer=name[:120])


def _submodule(root: Any, path: str) -> Any:
    try:
        return root.get_submodule(path) if root is not None else None
    except AttributeError:
        return None
