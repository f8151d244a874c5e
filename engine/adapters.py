"""Put adapters on a resident base model and take them off again, leaving the base as it was to the last bit."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import AddedToken

from engine import lora
from engine.completeness import NAMED
from engine.errors import ModelError
from engine.headers import Header, read_header
from engine.models import Resident
from engine.specs import AdapterRef

_GENERIC_NAMES = ("emb_params", "clip_l", "clip_g", "*")
_NETWORKS = ("unet", "transformer", "text_encoder", "text_encoder_2")


def apply_adapters(
    resident: Resident, pipeline: Any, adapters: tuple[AdapterRef, ...], find: Callable[[str], Path]
) -> None:
    """Make exactly `adapters` active, in order; nothing happens when they already are. Raises ModelError."""
    if resident.applied == adapters:
        return
    remove_adapters(resident)
    try:
        # Parameters that are made in inference mode could never be trained or moved again.
        with torch.inference_mode(False), torch.no_grad():
            for adapter in adapters:
                _apply(resident, pipeline, adapter, find(adapter.sha256))
            _set_weights(pipeline, [adapter for adapter in adapters if adapter.kind == "lora"])
    except ModelError:
        remove_adapters(resident)
        raise
    resident.applied = adapters


def remove_adapters(resident: Resident) -> None:
    """Take every adapter off."""
    for pipeline in resident.pipelines.values():
        if hasattr(pipeline, "unload_lora_weights"):
            pipeline.unload_lora_weights()
        for name in resident.tokenizers:
            setattr(pipeline, name, resident.loaded.parts[name])
    for network, table in resident.tables.items():
        resident.loaded.parts[network].set_input_embeddings(table)
    resident.tokenizers.clear()
    resident.tables.clear()
    resident.applied = ()


def _apply(resident: Resident, pipeline: Any, adapter: AdapterRef, path: Path) -> None:
    header = read_header(path)
    weights = load_file(path)
    broken = next((name for name, weight in weights.items() if not torch.isfinite(weight).all()), None)
    if not weights or broken or any(0 in info.shape for info in header.tensors.values()):
        message = f"The adapter {path.name} holds no usable weights."
        raise ModelError("adapter_broken", message, file=path.name, tensor=broken or "")
    if adapter.kind == "lora":
        _add_lora(pipeline, _name(adapter), path, lora.fold_scales(weights, header.metadata))
    elif adapter.kind == "textual_inversion":
        _add_tokens(resident, pipeline, weights, _read_token(path, header))
    else:
        message = f"Adapters of the kind {adapter.kind!r} cannot be used yet."
        raise ModelError("adapter_kind_unsupported", message, kind=adapter.kind)


def _name(adapter: AdapterRef) -> str:
    return f"a{adapter.sha256[:16]}"


def _set_weights(pipeline: Any, loras: list[AdapterRef]) -> None:
    if loras:
        pipeline.set_adapters([_name(each) for each in loras], [each.weight for each in loras])


def _add_lora(pipeline: Any, name: str, path: Path, weights: dict[str, torch.Tensor]) -> None:
    wanted = lora.count_matrices(weights)
    lonely = sorted(lora.lonely_matrices(weights))[:NAMED]
    if lonely:
        message = f"The adapter {path.name} lacks the other half of {', '.join(lonely)}."
        raise ModelError("adapter_incomplete", message, tensors=lonely)
    try:
        _load_lora(pipeline, name, weights)
    except (ValueError, RuntimeError, KeyError, TypeError, IndexError) as error:
        raise _mismatch(path, 0, wanted) from error
    fitting = sum(_count_matrices(pipeline, network, name) for network in _NETWORKS)
    if not wanted or fitting < wanted:
        raise _mismatch(path, fitting, wanted)


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


def _read_token(path: Path, header: Header) -> str:
    named = header.metadata.get("modelspec.trigger_phrase", "").strip()
    key = next((name for name in header.tensors if name not in _GENERIC_NAMES), "")
    return named or key or path.stem


def _add_tokens(resident: Resident, pipeline: Any, weights: Mapping[str, torch.Tensor], token: str) -> None:
    """Give both text encoders the new words, as `token`, `token_1`, and so on for several vectors."""
    vectors = _vectors_by_network(resident, weights)
    for network, rows in vectors.items():
        encoder = resident.loaded.parts[network]
        tokenizer_name = network.replace("text_encoder", "tokenizer")
        tokenizer = copy.deepcopy(getattr(pipeline, tokenizer_name))
        names = [token, *(f"{token}_{index}" for index in range(1, len(rows)))]
        if len(set(names) & set(tokenizer.get_vocab())):
            raise ModelError("adapter_token_taken", f"The base model already knows the word {token!r}.", token=token)
        tokenizer.add_tokens([AddedToken(name, single_word=True) for name in names])
        table = encoder.get_input_embeddings()
        resident.tables.setdefault(network, table)
        encoder.set_input_embeddings(_extend(table, rows, tokenizer.convert_tokens_to_ids(names)))
        resident.tokenizers[tokenizer_name] = tokenizer
        for shell in resident.pipelines.values():
            setattr(shell, tokenizer_name, tokenizer)


def _vectors_by_network(resident: Resident, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    parts = resident.loaded.parts
    if "clip_l" in weights and "clip_g" in weights:
        found = {"text_encoder": weights["clip_l"], "text_encoder_2": weights["clip_g"]}
    else:
        _refuse_half(parts, weights)
        found = {"text_encoder": next(iter(weights.values()))}
    found = {network: torch.atleast_2d(rows) for network, rows in found.items()}
    for network, rows in found.items():
        width = parts[network].get_input_embeddings().embedding_dim if network in parts else 0
        if rows.ndim != 2 or rows.shape[1] != width:
            message = "This textual inversion was trained for another kind of base model."
            raise ModelError("adapter_mismatch", message, width=rows.shape[-1], wanted=width)
    return found


def _refuse_half(parts: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> None:
    """Refuse vectors for one of the two encoders that both read the word."""
    lonely = sorted({"clip_l", "clip_g"} & weights.keys())
    if lonely and "text_encoder_2" in parts:
        message = f"This textual inversion has {lonely[0]} only; clip_l and clip_g are needed."
        raise ModelError("adapter_incomplete", message, tensors=lonely)


def _extend(table: torch.nn.Embedding, rows: torch.Tensor, ids: list[int]) -> torch.nn.Embedding:
    old = table.weight
    size = max(old.shape[0], max(ids) + 1)
    weight = torch.zeros(size, old.shape[1], dtype=old.dtype, device=old.device)
    weight[: old.shape[0]] = old
    weight[ids] = rows.to(old)
    return torch.nn.Embedding.from_pretrained(weight)
