"""The recipe of a picture as plain, frozen values. Imports no torch, so anyone may read it.

Field names are diffusers' own. A spec serialises to canonical JSON (RFC 8785), and the sha256 of
that text is the recipe's identity: two equal recipes always have the same hash.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import rfc8785

Architecture = Literal["sd1", "sd2", "sdxl", "sd3", "flux"]
AdapterKind = Literal["lora", "dreambooth", "textual_inversion", "hypernetwork"]
TrainingMethod = Literal["lora", "dreambooth", "dreambooth_lora", "textual_inversion", "hypernetwork"]
SPEC_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterRef:
    """Name one adapter file by content, with the weight it is applied at (1.0 = as trained, 0 = not at all).

    `word` is what a Textual Inversion is called in the prompt; empty takes the file's own word.
    """

    kind: AdapterKind
    sha256: str
    weight: float = 1.0
    word: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values; without a word none is written, so that recipes from before keep their hash."""
        data = dataclasses.asdict(self)
        return data if self.word else {name: data[name] for name in data if name != "word"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """Say everything that decides the pixels of one picture.

    Sizes are in pixels, `guidance_scale` is the classifier-free guidance factor, and `clip_skip` counts
    the text encoder's last layers to leave out (0 = none, diffusers' meaning; A1111 writes one more).
    `base_model`, `vae` and adapters are sha256 hashes of files or folders; adapters apply in order.
    """

    architecture: Architecture
    base_model: str
    prompt: str
    negative_prompt: str = ""
    seed: int
    scheduler: str = "dpmpp_2m"
    scheduler_config: Mapping[str, Any] = field(default_factory=dict)
    num_inference_steps: int
    guidance_scale: float
    width: int
    height: int
    clip_skip: int = 0
    vae: str | None = None
    adapters: tuple[AdapterRef, ...] = ()
    mode: Literal["txt2img"] = "txt2img"
    version: int = SPEC_VERSION

    def as_dict(self) -> dict[str, Any]:
        """Return the spec as JSON-ready values."""
        data = dataclasses.asdict(self)
        data["adapters"] = [adapter.as_dict() for adapter in self.adapters]
        data["scheduler_config"] = dict(self.scheduler_config)
        return data

    def canonical(self) -> bytes:
        """Return the spec as RFC 8785 canonical JSON."""
        return rfc8785.dumps(self.as_dict())

    def recipe_sha256(self) -> str:
        """Return the recipe's identity: the sha256 of the canonical spec, in hex."""
        return hashlib.sha256(self.canonical()).hexdigest()

    def replace(self, **changes: Any) -> "ImageSpec":
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ImageSpec":
        """Read a spec back from `as_dict`. Raises TypeError on unknown or missing fields."""
        values = dict(data)
        values["adapters"] = tuple(AdapterRef(**adapter) for adapter in values.get("adapters", ()))
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePrompt:
    """One picture of the sample strip that is drawn at chosen steps, always from the same noise."""

    prompt: str
    negative_prompt: str = ""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSpec:
    """Say everything that decides the weights which a training leaves, besides the pictures' bytes and captions.

    Names are diffusers' (`rank`, `lora_alpha`, `train_batch_size`) or, where diffusers has none, kohya's and A1111's.
    `dataset` is the Merkle root of a frozen version, `split` the sha256 of `Material.split()`; resolution is in pixels.
    `prediction_type` is only there where a person has said how the base model predicts.
    """

    method: TrainingMethod
    architecture: Architecture
    base_model: str
    vae: str | None = None
    prediction_type: Literal["epsilon", "v_prediction"] | None = None
    dataset: str = ""
    split: str = ""
    seed: int = 0

    # What the concept is called. `class_word` is the wider word behind it ("dog"), and what new vectors begin as.
    trigger_word: str = ""
    class_word: str = ""

    # LoRA, also of DreamBooth.
    rank: int = 16
    lora_alpha: float = 16.0
    lora_dropout: float = 0.0
    use_dora: bool = False
    train_conv: bool = False
    train_text_encoder: bool = False
    text_encoder_lr: float | None = None

    # DreamBooth's prior preservation: class pictures that were drawn before, or the prediction with the adapter off.
    with_prior_preservation: bool = False
    prior_mode: Literal["class_pictures", "adapter_off"] = "class_pictures"
    prior_loss_weight: float = 1.0
    num_class_images: int = 0

    # Textual Inversion.
    num_vectors: int = 1

    # Hypernetwork, A1111's words.
    layer_structure: tuple[float, ...] = (1, 2, 1)
    activation_func: str = "linear"
    is_layer_norm: bool = False
    use_dropout: bool = False
    activate_output: bool = True

    # The steps. One step is one move of the weights, whatever is accumulated.
    learning_rate: float = 1e-4
    max_train_steps: int = 1000
    train_batch_size: int = 1
    gradient_accumulation_steps: int = 1
    gradient_checkpointing: bool = False
    optimizer: Literal["adamw", "adamw_8bit", "adafactor", "prodigy"] = "adamw"
    lr_scheduler: Literal["constant", "cosine", "linear"] = "constant"
    lr_warmup_steps: int = 0
    weight_decay: float = 0.01
    l1_weight: float = 0.0
    max_grad_norm: float = 1.0
    snr_gamma: float | None = 5.0
    noise_offset: float = 0.0
    ema_decay: float = 0.0
    mixed_precision: Literal["no", "fp16", "bf16"] = "no"

    # The pictures and their captions as the model sees them.
    resolution: int = 512
    enable_bucket: bool = True
    cached_variants: int = 1
    random_flip: bool = False
    rotation_degrees: float = 0.0
    crop_scale: float = 1.0
    color_jitter: float = 0.0
    caption_variants: int = 1
    shuffle_caption: bool = False
    keep_tokens: int = 1
    caption_dropout: float = 0.0

    # Looking at how it goes. Steps; 0 means never. With folds, the steps are the median of the folds' best ones.
    validation_steps: int = 50
    validation_timesteps: int = 16
    validation_noises: int = 2
    early_stopping_patience: int = 0
    folds: int = 0
    restore_best: bool = True
    checkpointing_steps: int = 100
    sample_steps: int = 0
    sample_prompts: tuple[SamplePrompt, ...] = ()
    sample_num_inference_steps: int = 20
    sample_guidance_scale: float = 7.5

    version: int = SPEC_VERSION

    def as_dict(self) -> dict[str, Any]:
        """Return the spec as JSON-ready values."""
        data = dataclasses.asdict(self)
        data["layer_structure"] = list(self.layer_structure)
        data["sample_prompts"] = [dataclasses.asdict(each) for each in self.sample_prompts]
        return data

    def canonical(self) -> bytes:
        """Return the spec as RFC 8785 canonical JSON."""
        return rfc8785.dumps(self.as_dict())

    def recipe_sha256(self) -> str:
        """Return the recipe's identity: the sha256 of the canonical spec, in hex."""
        return hashlib.sha256(self.canonical()).hexdigest()

    def replace(self, **changes: Any) -> "TrainingSpec":
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "TrainingSpec":
        """Read a spec back from `as_dict`. Raises TypeError on unknown or missing fields."""
        values = dict(data)
        values["layer_structure"] = tuple(values.get("layer_structure", (1, 2, 1)))
        values["sample_prompts"] = tuple(SamplePrompt(**each) for each in values.get("sample_prompts", ()))
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Record what the pixels depended on besides the spec."""

    device: str
    device_name: str
    dtype: str
    attention: str
    threads: int
    batch_size: int
    batch_position: int
    versions: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return the environment as JSON-ready values."""
        data = dataclasses.asdict(self)
        data["versions"] = dict(self.versions)
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Report progress: `index` of `total` steps done in `stage`; `preview` makes a small RGB picture when asked."""

    stage: Literal["loading", "encoding", "denoising", "decoding"]
    index: int
    total: int
    preview: Callable[[], Any] | None = None


OnStep = Callable[[Step], None]
Resolve = Callable[[str], Path]


def pixels_sha256(width: int, height: int, rgb: bytes) -> str:
    """Return the sha256 over size and raw 8-bit RGB rows, so that re-encoding a picture keeps its identity."""
    header = f"RGB {width}x{height}\n".encode()
    return hashlib.sha256(header + rgb).hexdigest()
