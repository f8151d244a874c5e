"""Propose tags for pictures, each a guess for a person to accept or reject. For workers only: imports torch.

Nothing is downloaded, weights are read from safetensors only, and a folder never chooses what code runs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from engine.taggers import classifier, zero_shot
from engine.taggers.classifier import ClassifierTagger
from engine.taggers.folder import check_folder
from engine.taggers.judge import JudgeTagger
from engine.taggers.tags import Tag, Tagger
from engine.taggers.zero_shot import ZeroShotTagger

__all__ = ["ClassifierTagger", "JudgeTagger", "Tag", "Tagger", "ZeroShotTagger", "open_tagger"]

NO_VOCABULARY: Mapping[str, Sequence[str]] = MappingProxyType({})


def open_tagger(
    folder: Path | None, *, vocabulary: Mapping[str, Sequence[str]] = NO_VOCABULARY, device: str = "cpu"
) -> Tagger:
    """Return the tagger that a model folder is for; without a folder, the starter world's judge.

    `vocabulary` (group → labels) is read for CLIP only; the others bring their labels. Raises ModelError with
    tagger_missing, tagger_needs_safetensors, tagger_runs_code, tagger_unknown_architecture, tagger_unreadable or a code
    of `engine.headers` and `engine.folders`; EngineError for a vocabulary that cannot be used.
    """
    if folder is None:
        return JudgeTagger(device=device)
    architecture = check_folder(folder, classifier.ARCHITECTURES | zero_shot.ARCHITECTURES)
    if architecture in zero_shot.ARCHITECTURES:
        return ZeroShotTagger(folder, vocabulary, device=device)
    return ClassifierTagger(folder, device=device)
