"""Procedural captioned scenes in the order of Daicho's template: subject, environment, light, style.

The same scene always renders the same pixels: everything random comes from the scene's own seed.
"""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from engine.starter import (
    COLORS,
    DEFECTS,
    ENVIRONMENTS,
    HELD_OUT_ENVIRONMENTS,
    HELD_OUT_STYLES,
    HELD_OUT_SUBJECTS,
    LIGHTS,
    STYLES,
    SUBJECTS,
    styles,
)
from engine.starter.environments import CANVAS, draw_environment
from engine.starter.subjects import draw_subject

Split = Literal["any", "seen", "unseen", "held_out"]
SLOTS = ("color", "subject", "environment", "light", "style")
DEFECT_SHARE = 0.1
KNOWN = {
    "color": COLORS,
    "subject": SUBJECTS + HELD_OUT_SUBJECTS,
    "environment": ENVIRONMENTS + HELD_OUT_ENVIRONMENTS,
    "light": LIGHTS,
    "style": STYLES + HELD_OUT_STYLES,
    "defect": ("", *DEFECTS),
}
UNSEEN_FILE = Path(__file__).with_name("unseen_triples.json")
UNSEEN_TRIPLES = frozenset(tuple(triple) for triple in json.loads(UNSEEN_FILE.read_text("utf-8")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What one picture shows; the seed decides only where things stand."""

    subject: str
    color: str
    environment: str
    light: str
    style: str
    defect: str = ""
    seed: int = 0

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the caption's parts in the template's order."""
        named = (f"a {self.color} {self.subject}", self.environment, self.light, self.style, self.defect)
        return tuple(part for part in named if part)

    @property
    def prompt(self) -> str:
        """Return the caption as it is sent to the text encoder."""
        return ", ".join(self.parts)

    @property
    def is_unseen(self) -> bool:
        """Tell whether subject, environment and style never met in the shipped model's last training."""
        return (self.subject, self.environment, self.style) in UNSEEN_TRIPLES


def random_scene(rng: random.Random, split: Split = "any", *, defect_share: float = 0.0) -> Scene:
    """Return a scene with every slot drawn at random.

    `seen` and `unseen` keep to one side of the triples kept out of training; `held_out` draws at least one word
    that the model was never taught.
    """
    while True:
        scene = draw_slots(rng, widened=split == "held_out", defect_share=defect_share)
        if split == "any" or scene_split(scene) == split:
            return scene


def draw_slots(rng: random.Random, *, widened: bool, defect_share: float) -> Scene:
    """Return a scene from the trained vocabulary, or from the whole one."""
    return Scene(
        subject=rng.choice(KNOWN["subject"] if widened else SUBJECTS),
        color=rng.choice(COLORS),
        environment=rng.choice(KNOWN["environment"] if widened else ENVIRONMENTS),
        light=rng.choice(LIGHTS),
        style=rng.choice(KNOWN["style"] if widened else STYLES),
        defect=rng.choice(DEFECTS) if rng.random() < defect_share else "",
        seed=rng.getrandbits(32),
    )


def scene_split(scene: Scene) -> Split:
    """Return the side on which a scene falls."""
    held_out = (*HELD_OUT_SUBJECTS, *HELD_OUT_ENVIRONMENTS, *HELD_OUT_STYLES)
    if scene.subject in held_out or scene.environment in held_out or scene.style in held_out:
        return "held_out"
    return "unseen" if scene.is_unseen else "seen"


def parse_prompt(prompt: str) -> Scene:
    """Return the scene that a prompt in the template's order asks for; ValueError when it asks for anything else."""
    thing, *others = prompt.split(", ")
    words = thing.split(" ")
    if len(words) != 3 or words[0] != "a" or len(others) not in (3, 4):
        raise ValueError(f"not a prompt of the starter model's template: {prompt!r}")
    slots = dict(zip(("environment", "light", "style", "defect"), others, strict=False))
    scene = Scene(color=words[1], subject=words[2], **slots)
    unknown = [word for slot, known in KNOWN.items() if (word := getattr(scene, slot)) not in known]
    if unknown:
        raise ValueError(f"words that the starter model does not know: {unknown}")
    return scene


def choose_unseen_triples(seed: int = 5) -> list[tuple[str, str, str]]:
    """Return the triples to keep out of training: 5 % of all, the same number for every subject."""
    rng = random.Random(seed)
    pairs = [(environment, style) for environment in ENVIRONMENTS for style in STYLES]
    share = len(pairs) // 20
    return [(subject, *pair) for subject in SUBJECTS for pair in rng.sample(pairs, share)]


def render(scene: Scene, size: int = 128) -> Image.Image:
    """Return the scene as an RGB picture of size × size pixels."""
    rng = random.Random(scene.seed)
    place, horizon = draw_environment(scene.environment, rng)
    image = stand_subject(scene, place.filter(ImageFilter.GaussianBlur(2)), horizon, rng)
    image = styles.LIGHTS[scene.light](image.reduce(2))
    image = styles.STYLES[scene.style](image, size, rng)
    return styles.DEFECTS[scene.defect](image, rng) if scene.defect else image


def stand_subject(scene: Scene, place: Image.Image, horizon: int, rng: random.Random) -> Image.Image:
    """Return the place with the subject and its shadow in it."""
    x, base, scale = CANVAS / 2 + rng.randint(-45, 45), horizon + rng.randint(45, 85), rng.uniform(1.0, 1.25)
    subject = draw_subject(scene.subject, scene.color, canvas=CANVAS, x=x, base=base, scale=scale)
    shadow = Image.new("L", (CANVAS // 4, CANVAS // 4), 0)
    reach = 110 * scale
    box = ((x - reach) / 4, (base - 18) / 4, (x + reach) / 4, (base + 18) / 4)
    ImageDraw.Draw(shadow).ellipse(box, fill=90)
    shadow = shadow.filter(ImageFilter.GaussianBlur(2)).resize(place.size, Image.Resampling.BILINEAR)
    image = Image.composite(ImageEnhance.Brightness(place).enhance(0.5), place, shadow)
    image.paste(subject, (0, 0), subject)
    return image
