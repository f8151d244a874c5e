"""Spoil pictures in one named way at a time, as strong as a random generator says."""

import io
import random
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

WORDS = ("Spring", "Studio", "Market", "Coffee", "Garden", "Night", "Jazz", "World", "River", "Atlas", "SALE", "NEW")
Corruption = Callable[[Image.Image, random.Random], Image.Image]


def scale(image: Image.Image, factor: float, method: Image.Resampling) -> Image.Image:
    """Return the picture with both sides multiplied."""
    return image.resize((max(16, round(image.width * factor)), max(16, round(image.height * factor))), method)


def compress(image: Image.Image, quality: int) -> Image.Image:
    """Return the picture after a round through JPEG."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(io.BytesIO(stream.getvalue())).convert("RGB")


def resize(image: Image.Image, rng: random.Random) -> Image.Image:
    factor = rng.choice((rng.uniform(0.35, 0.8), rng.uniform(1.25, 1.8)))
    return scale(image, factor, rng.choice((Image.Resampling.BICUBIC, Image.Resampling.BILINEAR)))


def reencode(image: Image.Image, rng: random.Random) -> Image.Image:
    return compress(image, rng.randint(20, 60))


def crop(image: Image.Image, rng: random.Random) -> Image.Image:
    """Keep 80 % of both sides, anywhere."""
    width, height = round(image.width * 0.8), round(image.height * 0.8)
    left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
    return image.crop((left, top, left + width, top + height))


def flip(image: Image.Image, rng: random.Random) -> Image.Image:
    return rng.choice((ImageOps.mirror, ImageOps.flip))(image)


def turn(image: Image.Image, rng: random.Random) -> Image.Image:
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270)
    return image.transpose(rng.choice(turns))


def recolor(image: Image.Image, rng: random.Random) -> Image.Image:
    """Change brightness, contrast, saturation and the balance of the channels mildly."""
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.8, 1.2))
    image = ImageEnhance.Contrast(image).enhance(rng.uniform(0.8, 1.2))
    image = ImageEnhance.Color(image).enhance(rng.uniform(0.6, 1.4))
    balance = np.array([rng.uniform(0.9, 1.1) for _ in range(3)])
    return Image.fromarray(np.clip(np.asarray(image) * balance, 0, 255).astype(np.uint8))


def write(size: tuple[int, int], text: str, height: int, place: tuple[float, float]) -> Image.Image:
    """Return a mask with a line of text; the place is a share of what is left of the picture beside it."""
    font = ImageFont.load_default(height)
    left, top, right, bottom = font.getbbox(text)
    mask = Image.new("L", size)
    at = (max(0, size[0] - right) * place[0] - left, max(0, size[1] - bottom) * place[1] - top / 2)
    ImageDraw.Draw(mask).text(at, text, font=font, fill=255)
    return mask


def watermark(image: Image.Image, rng: random.Random) -> Image.Image:
    """Write a small half-transparent mark into a corner or the middle."""
    place = rng.choice(((0.03, 0.03), (0.97, 0.97), (0.97, 0.03), (0.03, 0.97), (0.5, 0.5)))
    height = max(14, round(min(image.size) * rng.uniform(0.05, 0.08)))
    mask = write(image.size, f"© {rng.choice(WORDS)} {rng.choice(WORDS)}", height, place)
    strength = rng.uniform(0.5, 0.9)
    return Image.composite(
        Image.new("RGB", image.size, "white"), image, mask.point([round(level * strength) for level in range(256)])
    )


def repeat_mark(image: Image.Image, rng: random.Random) -> Image.Image:
    """Repeat one mark over the whole picture, as stock libraries do."""
    height = max(14, round(min(image.size) * 0.055))
    text, mask = f"{rng.choice(WORDS)}stock.example", Image.new("L", image.size)
    for row in range(4):
        for column in range(2):
            place = ((column + 0.5 * (row % 2)) * 0.6 + 0.05, row * 0.28 + 0.06)
            mask = ImageChops.lighter(mask, write(image.size, text, height, place))
    strength = rng.uniform(0.45, 0.8)
    return Image.composite(
        Image.new("RGB", image.size, "white"), image, mask.point([round(level * strength) for level in range(256)])
    )


def caption(image: Image.Image, rng: random.Random) -> Image.Image:
    """Write one to three solid lines, light or dark, anywhere."""
    color, picture = rng.choice(("white", "black", "yellow")), image.copy()
    height, top = round(min(image.size) * rng.uniform(0.06, 0.13)), rng.uniform(0.0, 0.6)
    for line in range(rng.randint(1, 3)):
        text = " ".join(rng.choices(WORDS, k=2))
        mask = write(image.size, text, max(14, height), (rng.uniform(0, 1), top + line * 0.18))
        picture.paste(Image.new("RGB", image.size, color), mask=mask)
    return picture


def border(image: Image.Image, rng: random.Random) -> Image.Image:
    """Put a frame of one color around, 3 to 10 % wide."""
    color = rng.choice(("white", "black", (rng.randrange(256), rng.randrange(256), rng.randrange(256))))
    return ImageOps.expand(image, round(min(image.size) * rng.uniform(0.03, 0.1)), fill=color)


def combine(image: Image.Image, rng: random.Random) -> Image.Image:
    """Crop, flip or turn, recolor and compress the same picture."""
    return reencode(recolor(rng.choice((flip, turn))(crop(image, rng), rng), rng), rng)


def copy(image: Image.Image, rng: random.Random) -> Image.Image:
    del rng
    return image.copy()


def blur(image: Image.Image, rng: random.Random) -> Image.Image:
    """Blur by 0.5 to 1.2 % of the longest side, and at least 1.8 pixels."""
    return image.filter(ImageFilter.GaussianBlur(max(1.8, max(image.size) * rng.uniform(0.005, 0.012))))


def move(image: Image.Image, rng: random.Random) -> Image.Image:
    """Shake the camera: average 7 to 17 copies along a line, horizontal or vertical."""
    length, axis = rng.randint(7, 17), rng.randrange(2)
    levels = np.asarray(image, np.float32)
    shaken = np.mean([np.roll(levels, step - length // 2, axis) for step in range(length)], 0)
    return Image.fromarray(shaken.astype(np.uint8))


def noise(image: Image.Image, rng: random.Random) -> Image.Image:
    grain = np.random.default_rng(rng.randrange(1 << 30)).normal(0, rng.uniform(10, 30), (image.height, image.width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def block(image: Image.Image, rng: random.Random) -> Image.Image:
    return compress(image, rng.randint(5, 20))


def upscale(image: Image.Image, rng: random.Random) -> Image.Image:
    """Enlarge two to four times, to at most 1024 pixels."""
    factor = rng.uniform(2, 4)
    methods = (Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS)
    small = scale(image, min(1.0, 1024 / factor / max(image.size)), Image.Resampling.LANCZOS)
    return scale(small, factor, rng.choice(methods))


def darken(image: Image.Image, rng: random.Random) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(rng.uniform(0.1, 0.25))


def brighten(image: Image.Image, rng: random.Random) -> Image.Image:
    """Overexpose by one and a half to three stops."""
    return ImageEnhance.Brightness(ImageOps.autocontrast(image)).enhance(2 ** rng.uniform(1.5, 3))


def fade(image: Image.Image, rng: random.Random) -> Image.Image:
    """Leave 10 to 25 % of the contrast, around a middle gray."""
    kept, middle = rng.uniform(0.1, 0.25), rng.uniform(90, 170)
    return image.point([round(middle + (level - 128) * kept) for level in range(256)] * 3)


def letterbox(image: Image.Image, rng: random.Random) -> Image.Image:
    """Add bars above and below, or left and right."""
    share, color = rng.uniform(0.06, 0.2), rng.choice(("black", "black", "white"))
    wide, high = (round(image.width * share), 0) if rng.random() < 0.5 else (0, round(image.height * share))
    return ImageOps.expand(image, (wide, high, wide, high), fill=color)


def drain(image: Image.Image, rng: random.Random) -> Image.Image:
    """Store a gray picture as RGB, half of the time through JPEG."""
    gray = image.convert("L").convert("RGB")
    return compress(gray, 85) if rng.random() < 0.5 else gray


def stretch(image: Image.Image, rng: random.Random) -> Image.Image:
    """Cut a strip three to four times as long as it is wide."""
    ratio = rng.uniform(3.2, 4)
    if image.width >= image.height:
        return image.crop((0, 0, image.width, round(image.width / ratio)))
    return image.crop((0, 0, round(image.height / ratio), image.height))


DUPLICATES: Mapping[str, Corruption] = {
    "exact": copy,
    "resize": resize,
    "jpeg": reencode,
    "crop 80 %": crop,
    "flip": flip,
    "turn 90": turn,
    "color": recolor,
    "watermark": watermark,
    "border": border,
    "combined": combine,
}
DEFECTS: Mapping[str, tuple[str, Corruption]] = {
    "blur": ("blurry", blur),
    "motion": ("blurry", move),
    "noise": ("noisy", noise),
    "block": ("blocky", block),
    "upscale": ("upscaled", upscale),
    "dark": ("dark", darken),
    "bright": ("bright", brighten),
    "fade": ("low_contrast", fade),
    "letterbox": ("letterbox", letterbox),
    "gray": ("gray", drain),
    "strip": ("odd_aspect", stretch),
    "corner mark": ("text", watermark),
    "repeated mark": ("text", repeat_mark),
    "caption": ("text", caption),
}
