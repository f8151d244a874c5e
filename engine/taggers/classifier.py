"""Tag with an image classifier of transformers, which brings its own labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES

from engine.taggers.folder import FolderTagger, refuse_architecture, refuse_folder
from engine.taggers.tags import BATCH, MAX_TAGS

THRESHOLD = 0.3
SINGLE, MULTI = "single_label_classification", "multi_label_classification"
ARCHITECTURES = frozenset(
    name
    for names in MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES.values()
    for name in ((names,) if isinstance(names, str) else names)
)


class ClassifierTagger(FolderTagger):
    """Give the labels of an image-classification folder, as its `id2label` spells them.

    The confidence is the sigmoid where `problem_type` is multi_label_classification, else the softmax; how honest it is
    depends on the model.
    """

    name = "classifier"
    architectures = ARCHITECTURES

    def __init__(
        self,
        folder: Path,
        *,
        device: str = "cpu",
        threshold: float = THRESHOLD,
        limit: int = MAX_TAGS,
        batch_size: int = BATCH,
    ) -> None:
        super().__init__(folder, device=device, threshold=threshold, limit=limit, batch_size=batch_size)
        self.is_multi_label = self.model.config.problem_type == MULTI
        self.labels = self.read_labels(folder, self.model.config)
        self.try_out(folder)

    def read_labels(self, folder: Path, config: Any) -> list[str]:
        """Return the labels in the order of the scores; a model that has nothing to choose from cannot tag."""
        if config.problem_type not in (None, SINGLE, MULTI):
            raise refuse_architecture(f"{self.architecture} ({config.problem_type})")
        if len(config.id2label) < 2 and not self.is_multi_label:
            raise refuse_architecture(f"{self.architecture} (1 label)")
        if set(config.id2label) != set(range(len(config.id2label))):
            raise refuse_folder(folder, "its labels are not numbered from 0 on")
        return [str(config.id2label[number]) for number in range(len(config.id2label))]

    @torch.inference_mode()
    def score(self, images: Sequence[Image.Image]) -> Tensor:
        logits: Tensor = self.model(**self.prepare(images)).logits.float()
        return logits.sigmoid() if self.is_multi_label else logits.softmax(-1)
