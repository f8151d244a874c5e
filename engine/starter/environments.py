"""Draw the places where subjects stand: a canvas of 512 pixels with its horizon."""

import random
from collections.abc import Callable

from PIL import Image, ImageDraw

from engine.starter.subjects import Color, shade

CANVAS = 512


def fade(top: Color, bottom: Color, height: int) -> Image.Image:
    """Return a strip of the canvas's width that runs from one color to another."""
    ramp = Image.linear_gradient("L").resize((CANVAS, height))
    return Image.composite(Image.new("RGB", ramp.size, bottom), Image.new("RGB", ramp.size, top), ramp)


def start_scene(horizon: int, ground: Color, top: Color, bottom: Color) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Return a canvas with sky and ground, and a pencil for it."""
    image = Image.new("RGB", (CANVAS, CANVAS), ground)
    image.paste(fade(top, bottom, horizon), (0, 0))
    return image, ImageDraw.Draw(image)


def draw_beach(rng: random.Random, horizon: int) -> Image.Image:
    image, draw = start_scene(horizon, (235, 215, 160), (120, 190, 240), (200, 230, 250))
    draw.rectangle((0, horizon - 70, CANVAS, horizon), fill=(60, 150, 200))
    sun = rng.randint(60, 450)
    draw.ellipse((sun - 35, 50, sun + 35, 120), fill=(255, 235, 150))
    return image


def draw_forest(rng: random.Random, horizon: int) -> Image.Image:
    image, draw = start_scene(horizon, (90, 140, 70), (150, 200, 170), (190, 220, 180))
    for i in range(9):
        x, height = i * 64 + rng.randint(-20, 20), rng.randint(150, 230)
        draw.rectangle((x - 6, horizon - 40, x + 6, horizon), fill=(90, 65, 45))
        crown = [(x - 45, horizon - 30), (x + 45, horizon - 30), (x, horizon - height)]
        draw.polygon(crown, fill=(40, rng.randint(95, 125), 60))
    return image


def draw_city(rng: random.Random, horizon: int) -> Image.Image:
    image, draw = start_scene(horizon, (110, 110, 115), (170, 190, 220), (220, 225, 235))
    x = 0
    while x < CANVAS:
        width, top = rng.randint(60, 100), horizon - rng.randint(120, 280)
        wall = rng.choice([(130, 135, 150), (150, 145, 155), (110, 120, 140)])
        draw.rectangle((x, top, x + width - 6, horizon), fill=wall)
        for y in range(top + 12, horizon - 12, 28):
            for left in range(x + 10, x + width - 20, 24):
                draw.rectangle((left, y, left + 10, y + 14), fill=(235, 225, 170))
        x += width
    draw.line((0, horizon + 60, CANVAS, horizon + 60), fill=(230, 230, 200), width=8)
    return image


def draw_mountain(rng: random.Random, horizon: int) -> Image.Image:
    image, draw = start_scene(horizon, (238, 243, 250), (140, 180, 230), (215, 230, 245))
    for _ in range(4):
        x, height = rng.randint(0, CANVAS), rng.randint(180, 280)
        top = (x, horizon - height)
        draw.polygon([(x - 190, horizon), (x + 190, horizon), top], fill=(120, 130, 155))
        snow = horizon - height * 2 // 3
        draw.polygon([(x - 62, snow), (x + 62, snow), top], fill=(250, 250, 255))
    return image


def draw_desert(rng: random.Random, horizon: int) -> Image.Image:
    image, draw = start_scene(horizon, (225, 175, 105), (240, 200, 140), (250, 230, 190))
    for _ in range(3):
        x = rng.randint(0, CANVAS)
        draw.pieslice((x - 180, horizon - 70, x + 180, horizon + 70), 180, 360, fill=(215, 165, 95))
    for x in (rng.randint(20, 110), rng.randint(400, 490)):
        for box in ((-10, -90, 10, 0), (10, -65, 34, -52), (24, -90, 36, -52)):
            left, top, right, bottom = box
            arm = (x + left, horizon + top, x + right, horizon + bottom)
            draw.rounded_rectangle(arm, 6, fill=(70, 130, 70))
    return image


def draw_studio(rng: random.Random, horizon: int) -> Image.Image:
    wall = rng.choice([(225, 225, 230), (235, 228, 220), (215, 225, 235)])
    return start_scene(horizon, shade(wall, 0.92), wall, wall)[0]


def draw_table(rng: random.Random, horizon: int) -> Image.Image:
    wall = (225, 210, 195)
    image, draw = start_scene(horizon - 20, (165, 110, 65), wall, wall)
    for i in range(6):
        y = horizon + i * 34
        draw.line((0, y, CANVAS, y), fill=(140, 90, 50), width=4)
    return image


def draw_sea(rng: random.Random, horizon: int) -> Image.Image:
    image = fade((40, 150, 200), (10, 60, 120), CANVAS)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, horizon + 60, CANVAS, CANVAS), fill=(200, 190, 140))
    for _ in range(8):
        x, y, radius = rng.randint(0, CANVAS), rng.randint(0, horizon), rng.randint(6, 14)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=(200, 235, 250), width=4)
    for x in (rng.randint(20, 90), rng.randint(420, 490)):
        weed = [(x, horizon + 80), (x - 14, horizon + 30), (x + 14, horizon - 20), (x, horizon - 60)]
        draw.line(weed, fill=(40, 140, 90), width=14, joint="curve")
    return image


def draw_moon(rng: random.Random, horizon: int) -> Image.Image:
    image, draw = start_scene(horizon, (150, 150, 155), (8, 8, 20), (20, 20, 40))
    for _ in range(40):
        x, y = rng.randint(0, CANVAS), rng.randint(0, horizon - 10)
        draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=(240, 240, 250))
    x = rng.randint(60, 440)
    draw.ellipse((x - 45, 50, x + 45, 140), fill=(70, 130, 210))
    for _ in range(6):
        x, y, radius = rng.randint(0, CANVAS), rng.randint(horizon + 20, CANVAS), rng.randint(18, 50)
        draw.ellipse((x - radius, y - radius // 3, x + radius, y + radius // 3), fill=(115, 115, 120))
    return image


DRAWERS: dict[str, Callable[[random.Random, int], Image.Image]] = {
    "on a beach": draw_beach,
    "in a forest": draw_forest,
    "in a city at the street": draw_city,
    "on a snowy mountain": draw_mountain,
    "in a desert": draw_desert,
    "in a plain studio": draw_studio,
    "on a wooden table": draw_table,
    "under the sea": draw_sea,
    "on the moon": draw_moon,
}


def draw_environment(name: str, rng: random.Random) -> tuple[Image.Image, int]:
    """Return the place as an RGB canvas of 512 pixels, and the height of its horizon in pixels."""
    horizon = int(CANVAS * rng.uniform(0.58, 0.68))
    return DRAWERS[name](rng, horizon), horizon
