"""Tag with a CLIP model, in words of the user's own."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize

from engine.errors import EngineError
from engine.taggers.folder import FolderTagger, load_tokenizer, refusing_broken
from engine.taggers.tags import BATCH, MAX_TAGS

THRESHOLD = 0.5
ARCHITECTURES = frozenset({"CLIPModel"})
LABEL = "{label}"
TEMPLATES = ("a photo of {label}",)
TEXT_BATCH = 64


class ZeroShotTagger(FolderTagger):
    """Give labels out of groups of words (group → labels), by a CLIP folder.

    The labels of a group share one softmax: the confidence says how far a label fits better than the others of its
    group, not that it fits. A group should hold all that a picture may be. Each template makes a prompt of a label;
    their embeddings are averaged (prompt ensembling: Radford et al. 2021, section 3.1.4) and kept.

    Raises EngineError for a vocabulary or templates that cannot be used.
    """

    name = "clip"
    architectures = ARCHITECTURES

    def __init__(
        self,
        folder: Path,
        vocabulary: Mapping[str, Sequence[str]],
        *,
        templates: Sequence[str] = TEMPLATES,
        device: str = "cpu",
        threshold: float = THRESHOLD,
        limit: int = MAX_TAGS,
        batch_size: int = BATCH,
    ) -> None:
        groups = clean_vocabulary(vocabulary)
        check_templates(templates)
        super().__init__(folder, device=device, threshold=threshold, limit=limit, batch_size=batch_size)
        self.tokenizer = load_tokenizer(folder)
        self.labels = [label for group in groups for label in group]
        self.sizes = [len(group) for group in groups]
        with refusing_broken(folder):
            self.texts = self.embed_labels(templates)
        self.try_out(folder)

    @torch.inference_mode()
    def score(self, images: Sequence[Image.Image]) -> Tensor:
        features = self.model.get_image_features(**self.prepare(images)).pooler_output
        logits = self.model.logit_scale.exp() * normalize(features, dim=-1) @ self.texts.T
        return torch.cat([group.softmax(1) for group in logits.split(self.sizes, 1)], 1)

    def embed_labels(self, templates: Sequence[str]) -> Tensor:
        """Return a unit vector for each of L labels, L × D."""
        prompts = [template.replace(LABEL, label) for label in self.labels for template in templates]
        self.check_lengths(prompts)
        rows = [self.embed_texts(prompts[start : start + TEXT_BATCH]) for start in range(0, len(prompts), TEXT_BATCH)]
        return normalize(torch.cat(rows).view(len(self.labels), len(templates), -1).mean(1), dim=-1)

    @torch.inference_mode()
    def embed_texts(self, texts: list[str]) -> Tensor:
        """Return a unit vector for each of N texts, N × D."""
        inputs = self.tokenizer(texts, padding=True, return_tensors="pt").to(self.device)
        return normalize(self.model.get_text_features(**inputs).pooler_output, dim=-1)

    def check_lengths(self, prompts: list[str]) -> None:
        """Refuse a prompt that the text encoder would have to cut."""
        limit = int(self.model.config.text_config.max_position_embeddings)
        for prompt, tokens in zip(prompts, self.tokenizer(prompts)["input_ids"], strict=True):
            if len(tokens) > limit:
                message = f"{prompt[:80]!r} has {len(tokens)} tokens; this model reads {limit}."
                raise EngineError("tagger_label_too_long", message, prompt=prompt[:80], length=len(tokens), limit=limit)


def clean_vocabulary(vocabulary: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return the groups' different labels; a label with no rival would be sure of everything, and is refused."""
    if not vocabulary:
        raise EngineError("tagger_vocabulary_empty", "CLIP needs labels to choose from.")
    groups = {
        name: list(dict.fromkeys(label.strip() for label in labels if label.strip()))
        for name, labels in vocabulary.items()
    }
    for name, labels in groups.items():
        if len(labels) < 2:
            raise EngineError("tagger_group_too_small", f"The group {name} needs two different labels.", group=name)
    return list(groups.values())


def check_templates(templates: Sequence[str]) -> None:
    """Refuse templates in which no label has a place."""
    if not templates or not all(LABEL in template for template in templates):
        raise EngineError("tagger_template_invalid", f"A template needs {LABEL} in it.", placeholder=LABEL)
