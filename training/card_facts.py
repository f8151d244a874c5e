"""What model cards and papers say of a version, as plain values. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from assets.licensing import Decision
from engine.specs import AdapterKind

from .exports import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseFacts:
    """The model that an adapter changes; `hub_id` is its name on Hugging Face where its source says one."""

    name: str
    sha256: str
    hub_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFacts:
    """One sample picture of the package and the prompt that drew it."""

    file_name: str
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """One file or folder of weights in the package."""

    name: str
    layout: Layout
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredFacts:
    """What was measured: the change of the held-out loss with its interval, the verdict, what is known by heart."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: str = ""
    memorized: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """Everything that the papers of one version say.

    `decision` is the weights gate's answer of today, `outbound` the licence under which the makers give it out
    (empty for none). The name of the dataset and its root are said inside the house only. `changed_parts` are the
    networks that a DreamBooth has trained.
    """

    slug: str
    name: str
    name_ja: str = ""
    description: str = ""
    number: int
    kind: AdapterKind
    architecture: str
    maker: str
    is_public: bool
    decision: Decision
    outbound: str = ""
    trigger_words: Sequence[str] = ()
    recommended_weight: float = 1.0
    base: BaseFacts | None = None
    parents: Sequence[str] = ()
    is_merge: bool = False
    step: int | None = None
    rank: int | None = None
    resolution: int | None = None
    picture_count: int | None = None
    dataset_name: str = ""
    dataset_root: str = ""
    languages: Sequence[str] = ("en",)
    measured: MeasuredFacts | None = None
    samples: Sequence[SampleFacts] = ()
    has_samples_withheld: bool = False
    files: Sequence[FileFacts] = ()
    changed_parts: Sequence[str] = ()
    sha256: str = ""
