"""What a training may ask for. Imports no torch, so that a form refuses with the same words as the engine."""

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from engine.errors import SpecError
from engine.specs import TrainingSpec
from engine.training.values import Material
from engine.words import says

TRAINABLE = ("sd1", "sd2", "sdxl")
METHODS = ("lora", "dreambooth", "dreambooth_lora", "textual_inversion", "hypernetwork")
DREAMBOOTH = ("dreambooth", "dreambooth_lora")
MAX_STEPS = 100_000
MAX_TEXT = 2000
MAX_PROMPTS = 16
# A1111's names; the rest are torch's.
ACTIVATIONS = (
    *("linear", "None", "relu", "leakyrelu", "elu", "swish", "tanh", "sigmoid", "celu", "gelu", "hardshrink"),
    *("hardsigmoid", "hardswish", "hardtanh", "logsigmoid", "mish", "prelu", "rrelu", "relu6", "selu", "silu"),
    *("softplus", "softshrink", "softsign", "tanhshrink"),
)
CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "method": METHODS,
        "architecture": TRAINABLE,
        "optimizer": ("adamw", "adamw_8bit", "adafactor", "prodigy"),
        "lr_scheduler": ("constant", "cosine", "linear"),
        "mixed_precision": ("no", "fp16", "bf16"),
        "prediction_type": ("epsilon", "v_prediction"),
        "activation_func": ACTIVATIONS,
        "prior_mode": ("class_pictures", "adapter_off"),
    }
)
# Whole numbers, from and to.
COUNTS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "rank": (1, 256),
        "num_vectors": (1, 32),
        "num_class_images": (0, 2000),
        "max_train_steps": (1, MAX_STEPS),
        "train_batch_size": (1, 64),
        "gradient_accumulation_steps": (1, 64),
        "lr_warmup_steps": (0, MAX_STEPS),
        "resolution": (64, 2048),
        "cached_variants": (1, 64),
        "caption_variants": (1, 64),
        "keep_tokens": (0, 75),
        "validation_steps": (0, MAX_STEPS),
        "validation_timesteps": (16, 100),
        "validation_noises": (1, 16),
        "early_stopping_patience": (0, 1000),
        "folds": (0, 10),
        "checkpointing_steps": (1, MAX_STEPS),
        "sample_steps": (0, MAX_STEPS),
        "sample_num_inference_steps": (1, 150),
        "seed": (0, 2**53 - 1),
    }
)
NUMBERS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "lora_alpha": (0.001, 1024.0),
        "lora_dropout": (0.0, 0.9),
        "prior_loss_weight": (0.0, 10.0),
        "learning_rate": (0.0, 10.0),
        "weight_decay": (0.0, 1.0),
        "l1_weight": (0.0, 100.0),
        "max_grad_norm": (0.0, 100.0),
        "noise_offset": (0.0, 1.0),
        "ema_decay": (0.0, 0.99999),
        "rotation_degrees": (0.0, 45.0),
        "crop_scale": (0.3, 1.0),
        "color_jitter": (0.0, 0.9),
        "caption_dropout": (0.0, 1.0),
        "sample_guidance_scale": (0.0, 30.0),
    }
)
OPTIONAL: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"snr_gamma": (0.1, 100.0), "text_encoder_lr": (0.0, 10.0)}
)


def check_training(spec: TrainingSpec, material: Material | None = None) -> list[SpecError]:
    """Return everything that is wrong with a spec, each naming its field; with the material, that they fit together."""
    errors = [*_check_choices(spec)]
    if errors:
        return errors
    errors += [*_check_ranges(spec), *_check_words(spec), *_check_method(spec)]
    return errors if errors or material is None else [*_check_material(spec, material)]


def _error(field: str, code: str, message: str, **params: object) -> SpecError:
    return SpecError(code, message, field=field, **params)


def _check_choices(spec: TrainingSpec) -> Iterator[SpecError]:
    for field, choices in CHOICES.items():
        value = getattr(spec, field)
        if value not in choices and not (field == "prediction_type" and value is None):
            message = f"{value!r} is none of {', '.join(choices)}."
            yield _error(field, "training_choice_unknown", message, value=str(value)[:60])


