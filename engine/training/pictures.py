"""Bring pictures to their bucket, as they are or varied: mirrored, turned, cropped, with other colors."""

import hashlib
import io
import math
from dataclasses import asdict, dataclass

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps

from engine.errors import EngineError
from engine.specs import TrainingSpec
from engine.training.buckets import Bucket
from engine.training.randomness import key_of, rng_for
from engine.training.values import TrainingItem

FORMATS = ("PNG", "JPEG", "WEBP")
PLAIN = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How pictures may be varied: degrees to either side, the smallest share of a side to keep, shares of color."""

    random_flip: bool = False
    rotation_degrees: float = 0.0
    crop_scale: float = 1.0
    color_jitter: float = 0.0

    @classmethod
    def of(cls, spec: TrainingSpec) -> "Augmentation":
        """Return a spec's own."""
        return cls(**{name: getattr(spec, name) for name in cls.__dataclass_fields__})

    def name(self, seed: int, variant: int) -> str:
        """Return what stands for one variant in the key of a cache; the plain picture is the same for every seed."""
        return "plain" if variant == PLAIN or self == Augmentation() else f"{asdict(self)} {seed} {variant}"


def open_picture(item: TrainingItem) -> Image.Image:
    """Return a picture upright and in RGB. Raises EngineError when its bytes are not those that were frozen."""
    try:
        data = item.path.read_bytes()
    except OSError as error:
        raise EngineError("picture_missing", f"The picture {item.path.name} is gone.", file=item.path.name) from error
    if hashlib.sha256(data).hexdigest() != item.sha256:
        message = f"The picture {item.path.name} has changed since the version was frozen."
        raise EngineError("picture_changed", message, file=item.path.name)
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data), formats=FORMATS))
    if picture.mode in ("RGBA", "LA", "P", "PA"):
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
    return picture.convert("RGB")


def fit_picture(picture: Image.Image, bucket: Bucket) -> Image.Image:
    """Return the picture's middle at the bucket's size."""
    return ImageOps.fit(picture, (bucket.width, bucket.height), Image.Resampling.LANCZOS)


def vary_picture(
    picture: Image.Image, bucket: Bucket, augmentation: Augmentation, *, seed: int, sha256: str, variant: int
) -> Image.Image:
    """Return one variant of a picture at the bucket's size; the same seed, picture and variant are always the same."""
    if variant == PLAIN or augmentation == Augmentation():
        return fit_picture(picture, bucket)
    rng = rng_for(seed, "augment", sha256, variant)
    if augmentation.rotation_degrees:
        picture = turn(picture, rng.uniform(-1, 1) * augmentation.rotation_degrees)
    picture = cut(picture, bucket, scale=rng.uniform(augmentation.crop_scale, 1.0), x=rng.random(), y=rng.random())
    if augmentation.random_flip and rng.random() < 0.5:
        picture = ImageOps.mirror(picture)
    if augmentation.color_jitter:
        for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            picture = enhance(picture).enhance(1 + rng.uniform(-1, 1) * augmentation.color_jitter)
    return picture


def turn(picture: Image.Image, degrees: float) -> Image.Image:
    """Return the picture turned, without the corners that a turn leaves empty."""
    width, height = picture.size
    angle = math.radians(abs(degrees))
    # The largest rectangle of the same shape that lies wholly inside the turned picture.
    shrink = 1 / max(
        math.cos(angle) + math.sin(angle) * height / width, math.cos(angle) + math.sin(angle) * width / height
    )
    turned = picture.rotate(degrees, Image.Resampling.BICUBIC)
    half = (width * shrink / 2, height * shrink / 2)
    box = (width / 2 - half[0], height / 2 - half[1], width / 2 + half[0], height / 2 + half[1])
    return turned.crop(tuple(round(side) for side in box))  # type: ignore[arg-type]


def cut(picture: Image.Image, bucket: Bucket, *, scale: float, x: float, y: float) -> Image.Image:
    """Return a part with the bucket's shape: `scale` of the largest such part, at the place x, y (each 0 to 1)."""
    width, height = picture.size
    aspect = bucket.width / bucket.height
    largest = (width, width / aspect) if width / height < aspect else (height * aspect, height)
    part = (largest[0] * scale, largest[1] * scale)
    left, top = (width - part[0]) * x, (height - part[1]) * y
    box = (left, top, left + part[0], top + part[1])
    return picture.resize((bucket.width, bucket.height), Image.Resampling.LANCZOS, box=box)


def as_tensor(picture: Image.Image) -> torch.Tensor:
    """Return [3, h, w] from -1 to 1."""
    return torch.from_numpy(np.asarray(picture, dtype=np.float32) / 127.5 - 1).movedim(-1, 0).contiguous()


def cache_seed(seed: int, augmentation: Augmentation) -> int:
    """Return the part of the seed that varies pictures: 0 where nothing does, so that runs share their caches."""
    return 0 if augmentation == Augmentation() else key_of(seed) % 2**31
