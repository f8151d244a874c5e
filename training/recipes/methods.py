"""Which way to learn fits a purpose, and why; and whether a set of pictures is large enough for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.specs import TrainingMethod

Purpose = Literal["character", "style", "object"]
PURPOSES: tuple[Purpose, ...] = ("character", "style", "object")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One way to learn for a purpose. `reason` is a code whose sentence says why; the first of a purpose is advised."""

    method: TrainingMethod
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRange:
    """How many pictures a method can work with at all, and how many serve it well."""

    least: int
    usual_from: int
    usual_to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """One thing about a set of pictures before a training: `code` has a sentence, `level` is ok, warn or stop."""

    code: str
    level: Literal["ok", "warn", "stop"]
    params: Mapping[str, int | str]


METHODS: Mapping[Purpose, tuple[Choice, ...]] = {
    "character": (
        Choice(method="lora", reason="character_lora"),
        Choice(method="dreambooth_lora", reason="character_dreambooth_lora"),
        Choice(method="dreambooth", reason="character_dreambooth"),
    ),
    "style": (
        Choice(method="lora", reason="style_lora"),
        Choice(method="textual_inversion", reason="style_textual_inversion"),
        Choice(method="hypernetwork", reason="style_hypernetwork"),
    ),
    "object": (
        Choice(method="textual_inversion", reason="object_textual_inversion"),
        Choice(method="lora", reason="object_lora"),
    ),
}
# Numbers as practice gives them: LoRA 10 to 50, DreamBooth mostly 10 to 20, Textual Inversion 3 to 5 (a dozen do no
# harm), a hypernetwork hundreds.
PICTURES: Mapping[TrainingMethod, PictureRange] = {
    "lora": PictureRange(least=2, usual_from=10, usual_to=50),
    "dreambooth": PictureRange(least=2, usual_from=10, usual_to=50),
    "dreambooth_lora": PictureRange(least=2, usual_from=10, usual_to=50),
    "textual_inversion": PictureRange(least=2, usual_from=3, usual_to=20),
    "hypernetwork": PictureRange(least=2, usual_from=100, usual_to=5000),
}
SMALL_SET = 20


def methods_for(purpose: Purpose) -> tuple[Choice, ...]:
    """Return the ways to learn for a purpose, the advised one first."""
    return METHODS[purpose]


def judge_readiness(
    method: TrainingMethod, *, pictures: int, captioned: int, clusters: int, trigger_word: str
) -> Sequence[Readiness]:
    """Say what stands against a training with these pictures; `clusters` counts near duplicates as one picture."""
    usual = PICTURES[method]
    found = [_judge_count(pictures, usual)]
    if clusters < pictures:
        found.append(
            Readiness(code="near_duplicates", level="warn", params={"pictures": pictures, "clusters": clusters})
        )
    if clusters < 2:
        found.append(Readiness(code="nothing_to_hold_out", level="warn", params={}))
    elif clusters < SMALL_SET:
        found.append(Readiness(code="folds_advised", level="warn", params={"clusters": clusters, "limit": SMALL_SET}))
    if captioned < pictures:
        level: Literal["warn", "stop"] = "warn" if trigger_word else "stop"
        found.append(Readiness(code="captions_missing", level=level, params={"missing": pictures - captioned}))
    if not trigger_word:
        needed = method in ("textual_inversion", "dreambooth", "dreambooth_lora")
        found.append(Readiness(code="trigger_missing", level="stop" if needed else "warn", params={}))
    return found


def _judge_count(pictures: int, usual: PictureRange) -> Readiness:
    params = {"pictures": pictures, "least": usual.least, "from": usual.usual_from, "to": usual.usual_to}
    if pictures < usual.least:
        return Readiness(code="pictures_too_few", level="stop", params=params)
    if pictures < usual.usual_from:
        return Readiness(code="pictures_few", level="warn", params=params)
    if pictures > usual.usual_to:
        return Readiness(code="pictures_many", level="warn", params=params)
    return Readiness(code="pictures_enough", level="ok", params=params)
