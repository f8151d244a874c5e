"""Draw the pictures that the curation benchmark spoils: photo-like, without end, and the same for the same seeds.

Every picture has a layout (palette, background, where things stand) and a content. Two pictures with one layout and
two contents are the hard negatives: they look alike from afar, and are different pictures.
"""

import random
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import fft

from engine.starter.scenes import Scene, random_scene, render

Floats = NDArray[np.float32]
Size = tuple[int, int]
Random = np.random.Generator
OVERSIZE = 2
ASPECTS = (1.0, 1.0, 1.5, 2 / 3, 4 / 3, 16 / 9)


def choose_size(rng: Random) -> Size:
    """Return a size with 256 to 768 pixels on the longest side."""
    longest, aspect = int(rng.choice([256, 384, 512, 640, 768, 768])), float(rng.choice(ASPECTS))
    return (longest, round(longest / aspect)) if aspect >= 1 else (round(longest * aspect), longest)


def draw_noise(size: Size, rng: Random, slope: float) -> Floats:
    """Return noise with an amplitude spectrum of 1/f^slope, between 0 and 1."""
    width, height = (fft.next_fast_len(side, real=True) for side in size)
    across, down = np.fft.rfftfreq(width)[None], np.fft.fftfreq(height)[:, None]
    radius = np.hypot(across, down).astype(np.float32)
    radius[0, 0] = 1
    wave = fft.rfft2(rng.standard_normal((height, width), dtype=np.float32)) / radius**slope
    wave[0, 0] = 0
    noise = fft.irfft2(wave, s=(height, width))[: size[1], : size[0]]
    low, high = np.percentile(noise[::4, ::4] if size[1] > 8 else noise, (0.5, 99.5))
    return np.clip((noise - low) / (high - low), 0, 1).astype(np.float32)


def choose_palette(rng: Random, count: int = 6) -> Floats:
    """Return colors (count × 3) around one or two hues, from dark to light."""
    base, other = rng.uniform(20, 235, (2, 3))
    mix = rng.uniform(0, 1, (count, 1))
    light = np.linspace(0.35, 1.35, count)[:, None]
    return np.clip((base * mix + other * (1 - mix)) * light + rng.normal(0, 14, (count, 3)), 4, 251).astype(np.float32)


def shade(noise: Floats, palette: Floats) -> Floats:
    """Return the noise as a picture (height × width × 3) whose levels run through the palette."""
    stops = np.linspace(0, 1, len(palette))
    return np.stack([np.interp(noise, stops, palette[:, channel]) for channel in range(3)], -1).astype(np.float32)


def to_image(levels: Floats, rng: Random) -> Image.Image:
    """Return levels as an RGB picture with a little sensor noise."""
    noisy = levels + rng.normal(0, rng.uniform(0.3, 2.0), levels.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def draw_clouds(size: Size, layout: Random, content: Random) -> Image.Image:
    """Draw 1/f noise in a palette: water, stone, foliage from afar."""
    slope, palette = layout.uniform(0.9, 1.25), choose_palette(layout)
    picture = shade(draw_noise(size, content, slope), palette)
    return to_image(picture * (0.75 + 0.5 * draw_noise(size, content, 1.0)[..., None]), content)


def draw_landscape(size: Size, layout: Random, content: Random) -> Image.Image:
    """Draw a sky, a sun and ridges behind each other; the layout fixes colors and heights."""
    width, height = size
    palette, sun = choose_palette(layout), layout.uniform(0.2, 0.8, 2) * (width, height * 0.5)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    picture = palette[-1] + (palette[-2] - palette[-1]) * (rows / height)[..., None]
    picture += 18 * (draw_noise(size, content, 1.4)[..., None] - 0.5)
    near = np.hypot(columns - sun[0], rows - sun[1]) < layout.uniform(0.04, 0.1) * width
    picture[near] = 248
    for number, base in enumerate(np.sort(layout.uniform(0.35, 0.9, 4))):
        edge = height * (base + 0.35 * (draw_noise((width, 1), content, 1.3)[0] - 0.5))
        texture = 0.6 + 0.8 * draw_noise(size, content, 0.9)[..., None]
        picture = np.where((rows > edge)[..., None], palette[3 - number] * texture, picture)
    return to_image(picture, content)


def draw_leaves(size: Size, layout: Random, content: Random) -> Image.Image:
    """Draw discs that cover each other with sizes from a power law, textured: the statistics of natural photographs."""
    width, height = size[0] * OVERSIZE, size[1] * OVERSIZE
    image = Image.new("RGB", (width, height), tuple(int(level) for level in choose_palette(layout)[2]))
    palette, pen = choose_palette(layout, 12), ImageDraw.Draw(image)
    for _ in range(420):
        radius = min(width, height) * 0.012 / content.uniform(0.03, 1)
        x, y = content.uniform(0, width), content.uniform(0, height)
        color = np.clip(palette[content.integers(len(palette))] + content.normal(0, 10, 3), 0, 255)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tuple(int(level) for level in color))
    levels = np.asarray(image.reduce(OVERSIZE), np.float32)
    return to_image(levels * (0.75 + 0.5 * draw_noise(size, content, 0.9)[..., None]), content)


