"""The tags that every tagger gives, what a tagger must be able to do, and how its pictures come to it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

# At this size a large network keeps the processor busy, and a GPU of 8 GB has room.
BATCH = 8
MAX_TAGS = 10
# A processor that keeps proportions would blow a strip of one pixel up to gigabytes.
MAX_ASPECT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """Hold one guess; `confidence` runs from 0 to 1 in the eyes of its tagger, and compares within that tagger only."""

    label: str
    confidence: float


class Tagger(Protocol):
    """Propose tags for pictures; `version` is the sha256 of what it tags with."""

    name: str
    version: str

    def tag(self, images: Sequence[Image.Image]) -> list[list[Tag]]:
        """Return the tags of every picture, surest first.

        Pictures are upright and of any size; what else is in the batch changes no label, and confidences by rounding
        only (under 1e-5).
        """
        ...


def pick_tags(scored: Iterable[tuple[str, float]], *, threshold: float, limit: int = MAX_TAGS) -> list[Tag]:
    """Return the surest labels at or over the threshold, each once: label lists of models hold the same word twice."""
    best: dict[str, float] = {}
    for label, confidence in scored:
        if confidence >= threshold:
            best[label] = max(confidence, best.get(label, confidence))
    ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))
    return [Tag(label=label, confidence=confidence) for label, confidence in ranked[:limit]]


def split_batches(images: Sequence[Image.Image], size: int) -> Iterator[list[Image.Image]]:
    """Yield the pictures as plain RGB, `size` at a time."""
    for start in range(0, len(images), size):
        yield [flatten(image) for image in images[start : start + size]]


def flatten(image: Image.Image) -> Image.Image:
    """Return a picture as RGB: transparent parts on white, and of a strip only the middle."""
    reach = MAX_ASPECT * min(image.size)
    left, top = max(0, (image.width - reach) // 2), max(0, (image.height - reach) // 2)
    image = image.crop((left, top, min(image.width, left + reach), min(image.height, top + reach)))
    if not image.has_transparency_data:
        return image.convert("RGB")
    upper = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", upper.size, "white"), upper).convert("RGB")
