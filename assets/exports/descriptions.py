"""The values that an export is made of, and the error that it raises."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from assets.licensing import Profile
from assets.manifests import LANGUAGE, ManifestItem

MAX_NAME = 200
MAX_REPEATS = 10_000
RESOLUTIONS = range(64, 4097, 64)

SENTENCES = {
    "export_empty": "The version holds no pictures.",
    "export_format_unknown": "There is no export format “{format}”.",
    "export_picture_empty": "Picture {number} could not be read: it has no bytes.",
    "export_value_unfit": "The value of “{field}” does not fit.",
}


class ExportError(ValueError):
    """Refuse an export. `code` is stable, `params` fill the translated sentence."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(SENTENCES[code].format(**params))
        self.code = code
        self.params: Mapping[str, str | int] = params


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportItem:
    """A picture of the version, and where its stripped bytes come from: a file, or a call that returns them."""

    item: ManifestItem
    source: Path | Callable[[], bytes]

    def read(self) -> bytes:
        """Return the picture file's bytes. Raises ExportError when there are none, OSError when it cannot be read."""
        data = self.source.read_bytes() if isinstance(self.source, Path) else self.source()
        if not data:
            raise ExportError("export_picture_empty", number=self.item.number)
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportDescription:
    """What is said about the dataset as a whole. Raises ExportError `export_value_unfit`.

    `version` counts from 1, `url` is the version's page, `creators` are the teams that made the selection, and
    `language` is the one whose captions go where only one fits; a picture without it gives its first caption. `own`
    are the team's own licences that count now, by id: the papers name them and lead to their pages.
    """

    name: str
    version: int
    description: str
    url: str
    creators: tuple[str, ...]
    published_on: date
    language: str = "en"
    own: Mapping[str, Profile] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > MAX_NAME or not self.name.isprintable():
            raise ExportError("export_value_unfit", field="name")
        if self.version < 1:
            raise ExportError("export_value_unfit", field="version")
        if not self.url.startswith(("https://", "http://")) or not self.url.isprintable() or " " in self.url:
            raise ExportError("export_value_unfit", field="url")
        if not self.creators or not all(name.strip() and name.isprintable() for name in self.creators):
            raise ExportError("export_value_unfit", field="creators")
        if not LANGUAGE.fullmatch(self.language):
            raise ExportError("export_value_unfit", field="language")

    def caption(self, item: ManifestItem) -> str:
        """Return a picture's caption in the chosen language, or in its first one; "" without any."""
        return item.captions.get(self.language) or next(iter(item.captions.values()), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class KohyaOptions:
    """What sd-scripts needs besides pictures. Raises ExportError `export_value_unfit`.

    `resolution` is pixels a side, a multiple of 64.
    `texts` says whether the caption or the tags stand behind the trigger; where one is missing, the other does.
    """

    trigger: str
    class_word: str = ""
    repeats: int = 10
    resolution: int = 512
    texts: Literal["captions", "tags"] = "captions"

    def __post_init__(self) -> None:
        for name, word in (("trigger", self.trigger), ("class_word", self.class_word)):
            if len(word) > MAX_NAME or not word.isprintable() or any(mark in word for mark in ",、，/\\"):
                raise ExportError("export_value_unfit", field=name)
        if not self.trigger.strip():
            raise ExportError("export_value_unfit", field="trigger")
        if not 1 <= self.repeats <= MAX_REPEATS:
            raise ExportError("export_value_unfit", field="repeats")
        if self.resolution not in RESOLUTIONS:
            raise ExportError("export_value_unfit", field="resolution")
        if self.texts not in ("captions", "tags"):
            raise ExportError("export_value_unfit", field="texts")
