"""Draw the subjects of scenes: flat shapes with a dark outline, standing on their own base line.

Every drawer works in the subject's own units: the origin is the middle of its base, y grows downwards, and a
subject is about 250 units high on a canvas of 512.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PIL import Image, ImageDraw

Color = tuple[int, int, int]
Point = tuple[float, float]
Box = tuple[float, float, float, float]

COLOR_VALUES: dict[str, Color] = {
    "red": (220, 50, 47),
    "orange": (245, 140, 30),
    "yellow": (250, 210, 50),
    "green": (60, 170, 80),
    "blue": (50, 110, 220),
    "purple": (140, 80, 190),
    "pink": (245, 140, 180),
    "white": (245, 245, 240),
    "black": (45, 45, 50),
    "brown": (140, 90, 50),
}
WOOD: Color = (115, 75, 45)
CREAM: Color = (250, 245, 235)
GLASS: Color = (205, 230, 245)
LEAF: Color = (60, 140, 60)
RUBBER: Color = (40, 40, 45)


def shade(color: Color, factor: float) -> Color:
    """Return the color made darker (factor < 1) or lighter (factor > 1)."""
    red, green, blue = (max(0, min(255, round(channel * factor))) for channel in color)
    return red, green, blue


@dataclass(frozen=True, slots=True, kw_only=True)
class Pen:
    """Draws in a subject's own units onto a larger canvas."""

    draw: ImageDraw.ImageDraw
    x: float
    base: float
    scale: float
    body: Color

    @property
    def dark(self) -> Color:
        return shade(self.body, 0.7)

    @property
    def bright(self) -> Color:
        return shade(self.body, 1.25)

    @property
    def ink(self) -> Color:
        return shade(self.body, 0.35)

    def points(self, points: Iterable[Point]) -> list[Point]:
        """Return the points in canvas pixels."""
        return [(self.x + u * self.scale, self.base + v * self.scale) for u, v in points]

    def box(self, box: Box) -> list[Point]:
        """Return the box's corners in canvas pixels."""
        return self.points([box[:2], box[2:]])

    def oval(self, box: Box, fill: Color | None = None, outline: Color | None = None, width: float = 6) -> None:
        """Draw an ellipse inside the box; without a fill it is the body with its outline."""
        self.draw.ellipse(self.box(box), width=self.width(width), **self.paint(fill, outline))

    def slab(self, box: Box, radius: float = 8, fill: Color | None = None, outline: Color | None = None) -> None:
        """Draw a rectangle with round corners."""
        paint = self.paint(fill, outline)
        self.draw.rounded_rectangle(self.box(box), radius * self.scale, width=self.width(6), **paint)

    def shape(self, points: Iterable[Point], fill: Color | None = None, outline: Color | None = None) -> None:
        """Draw a polygon."""
        self.draw.polygon(self.points(points), width=self.width(6), **self.paint(fill, outline))

    def dome(self, box: Box, fill: Color | None = None, outline: Color | None = None) -> None:
        """Draw the upper half of an ellipse."""
        self.draw.pieslice(self.box(box), 180, 360, width=self.width(6), **self.paint(fill, outline))

    def stroke(self, points: Iterable[Point], color: Color, width: float) -> None:
        """Draw a line through the points."""
        self.draw.line(self.points(points), fill=color, width=self.width(width), joint="curve")

    def bow(self, box: Box, *, start: float, end: float, color: Color, width: float) -> None:
        """Draw a part of an ellipse's rim, in degrees clockwise from three o'clock."""
        self.draw.arc(self.box(box), start, end, fill=color, width=self.width(width))

    def width(self, units: float) -> int:
        """Return a line width in canvas pixels."""
        return max(1, round(units * self.scale))

    def paint(self, fill: Color | None, outline: Color | None) -> dict[str, Color | None]:
        """Return what ImageDraw needs: no fill means the body's color with an ink outline."""
        return {"fill": self.body, "outline": self.ink} if fill is None else {"fill": fill, "outline": outline}


def draw_ball(pen: Pen) -> None:
    pen.oval((-104, -208, 104, 0))
    pen.oval((-62, -180, -8, -126), pen.bright)


