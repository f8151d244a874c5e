"""Ready-made values per method, each with its reason, and those that suit a set, a model and a machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from engine.specs import Architecture, TrainingMethod

from .estimates import GIB, Machine
from .methods import Purpose
from .parts import steps_of

PresetName = Literal["quick", "balanced", "careful"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Values of a TrainingSpec by field; steps are so many epochs, but at least and at most so many.

    `reason` is a code whose sentence says when to take it.
    """

    name: PresetName
    reason: str
    epochs: int
    least_steps: int
    most_steps: int
    values: Mapping[str, Any]


def _preset(name: PresetName, *, epochs: int, least_steps: int, most_steps: int = 6000, **values: Any) -> Preset:
    return Preset(
        name=name,
        reason=name,
        epochs=epochs,
        least_steps=least_steps,
        most_steps=most_steps,
        values=MappingProxyType(values),
    )


# Learning rates and ranks as the house advises them: LoRA 1e-4 to 5e-4, 5e-5 for delicate things; Textual Inversion
# 5e-3; hypernetwork 1e-5; DreamBooth 2e-6 to 5e-6. The prior is the model's own answer, which cost nothing of the
# concept on the bundled model, while class pictures cost half of it (docs/benchmarks.md).
PRESETS: Mapping[TrainingMethod, Mapping[PresetName, Preset]] = {
    "lora": {
        "quick": _preset("quick", epochs=10, least_steps=200, rank=8, lora_alpha=8.0, learning_rate=5e-4),
        "balanced": _preset(
            "balanced", epochs=15, least_steps=600, rank=16, lora_alpha=16.0, learning_rate=2e-4,
            lr_scheduler="cosine", lr_warmup_steps=30, early_stopping_patience=6,
        ),
        "careful": _preset(
            "careful", epochs=20, least_steps=1500, rank=32, lora_alpha=16.0, learning_rate=5e-5,
            lr_scheduler="cosine", lr_warmup_steps=60, early_stopping_patience=8, lora_dropout=0.1,
            caption_dropout=0.05,
        ),
    },
    "dreambooth_lora": {
        "quick": _preset(
            "quick", epochs=10, least_steps=200, rank=8, lora_alpha=8.0, learning_rate=3e-4,
        ),
        "balanced": _preset(
            "balanced", epochs=20, least_steps=600, rank=16, lora_alpha=16.0, learning_rate=1e-4,
            with_prior_preservation=True, prior_mode="adapter_off", early_stopping_patience=6,
        ),
        "careful": _preset(
            "careful", epochs=30, least_steps=1200, rank=32, lora_alpha=32.0, learning_rate=5e-5,
            with_prior_preservation=True, prior_mode="adapter_off", early_stopping_patience=8,
            lr_scheduler="cosine", lr_warmup_steps=60,
        ),
    },
    "dreambooth": {
        "quick": _preset("quick", epochs=10, least_steps=200, learning_rate=5e-6),
        "balanced": _preset(
            "balanced", epochs=20, least_steps=400, learning_rate=2e-6, with_prior_preservation=True,
            prior_mode="adapter_off", early_stopping_patience=6,
        ),
        "careful": _preset(
            "careful", epochs=30, least_steps=800, learning_rate=2e-6, with_prior_preservation=True,
            prior_mode="adapter_off", early_stopping_patience=8, lr_scheduler="cosine",
            lr_warmup_steps=40,
        ),
    },
    "textual_inversion": {
        "quick": _preset("quick", epochs=50, least_steps=300, num_vectors=1, learning_rate=1e-2),
        "balanced": _preset(
            "balanced", epochs=200, least_steps=1000, num_vectors=2, learning_rate=5e-3,
            weight_decay=0.0,
        ),
        "careful": _preset(
            "careful", epochs=400, least_steps=2500, num_vectors=4, learning_rate=5e-3,
            weight_decay=0.0, lr_scheduler="cosine", lr_warmup_steps=100, early_stopping_patience=10,
        ),
    },
    "hypernetwork": {
        "quick": _preset("quick", epochs=5, least_steps=500, learning_rate=5e-5, activate_output=False),
        "balanced": _preset(
            "balanced", epochs=10, least_steps=2000, most_steps=20_000, learning_rate=1e-5,
            activate_output=False, early_stopping_patience=10,
        ),
        "careful": _preset(
            "careful", epochs=20, least_steps=5000, most_steps=30_000, learning_rate=1e-5,
            layer_structure=(1, 2, 2, 1), is_layer_norm=True, use_dropout=True, activate_output=False,
            early_stopping_patience=10,
        ),
    },
}  # fmt: skip
RECOMMENDED_WEIGHTS: Mapping[str, float] = {
    "lora": 0.8,
    "dreambooth_lora": 0.8,
    "dreambooth": 1.0,
    "textual_inversion": 1.0,
    "hypernetwork": 0.8,
}
MOST_RESOLUTION: Mapping[str, int] = {"sd1": 768, "sd2": 768, "sdxl": 1024, "sd3": 1024, "flux": 1024}
SMALL_MODEL = 256
# How many times faster a model as small as the bundled one learns, as it was measured with each method.
FASTER_WHERE_SMALL: Mapping[str, float] = {
    "lora": 10,
    "dreambooth_lora": 20,
    "dreambooth": 50,
    "textual_inversion": 1,
    "hypernetwork": 100,
}
TWO_AT_ONCE = 10 * GIB
# Below this the activations are worked out a second time instead of kept.
LITTLE_MEMORY: Mapping[str, int] = {
    "sd1": 12 * GIB,
    "sd2": 12 * GIB,
    "sdxl": 20 * GIB,
    "sd3": 20 * GIB,
    "flux": 40 * GIB,
}
MIRRORED_VARIANTS = 4
VALIDATIONS = 12


