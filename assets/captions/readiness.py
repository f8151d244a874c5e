"""Says for each training method whether a dataset's pictures are enough, and what is still to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Level = Literal["ready", "check", "not_ready"]
# Different pictures that a method usually needs: at least, and at most where more do not help.
USUAL: Mapping[str, tuple[int, int | None]] = {
    "textual_inversion": (3, 5),
    "dreambooth": (10, 20),
    "lora": (10, 50),
    "hypernetwork": (200, None),
}
# These learn from what captions say; the others from one prompt for all pictures.
CAPTIONED = frozenset(("lora", "hypernetwork"))
SENTENCES = {
    "readiness_method_unknown": "There is no training method “{method}”.",
    "readiness_counts_unfit": "The counts do not fit {count} pictures.",
}


class ReadinessError(ValueError):
    """Refuse what cannot be judged. `code` is stable, `params` fill the translated sentence."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(SENTENCES[code].format(**params))
        self.code = code
        self.params: Mapping[str, str | int] = params


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessReason:
    """Why a method is not simply ready: too_few_pictures, more_than_usual, near_duplicates, pictures_flagged or
    captions_missing. `params` fill the translated sentence.
    """

    code: str
    params: Mapping[str, int] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """The verdict for one method: ready, check (it will train, look at the reasons first) or not_ready."""

    method: str
    level: Level
    reasons: tuple[ReadinessReason, ...]


def readiness(
    count: int,
    duplicate_groups: Iterable[int],
    flagged: int,
    captioned: int,
    methods: Iterable[str] = tuple(USUAL),
) -> list[Readiness]:
    """Judge a dataset of `count` pictures for each method, in the order given.

    `duplicate_groups` are the sizes of groups of near duplicates, each of which counts as one picture; `flagged`
    pictures have an open warning about quality, `captioned` ones have a caption. Raises ReadinessError.
    """
    spare = sum(size - 1 for size in duplicate_groups if size > 1)
    if count < 0 or not 0 <= flagged <= count or not 0 <= captioned <= count or (spare and spare >= count):
        raise ReadinessError("readiness_counts_unfit", count=count)
    return [_judge(method, count, spare, flagged, count - captioned) for method in methods]


def _judge(method: str, count: int, spare: int, flagged: int, bare: int) -> Readiness:
    if method not in USUAL:
        raise ReadinessError("readiness_method_unknown", method=method[:40])
    (least, most), different = USUAL[method], count - spare
    checks = (
        (different < least, "too_few_pictures", {"count": different, "least": least}),
        (most is not None and different > most, "more_than_usual", {"count": different, "most": most or 0}),
        (spare > 0, "near_duplicates", {"count": spare}),
        (flagged > 0, "pictures_flagged", {"count": flagged}),
        (bare > 0 and method in CAPTIONED, "captions_missing", {"count": bare}),
    )
    reasons = tuple(ReadinessReason(code=code, params=params) for holds, code, params in checks if holds)
    level: Level = "not_ready" if different < least else "check" if reasons else "ready"
    return Readiness(method=method, level=level, reasons=reasons)
