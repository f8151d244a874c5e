"""What goes into a training and what comes out of it, as plain values. Imports no torch."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Stage = Literal[
    "loading", "folding", "caching", "class_pictures", "training", "validating", "sampling", "saving"
]  # fmt: skip
Reason = Literal["finished", "early_stop", "nothing_learned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingItem:
    """One picture to learn from: where its bytes lie, their sha256, and the caption that is sent with it.

    Pictures of one `group` are near duplicates: none is held out while another one is learned from.
    """

    path: Path
    sha256: str
    caption: str
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything to learn from, already parted; class pictures are DreamBooth's and belong to neither side.

    A picture is on one side only, and near duplicates of it are on the same one: `assets.splits` sees to that.
    """

    train: tuple[TrainingItem, ...]
    validation: tuple[TrainingItem, ...] = ()
    class_pictures: tuple[TrainingItem, ...] = ()

    def split(self) -> str:
        """Return the sha256 that names who is on which side, and with which caption."""
        sides = {
            name: [[item.sha256, item.caption] for item in getattr(self, name)] for name in ("train", "validation")
        }
        return hashlib.sha256(json.dumps(sides, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How far a loss has moved from step 0, as a share of it: -0.1 is ten per cent better; with a 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """One step is done. `loss` is the mean since the last report and None between reports."""

    step: int
    total: int
    loss: float | None = None
    learning_rate: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """Work that has no loss goes on: `index` of `total` in a stage."""

    stage: Stage
    index: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """The loss on pictures that nobody trains on, and on as many training pictures; the gap is the overfit.

    Losses are plain means; changes are means of per-timestep changes against step 0, paired by picture.
    """

    step: int
    held_out_loss: float
    train_loss: float
    held_out: Change
    train: Change
    is_best: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """The sample strip of one step, PIL pictures in the order of the spec's prompts."""

    step: int
    images: Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpointed:
    """A checkpoint that a later attempt can go on from lies on disk."""

    step: int


Event = Stepped | Staged | Evaluated | Sampled | Checkpointed
# What it raises stops the training at this step; the last checkpoint stays.
OnEvent = Callable[[Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training leaves.

    `weights` are the adapter's tensors by diffusers' names, as `engine.adapter_files` takes them; `step` is the step
    they are from. Times are in seconds over all attempts, memory is the peak in bytes of this attempt.
    `memorized` is the share of sampled pictures that are closer to a training picture than the closest hundredth of
    real ones are to each other; None where there were too few pictures to say.
    """

    kind: Literal["lora", "dreambooth", "textual_inversion", "hypernetwork"]
    weights: Mapping[str, Any]
    step: int
    last_step: int
    reason: Reason
    verdict: str
    verdict_step: int
    curve: tuple[Evaluated, ...]
    losses: tuple[tuple[int, float], ...]
    memorized: float | None
    cache_seconds: float
    train_seconds: float
    pictures_per_second: float
    peak_memory_bytes: int
    environment: Mapping[str, Any] = field(default_factory=dict)