def suggest(
    method: TrainingMethod,
    purpose: Purpose,
    *,
    pictures: int,
    native_size: int,
    machine: Machine,
    architecture: Architecture,
    preset: PresetName = "balanced",
) -> dict[str, Any]:
    """Return values of a TrainingSpec by field for this purpose, set, model and machine.

    A small model learns at a higher rate, and a GPU counts in half precision.
    """
    chosen = PRESETS[method][preset]
    batch = batch_for(machine, native_size)
    values: dict[str, Any] = {
        **chosen.values,
        "resolution": min(native_size, MOST_RESOLUTION[architecture]),
        "train_batch_size": batch,
        "mixed_precision": "bf16" if machine.kind == "cuda" else "no",
        "gradient_checkpointing": machine.memory_bytes < LITTLE_MEMORY[architecture] and native_size > SMALL_MODEL,
        # A mirrored character has its parting on the wrong side; a style has none.
        "random_flip": purpose == "style",
    }
    if values["random_flip"]:
        values["cached_variants"] = MIRRORED_VARIANTS
    if native_size <= SMALL_MODEL:
        values["learning_rate"] = round(chosen.values["learning_rate"] * FASTER_WHERE_SMALL[method], 10)
    steps = steps_of(chosen.epochs, pictures=pictures, batch_size=batch)
    steps = min(max(steps, chosen.least_steps), chosen.most_steps)
    return {**values, "max_train_steps": steps, **rhythm_of(steps)}


def batch_for(machine: Machine, native_size: int) -> int:
    """Return how many pictures are learned from at once: one or two first, more where they are tiny."""
    if native_size <= SMALL_MODEL:
        return 4
    return 2 if machine.memory_bytes >= TWO_AT_ONCE and native_size <= 768 else 1


def rhythm_of(steps: int) -> dict[str, int]:
    """Return how often a run of so many steps looks at held-out pictures, keeps a checkpoint and draws samples."""
    look = max(10, round(steps / VALIDATIONS / 10) * 10)
    return {"validation_steps": look, "checkpointing_steps": look, "sample_steps": look * 3}