def _check_ranges(spec: TrainingSpec) -> Iterator[SpecError]:
    for field, (least, most) in COUNTS.items():
        value = getattr(spec, field)
        if type(value) is not int or not least <= value <= most:
            yield _out_of_range(field, least, most)
    numbers = {**NUMBERS, **{name: range_ for name, range_ in OPTIONAL.items() if getattr(spec, name) is not None}}
    for field, (low, high) in numbers.items():
        if not _is_number(getattr(spec, field), low, high):
            yield _out_of_range(field, low, high)
    if type(spec.resolution) is int and spec.resolution % 8:
        yield _error("resolution", "training_resolution_uneven", "The resolution must be a multiple of 8 pixels.")


def _is_number(value: object, low: float, high: float) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and low <= value <= high  # type: ignore[arg-type,operator]


def _out_of_range(field: str, low: float, high: float) -> SpecError:
    return _error(field, "training_out_of_range", f"{field} must be from {low:g} to {high:g}.", low=low, high=high)


def _check_words(spec: TrainingSpec) -> Iterator[SpecError]:
    for field in ("trigger_word", "class_word"):
        word = getattr(spec, field)
        if len(word) > 80 or not word.isprintable() or "," in word:
            yield _error(field, "training_word_unfit", f"The {field} must be a short word or phrase without commas.")
    if len(spec.sample_prompts) > MAX_PROMPTS:
        yield _error("sample_prompts", "training_prompts_many", "Too many sample prompts.", limit=MAX_PROMPTS)
    for each in spec.sample_prompts:
        if len(each.prompt) > MAX_TEXT or len(each.negative_prompt) > MAX_TEXT:
            yield _error("sample_prompts", "training_prompt_long", "A sample prompt is too long.", limit=MAX_TEXT)


def _check_method(spec: TrainingSpec) -> Iterator[SpecError]:
    if spec.method == "textual_inversion" and (not spec.trigger_word or " " in spec.trigger_word):
        yield _error("trigger_word", "training_word_needed", "Textual Inversion needs one new word to teach.")
    if spec.with_prior_preservation and spec.method not in DREAMBOOTH:
        message = "Prior preservation belongs to DreamBooth."
        yield _error("with_prior_preservation", "training_prior_unfit", message)
    if spec.folds == 1:
        yield _error("folds", "training_folds_one", "One fold holds nothing out. Choose two or more, or none.")
    if spec.folds and not spec.validation_steps:
        message = "Folds find the best step by looking on the way. Say after how many steps to look."
        yield _error("validation_steps", "training_folds_blind", message)
    if spec.use_dora and spec.method not in ("lora", "dreambooth_lora"):
        yield _error("use_dora", "training_dora_unfit", "DoRA is a kind of LoRA.")
    structure = spec.layer_structure
    if (
        len(structure) < 3
        or structure[0] != 1
        or structure[-1] != 1
        or not all(_is_number(m, 0.1, 8) for m in structure)
    ):
        message = "The layer structure must begin and end with 1, with widths in between."
        yield _error("layer_structure", "training_structure_unfit", message)


def _check_material(spec: TrainingSpec, material: Material) -> Iterator[SpecError]:
    if not material.train:
        yield _error("dataset", "training_empty", "There are no pictures to learn from.")
    if spec.split and spec.split != material.split():
        message = "The pictures or captions are not those that were asked for."
        yield _error("split", "training_split_differs", message)
    needs = spec.with_prior_preservation and spec.prior_mode == "class_pictures"
    if needs and not material.class_pictures and not spec.num_class_images:
        yield _error("num_class_images", "training_class_pictures_missing", "There are no class pictures.")
    if spec.method == "textual_inversion" and not any(says(each.caption, spec.trigger_word) for each in material.train):
        message = f"No caption says {spec.trigger_word}."
        yield _error("trigger_word", "training_word_unsaid", message, word=spec.trigger_word)
    if spec.folds and len({item.group or item.sha256 for item in (*material.train, *material.validation)}) < 2:
        yield _error("folds", "training_folds_few", "Folds need at least two pictures that are not nearly the same.")
