"""Check and load the transformers folder of a tagger: its files choose no code, and nothing outside them is read."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers.image_processing_utils import BaseImageProcessor

from engine.errors import ModelError
from engine.folders import settle
from engine.headers import UNSAFE_SUFFIXES, hash_model, read_header, read_json
from engine.taggers.tags import Tag, pick_tags, split_batches

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
CONFIGS = (CONFIG_NAME, "preprocessor_config.json", "processor_config.json", "tokenizer_config.json")
PROCESSOR_NAME = re.compile(r"[A-Za-z0-9]+(ImageProcessor|FeatureExtractor)(Fast|Pil)?")
# No classifier in use looks closer, in pixels of a side.
MAX_INPUT = 1024
# One wide and one tall picture show at once whether the processor makes all pictures the same size.
TRIAL_SIZES = ((64, 32), (32, 64))
BROKEN = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    ImportError,
    SafetensorError,
    StrictDataclassError,
)


class FolderTagger(ABC):
    """Tag with a model folder: a child says which architectures it takes, its labels, and how it scores pictures.

    `version` is the sha256 of the whole folder, as `hash_model` defines it: label names and preprocessing change tags
    as much as weights do. Raises ModelError for a folder that cannot be used.
    """

    architectures: frozenset[str]
    labels: Sequence[str]

    def __init__(self, folder: Path, *, device: str, threshold: float, limit: int, batch_size: int) -> None:
        self.architecture = check_folder(folder, self.architectures)
        self.version = hash_model(folder)
        self.device = torch.device(device)
        self.threshold, self.limit, self.batch_size = threshold, limit, batch_size
        self.model = load_model(folder, self.architecture, self.device)
        self.processor = load_processor(folder)

    def tag(self, images: Sequence[Image.Image]) -> list[list[Tag]]:
        """Return the tags of every picture, surest first, at most `limit`."""
        return [
            pick_tags(zip(self.labels, row, strict=True), threshold=self.threshold, limit=self.limit)
            for batch in split_batches(images, self.batch_size)
            for row in self.score(batch).tolist()
        ]

    @abstractmethod
    def score(self, images: Sequence[Image.Image]) -> Tensor:
        """Return the confidences of N RGB pictures in L labels, N × L."""

    def prepare(self, images: Sequence[Image.Image]) -> Mapping[str, Tensor]:
        """Return what the model takes for N RGB pictures."""
        inputs: Any = self.processor(images=list(images), return_tensors="pt").to(self.device)
        return dict(inputs)

    def try_out(self, folder: Path) -> None:
        """Score two blank pictures, so that parts that do not fit together show now and not during a job."""
        with refusing_broken(folder):
            scores = self.score([Image.new("RGB", size, "gray") for size in TRIAL_SIZES])
        if scores.shape != (len(TRIAL_SIZES), len(self.labels)):
            raise refuse_folder(folder, f"it gives {tuple(scores.shape)} scores for {len(self.labels)} labels")
        if not torch.isfinite(scores).all():
            raise refuse_folder(folder, "its scores are not numbers")


def check_folder(folder: Path, architectures: frozenset[str]) -> str:
    """Return a folder's architecture, one of those asked for; raise ModelError before anything of it is loaded."""
    if not (folder / CONFIG_NAME).is_file():
        raise ModelError("tagger_missing", f"There is no tagging model in {folder.name}.", folder=folder.name)
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in UNSAFE_SUFFIXES:
            message = f"{file.name} can run programs; a tagging model may hold safetensors only."
            raise ModelError("tagger_needs_safetensors", message, file=file.name)
    for name in CONFIGS:
        if any(True for _ in find_values(read_json(folder / name), "auto_map")):
            raise ModelError("tagger_runs_code", f"{name} asks for code of the model's own.", file=name)
    if not (folder / WEIGHTS_NAME).is_file():
        raise ModelError("tagger_needs_safetensors", f"The folder has no {WEIGHTS_NAME}.", file=WEIGHTS_NAME)
    read_header(folder / WEIGHTS_NAME)
    return read_architecture(folder, architectures)


