"""Teach the text encoders a word of a Textual Inversion: new rows in the word table, and a tokenizer that knows it.

Three layouts are read: diffusers' {"<token>": [n, width]}, kohya's {"emb_params"} or {"clip_l", "clip_g"}, and A1111's
one tensor of any name. Several vectors are called `token`, `token_1`, and so on.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken

from engine.errors import ModelError
from engine.headers import Header
from engine.models import Resident, Word

Weights = Mapping[str, torch.Tensor]

GENERIC_NAMES = ("emb_params", "clip_l", "clip_g", "*")
_TWO_ENCODERS = ("sdxl", "sd3")


def read_word(path: Path, header: Header) -> str:
    """Return the word that a file itself says it teaches, or else its name."""
    named = header.metadata.get("modelspec.trigger_phrase", "").strip()
    key = next((name for name in header.tensors if name not in GENERIC_NAMES), "")
    return named or key or path.stem


def teach(resident: Resident, pipeline: Any, weights: Weights, *, word: str, strength: float) -> None:
    """Give every text encoder the vectors of a word. Raises ModelError."""
    for network, rows in _rows_by_network(resident, weights).items():
        name = network.replace("text_encoder", "tokenizer")
        tokenizer = copy.deepcopy(getattr(pipeline, name))
        names = [word, *(f"{word}_{index}" for index in range(1, len(rows)))]
        if not set(names).isdisjoint(tokenizer.get_vocab()):
            raise ModelError("adapter_token_taken", f"The base model already knows the word {word!r}.", token=word)
        tokenizer.add_tokens([AddedToken(each, single_word=True) for each in names])
        tokens = tuple(tokenizer.convert_tokens_to_ids(names))
        encoder = resident.loaded.parts[network]
        table = encoder.get_input_embeddings()
        resident.tables.setdefault(network, table)
        encoder.set_input_embeddings(_extend(table, rows, tokens))
        resident.tokenizers[name] = tokenizer
        resident.words.setdefault(name, {})[tokens[0]] = Word(tokens=tokens, weight=strength)
        for shell in resident.pipelines.values():
            setattr(shell, name, tokenizer)


def forget(resident: Resident) -> None:
    """Put the word tables and tokenizers back that knew no taught word."""
    for pipeline in resident.pipelines.values():
        for name in resident.tokenizers:
            setattr(pipeline, name, resident.loaded.parts[name])
    for network, table in resident.tables.items():
        resident.loaded.parts[network].set_input_embeddings(table)
    resident.tokenizers.clear()
    resident.tables.clear()
    resident.words.clear()


def _rows_by_network(resident: Resident, weights: Weights) -> dict[str, torch.Tensor]:
    parts = resident.loaded.parts
    found = {network: torch.atleast_2d(rows) for network, rows in _name_networks(resident, weights).items()}
    for network, rows in found.items():
        width = parts[network].get_input_embeddings().embedding_dim if network in parts else 0
        if rows.ndim != 2 or rows.shape[1] != width:
            message = "This textual inversion was trained for another kind of base model."
            raise ModelError("adapter_mismatch", message, width=rows.shape[-1], wanted=width)
    if len({len(rows) for rows in found.values()}) > 1:
        raise ModelError("adapter_mismatch", "This textual inversion has more vectors for one text encoder.")
    return found


def _name_networks(resident: Resident, weights: Weights) -> dict[str, torch.Tensor]:
    """Return which tensor is meant for which text encoder."""
    if weights.keys() == {"clip_l", "clip_g"}:
        return {"text_encoder": weights["clip_l"], "text_encoder_2": weights["clip_g"]}
    if resident.architecture in _TWO_ENCODERS:
        _refuse_half(weights)
        raise ModelError("adapter_mismatch", "This textual inversion was trained for one text encoder only.")
    if len(weights) != 1:
        message = "This embedding file holds more than one word, or something else besides it."
        raise ModelError("embedding_several", message, count=len(weights))
    return {"text_encoder": next(iter(weights.values()))}


def _refuse_half(weights: Weights) -> None:
    """Refuse vectors for one of the two encoders that both read the word."""
    lonely = sorted({"clip_l", "clip_g"} & weights.keys())
    if lonely:
        message = f"This textual inversion has {lonely[0]} only; clip_l and clip_g are needed."
        raise ModelError("adapter_incomplete", message, tensors=lonely)


def _extend(table: torch.nn.Embedding, rows: torch.Tensor, ids: tuple[int, ...]) -> torch.nn.Embedding:
    old = table.weight
    size = max(old.shape[0], max(ids) + 1)
    weight = torch.zeros(size, old.shape[1], dtype=old.dtype, device=old.device)
    weight[: old.shape[0]] = old
    weight[list(ids)] = rows.to(old)
    return torch.nn.Embedding.from_pretrained(weight)
