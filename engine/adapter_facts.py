"""Hold what the header of an adapter says, as plain values. Imports no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from engine.specs import AdapterKind, Architecture, TrainingMethod, TrainingSpec

KINDS: Mapping[TrainingMethod, AdapterKind] = MappingProxyType(
    {
        "lora": "lora",
        "dreambooth_lora": "lora",
        "dreambooth": "dreambooth",
        "textual_inversion": "textual_inversion",
        "hypernetwork": "hypernetwork",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """Hold one point of the held-out curve: the change of the loss against step 0 with its 95 % interval."""

    step: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderFacts:
    """Hold what a header says beyond the recipe.

    `num_train_images` counts pictures and no repeats, `step` is the step that the weights are from. `tag_frequency`
    says how often each caption fragment occurs, `bucket_info` how many pictures learn at which size ("512x512").
    `base_model_legacy_hash` and `vae_legacy_hash` are A1111's old 8 digits, where there is one file to hash.
    """

    spec: TrainingSpec
    title: str
    step: int
    started_at: datetime
    finished_at: datetime
    run_id: str
    author: str = ""
    description: str = ""
    prediction_type: Literal["epsilon", "v_prediction"] = "epsilon"
    base_model_name: str = ""
    base_model_sha256: str = ""
    base_model_legacy_hash: str = ""
    vae_name: str = ""
    vae_sha256: str = ""
    vae_legacy_hash: str = ""
    num_train_images: int = 0
    num_validation_images: int = 0
    num_reg_images: int = 0
    num_batches_per_epoch: int | None = None
    dataset_name: str = ""
    dataset_root: str = ""
    split: str = ""
    tag_frequency: Mapping[str, int] = field(default_factory=dict)
    bucket_info: Mapping[str, int] = field(default_factory=dict)
    held_out: Sequence[CurvePoint] = ()
    effective_license: str = ""
    attribution: Sequence[str] = ()
    trigger_words: Sequence[str] = ()
    tags: Sequence[str] = ()
    recommended_weight: float | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Name one adapter that another was made from, and the weight that it came in with."""

    title: str
    sha256: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedFacts:
    """Hold what the header of a merged, resized, extracted or converted LoRA says; `rank` None means that it varies."""

    operation: Literal["merge", "resize", "extract", "convert"]
    architecture: Architecture
    sources: Sequence[Source]
    title: str
    finished_at: datetime
    rank: int | None = None
    has_conv: bool = False
    author: str = ""
    description: str = ""
    prediction_type: Literal["epsilon", "v_prediction"] = "epsilon"
    resolution: int | None = None
    base_model_name: str = ""
    base_model_sha256: str = ""
    base_model_legacy_hash: str = ""
    effective_license: str = ""
    attribution: Sequence[str] = ()
    trigger_words: Sequence[str] = ()
    tags: Sequence[str] = ()
    recommended_weight: float | None = None
