"""Put adapters on a resident base model and take them off again, leaving the base as it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from engine.errors import ModelError
from engine.headers import read_header
from engine.models import Resident
from engine.specs import AdapterRef


def apply_adapters(
    resident: Resident, pipeline: Any, adapters: tuple[AdapterRef, ...], find: Callable[[str], Path]
) -> None:
    """Make exactly `adapters` active, in order; nothing happens when they already are."""
    if resident.applied == adapters:
        return
    remove_adapters(resident, pipeline)
    try:
        with torch.inference_mode(False), torch.no_grad():
            for adapter in adapters:
                _LOADERS[adapter.kind](pipeline, adapter, find(adapter.sha256))
        loras = [adapter for adapter in adapters if adapter.kind == "lora"]
        if loras:
            pipeline.set_adapters([_name(lora) for lora in loras], [lora.weight for lora in loras])
    except ModelError:
        remove_adapters(resident, pipeline)
        raise
    resident.applied = adapters


def remove_adapters(resident: Resident, pipeline: Any) -> None:
    """Take every adapter off."""
    if getattr(pipeline, "peft_config", None) or pipeline.get_list_adapters():
        pipeline.unload_lora_weights()
    resident.applied = ()


def _name(adapter: AdapterRef) -> str:
    return f"a{adapter.sha256[:16]}"


def _load_lora(pipeline: Any, adapter: AdapterRef, path: Path) -> None:
    read_header(path)
    try:
        pipeline.load_lora_weights(load_file(path), adapter_name=_name(adapter))
    except (ValueError, RuntimeError, KeyError) as error:
        message = f"The LoRA {path.name} does not fit this base model."
        raise ModelError("adapter_mismatch", message, file=path.name) from error


_LOADERS = {"lora": _load_lora}