def draw_star(pen: Pen) -> None:
    turns = [(i * math.pi / 5, 126 if i % 2 == 0 else 54) for i in range(10)]
    pen.shape([(radius * math.sin(angle), -118 - radius * math.cos(angle)) for angle, radius in turns])


def draw_heart(pen: Pen) -> None:
    rim = []
    for i in range(60):
        t = i * math.tau / 60
        lobe = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        rim.append((118 * math.sin(t) ** 3, -116 - 7.4 * lobe))
    pen.shape(rim)


def draw_house(pen: Pen) -> None:
    pen.slab((-95, -132, 95, 0), 2)
    pen.shape([(-124, -130), (124, -130), (0, -232)], pen.dark, pen.ink)
    pen.slab((-25, -76, 25, 0), 2, pen.ink)
    for left in (-77, 37):
        pen.slab((left, -107, left + 40, -67), 2, (250, 240, 190), pen.ink)


def draw_car(pen: Pen) -> None:
    pen.shape([(-88, -85), (-56, -154), (60, -154), (98, -85)])
    pen.slab((-142, -92, 142, -25), 22)
    pen.shape([(-68, -92), (-46, -140), (-4, -140), (-4, -92)], GLASS)
    pen.shape([(10, -92), (10, -140), (50, -140), (76, -92)], GLASS)
    for middle in (-76, 76):
        pen.oval((middle - 32, -64, middle + 32, 0), RUBBER)
        pen.oval((middle - 14, -46, middle + 14, -18), (190, 190, 195))


def draw_mug(pen: Pen) -> None:
    pen.oval((42, -144, 128, -44), fill=pen.ink)
    pen.oval((49, -137, 121, -51), fill=pen.body)
    pen.oval((65, -121, 105, -67), fill=pen.ink)
    pen.draw.ellipse(pen.box((71, -115, 99, -73)), fill=(0, 0, 0, 0))
    pen.slab((-88, -184, 76, 0), 22)
    pen.oval((-88, -202, 76, -164), pen.dark, pen.ink)


def draw_fish(pen: Pen) -> None:
    pen.shape([(70, -100), (154, -168), (154, -32)], pen.dark, pen.ink)
    pen.oval((-134, -168, 102, -32))
    pen.oval((-94, -132, -60, -98), (255, 255, 255))
    pen.oval((-86, -124, -70, -108), (20, 20, 20))
    pen.shape([(-20, -110), (32, -132), (32, -74)], pen.dark)


def draw_flower(pen: Pen) -> None:
    pen.slab((-8, -112, 8, 0), 4, LEAF)
    pen.oval((5, -62, 68, -28), LEAF)
    for i in range(6):
        u, v = 57 * math.cos(i * math.pi / 3), -154 + 57 * math.sin(i * math.pi / 3)
        pen.oval((u - 43, v - 43, u + 43, v + 43))
    pen.oval((-33, -187, 33, -121), (250, 220, 90), pen.ink)


def draw_cat(pen: Pen) -> None:
    pen.bow((62, -92, 142, -5), start=270, end=100, color=pen.body, width=24)
    pen.oval((-72, -122, 72, 0))
    for side in (-1, 1):
        pen.shape([(78 * side, -180), (72 * side, -262), (14 * side, -216)])
    pen.oval((-88, -240, 88, -95))
    for middle in (-34, 34):
        pen.oval((middle - 16, -193, middle + 16, -150), (255, 255, 255))
        pen.oval((middle - 6, -184, middle + 6, -156), (20, 20, 20))
    pen.shape([(-11, -145), (11, -145), (0, -131)], (240, 130, 140))


def draw_tree(pen: Pen) -> None:
    pen.slab((-21, -84, 21, 0), 4, WOOD, pen.ink)
    for crown in ((-106, -194, 10, -70), (-10, -194, 106, -70), (-72, -256, 72, -115)):
        pen.oval(crown)


def draw_boat(pen: Pen) -> None:
    pen.slab((-7, -240, 7, -65), 2, WOOD)
    pen.shape([(13, -236), (13, -80), (120, -80)], CREAM, pen.ink)
    pen.shape([(-13, -214), (-13, -80), (-88, -80)], (235, 232, 222), pen.ink)
    pen.shape([(-144, -66), (144, -66), (97, 0), (-97, 0)])


