"""What a training begins with: the values that suit a purpose, a set, a model and the workers' machine."""

from collections.abc import Mapping
from typing import Any, get_args

from assets.models import DatasetVersion, ModelFile
from engine.specs import SamplePrompt

from . import recipes
from .devices import known_machine
from .recipes.presets import PresetName
from .small_models import SMALL, is_small, small_values

PRESETS: tuple[str, ...] = get_args(PresetName)
SAMPLE_SEEDS = (1, 2)
USUAL_STEPS, USUAL_GUIDANCE = 20, 7.5


def starting_values(
    version: DatasetVersion,
    base_model: ModelFile,
    *,
    method: str,
    purpose: str,
    preset: str = "",
    class_word: str = "",
) -> dict[str, Any]:
    """Return values of a TrainingSpec by field, as a form shows them first and the API takes where none are given."""
    suited = suited_values(version, base_model, method=method, purpose=purpose, preset=preset)
    words = {"trigger_word": version.trigger, "class_word": class_word}
    return {**suited, **words, **samples_for(base_model, version.trigger, class_word)}


def suited_values(
    version: DatasetVersion, base_model: ModelFile, *, method: str, purpose: str, preset: str = ""
) -> Mapping[str, Any]:
    """Return what a preset says of a method; models as small as the bundled one have a preset of their own."""
    side = base_model.native_width
    if preset in ("", SMALL) and is_small(side):
        return small_values(method, side)
    return recipes.suggest(
        method,  # type: ignore[arg-type]  # a word of the form's list
        purpose,  # type: ignore[arg-type]
        pictures=version.count,
        native_size=side,
        machine=known_machine(),
        architecture=base_model.architecture,  # type: ignore[arg-type]
        preset=preset if preset in PRESETS else "balanced",  # type: ignore[arg-type]
    )


def samples_for(base_model: ModelFile, trigger: str, class_word: str) -> dict[str, Any]:
    """Return the sample strip that a run draws: the concept alone, and in other surroundings."""
    name = " ".join(filter(None, (trigger, class_word)))
    texts = (name, f"{name}, on a beach") if name else ()
    prompts = tuple(SamplePrompt(prompt=text, seed=seed) for text, seed in zip(texts, SAMPLE_SEEDS, strict=False))
    return {
        "sample_prompts": prompts,
        "sample_num_inference_steps": base_model.defaults.get("steps", USUAL_STEPS),
        "sample_guidance_scale": float(base_model.defaults.get("guidance_scale", USUAL_GUIDANCE)),
    }
