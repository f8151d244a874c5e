"""Folders and captions as kohya's sd-scripts read them, with the dataset.toml that names them."""

import json

from assets.captions.phrases import fold, split_phrases
from assets.manifests import ManifestItem
from assets.storage import download_name

from .descriptions import ExportDescription, KohyaOptions


def folder_name(options: KohyaOptions) -> str:
    """Return `<repeats>_<trigger> <class>`, with what no file system takes replaced."""
    return download_name(f"{options.repeats}_{class_tokens(options)}", "")


def class_tokens(options: KohyaOptions) -> str:
    """Return trigger and class: what stands in for a caption that is missing."""
    return " ".join(f"{options.trigger} {options.class_word}".split())


def caption_text(description: ExportDescription, item: ManifestItem, options: KohyaOptions) -> str:
    """Return one line: the trigger first, then the other phrases of the caption or the tags."""
    told = split_phrases(description.caption(item))
    first, second = (item.tags, told) if options.texts == "tags" else (told, item.tags)
    trigger = " ".join(options.trigger.split())
    others = [phrase for phrase in first or second or (options.class_word,) if phrase and fold(phrase) != fold(trigger)]
    return ", ".join((trigger, *others))


def dataset_toml(options: KohyaOptions) -> str:
    """Return the file for `--dataset_config`; its folder is relative to where the archive is unpacked.

    sd-scripts wants the smallest and largest bucket around the resolution, in steps of 64 pixels.
    """
    return "\n".join(
        (
            "[general]",
            'caption_extension = ".txt"',
            "shuffle_caption = true",
            "keep_tokens = 1",
            "",
            "[[datasets]]",
            f"resolution = {options.resolution}",
            "batch_size = 1",
            "enable_bucket = true",
            f"min_bucket_reso = {min(256, options.resolution)}",
            f"max_bucket_reso = {max(1024, options.resolution * 2)}",
            "",
            "  [[datasets.subsets]]",
            f"  image_dir = {_quoted(folder_name(options))}",
            f"  class_tokens = {_quoted(class_tokens(options))}",
            f"  num_repeats = {options.repeats}",
            "",
        )
    )


def _quoted(text: str) -> str:
    """Return text as a TOML string: JSON's are TOML's too, but for DEL, which no checked word holds."""
    return json.dumps(text, ensure_ascii=False)
