"""Translate with a Marian model from disk: a second translator beside the vocabulary, for workers only."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import MarianMTModel, MarianTokenizer

from engine.completeness import check_report
from engine.errors import EngineError, ModelError
from engine.headers import hash_model, read_header, read_json

BATCH = 16
WEIGHTS_NAME = "model.safetensors"
NEEDED = ("config.json", "source.spm", "target.spm", "vocab.json")


class MarianTranslator:
    """Turn Japanese texts into English ones by a transformers Marian folder; the same text always gives the same.

    Weights are read from safetensors only and nothing is downloaded. `version` is the sha256 of the folder.
    Raises ModelError for a folder that is not such a model.
    """

    name = "marian"

    def __init__(self, folder: Path, *, device: str = "cpu", num_beams: int = 4) -> None:
        check_folder(folder)
        self.version = hash_model(folder)
        self.device = torch.device(device)
        self.num_beams = num_beams
        self.tokenizer, self.model = load_folder(folder, self.device)
        self.limit = min(int(self.model.config.max_position_embeddings), int(self.tokenizer.model_max_length))

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Return the texts in English, in their order; empty ones stay empty.

        Raises EngineError `translation_too_long` rather than cutting a text off.
        """
        results = [""] * len(texts)
        waiting = [number for number, text in enumerate(texts) if text.strip()]
        for start in range(0, len(waiting), BATCH):
            batch = waiting[start : start + BATCH]
            done = self.translate_batch([texts[number] for number in batch])
            for number, result in zip(batch, done, strict=True):
                results[number] = result
        return results

    @torch.inference_mode()
    def translate_batch(self, texts: list[str]) -> list[str]:
        """Return one batch of texts in English, by beam search without sampling."""
        inputs = self.tokenizer(texts, return_tensors="pt", padding=True)
        length = int(inputs["input_ids"].shape[1])
        if length > self.limit:
            message = f"The text has {length} tokens; this model translates {self.limit}."
            raise EngineError("translation_too_long", message, length=length, limit=self.limit)
        rows = self.model.generate(
            **inputs.to(self.device), num_beams=self.num_beams, do_sample=False, max_length=self.limit
        )
        return [text.strip() for text in self.tokenizer.batch_decode(rows, skip_special_tokens=True)]


def check_folder(folder: Path) -> None:
    """Refuse a folder without a Marian model in safetensors."""
    for name in NEEDED:
        if not (folder / name).is_file():
            raise ModelError("component_missing", f"The model folder has no {name}.", component=name)
    if not (folder / WEIGHTS_NAME).is_file():
        unsafe = next((file.name for file in sorted(folder.glob("*.bin"))), None)
        if unsafe:
            raise ModelError("unsafe_format", f"{unsafe} can run programs; .safetensors is needed.", file=unsafe)
        raise ModelError("component_missing", f"The model folder has no {WEIGHTS_NAME}.", component=WEIGHTS_NAME)
    if read_json(folder / "config.json").get("model_type") != "marian":
        raise ModelError("translator_unsupported", "Only Marian models can translate.")
    read_header(folder / WEIGHTS_NAME)


def load_folder(folder: Path, device: torch.device) -> tuple[Any, Any]:
    """Return tokenizer and model. Raises ModelError when files do not fit together or weights are missing."""
    try:
        with warnings.catch_warnings():
            # Marian asks for sacremoses, which only straightens quotation marks of European languages.
            warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
            tokenizer = MarianTokenizer.from_pretrained(folder, local_files_only=True)
        model, report = _load_network(folder)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        message = f"The translation model cannot be loaded: {error}"
        raise ModelError("component_broken", message, component=folder.name) from error
    check_report(report, "translator")
    return tokenizer, model.to(device).eval()


def _load_network(folder: Path) -> tuple[Any, dict[str, Any]]:
    """Return the network, and what of it the file did not fill."""
    cls: Any = MarianMTModel
    return cls.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, output_loading_info=True, ignore_mismatched_sizes=True
    )
