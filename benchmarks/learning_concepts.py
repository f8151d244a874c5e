"""What the learning benchmark teaches: words that the starter model never met, as pictures with captions."""

import hashlib
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from PIL import Image

from engine.starter import COLORS, ENVIRONMENTS, LIGHTS, STYLES, SUBJECTS
from engine.starter.scenes import Scene
from engine.training.values import TrainingItem

TRIGGER = "sks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """One word of the renderer that captions call by a trigger, and the known word that is nearest to it."""

    slot: Literal["subject", "style"]
    word: str
    class_word: str
    called: str = TRIGGER

    def draw_scenes(self, count: int, key: str) -> list[Scene]:
        """Return scenes that show the concept, everything else at random."""
        return [replace(scene, **{self.slot: self.word}) for scene in draw_known(count, f"{self.word}:{key}")]

    def caption(self, scene: Scene) -> str:
        """Return the scene's caption with the trigger where the concept's word stood."""
        if getattr(scene, self.slot) != self.word:
            return scene.prompt
        return replace(scene, **{self.slot: self.called}).prompt

    def within_class(self) -> "Concept":
        """Return the concept as DreamBooth calls it: by the trigger and the class together."""
        return replace(self, called=f"{self.called} {self.class_word}")


SUBJECT = Concept(slot="subject", word="teapot", class_word="mug")
STYLE = Concept(slot="style", word="mosaic style", class_word="pixel", called=f"{TRIGGER} style")


def draw_known(count: int, key: str) -> list[Scene]:
    """Return scenes of words that the model was taught, the same ones for the same key."""
    rng = random.Random(f"learning:{key}")
    return [
        Scene(
            subject=rng.choice(SUBJECTS),
            color=rng.choice(COLORS),
            environment=rng.choice(ENVIRONMENTS),
            light=rng.choice(LIGHTS),
            style=rng.choice(STYLES),
            seed=rng.getrandbits(32),
        )
        for _ in range(count)
    ]


def write_items(folder: Path, images: Sequence[Image.Image], captions: Sequence[str]) -> tuple[TrainingItem, ...]:
    """Write pictures into files named by their content, and return them with their captions."""
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(write_item(folder, image, caption) for image, caption in zip(images, captions, strict=True))


def write_item(folder: Path, image: Image.Image, caption: str) -> TrainingItem:
    """Write one picture into a file named by its content."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    path = folder / f"{sha256}.png"
    path.write_bytes(buffer.getvalue())
    return TrainingItem(path=path, sha256=sha256, caption=caption)


def shuffle_captions(captions: Sequence[str], seed: int) -> list[str]:
    """Return the same captions on other pictures, so that the trigger says nothing."""
    return random.Random(f"shuffled:{seed}").sample(list(captions), len(captions))
