"""The one place where a mistake's code becomes a sentence in the reader's language.

Pure modules and the engine raise codes with values; pages, the API and failed jobs all read them here. A code with
several sentences takes the first whose values are there.
"""

from collections.abc import Mapping
from string import Formatter
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Sentences = Mapping[str, tuple[str | Promise, ...]]

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
    "adapter_kind_unsupported": (_("Adapters of the kind {kind} cannot be used yet."),),
    "adapter_twice": (_("The same adapter is chosen twice."),),
    "hash_invalid": (_("A file must be named by its sha256."),),
    "mode_unknown": (_("This way to draw is not known."),),
}

MODELS: Sentences = {
    "unsafe_format": (
        _("{file} can run programs when it is opened. Daicho reads .safetensors only. Ask for that format."),
    ),
    "pickle_content": (
        _("This is a pickle or zip file with a .safetensors name. It can run programs and will not be opened."),
    ),
    "file_unreadable": (_("{file} cannot be read."),),
    "file_too_short": (_("The file is too short to be a model."),),
    "file_truncated": (_("The model file ends too early: part of it is missing. Copy it again."),),
    "header_over_file": (_("The model's header claims to be longer than the file."),),
    "header_too_long": (_("The model's header is too long."),),
    "header_not_json": (_("The model's header is damaged."),),
    "header_duplicate_key": (_("The model's header names the same thing twice."),),
    "too_many_tensors": (_("The model file lists too many tensors: {count}."),),
    "metadata_invalid": (_("The model's metadata is damaged."),),
    "metadata_too_large": (_("The model's metadata is too large."),),
    "tensor_invalid": (_("The entry {tensor} of the model file is not a tensor."),),
    "tensor_dtype_unknown": (_("{tensor} in the model file has an unknown number type."),),
    "tensor_shape_invalid": (_("{tensor} in the model file has an impossible shape."),),
    "tensor_offsets_invalid": (_("{tensor} in the model file has impossible offsets."),),
    "tensor_size_mismatch": (_("{tensor} in the model file does not fit its bytes."),),
    "tensors_hole": (_("There are bytes in the model file that belong to no tensor."),),
    "tensors_overlap": (_("Two tensors of the model file share the same bytes."),),
    "component_missing": (_("The model folder has no {component}."),),
    "component_broken": (_("The {component} of this model cannot be loaded. Copy the model again."),),
    "json_invalid": (_("{file} in the model folder is not valid JSON."),),
    "architecture_unsupported": (
        _("Daicho cannot draw with these weights. Stable Diffusion 1, 2, XL and 3, and FLUX.1 are possible."),
    ),
    "architecture_mismatch": (_("The recipe is for {wanted}, but the model file is {found}."),),
    "model_purpose_unsupported": (_("This model edits pictures. Choose one that makes them from words."),),
    "model_missing": (_("The file {file} is gone. Ask whoever looks after the models to put it back."),),
    "model_changed": (_("{file} has changed since it was registered, so it was not used. Register it again."),),
    "model_too_large": (_("This model needs {needed_size} of memory; {limit_size} are allowed here."),),
    "vae_mismatch": (_("This VAE does not fit the base model ({vae} and {base_model} channels). Choose another."),),
    "vae_unsupported": (_("Only AutoencoderKL and AutoencoderTiny can be used as VAE."),),
    "adapter_broken": (_("The adapter {file} is damaged. Copy it again."), _("The adapter is damaged. Copy it again.")),
    "adapter_mismatch": (
        _("The adapter {file} was made for another kind of model. Choose one that fits."),
        _("The adapter was made for another kind of model. Choose one that fits."),
    ),
    "adapter_token_taken": (_("The base model already knows the word {token}, so this embedding cannot be used."),),
    "single_file_unsupported": (_("This kind of model is read as a diffusers folder only, not as a single file."),),
    "translator_unsupported": (_("This translation model cannot be used."),),
    "translation_too_long": (_("The text is too long for the translation model. Shorten it."),),
    "weights_not_finite": (_("The {component} of this model holds values that are not numbers."),),
    "tokenizer_missing": (_("The tokenizer for this model is not on this machine."),),
}

PICTURES: Sentences = {
    "empty": (_("The file is empty."),),
    "too_many_bytes": (_("The file has {size_size}; at most {limit_size} are accepted."),),
    "not_a_picture": (_("The file is not a PNG, JPEG or WebP picture."),),
    "format_refused": (_("The file is {format}; only PNG, JPEG and WebP pictures are accepted."),),
    "too_many_pixels": (_("The picture is {width} × {height} pixels; at most {limit} pixels are accepted."),),
    "side_too_long": (_("The picture is {width} × {height} pixels; no side may be longer than {limit}."),),
    "animated": (_("The picture is animated ({frames} frames); only still pictures are accepted."),),
    "metadata_bomb": (_("The text inside the picture unpacks to more than {limit_size}. It was not opened."),),
    "too_many_pieces": (_("The file is cut into more than {limit} pieces. It was not opened."),),
    "truncated": (_("The picture ends too early: part of the file is missing. Copy it again."),),
    "broken": (_("The picture is damaged ({reason})."), _("The picture is damaged.")),
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

FILES: Sentences = {
    "disk_full": (_("The disk is full. Nothing was changed. Free some room and try again."),),
    "write_failed": (_("The file could not be written: {reason}. Nothing was changed."),),
    "path_invalid": (_("This is not the path of a stored file."),),
    "file_missing": (_("The stored file is gone. The ledger still knows how to make it again: press Replay."),),
    "file_changed": (_("The stored file has changed on disk. The ledger still knows how to make it again."),),
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
    "texts_left_out": (_("Some of the picture's text is too long and was not read."),),
    "text_unreadable": (_("Some of the picture's text is damaged and was not read."),),
    "xmp_left_out": (_("The picture's XMP was not read."),),
    "trailing_data_left_out": (_("There is other data behind the picture. It was not read."),),
    "orientation_unknown": (_("The picture's orientation is not one that exists; it is shown as it lies."),),
    "color_profile_left_out": (_("The picture's colour profile is damaged and was not used."),),
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

SENTENCES: Sentences = {**NOTICES, **PROMPTS, **PRESETS, **RECIPES, **MODELS, **PICTURES, **FILES, **JOBS}
EXAMPLE = "{product}"


def sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """Return a code's sentence with its values filled in. Raises KeyError for a code that has no sentence."""
    values = {"example": EXAMPLE} | {name: part for pair in (params or {}).items() for name, part in _words(*pair)}
    for template in map(str, SENTENCES[code]):
        if _fields(template) <= values.keys():
            return template.format_map(values)
    return _without_values(str(SENTENCES[code][-1]), values)


def failure_sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """Say why a job failed; a code from a newer worker says at least that nothing was lost. Nothing for no code."""
    if not code:
        return ""
    return sentence(code, params) if code in SENTENCES else sentence("unexpected")


def _fields(template: str) -> set[str]:
    return {field for _text, field, _spec, _conversion in Formatter().parse(template) if field}


def _without_values(template: str, values: Mapping[str, str]) -> str:
    missing = dict.fromkeys(_fields(template) - values.keys(), "…")
    return template.format_map({**values, **missing})


def _words(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, str):
        return [(name, str(NAMES.get(value, value)))]
    if isinstance(value, float):
        return [(name, f"{value:g}")]
    if isinstance(value, list | tuple | set | frozenset):
        return [(name, ", ".join(map(str, value)))]
    if isinstance(value, int) and not isinstance(value, bool):
        return [(name, str(value)), (f"{name}_size", str(filesizeformat(value)))]
    return [(name, str(value))]