def draw_mushroom(pen: Pen) -> None:
    pen.slab((-39, -120, 39, 0), 20, CREAM, pen.ink)
    pen.dome((-130, -230, 130, -5))
    for u, v, radius in ((-50, -156, 21), (33, -184, 23), (77, -146, 15)):
        pen.oval((u - radius, v - radius, u + radius, v + radius), (250, 250, 250))


def draw_bottle(pen: Pen) -> None:
    pen.slab((-23, -258, 23, -180), 6, pen.dark, pen.ink)
    pen.slab((-62, -192, 62, 0), 28)
    pen.slab((-62, -132, 62, -60), 2, CREAM)
    pen.slab((-27, -268, 27, -242), 4, pen.ink)


def draw_shoe(pen: Pen) -> None:
    pen.shape([(-122, -20), (-122, -134), (-50, -134), (-20, -88), (92, -62), (134, -35), (134, -20)])
    pen.slab((-128, -26, 140, 0), 8, (250, 250, 250), pen.ink)
    pen.stroke([(-42, -106), (-4, -128)], CREAM, 8)
    pen.stroke([(-16, -88), (22, -110)], CREAM, 8)


def draw_lamp(pen: Pen) -> None:
    pen.slab((-9, -152, 9, -12), 3, pen.ink)
    pen.oval((-62, -24, 62, 4), pen.dark, pen.ink)
    pen.shape([(-104, -140), (104, -140), (57, -250), (-57, -250)])
    pen.oval((-31, -151, 31, -128), (255, 245, 190))


def draw_umbrella(pen: Pen) -> None:
    pen.stroke([(0, -130), (0, -20)], pen.ink, 10)
    pen.bow((-44, -44, 5, 2), start=0, end=180, color=pen.ink, width=10)
    pen.dome((-135, -250, 135, -10))
    for left in (-135, -45, 45):
        pen.dome((left, -148, left + 90, -112), pen.dark)


def draw_rocket(pen: Pen) -> None:
    pen.shape([(-30, -45), (30, -45), (0, 0)], (250, 160, 40))
    for side in (-1, 1):
        pen.shape([(40 * side, -125), (92 * side, -50), (40 * side, -50)], pen.dark, pen.ink)
    pen.shape([(-48, -45), (48, -45), (52, -150), (30, -215), (0, -262), (-30, -215), (-52, -150)])
    pen.oval((-25, -175, 25, -125), GLASS, pen.ink)


def draw_teapot(pen: Pen) -> None:
    pen.shape([(70, -75), (140, -150), (150, -138), (95, -40)], pen.dark, pen.ink)
    pen.bow((-150, -140, -60, -40), start=60, end=300, color=pen.ink, width=18)
    pen.oval((-100, -160, 100, 0))
    pen.dome((-55, -185, 55, -125), pen.dark, pen.ink)
    pen.oval((-16, -205, 16, -173), pen.ink)


DRAWERS: dict[str, Callable[[Pen], None]] = {
    "ball": draw_ball,
    "star": draw_star,
    "heart": draw_heart,
    "house": draw_house,
    "car": draw_car,
    "mug": draw_mug,
    "fish": draw_fish,
    "flower": draw_flower,
    "cat": draw_cat,
    "tree": draw_tree,
    "boat": draw_boat,
    "mushroom": draw_mushroom,
    "bottle": draw_bottle,
    "shoe": draw_shoe,
    "lamp": draw_lamp,
    "umbrella": draw_umbrella,
    "rocket": draw_rocket,
    "teapot": draw_teapot,
}


def draw_subject(name: str, color: str, *, canvas: int, x: float, base: float, scale: float) -> Image.Image:
    """Return the subject alone on a transparent square of `canvas` pixels, standing at (x, base)."""
    layer = Image.new("RGBA", (canvas, canvas), (0, 0, 0, 0))
    pen = Pen(draw=ImageDraw.Draw(layer), x=x, base=base, scale=scale, body=COLOR_VALUES[color])
    DRAWERS[name](pen)
    return layer
