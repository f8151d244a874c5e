"""What the fields of a training are called, what they do, and how their values are read. One group is one decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from engine.training.limits import ACTIVATIONS

from .measured import effect_words
from .models import Method

# Fields that only some ways to train know; everybody knows all others.
LORA = frozenset(("rank", "lora_alpha", "lora_dropout", "use_dora", "train_conv"))
TEXT = frozenset(("train_text_encoder", "text_encoder_lr"))
PRIOR = frozenset(("with_prior_preservation", "prior_mode", "prior_loss_weight", "num_class_images"))
INVERSION = frozenset(("num_vectors",))
NETWORK = frozenset(("layer_structure", "activation_func", "is_layer_norm", "use_dropout", "activate_output"))
OWN: Mapping[str, frozenset[str]] = {
    Method.LORA: LORA | TEXT,
    Method.DREAMBOOTH: TEXT | PRIOR,
    Method.DREAMBOOTH_LORA: LORA | TEXT | PRIOR,
    Method.TEXTUAL_INVERSION: INVERSION,
    Method.HYPERNETWORK: NETWORK,
}
NOT_EVERYBODYS = LORA | TEXT | PRIOR | INVERSION | NETWORK


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldWords:
    """One field: its name on screen, and what it does in a line."""

    label: Any
    help: Any = ""


def says(label: Any, help: Any = "") -> FieldWords:
    """Return the words of one field."""
    return FieldWords(label=label, help=help)


WORDS: Mapping[str, FieldWords] = {
    "method": says(gettext_lazy("Method")),
    "architecture": says(gettext_lazy("Architecture")),
    "base_model": says(gettext_lazy("Base model"), gettext_lazy("What is learned works with this kind of model.")),
    "vae": says(gettext_lazy("VAE"), gettext_lazy("Turns pictures into what the model reads.")),
    "dataset": says(gettext_lazy("Dataset version")),
    "split": says(gettext_lazy("Who learns and who is held out")),
    "seed": says(gettext_lazy("Seed"), gettext_lazy("The same seed gives the same weights again.")),
    "trigger_word": says(
        gettext_lazy("Trigger word"), gettext_lazy("What prompts will call it. A rare word is best.")
    ),
    "class_word": says(
        gettext_lazy("Class word"), gettext_lazy("The wider word behind it, such as umbrella, dog or woman.")
    ),
    "rank": says(gettext_lazy("Rank"), gettext_lazy("How much it can hold: 4 to 16 is usual, more is larger.")),
    "lora_alpha": says(gettext_lazy("Alpha"), gettext_lazy("How strongly it acts: alpha divided by rank.")),
    "lora_dropout": says(
        gettext_lazy("LoRA dropout"), gettext_lazy("Leaves out this share of what is learned at every step.")
    ),
    "use_dora": says(gettext_lazy("DoRA"), gettext_lazy("Learns direction and strength apart: slower, often closer.")),
    "train_conv": says(
        gettext_lazy("Train convolutions"), gettext_lazy("Also adapts the layers that see texture. Larger files.")
    ),
    "train_text_encoder": says(
        gettext_lazy("Train the text encoder"), gettext_lazy("Also moves what words mean. Overfits sooner.")
    ),
    "text_encoder_lr": says(
        gettext_lazy("Learning rate of the text encoder"), gettext_lazy("Empty takes the learning rate.")
    ),
    "with_prior_preservation": says(
        gettext_lazy("Keep what the class looks like"),
        gettext_lazy("Learns beside your pictures what the model already knows, so that it forgets less."),
    ),
    "prior_mode": says(
        gettext_lazy("What the class is kept with"),
        gettext_lazy(
            "Drawn class pictures, or the model's own answer without the adapter, which needs no drawing and cost less "
            "of the concept on the bundled model."
        ),
    ),
    "prior_loss_weight": says(
        gettext_lazy("Weight of the class"), gettext_lazy("How much keeping counts beside learning.")
    ),
    "num_class_images": says(
        gettext_lazy("Class pictures"), gettext_lazy("How many the model draws before the training begins.")
    ),
    "num_vectors": says(
        gettext_lazy("Vectors"), gettext_lazy("How many tokens the new word takes: more holds more, and learns slower.")
    ),
    "layer_structure": says(
        gettext_lazy("Layer structure"), gettext_lazy("Widths of the layers, such as 1, 2, 1. Begins and ends with 1.")
    ),
    "activation_func": says(
        gettext_lazy("Activation"), gettext_lazy("linear learns least, and is safest; relu and mish learn more.")
    ),
    "is_layer_norm": says(gettext_lazy("Layer norm"), gettext_lazy("Keeps values in range between the layers.")),
    "use_dropout": says(gettext_lazy("Dropout"), gettext_lazy("Leaves parts out at every step against overfitting.")),
    "activate_output": says(gettext_lazy("Activate the output"), gettext_lazy("Also after the last layer.")),
    "learning_rate": says(
        gettext_lazy("Learning rate"), gettext_lazy("How far each step moves. Too high breaks, too low learns nothing.")
    ),
    "max_train_steps": says(gettext_lazy("Steps"), gettext_lazy("How many times the weights are moved.")),
    "train_batch_size": says(
        gettext_lazy("Batch"), gettext_lazy("Pictures at once. More is steadier and needs more memory.")
    ),
    "gradient_accumulation_steps": says(
        gettext_lazy("Batches per step"), gettext_lazy("Adds up several batches before a step: larger without memory.")
    ),
    "gradient_checkpointing": says(
        gettext_lazy("Gradient checkpointing"), gettext_lazy("Saves much memory for about a third more time.")
    ),
    "optimizer": says(
        gettext_lazy("Optimiser"), gettext_lazy("AdamW serves well; Prodigy finds its own rate, best begun at 1.")
    ),
    "lr_scheduler": says(
        gettext_lazy("Course of the rate"), gettext_lazy("Stays, or falls towards the end, which settles details.")
    ),
    "lr_warmup_steps": says(gettext_lazy("Warm-up steps"), gettext_lazy("Steps in which the rate rises from 0.")),
    "weight_decay": says(
        gettext_lazy("Weight decay (L2)"), gettext_lazy("Draws large weights towards 0. 0 turns it off.")
    ),
    "l1_weight": says(
        gettext_lazy("L1"), gettext_lazy("Draws all weights towards 0 by the same step. 0 turns it off.")
    ),
    "max_grad_norm": says(
        gettext_lazy("Gradient limit"), gettext_lazy("Cuts steps that are too large. 0 turns it off.")
    ),
    "snr_gamma": says(
        gettext_lazy("Min-SNR gamma"), gettext_lazy("Evens out easy and hard noise levels; 5 is usual. Empty is off.")
    ),
    "noise_offset": says(
        gettext_lazy("Noise offset"), gettext_lazy("Lets very dark and very bright pictures be learned.")
    ),
    "ema_decay": says(
        gettext_lazy("Moving average"), gettext_lazy("Averages the weights of late steps; 0.999 is usual, 0 is off.")
    ),
    "mixed_precision": says(
        gettext_lazy("Precision"), gettext_lazy("Half precision is quicker on a GPU and needs less memory.")
    ),
    "resolution": says(
        gettext_lazy("Resolution"), gettext_lazy("Side of the pictures in pixels; the model's own size is best.")
    ),
    "enable_bucket": says(
        gettext_lazy("Keep shapes"), gettext_lazy("Tall and wide pictures stay so, instead of being cut square.")
    ),
    "cached_variants": says(
        gettext_lazy("Variants of each picture"),
        gettext_lazy("How many cuts and turns of each are encoded. With 1, each is varied once for good."),
    ),
    "random_flip": says(
        gettext_lazy("Mirror"), gettext_lazy("Shows half of the pictures mirrored. Not for faces or lettering.")
    ),
    "rotation_degrees": says(gettext_lazy("Turn by up to (degrees)"), gettext_lazy("Turns variants a little.")),
    "crop_scale": says(
        gettext_lazy("Smallest cut"), gettext_lazy("Share of the picture that a variant shows at least; 1 is all.")
    ),
    "color_jitter": says(
        gettext_lazy("Colour changes"), gettext_lazy("Varies brightness and colour. Not where the colour is the point.")
    ),
    "caption_variants": says(gettext_lazy("Variants of each caption"), gettext_lazy("Orders that are encoded.")),
    "shuffle_caption": says(
        gettext_lazy("Shuffle captions"), gettext_lazy("Changes the order of phrases, so that no place counts.")
    ),
    "keep_tokens": says(
        gettext_lazy("Phrases that stay in front"), gettext_lazy("So many are not shuffled: the trigger word.")
    ),
    "caption_dropout": says(
        gettext_lazy("Drop captions"), gettext_lazy("Share of steps without a caption, for guidance.")
    ),
    "validation_steps": says(
        gettext_lazy("Look every (steps)"), gettext_lazy("How often held-out pictures are measured; 0 is never.")
    ),
    "validation_timesteps": says(
        gettext_lazy("Noise levels measured"), gettext_lazy("More is more exact, and takes longer.")
    ),
    "validation_noises": says(gettext_lazy("Noises per level"), gettext_lazy("More is more exact, and takes longer.")),
    "early_stopping_patience": says(
        gettext_lazy("Stop after looks without gain"), gettext_lazy("0 never stops before the last step.")
    ),
    "folds": says(
        gettext_lazy("Folds"), gettext_lazy("Trains on parts first to find the steps, then on all. For small sets.")
    ),
    "restore_best": says(
        gettext_lazy("Keep the best step"), gettext_lazy("The version is the step that was best on held-out pictures.")
    ),
    "checkpointing_steps": says(
        gettext_lazy("Checkpoint every (steps)"), gettext_lazy("What a stopped run goes on from.")
    ),
    "sample_steps": says(
        gettext_lazy("Draw samples every (steps)"), gettext_lazy("Always from the same noise; 0 is never.")
    ),
    "sample_prompts": says(
        gettext_lazy("Sample prompts"), gettext_lazy("One a line. The same ones are drawn again at every strip.")
    ),
    "sample_num_inference_steps": says(gettext_lazy("Steps of a sample")),
    "sample_guidance_scale": says(gettext_lazy("Guidance of a sample")),
    "language": says(gettext_lazy("Captions in")),
    "trigger_mode": says(
        gettext_lazy("Trigger word in captions"),
        gettext_lazy("Put in front of captions that do not say it, or captions as they are."),
    ),
    "validation_share": says(
        gettext_lazy("Held out"), gettext_lazy("Share of the pictures to measure with, which nobody trains on.")
    ),
    "split_seed": says(gettext_lazy("Seed of the split"), gettext_lazy("Another one holds out other pictures.")),
}  # fmt: skip
GROUPS: Sequence[tuple[Any, Sequence[str]]] = (
    (
        gettext_lazy("What is learned"),
        ("trigger_word", "class_word", "rank", "lora_alpha", "num_vectors", "layer_structure", "activation_func",
         "is_layer_norm", "use_dropout", "activate_output", "lora_dropout", "use_dora", "train_conv",
         "train_text_encoder", "text_encoder_lr"),
    ),
    (
        gettext_lazy("What is kept"),
        ("with_prior_preservation", "prior_mode", "prior_loss_weight", "num_class_images"),
    ),
    (
        gettext_lazy("Steps"),
        ("learning_rate", "max_train_steps", "train_batch_size", "gradient_accumulation_steps", "lr_scheduler",
         "lr_warmup_steps", "optimizer", "weight_decay", "l1_weight", "max_grad_norm", "snr_gamma", "noise_offset",
         "ema_decay", "mixed_precision", "gradient_checkpointing", "seed"),
    ),
    (
        gettext_lazy("Pictures and captions"),
        ("resolution", "enable_bucket", "cached_variants", "random_flip", "rotation_degrees", "crop_scale",
         "color_jitter", "language", "trigger_mode", "shuffle_caption", "keep_tokens", "caption_variants",
         "caption_dropout"),
    ),
    (
        gettext_lazy("Held-out pictures"),
        ("validation_share", "split_seed", "validation_steps", "early_stopping_patience", "restore_best", "folds",
         "validation_timesteps", "validation_noises"),
    ),
    (
        gettext_lazy("Samples and checkpoints"),
        ("sample_prompts", "sample_steps", "sample_num_inference_steps", "sample_guidance_scale",
         "checkpointing_steps"),
    ),
)  # fmt: skip
CHOICES: Mapping[str, Mapping[str, Any]] = {
    "method": dict(Method.choices),
    "optimizer": {
        "adamw": "AdamW",
        "adamw_8bit": gettext_lazy("AdamW, 8 bit"),
        "adafactor": "Adafactor",
        "prodigy": "Prodigy",
    },
    "lr_scheduler": {
        "constant": gettext_lazy("Constant"),
        "cosine": gettext_lazy("Falls softly (cosine)"),
        "linear": gettext_lazy("Falls evenly (linear)"),
    },
    "mixed_precision": {"no": gettext_lazy("Full precision"), "fp16": "fp16", "bf16": "bf16"},
    "prior_mode": {
        "class_pictures": gettext_lazy("Class pictures that the model draws first"),
        "adapter_off": gettext_lazy("The model's own answer with the adapter off"),
    },
    "language": {"en": gettext_lazy("English"), "ja": gettext_lazy("Japanese")},
    "activation_func": {name: name for name in ACTIVATIONS},
    "trigger_mode": {"add": gettext_lazy("Added where it is missing"), "as_written": gettext_lazy("As written")},
}


def knows(method: str, field: str) -> bool:
    """Does this way to train know the field?"""
    return field not in NOT_EVERYBODYS or field in OWN[method]


def label_of(field: str) -> str:
    """Return what a field is called; one of a newer version goes by its own name."""
    return str(WORDS[field].label) if field in WORDS else field


def help_of(field: str) -> str:
    """Return what a field does, in a line, and what was measured of it."""
    said = str(WORDS[field].help) if field in WORDS else ""
    return " ".join(filter(None, (said, effect_words(field))))


def value_words(field: str, value: Any) -> str:
    """Return a value as people read it."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if value is None or value == "":
        return _("none")
    if field == "validation_share":
        return f"{value:.0%}".replace("%", " %")
    if field == "sample_prompts":
        return "\n".join(each["prompt"] for each in value) or _("none")
    if isinstance(value, list | tuple):
        return ", ".join(f"{each:g}" for each in value)
    if isinstance(value, float):
        return f"{value:g}"
    if field in ("dataset", "base_model", "vae", "split"):
        return str(value)[:10]
    return str(CHOICES.get(field, {}).get(str(value), value))
