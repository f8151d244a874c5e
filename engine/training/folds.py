"""Find out on folds how many steps a small set can bear, then learn from all of it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from engine.specs import TrainingSpec
from engine.training.randomness import key_of
from engine.training.values import Material, OnEvent, Staged, Trained, TrainingItem


def parts_of(material: Material, count: int, seed: int) -> list[Material]:
    """Return the material parted `count` times; each picture is held out exactly once, with its near duplicates.

    The order follows from the seed and the pictures alone. Where there are fewer groups than folds, each is a fold.
    """
    groups: dict[str, list[TrainingItem]] = {}
    for item in sorted((*material.train, *material.validation), key=lambda each: key_of(seed, "fold", each.sha256)):
        groups.setdefault(item.group or item.sha256, []).append(item)
    folds: list[list[TrainingItem]] = [[] for _ in range(min(count, len(groups)))]
    # The largest first, each into the fold that is smallest so far.
    for group in sorted(groups.values(), key=len, reverse=True):
        min(folds, key=len).extend(group)
    return [
        Material(
            train=tuple(item for other in folds if other is not fold for item in other),
            validation=tuple(fold),
            class_pictures=material.class_pictures,
        )
        for fold in folds
    ]


def find_steps(
    spec: TrainingSpec,
    material: Material,
    *,
    folder: Path,
    train_one: Callable[..., Trained],
    on_event: OnEvent,
    **options: Any,
) -> tuple[TrainingSpec, Material]:
    """Train on every fold, and return the spec and the material of the last training: all pictures, the median's steps.

    What a fold found is kept, so that a later attempt does not train it again.
    """
    parts = parts_of(material, spec.folds, spec.seed)
    found = []
    for number, part in enumerate(parts, start=1):
        on_event(Staged(stage="folding", index=number - 1, total=len(parts)))
        kept = folder / f"fold-{number}"
        asked = spec.replace(folds=0, sample_steps=0, sample_prompts=(), restore_best=True, split=part.split())
        found.append(read_best(kept) or train_fold(asked, part, kept, train_one, on_event=on_event, **options))
    on_event(Staged(stage="folding", index=len(parts), total=len(parts)))
    steps = max(1, round(median(found)))
    whole = Material(train=(*material.train, *material.validation), class_pictures=material.class_pictures)
    return spec.replace(folds=0, max_train_steps=steps, validation_steps=0, early_stopping_patience=0), whole


def train_fold(
    spec: TrainingSpec, material: Material, folder: Path, train_one: Callable[..., Trained], **options: Any
) -> int:
    """Train on one fold and keep the step at which it was best."""
    folder.mkdir(parents=True, exist_ok=True)
    trained = train_one(spec, material, folder=folder, **options)
    best = trained.step
    temporary = folder / ".best.json"
    temporary.write_text(json.dumps({"step": best}))
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(folder / "best.json")
    for path in folder.glob("*.safetensors"):
        path.unlink()
    return best


def read_best(folder: Path) -> int | None:
    """Return the step that an earlier attempt found best, None where it did not come so far."""
    path = folder / "best.json"
    return int(json.loads(path.read_text())["step"]) if path.is_file() else None