def draw_shapes(size: Size, layout: Random, content: Random) -> Image.Image:
    """Draw flat shapes on a graded background, like a vector illustration."""
    width, height = size[0] * OVERSIZE, size[1] * OVERSIZE
    palette = choose_palette(layout, 8)
    grade = np.linspace(palette[-1], palette[-3], height)[:, None].repeat(width, 1)
    image = Image.fromarray(np.clip(grade, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(int(layout.integers(8, 24))):
        color = tuple(int(level) for level in palette[content.integers(len(palette))])
        x, y = content.uniform(0, width), content.uniform(0, height)
        corners = int(content.integers(3, 9))
        reach = content.uniform(0.05, 0.22) * min(width, height) * content.uniform(0.6, 1, corners)
        angles = np.sort(content.uniform(0, 2 * np.pi, corners))
        pen.polygon([(x + r * np.cos(a), y + r * np.sin(a)) for r, a in zip(reach, angles, strict=True)], fill=color)
    return image.reduce(OVERSIZE)


def draw_product(size: Size, layout: Random, content: Random) -> Image.Image:
    """Draw one textured thing on a plain, light or graded background; the layout fixes background and place."""
    width, height = size
    plain = layout.random() < 0.5
    back = np.full(3, layout.uniform(225, 255)) if plain else choose_palette(layout)[-2]
    picture = np.broadcast_to(back.astype(np.float32), (height, width, 3)).copy()
    if not plain:
        picture *= np.linspace(1.0, layout.uniform(0.6, 0.9), height, dtype=np.float32)[:, None, None]
    center, reach = layout.uniform(0.42, 0.58, 2) * (width, height), layout.uniform(0.22, 0.36) * min(size)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = np.arctan2(rows - center[1], columns - center[0])
    waves = [content.uniform(0, 0.2) * np.cos(n * angle + content.uniform(0, 7)) for n in range(1, 7)]
    inside = np.hypot(rows - center[1], columns - center[0]) < reach * (1 + sum(waves))
    texture = shade(draw_noise(size, content, content.uniform(0.9, 1.2)), choose_palette(content))
    picture[inside] = texture[inside]
    return to_image(picture, content)


def draw_scene(size: Size, layout: Random, content: Random) -> Image.Image:
    """Draw a scene of the starter world; one layout keeps environment, light and style."""
    del size
    frame = random_scene(random.Random(int(layout.integers(1 << 30))))
    rng = random.Random(int(content.integers(1 << 30)))
    other = random_scene(rng)
    return render(
        Scene(
            subject=other.subject,
            color=other.color,
            environment=frame.environment,
            light=frame.light,
            style=frame.style,
            seed=rng.randrange(1 << 30),
        ),
        256,
    )


Painter = Callable[[Size, Random, Random], Image.Image]
PAINTERS: dict[str, Painter] = {
    "clouds": draw_clouds,
    "landscape": draw_landscape,
    "leaves": draw_leaves,
    "shapes": draw_shapes,
    "product": draw_product,
    "scene": draw_scene,
}


def draw_picture(kind: str, layout_seed: int, content_seed: int) -> Image.Image:
    """Return the picture of a kind; equal seeds give equal pixels, an equal layout gives an equal size."""
    layout, content = np.random.default_rng(layout_seed), np.random.default_rng(content_seed)
    return PAINTERS[kind](choose_size(layout), layout, content)
