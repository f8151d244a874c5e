"""Light a scene, draw it in a style, and spoil it with a defect: pictures in, pictures out, Pillow only."""

import random
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Finish = Callable[[Image.Image, random.Random], Image.Image]
LETTERS = "ABCXYZ#%&"
GROUT = (225, 220, 208)


def gray_noise(size: tuple[int, int], spread: int, rng: random.Random) -> Image.Image:
    """Return seeded grey noise around 128, at most `spread` levels away from it."""
    noise = Image.frombytes("L", size, rng.randbytes(size[0] * size[1]))
    return noise.point([round(128 + (level - 127.5) / 127.5 * spread) for level in range(256)])


def tint(image: Image.Image, color: tuple[int, int, int], strength: float) -> Image.Image:
    """Return the picture as seen through colored glass."""
    glass = Image.new("RGB", image.size, color)
    return Image.blend(image, ImageChops.multiply(image, glass), strength)


def light_softly(image: Image.Image) -> Image.Image:
    return image


def light_golden(image: Image.Image) -> Image.Image:
    image = tint(image, (255, 190, 110), 0.85)
    glow = ImageChops.screen(image, Image.new("RGB", image.size, (110, 50, 0)))
    return Image.composite(image, glow, Image.linear_gradient("L").resize(image.size))


def light_moon(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(tint(image, (70, 90, 190), 0.9)).enhance(0.8)


def light_neon(image: Image.Image) -> Image.Image:
    across = Image.linear_gradient("L").rotate(90).resize(image.size)
    pink, cyan = (Image.new("RGB", image.size, color) for color in ((120, 0, 100), (0, 80, 120)))
    return ImageChops.screen(ImageEnhance.Brightness(image).enhance(0.7), Image.composite(pink, cyan, across))


def light_studio(image: Image.Image) -> Image.Image:
    spot = ImageOps.invert(Image.radial_gradient("L").resize(image.size))
    bright, dark = (ImageEnhance.Brightness(image).enhance(factor) for factor in (1.12, 0.35))
    return Image.composite(bright, dark, spot)


LIGHTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "soft daylight": light_softly,
    "golden sunset light": light_golden,
    "moonlight": light_moon,
    "neon light": light_neon,
    "studio light": light_studio,
}


def shrink(image: Image.Image, size: int) -> Image.Image:
    """Return the picture at the scene's final size."""
    return image.resize((size, size), Image.Resampling.LANCZOS)


def draw_flat(image: Image.Image, size: int, rng: random.Random) -> Image.Image:
    return shrink(image, size)


def find_lines(image: Image.Image) -> Image.Image:
    """Return dark lines on white where the picture's brightness changes."""
    lines = ImageOps.invert(image.convert("L").filter(ImageFilter.FIND_EDGES))
    lines = lines.point([0 if level < 200 else 255 if level > 240 else level for level in range(256)])
    return ImageOps.expand(ImageOps.crop(lines, 2), 2, 255)


def draw_lines(image: Image.Image, size: int, rng: random.Random) -> Image.Image:
    lines = Image.merge("RGB", [find_lines(image)] * 3)
    return shrink(Image.blend(lines, ImageChops.multiply(lines, image), 0.22), size)


def draw_watercolor(image: Image.Image, size: int, rng: random.Random) -> Image.Image:
    washed = shrink(image, size).filter(ImageFilter.GaussianBlur(1.1)).filter(ImageFilter.ModeFilter(5))
    washed = Image.blend(washed, Image.new("RGB", washed.size, (252, 248, 240)), 0.38)
    grain = gray_noise((24, 24), 38, rng).resize(washed.size, Image.Resampling.BICUBIC)
    return ImageChops.soft_light(washed, Image.merge("RGB", [grain] * 3))


def draw_pixels(image: Image.Image, size: int, rng: random.Random) -> Image.Image:
    small = image.resize((size // 4, size // 4), Image.Resampling.BOX)
    return small.quantize(24).convert("RGB").resize((size, size), Image.Resampling.NEAREST)


def draw_poster(image: Image.Image, size: int, rng: random.Random) -> Image.Image:
    return ImageOps.posterize(ImageEnhance.Color(shrink(image, size)).enhance(1.8), 2)


def draw_charcoal(image: Image.Image, size: int, rng: random.Random) -> Image.Image:
    lines = shrink(find_lines(image).filter(ImageFilter.MinFilter(3)), size)
    gray = ImageOps.autocontrast(shrink(image, size).convert("L"))
    smudged = ImageChops.multiply(Image.blend(gray, Image.new("L", gray.size, 235), 0.45), lines)
    grain = gray_noise((size // 2, size // 2), 60, rng).resize(gray.size, Image.Resampling.BILINEAR)
    return ImageChops.overlay(smudged, grain).convert("RGB")


def draw_mosaic(image: Image.Image, size: int, rng: random.Random) -> Image.Image:
    tile = size // 21
    count = -(-size // tile)
    small = ImageEnhance.Color(image.resize((count, count), Image.Resampling.BOX)).enhance(1.4)
    mosaic = small.resize((count * tile, count * tile), Image.Resampling.NEAREST).crop((0, 0, size, size))
    draw = ImageDraw.Draw(mosaic)
    for at in range(0, size, tile):
        draw.line((at, 0, at, size), fill=GROUT)
        draw.line((0, at, size, at), fill=GROUT)
    return mosaic


STYLES: dict[str, Callable[[Image.Image, int, random.Random], Image.Image]] = {
    "flat vector style": draw_flat,
    "line art style": draw_lines,
    "watercolor style": draw_watercolor,
    "pixel art style": draw_pixels,
    "poster style": draw_poster,
    "charcoal style": draw_charcoal,
    "mosaic style": draw_mosaic,
}


def spoil_blurry(image: Image.Image, rng: random.Random) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(2.5))


def spoil_noisy(image: Image.Image, rng: random.Random) -> Image.Image:
    return Image.blend(image, Image.merge("RGB", [gray_noise(image.size, 127, rng)] * 3), 0.42)


def spoil_text(image: Image.Image, rng: random.Random) -> Image.Image:
    image = image.copy()
    draw = ImageDraw.Draw(image)
    for _ in range(3):
        word = "".join(rng.choice(LETTERS) for _ in range(9))
        ink = rng.choice([(255, 255, 255), (0, 0, 0)])
        draw.text((rng.randint(0, image.width // 2), rng.randint(0, image.height - 18)), word, fill=ink)
    return image


DEFECTS: dict[str, Finish] = {"blurry": spoil_blurry, "noisy": spoil_noisy, "text artifacts": spoil_text}
