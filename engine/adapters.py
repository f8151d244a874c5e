"""Put adapters on a resident base model and take them off again, leaving the base as it was to the last bit.

Plain LoRA works beside its layers through PEFT. What changes whole tensors (DreamBooth, LoHa, LoKr, DoRA) stands in the
place of the base model's own tensors; words and hypernetworks have parts of their own. At weight 0 nothing is put on.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from engine import deltas, hypernetworks, inversions, lora, swaps
from engine.completeness import NAMED
from engine.errors import ModelError
from engine.headers import Header, read_header
from engine.models import Resident
from engine.specs import AdapterRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Hold an adapter's file: what was asked for, where it lies, its header and its tensors."""

    ref: AdapterRef
    path: Path
    header: Header
    weights: dict[str, torch.Tensor]

    @property
    def is_swapped(self) -> bool:
        """Say whether it stands in the place of the base model's own tensors."""
        return self.ref.kind == "dreambooth" or (self.ref.kind == "lora" and deltas.is_unusual(self.weights))


def apply_adapters(
    resident: Resident, pipeline: Any, adapters: tuple[AdapterRef, ...], find: Callable[[str], Path]
) -> None:
    """Make exactly `adapters` active, in order; nothing happens when they already are. Raises ModelError."""
    active = tuple(adapter for adapter in adapters if adapter.weight != 0)
    if resident.applied == active:
        return
    remove_adapters(resident)
    # Parameters that are made in inference mode could never be trained or moved again.
    with ExitStack() as undo, torch.inference_mode(False), torch.no_grad():
        undo.callback(remove_adapters, resident)
        _put_on(resident, pipeline, [_open(adapter, find(adapter.sha256)) for adapter in active])
        undo.pop_all()
    resident.applied = active


def remove_adapters(resident: Resident) -> None:
    """Take every adapter off."""
    for pipeline in resident.pipelines.values():
        if hasattr(pipeline, "unload_lora_weights"):
            pipeline.unload_lora_weights()
    if "unet" in resident.loaded.parts:
        hypernetworks.detach(resident.loaded.parts["unet"])
    inversions.forget(resident)
    swaps.swap_out(resident)
    resident.applied = ()


def _open(ref: AdapterRef, path: Path) -> Opened:
    header = read_header(path)
    weights = load_file(path)
    broken = next((name for name, weight in weights.items() if not torch.isfinite(weight).all()), None)
    if not weights or broken or any(0 in info.shape for info in header.tensors.values()):
        message = f"The adapter {path.name} holds no usable weights."
        raise ModelError("adapter_broken", message, file=path.name, tensor=broken or "")
    return Opened(ref=ref, path=path, header=header, weights=weights)


def _put_on(resident: Resident, pipeline: Any, files: Sequence[Opened]) -> None:
    """Put files on. Tensors are swapped first, because PEFT wraps the layers that they lie in."""
    swaps.swap_in(resident, [(_read_changes(resident, file), file.ref.weight) for file in files if file.is_swapped])
    stack = []
    for file in files:
        if file.ref.kind == "textual_inversion":
            word = file.ref.word or inversions.read_word(file.path, file.header)
            inversions.teach(resident, pipeline, file.weights, word=word, strength=file.ref.weight)
        elif file.ref.kind == "hypernetwork":
            stack.append((_read_hypernetwork(resident, file), file.ref.weight))
        elif not file.is_swapped:
            _add_lora(pipeline, _name(file.ref), file)
    loras = [file.ref for file in files if file.ref.kind == "lora" and not file.is_swapped]
    if loras:
        pipeline.set_adapters([_name(each) for each in loras], [each.weight for each in loras])
    if stack:
        hypernetworks.attach(resident.loaded.parts["unet"], stack)


def _name(adapter: AdapterRef) -> str:
    return f"a{adapter.sha256[:16]}"


def _read_changes(resident: Resident, file: Opened) -> dict[str, deltas.Change]:
    if file.ref.kind == "dreambooth":
        return swaps.read_full(file.weights)
    unet = resident.loaded.parts.get("unet")
    layers = unet.config.layers_per_block if unet is not None else 0
    if not isinstance(layers, int) or not layers:
        raise _mismatch(file.path, 0, len(file.weights))
    return deltas.read_changes(file.weights, file.header.metadata, layers_per_block=layers)


def _read_hypernetwork(resident: Resident, file: Opened) -> hypernetworks.Hypernetwork:
    unet = resident.loaded.parts.get("unet")
    hypernetwork = hypernetworks.from_state(file.weights, file.header.metadata).requires_grad_(False)
    known = {str(width) for width in hypernetworks.widths_of(unet)} if unet is not None else set()
    fitting = len(hypernetwork.pairs.keys() & known)
    if fitting < len(hypernetwork.pairs):
        raise _mismatch(file.path, fitting, len(hypernetwork.pairs))
    return hypernetwork.to(unet.device)


def _add_lora(pipeline: Any, name: str, file: Opened) -> None:
    weights = lora.fold_scales(file.weights, file.header.metadata)
    wanted = lora.count_matrices(weights)
    lonely = sorted(lora.lonely_matrices(weights))[:NAMED]
    if lonely:
        message = f"The adapter {file.path.name} lacks the other half of {', '.join(lonely)}."
        raise ModelError("adapter_incomplete", message, tensors=lonely)
    try:
        _load_lora(pipeline, name, weights)
    except (ValueError, RuntimeError, KeyError, TypeError, IndexError) as error:
        raise _mismatch(file.path, 0, wanted) from error
    fitting = sum(_count_matrices(pipeline, network, name) for network in swaps.NETWORKS)
    if not wanted or fitting < wanted:
        raise _mismatch(file.path, fitting, wanted)


def _load_lora(pipeline: Any, name: str, weights: dict[str, torch.Tensor]) -> None:
    if not hasattr(pipeline, "unet"):
        pipeline.load_lora_weights(weights, adapter_name=name)
        return
    text, others = lora.rename_text_layers(weights)
    if others:
        is_two = hasattr(pipeline, "text_encoder_2")
        extra = {"unet_config": pipeline.unet.config} if is_two else {}
        others, _ = pipeline.lora_state_dict(others, **extra)
    state = text | others
    options = {"network_alphas": None, "adapter_name": name, "_pipeline": pipeline}
    if any(key.startswith("unet.") for key in state):
        pipeline.load_lora_into_unet(state, unet=pipeline.unet, **options)
    for network in ("text_encoder", "text_encoder_2"):
        if any(key.startswith(f"{network}.") for key in state):
            encoder = getattr(pipeline, network)
            pipeline.load_lora_into_text_encoder(state, text_encoder=encoder, prefix=network, **options)


def _count_matrices(pipeline: Any, network: str, adapter: str) -> int:
    module = getattr(pipeline, network, None)
    return sum(f".{adapter}." in name for name, _ in module.named_parameters()) if module is not None else 0


def _mismatch(path: Path, fitting: int, wanted: int) -> ModelError:
    message = f"The adapter {path.name} does not fit this base model."
    return ModelError("adapter_mismatch", message, file=path.name, fitting=fitting, wanted=wanted)