def find_values(values: Any, key: str) -> Iterator[Any]:
    """Yield what JSON values hold under a key, at any depth."""
    waiting = [values]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if key in value:
                yield value[key]
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def read_architecture(folder: Path, architectures: frozenset[str]) -> str:
    """Return the one architecture that the config names. Raises ModelError `tagger_unknown_architecture`."""
    named = read_json(folder / CONFIG_NAME).get("architectures")
    first = named[0] if isinstance(named, list) and named else None
    if isinstance(first, str) and first in architectures:
        return first
    raise refuse_architecture(str(first or "?"))


def refuse_architecture(architecture: str) -> ModelError:
    """Return the error for a model that does something else than tagging."""
    message = f"{architecture[:80]} cannot tag pictures; image classifiers and CLIP can."
    return ModelError("tagger_unknown_architecture", message, architecture=architecture[:80])


def load_model(folder: Path, architecture: str, device: torch.device) -> Any:
    """Return the network in float32 on its device, every weight from `model.safetensors`.

    The weights are handed over instead of the folder, so that no entry of its configs (adapters, other weight files,
    attention kernels) can bring in something that was not checked.
    """
    cls = getattr(transformers, architecture)
    with refusing_broken(folder):
        config = cls.config_class.from_pretrained(folder, local_files_only=True)
        model, report = cls.from_pretrained(
            None,
            config=config,
            state_dict=load_file(folder / WEIGHTS_NAME),
            dtype=torch.float32,
            attn_implementation="eager",
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    if report["missing_keys"]:
        raise refuse_folder(folder, f"weights are missing: {', '.join(sorted(report['missing_keys'])[:3])}")
    return settle(model, folder.name, device)


def load_processor(folder: Path) -> Any:
    """Return the folder's image processor on Pillow; only its kind is the folder's to choose, and in bounds."""
    for name in CONFIGS:
        values = read_json(folder / name)
        kinds = [*find_values(values, "image_processor_type"), *find_values(values, "feature_extractor_type")]
        # Any class of transformers would be loaded by its name otherwise, whole models too.
        if not all(isinstance(kind, str) and PROCESSOR_NAME.fullmatch(kind) for kind in kinds):
            raise refuse_folder(folder, f"{name} names no image processor")
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    auto: Any = transformers.AutoImageProcessor
    with refusing_broken(folder):
        processor = auto.from_pretrained(folder, backend="pil", **options)
    if not isinstance(processor, BaseImageProcessor):
        raise refuse_folder(folder, "it has no image processor")
    sides = [dict(getattr(processor, name, None) or {}).values() for name in ("size", "crop_size", "pad_size")]
    if not all(isinstance(side, int) and side <= MAX_INPUT for side in chain(*sides) if side is not None):
        raise refuse_folder(folder, f"it resizes pictures to no size up to {MAX_INPUT} pixels")
    return processor


def load_tokenizer(folder: Path) -> Any:
    """Return the folder's CLIP tokenizer."""
    try:
        return transformers.CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    # The library that parses tokenizer.json raises nothing narrower.
    except Exception as error:
        raise refuse_folder(folder, str(error)) from error


@contextmanager
def refusing_broken(folder: Path) -> Iterator[None]:
    """Turn what the libraries raise for files that do not fit together into ModelError `tagger_unreadable`."""
    try:
        yield
    except BROKEN as error:
        raise refuse_folder(folder, str(error)) from error


def refuse_folder(folder: Path, reason: str) -> ModelError:
    """Return the error for a folder whose files are damaged or do not fit together."""
    message = f"The tagging model {folder.name} cannot be loaded: {reason[:300]}"
    return ModelError("tagger_unreadable", message, folder=folder.name)
