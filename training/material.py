"""From a frozen version of a dataset to what a training learns from: bytes, captions, and who is on which side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from django.utils.translation import gettext as _

from assets.manifests import ManifestItem
from assets.models import DatasetVersion
from assets.services.curation import duplicate_groups
from assets.services.exports import manifest_in, pictures_of
from assets.splits import Split, join_clusters, split
from engine.training.values import Material, TrainingItem
from engine.words import says
from projects.problems import Problem

from .sentences import sentence

TriggerMode = Literal["add", "as_written"]
TRIGGER_MODES: tuple[TriggerMode, ...] = ("add", "as_written")
USUAL_SHARE = 0.15
KINDS: Mapping[str, Any] = {"language": str, "trigger_mode": str, "validation_share": int | float, "split_seed": int}
RANGES: Mapping[str, tuple[float, float]] = {"validation_share": (0.0, 0.5), "split_seed": (0, 2**31 - 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialChoice:
    """How the frozen pictures become items to learn from; none of it is in the spec, all of it changes the weights.

    With `trigger_mode` "add" a caption that lacks the trigger word gets it in front. `validation_share` is the share
    of pictures that is held out, 0 for none; `split_seed` says which.
    """

    language: str = "en"
    trigger_mode: TriggerMode = "add"
    validation_share: float = USUAL_SHARE
    split_seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "language": self.language,
            "trigger_mode": self.trigger_mode,
            "validation_share": self.validation_share,
            "split_seed": self.split_seed,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "MaterialChoice":
        """Read back `as_dict`."""
        return cls(**data)


def check_material(choice: MaterialChoice) -> None:
    """Raise Problem naming the first field whose value is of the wrong kind, no choice, or out of range."""
    values = choice.as_dict()
    for name, kind in KINDS.items():
        if isinstance(values[name], bool) or not isinstance(values[name], kind):
            raise refuse_value("value_unfit", name, field=name)
    for name, choices in (("language", dict(settings.LANGUAGES)), ("trigger_mode", TRIGGER_MODES)):
        if values[name] not in choices:
            raise refuse_value("training_choice_unknown", name, value=values[name][:40])
    for name, (low, high) in RANGES.items():
        if not low <= values[name] <= high:
            raise refuse_value("training_out_of_range", name, low=low, high=high)


def refuse_value(code: str, name: str, **params: Any) -> Problem:
    """Return the problem that a field's value is."""
    message = sentence(code, params)
    return Problem(code, message, fields={name: message})


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the concept is called: the word that listens to it, and the wider word behind it."""

    trigger_word: str
    class_word: str


class FrozenPictures:
    """The pictures of a version with their files and near duplicates, read once."""

    def __init__(self, version: DatasetVersion) -> None:
        self.version = version
        self.items: Sequence[ManifestItem] = manifest_in(version).items
        self.pictures = pictures_of(version)
        self.paths = {picture.file_sha256: picture.path for picture in self.pictures}

    def clusters(self) -> list[list[str]]:
        """Return groups of pictures that belong together, by their pixels: as frozen, and as near duplicates now."""
        named: dict[str, list[str]] = {}
        for item in self.items:
            named.setdefault(item.group or item.pixels_sha256, []).append(item.pixels_sha256)
        found = [[each.pixels_sha256 for each in group] for group in duplicate_groups(self.pictures)]
        return [*named.values(), *found]

    @cached_property
    def groups(self) -> Mapping[str, str]:
        """The group of every picture that has near duplicates, by its pixels; named after the first of them."""
        parts = join_clusters([item.pixels_sha256 for item in self.items], self.clusters())
        return {key: part[0] for part in parts if len(part) > 1 for key in part}

    def numbers_of(self, keys: Sequence[str]) -> list[int]:
        """Return the numbers of pictures in the manifest, in order."""
        wanted = set(keys)
        return [item.number for item in self.items if item.pixels_sha256 in wanted]

    def part(self, choice: MaterialChoice) -> dict[str, Any]:
        """Part the pictures so that near duplicates are on one side, and return the sides as a run keeps them."""
        keys = [item.pixels_sha256 for item in self.items]
        sides = Split(train=tuple(keys), validation=())
        if choice.validation_share:
            sides = split(keys, self.clusters(), seed=choice.split_seed, validation_share=choice.validation_share)
        return {
            "train": self.numbers_of(sides.train),
            "validation": self.numbers_of(sides.validation),
            "seed": choice.split_seed,
            "share": choice.validation_share,
        }

    def material(self, sides: Mapping[str, Any], choice: MaterialChoice, words: Words) -> Material:
        """Return what the engine learns from. Raises Problem for a picture whose file is gone."""
        return Material(
            train=self._side(sides["train"], choice, words), validation=self._side(sides["validation"], choice, words)
        )

    def _side(self, numbers: Sequence[int], choice: MaterialChoice, words: Words) -> tuple[TrainingItem, ...]:
        wanted = set(numbers)
        return tuple(self._item(item, choice, words) for item in self.items if item.number in wanted)

    def _item(self, item: ManifestItem, choice: MaterialChoice, words: Words) -> TrainingItem:
        path = self.paths.get(item.sha256)
        if path is None:
            message = _("Picture %(number)d of this version is gone. Bring its file back from a backup.")
            raise Problem("picture_lost", message % {"number": item.number}, status=409)
        caption = caption_of(item.captions.get(choice.language, ""), choice.trigger_mode, words)
        place, group = Path(settings.MEDIA_ROOT, path), self.groups.get(item.pixels_sha256, "")
        return TrainingItem(path=place, sha256=item.sha256, caption=caption, group=group)

    def captioned(self, language: str) -> int:
        """Count the pictures that have a caption in a language."""
        return sum(bool(item.captions.get(language)) for item in self.items)


def caption_of(text: str, mode: TriggerMode, words: Words) -> str:
    """Return a caption as the model reads it: with the trigger word in front where it is missing and wanted."""
    name = " ".join(filter(None, (words.trigger_word, words.class_word)))
    if mode == "as_written" or not words.trigger_word or says(text, words.trigger_word):
        return text
    return f"{name}, {text}" if text else name
