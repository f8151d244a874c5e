"""The one place where a mistake's code becomes a sentence in the reader's language.

Pure modules and the engine raise codes with values; pages, the API and failed jobs all read them here. Those of files
that arrive are in `assets.sentences`.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from assets import sentences as arriving
from assets.sentences import Sentences, speak, speak_failure

EXAMPLE = "{product}"

NAMES: Mapping[str, str | Promise] = {
    "subject": _("Subject"),
    "environment": _("Environment"),
    "light": _("Light"),
    "style": _("Style"),
    "negative": _("Negatives"),
    "separator": _("Separator"),
    "width": _("Width"),
    "height": _("Height"),
    "prompt": _("Prompt"),
    "negative_prompt": _("Negative prompt"),
    "size": _("size"),
    "pixels": _("pixels"),
    "checksum": _("checksum"),
}

CLAIMED_TEXTS = (
    "prompt", "negative_prompt", "sampler", "schedule_type", "scheduler", "model_name", "vae_name", "version",
)  # fmt: skip

PROMPTS: Sentences = {
    "bad_braces": (_("“{text}” in {slot} is neither a variable nor a choice."),),
    "bad_template": (_("The template is not well formed: {field}."),),
    "circular_reference": (_("{chain} refers to itself."),),
    "expansion_too_deep": (_("{slot} nests variables, choices or wildcards too deeply."),),
    "expansion_too_large": (_("{slot} expands to too much text."),),
    "expression_not_allowed": (
        _("Double braces in {slot} are never evaluated. Write a variable with single braces, such as {example}."),
    ),
    "lone_surrogate": (_("The text holds half a character at position {position}. Type it again."),),
    "slot_locked": (_("The slot {slot} is locked in this template."),),
    "text_too_long": (
        _("{slot} has {length} characters; at most {limit} are allowed."),
        _("The text is longer than {limit} characters."),
    ),
    "unbalanced_bracket": (
        _("“{bracket}” at position {position} of {slot} has no partner. Write \\{bracket} for the character itself."),
    ),
    "unknown_slot": (_("There is no slot called {slot}."),),
    "unknown_variable": (_("There is no variable called {name} in this template."),),
    "unknown_wildcard": (_("There is no wildcard called {name} in this template."),),
    "variable_missing": (_("The variable {name} needs a value."),),
    "variable_not_allowed": (_("“{value}” is not one of the values allowed for {name}."),),
    "weight_out_of_range": (
        _("The weight {value} in {slot} must lie between 0 and 2."),
        _("A weight in the prompt is {weight}; between -{limit} and {limit} is possible."),
    ),
}

RECIPES: Sentences = {
    "architecture_unknown": (_("The architecture of this model is not known."),),
    "size_out_of_range": (_("The size must be between {min} and {max} pixels."),),
    "size_not_multiple": (_("The size must be a multiple of {factor}. Near {value} are {nearest}."),),
    "seed_out_of_range": (
        _("The seed must be a whole number from {min} to {max}."),
        _("The seed must be a whole number of 0 or more."),
    ),
    "steps_out_of_range": (_("The steps must be a whole number from {min} to {max}."),),
    "guidance_out_of_range": (_("The guidance must be a number from {min} to {max}."),),
    "clip_skip_out_of_range": (_("Clip skip must be a whole number from {min} to {max} for this model."),),
    "scheduler_unknown": (_("This scheduler is not known. Choose one from the list."),),
    "scheduler_not_for_architecture": (_("{scheduler} cannot draw with this model. Choose another scheduler."),),
    "scheduler_config_invalid": (_("The scheduler setting {key} has a value that cannot be used."),),
    "scheduler_config_unknown": (_("The scheduler has no setting named {keys}."),),
    "prompt_too_long": (_("The text is longer than {limit} characters."),),
    "prompt_not_text": (_("The text holds characters that are not text."),),
    "negative_unsupported": (_("This model takes no negative prompt. Leave the negatives empty."),),
    "weight_not_finite": (_("A weight in the prompt is not a number."),),
    "brackets_too_deep": (_("More than {limit} brackets are open at once."),),
    "too_many_adapters": (_("At most {limit} adapters can be used together."),),
    "adapter_weight_out_of_range": (_("An adapter's weight must be between -{max} and {max}."),),
    "adapter_kind_unsupported": (_("Adapters of the kind {kind} cannot be used with this kind of base model."),),
    "adapter_word_invalid": (_("The word of an adapter must be at most {limit} characters of plain text."),),
    "adapter_twice": (_("The same adapter is chosen twice."),),
    "adapter_made_for_another": (
        _("The adapter {file} was made for {made_for}, but {model} is {architecture}. Choose another one."),
    ),
    "adapter_taken_back": (_("The version {adapter} was taken back in this project. Choose another adapter."),),
    "vae_made_for_another": (
        _("The VAE {file} was made for {made_for}, but {model} is {architecture}. Choose another one."),
    ),
    "hash_invalid": (_("A file must be named by its sha256."),),
    "mode_unknown": (_("This way to draw is not known."),),
}

PRESETS: Sentences = {
    "file_too_large": (_("The file is larger than {limit_size}."),),
    "encoding_unknown": (_("The file's encoding is not known. Save it as UTF-8."),),
    "csv_unreadable": (_("The file cannot be read as CSV: {reason}."), _("The file cannot be read as CSV.")),
    "json_unreadable": (_("The file cannot be read as JSON: {reason}."), _("The file cannot be read as JSON.")),
    "file_empty": (_("The file is empty."),),
    "too_many_rows": (_("The file has more than {limit} rows."),),
    "column_missing": (_("The columns name and prompt are needed. The file has: {columns}."),),
    "column_twice": (_("A column is there twice. The file has: {columns}."),),
}

GRIDS: Sentences = {
    "axes_missing": (_("Choose what varies on at least one axis."),),
    "axis_unknown": (_("There is no axis called {name}."),),
    "axis_twice": (_("This varies on another axis already. Choose something else."),),
    "axis_empty": (_("Give this axis at least one value."),),
    "axis_too_long": (_("An axis has at most {limit} values."),),
    "axis_text_too_long": (_("The text is longer than {limit} characters."),),
    "axis_not_number": (_("“{value}” is not a number, nor a range such as 0.5-0.9 (+0.1)."),),
    "axis_not_whole": (_("“{value}” is not a whole number."),),
    "axis_step_zero": (_("A range needs a step other than 0."),),
    "axis_choice_unknown": (_("There is no such choice in this project. Choose again."),),
    "axis_needs_adapter": (_("There is no adapter whose weight could vary. Choose one, or vary adapters too."),),
    "axis_slot_locked": (_("The template locks this slot, so that it cannot vary."),),
    "axis_words_missing": (
        _("“{text}” stands nowhere in the prompt. The first line is what the others replace, exactly as written."),
    ),
    "grid_too_large": (_("That makes {count} cells; a grid has at most {limit}."),),
}

JOBS: Sentences = {
    "worker_died": (
        _("The worker stopped {attempts} times while it worked on this. What was saved is safe. Try again."),
        _("The worker stopped while it worked on this. What was saved is safe. Try again."),
    ),
    "timed_out": (_("This took longer than is allowed, and was stopped. Ask for fewer pictures or fewer steps."),),
    "out_of_memory": (
        _("The graphics memory was not enough. Nothing was lost. Try a smaller size or fewer pictures at once."),
    ),
    "not_a_number": (_("The model gave values that are not numbers. Try another scheduler, VAE or lower guidance."),),
    "rights_blocked": (_("The licence does not allow this any more. What was made before stays."),),
    "engine_failed": (_("The picture could not be made. Nothing was lost. Try again, or tell an administrator."),),
    "unexpected": (_("Something unexpected happened. Nothing was lost. Try again, or tell an administrator."),),
}

NOTICES: Sentences = {
    "hidden_characters_removed": (_("{slot} held invisible characters. They were taken out."),),
    "adapter_tag": (_("{tag} in {slot} stays text: adapters are chosen from a list, not from the prompt."),),
    "weights_not_read": (
        _("{model} reads the words without their weights: (word:1.2) counts like word. Say more with other words."),
    ),
    "prompt_over_window": (
        _("{encoder} reads the first {limit} of the prompt’s {used} tokens. Put what matters most at the beginning."),
    ),
    "parameters_missing": (_("The text has no line of parameters; only its words were read."),),
    "sampler_missing": (_("The workflow has no sampler that could be found, so its values are not known."),),
    "several_samplers": (_("The workflow has several samplers; these are the values of the last one."),),
    "prompt_cut": (_("The prompt in the file is too long; its end was left out."),),
    "negative_prompt_cut": (_("The negative prompt in the file is too long; its end was left out."),),
    **dict.fromkeys(
        (f"{name}_invalid" for name in CLAIMED_TEXTS), (_("A part of the file's text is not text, and was left out."),)
    ),
    "seed_invalid": (_("The seed in the file is not a whole number, and was left out."),),
    "num_inference_steps_invalid": (_("The steps in the file are out of range, and were left out."),),
    "guidance_scale_invalid": (_("The guidance in the file is out of range, and was left out."),),
    "width_invalid": (_("The width in the file is out of range, and was left out."),),
    "height_invalid": (_("The height in the file is out of range, and was left out."),),
    "clip_skip_invalid": (_("The clip skip in the file is out of range, and was left out."),),
    "strength_invalid": (_("The strength in the file is out of range, and was left out."),),
    "model_hash_invalid": (_("The model's hash in the file is no hash, and was left out."),),
    "vae_hash_invalid": (_("The VAE's hash in the file is no hash, and was left out."),),
}

SENTENCES: Sentences = {**arriving.SENTENCES, **NOTICES, **PROMPTS, **PRESETS, **RECIPES, **GRIDS, **JOBS}


def sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """Return a code's sentence with its values filled in. Raises KeyError for a code that has no sentence."""
    return speak(SENTENCES, code, {"example": EXAMPLE, **(params or {})}, NAMES)


def failure_sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """Say why a job failed, as `speak_failure` does."""
    return speak_failure(SENTENCES, sentence, code, params)
