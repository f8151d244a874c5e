"""The sentences about training: a code becomes what a person reads, in their language."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from assets import sentences as arriving
from assets.sentences import Sentences, speak, speak_failure

JOBS: Sentences = {
    "worker_died": (
        _(
            "The worker stopped {attempts} times while it trained, often because the memory was full. The last "
            "checkpoint is safe. Resume the run, or train with a smaller batch or resolution."
        ),
        _("The worker stopped while it trained. The last checkpoint is safe. Resume the run."),
    ),
    "timed_out": (_("This took longer than is allowed, and was stopped. Resume it, or train fewer steps."),),
    "rights_blocked": (_("The rights do not allow this training any more. The last checkpoint stays."),),
    "out_of_memory": (
        _("There was not enough memory. Take a smaller batch, resolution or rank, or turn on gradient checkpointing."),
    ),
    "training_out_of_memory": (
        _(
            "There was not enough memory for batches of {batch} at {resolution} pixels. Take a smaller batch, "
            "resolution or rank, or turn on gradient checkpointing."
        ),
        _("There was not enough memory. Take a smaller batch, resolution or rank, or turn on gradient checkpointing."),
    ),
    "training_diverged": (
        _("At step {step} the loss was no number any more. Take a lower learning rate, or full precision."),
        _("The loss was no number any more. Take a lower learning rate, or full precision."),
    ),
    "picture_missing": (_("The picture {file} is gone. Bring it back from a backup, then resume."),),
    "picture_changed": (_("The picture {file} was changed on disk. Bring it back from a backup, then resume."),),
    "optimizer_needs_gpu": (_("8-bit AdamW works on a GPU only, and the worker has none. Choose AdamW."),),
    "optimizer_missing": (_("The optimiser {optimizer} is not installed on the worker. Choose another one."),),
    "base_unknown": (_("Nobody has said what base model {file} was trained on. Add it in the library first."),),
    "unexpected": (_("Something unexpected happened. The last checkpoint is safe. Resume, or tell an administrator."),),
}

RECIPES: Sentences = {
    "base_unfit": (_("Choose a base model of the library."),),
    "vae_unfit": (_("This VAE does not fit the base model."),),
    "adapter_closed": (_("Choose an adapter of this project that is not in the archive."),),
    "adapter_method_differs": (_("This adapter is trained with {method}. Choose that, or another adapter."),),
    "value_unknown": (_("A training has no setting called {field}."),),
    "value_unfit": (_("The value of {field} is of the wrong kind."),),
    "training_choice_unknown": (_("“{value}” is not one of the choices."),),
    "training_architecture_unfit": (_("Only Stable Diffusion 1, 2 and XL can be trained here."),),
    "training_out_of_range": (_("The value must be from {low} to {high}."),),
    "training_resolution_uneven": (_("The resolution must be a multiple of 8 pixels."),),
    "training_word_unfit": (_("A trigger word is short, and has no commas."),),
    "training_prompts_many": (_("At most {limit} sample prompts can be drawn."),),
    "training_prompt_long": (_("A sample prompt has at most {limit} characters."),),
    "training_word_needed": (_("Textual Inversion needs one new word to teach, without spaces."),),
    "training_prior_unfit": (_("Class pictures belong to DreamBooth."),),
    "training_dora_unfit": (_("DoRA is a kind of LoRA."),),
    "training_structure_unfit": (_("The layer structure begins and ends with 1, with widths in between."),),
    "training_empty": (_("There are no pictures to learn from."),),
    "training_split_differs": (_("The pictures or captions are not those that were asked for."),),
    "training_class_pictures_missing": (_("Say how many class pictures to draw."),),
    "training_word_unsaid": (
        _("No caption says {word}. Write it into the captions, or have it added in front of them."),
    ),
    "training_folds_one": (_("One fold holds nothing out. Choose two or more, or none."),),
    "training_folds_blind": (_("Folds find the best step by looking on the way. Say after how many steps to look."),),
    "training_folds_few": (_("Folds need at least two pictures that are not nearly the same."),),
    "training_too_large": (
        _(
            "This training needs about {needed_size} of memory; the machine has {there_size}. Take a smaller batch, "
            "resolution or rank, turn on gradient checkpointing, or use half precision."
        ),
    ),
}

READINESS: Sentences = {
    "pictures_too_few": (_("{pictures} pictures are too few: at least {least} are needed."),),
    "pictures_few": (_("{pictures} pictures are few for this method; {from} to {to} serve it well."),),
    "pictures_many": (_("{pictures} pictures are many for this method; {from} to {to} serve it well."),),
    "pictures_enough": (_("{pictures} pictures are enough."),),
    "near_duplicates": (_("{pictures} pictures are {clusters} different ones; near duplicates stay together."),),
    "nothing_to_hold_out": (_("All pictures are nearly the same, so none can be held out to see overfitting."),),
    "folds_advised": (
        _("With fewer than {limit} pictures, folds find out how many steps the set can bear without losing any."),
    ),
    "captions_missing": (_("{missing} pictures have no caption in this language."),),
    "trigger_missing": (_("There is no trigger word, so the concept cannot be called."),),
}

REASONS: Sentences = {
    "character_lora": (
        _("LoRA learns a character from ten pictures on, leaves the base model alone, and makes small files."),
    ),
    "character_dreambooth_lora": (
        _("LoRA-DreamBooth also holds on to what the wider class looks like, so that not everybody gets this face."),
    ),
    "character_dreambooth": (
        _("DreamBooth trains the whole model: the closest likeness, for much more memory and large files."),
    ),
    "style_lora": (_("LoRA learns a style well and mixes with other adapters by weight."),),
    "style_textual_inversion": (
        _("Textual Inversion finds words for a style that the model can draw already, in a file of a few kilobytes."),
    ),
    "style_hypernetwork": (
        _("A hypernetwork bends everything the model draws a little. It wants hundreds of pictures and low rates."),
    ),
    "object_textual_inversion": (
        _("Textual Inversion teaches one new word from three to five pictures, and changes no weight of the model."),
    ),
    "object_lora": (_("LoRA holds more detail of an object, when there are ten pictures or more."),),
}

PRESET_REASONS: Sentences = {
    "quick": (_("A quick look whether the set teaches anything, at a high rate and with few steps."),),
    "balanced": (_("What serves most sets: it stops by itself once held-out pictures get no better."),),
    "careful": (_("Slow and with a low rate, for delicate things and for what goes into production."),),
}

VERDICTS: Sentences = {
    "still_learning": (_("Still learning at step {step}: more steps may help."), _("Still learning.")),
    "best_at": (_("Best at step {step}; going on brought nothing more."), _("Learned.")),
    "overfitting_since": (
        _("Overfitting since step {step}: it learns its own pictures by heart and gets worse on others."),
        _("Overfitting."),
    ),
    "learned_nothing": (_("Learned nothing that shows on held-out pictures."),),
    "folded": (
        _("Trained on everything for {step} steps, the median of what was best on the parts."),
        _("Trained on everything, as long as was best on the parts."),
    ),
    "not_measured": (_("Nothing was held out, so nobody measured how well it learned."),),
}

STAGES: Sentences = {
    "": (_("Waiting for the worker"),),
    "loading": (_("Loading the base model"),),
    "class_pictures": (_("Drawing class pictures"),),
    "folding": (_("Training on parts, to find the number of steps"),),
    "caching": (_("Encoding pictures and captions"),),
    "training": (_("Training"),),
    "validating": (_("Looking at held-out pictures"),),
    "sampling": (_("Drawing samples"),),
    "saving": (_("Writing the version"),),
}

SENTENCES: Sentences = {
    **arriving.SENTENCES,
    **RECIPES,
    **READINESS,
    **REASONS,
    **PRESET_REASONS,
    **VERDICTS,
    **{f"stage_{name}": said for name, said in STAGES.items()},
    **JOBS,
}


def sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """Return a code's sentence with its values filled in. Raises KeyError for a code that has no sentence."""
    return speak(SENTENCES, code, params or {})


def failure_sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """Say why a run failed, as `speak_failure` does."""
    return speak_failure(SENTENCES, sentence, code, params)


def verdict_sentence(run: Any) -> str:
    """Say what came of a run's training, in the reader's language; nothing while it is not over."""
    return sentence(run.verdict, run.verdict_params) if run.verdict in VERDICTS else ""


def stage_sentence(stage: str) -> str:
    """Say what a run does at the moment; a stage of a newer worker says at least that it trains."""
    return sentence(f"stage_{stage}" if stage in STAGES else "stage_training")
