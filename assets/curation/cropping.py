"""Plans what training will see of a picture: a square from the middle, or the aspect bucket that loses least."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SENTENCES = {
    "crop_size_unusable": "A picture of {width} × {height} pixels cannot be cropped for training.",
    "crop_side_unusable": "A training side of {side} pixels is not possible; choose a multiple of {step}.",
}
STEP = 64

Size = tuple[int, int]


class CropError(Exception):
    """Say why no crop can be planned. `code` is stable, `params` fill the translated sentence."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(SENTENCES[code].format(**params))
        self.code = code
        self.params: Mapping[str, str | int] = params


@dataclass(frozen=True, slots=True, kw_only=True)
class CropPlan:
    """Say which part of a picture is trained, and at which size.

    `left`, `top`, `right` and `bottom` are pixels of the picture; the part is resized by `factor` to `width` ×
    `height`. `lost` is the share of the picture outside the part.
    """

    width: int
    height: int
    left: int
    top: int
    right: int
    bottom: int
    factor: float
    lost: float

    @property
    def enlarges(self) -> bool:
        """Tell whether the picture has fewer pixels than training wants."""
        return self.factor > 1


def aspect_buckets(side: int, *, step: int = STEP) -> tuple[Size, ...]:
    """Return sizes of at most side² pixels, in steps, with no side under half of `side`.

    Raises CropError `crop_side_unusable`.
    """
    if side < step or side % step:
        raise CropError("crop_side_unusable", side=side, step=step)
    widths = range(step, side * 2 + 1, step)
    sizes = [(width, side * side // width // step * step) for width in widths]
    kept = {(width, height) for width, height in sizes if 2 * min(width, height) >= side}
    return tuple(sorted(kept | {(height, width) for width, height in kept}))


def crop_plan(width: int, height: int, *, side: int, buckets: Sequence[Size] | None = None) -> CropPlan:
    """Plan the middle part of a picture, as a square of `side` pixels or for the bucket of the nearest aspect.

    Raises CropError `crop_size_unusable`, `crop_side_unusable`.
    """
    if width < 1 or height < 1:
        raise CropError("crop_size_unusable", width=width, height=height)
    if side < 1:
        raise CropError("crop_side_unusable", side=side, step=1)
    target = _nearest(width / height, buckets) if buckets else (side, side)
    return _cut(width, height, target)


def _nearest(aspect: float, buckets: Sequence[Size]) -> Size:
    """Return the size whose aspect is nearest as a ratio; of two, the larger."""
    return min(buckets, key=lambda size: (abs(math.log(size[0] / size[1] / aspect)), -size[0] * size[1], size))


def _cut(width: int, height: int, target: Size) -> CropPlan:
    aspect = target[0] / target[1]
    kept_width = min(width, max(1, round(height * aspect)))
    kept_height = min(height, max(1, round(width / aspect)))
    left, top = (width - kept_width) // 2, (height - kept_height) // 2
    return CropPlan(
        width=target[0],
        height=target[1],
        left=left,
        top=top,
        right=left + kept_width,
        bottom=top + kept_height,
        factor=max(target[0] / kept_width, target[1] / kept_height),
        lost=1 - kept_width * kept_height / (width * height),
    )
