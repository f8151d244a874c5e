"""The geometry of curves: from measured points to places in a drawing. Colours and words are the page's."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

WIDTH, HEIGHT = 640.0, 264.0
LEFT, RIGHT, TOP, BOTTOM = 70.0, 16.0, 14.0, 38.0
MOST_POINTS = 240
SMOOTH_FROM = 12
SMOOTHING = 0.7
MINUS = "\N{MINUS SIGN}"

Unit = Literal["number", "percent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What was measured at one step, with its interval where there is one."""

    step: int
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Points of one kind in the order of their steps. `key` says which; `has_dots` shows every single one."""

    key: str
    points: Sequence[Point]
    has_dots: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A number on an axis; every second one is minor, so that a narrow drawing may leave it out."""

    place: float
    label: str
    is_minor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A point at its place in the drawing."""

    x: float
    y: float
    point: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series as paths of an SVG; `band` is the area of its intervals, empty without any."""

    key: str
    path: str
    band: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawing of WIDTH by HEIGHT units. `zero` is the height of 0 where it lies inside, `mark` the marked step."""

    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    zero: float | None
    mark: Dot | None
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """From steps and values to places."""

    last_step: int
    low: float
    high: float

    def x(self, step: int) -> float:
        """Return how far to the right a step lies."""
        return round(LEFT + (WIDTH - LEFT - RIGHT) * step / self.last_step, 1)

    def y(self, value: float) -> float:
        """Return how far down a value lies."""
        share = (self.high - value) / (self.high - self.low)
        return round(TOP + (HEIGHT - TOP - BOTTOM) * min(max(share, 0.0), 1.0), 1)


def draw_chart(
    series: Iterable[Series], *, last_step: int, unit: Unit = "number", mark: tuple[str, int] | None = None
) -> Chart | None:
    """Return lines in one drawing, None while there is no point.

    Percentages are shares, and 0 is always among them. `mark` names the series and the step of the point to mark.
    """
    shown = [Series(key=each.key, points=only_numbers(each.points), has_dots=each.has_dots) for each in series]
    shown = [each for each in shown if each.points]
    if not shown:
        return None
    reached = max(each.points[-1].step for each in shown)
    values = [value for each in shown for point in each.points for value in span_of(point)]
    ticks = choose_ticks(*room_for([*values, 0.0] if unit == "percent" else values), most=6)
    frame = Frame(last_step=max(last_step, reached, 1), low=ticks[0], high=ticks[-1])
    return Chart(
        lines=tuple(draw_line(each, frame) for each in shown),
        x_ticks=step_ticks(frame),
        y_ticks=value_ticks(frame, ticks, unit),
        zero=frame.y(0.0) if frame.low <= 0.0 <= frame.high else None,
        mark=marked_dot(shown, frame, mark),
    )


def only_numbers(points: Iterable[Point]) -> list[Point]:
    """Return the points whose value is a number: a training that fails leaves others behind."""
    return [point for point in points if math.isfinite(point.value)]


def span_of(point: Point) -> list[float]:
    """Return a point's value and the ends of its interval."""
    return [each for each in (point.value, point.low, point.high) if each is not None and math.isfinite(each)]


def room_for(values: Sequence[float]) -> tuple[float, float]:
    """Return the lowest and the highest value, apart even where all are the same."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - abs(low or 1.0) / 10, high + abs(high or 1.0) / 10)


def choose_ticks(low: float, high: float, *, most: int) -> list[float]:
    """Return at most so many round numbers at equal distances that hold both ends between them."""
    size = 10.0 ** math.floor(math.log10((high - low) / most))
    for factor in (1, 2, 2.5, 5, 10, 20, 25, 50):
        step = size * factor
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first < most:
            break
    return [round(place * step, 12) for place in range(first, last + 1)]


def value_ticks(frame: Frame, values: Sequence[float], unit: Unit) -> tuple[Tick, ...]:
    """Return the numbers of the upright axis; 0 is never a minor one."""
    first, apart = values.index(0.0) if 0.0 in values else 0, values[1] - values[0]
    return tuple(
        Tick(place=frame.y(value), label=value_label(value, unit, apart), is_minor=bool((place - first) % 2))
        for place, value in enumerate(values)
    )


def step_ticks(frame: Frame) -> tuple[Tick, ...]:
    """Return round steps from 0 to the last one that fits."""
    distance = choose_ticks(0, frame.last_step, most=9)[1]
    whole = max(1, math.ceil(distance))
    steps = range(0, frame.last_step + 1, whole)
    return tuple(
        Tick(place=frame.x(step), label=f"{step:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"), is_minor=bool(place % 2))
        for place, step in enumerate(steps)
    )


def value_label(value: float, unit: Unit, distance: float) -> str:
    """Return a number as an axis says it, with as many decimals as tell neighbours apart."""
    scaled, apart = (value * 100, distance * 100) if unit == "percent" else (value, distance)
    decimals = max(0, -math.floor(math.log10(apart) + 1e-9))
    if decimals and round(apart, decimals) != round(apart, 12):
        decimals += 1
    text = f"{abs(scaled):.{decimals}f}"
    return (MINUS if scaled < 0 and float(text) else "") + text + ("\N{NO-BREAK SPACE}%" if unit == "percent" else "")


def draw_line(series: Series, frame: Frame) -> Line:
    """Return one series as paths."""
    dots = tuple(Dot(x=frame.x(each.step), y=frame.y(each.value), point=each) for each in series.points)
    banded = [each for each in series.points if each.low is not None and each.high is not None]
    above = [(frame.x(each.step), frame.y(each.high or 0.0)) for each in banded]
    below = [(frame.x(each.step), frame.y(each.low or 0.0)) for each in reversed(banded)]
    return Line(
        key=series.key,
        path=path_of([(dot.x, dot.y) for dot in dots]),
        band=f"{path_of([*above, *below])}Z" if len(banded) > 1 else "",
        dots=dots if series.has_dots else (),
    )


def path_of(places: Sequence[tuple[float, float]]) -> str:
    """Return places as an SVG path."""
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in places)


def marked_dot(series: Sequence[Series], frame: Frame, mark: tuple[str, int] | None) -> Dot | None:
    """Return the place of the point to mark, None where it is not there."""
    if mark is None:
        return None
    points = {(each.key, point.step): point for each in series for point in each.points}
    found = points.get(mark)
    return None if found is None else Dot(x=frame.x(found.step), y=frame.y(found.value), point=found)


def thin_out(points: Sequence[Point], *, most: int = MOST_POINTS) -> list[Point]:
    """Return at most so many points: the mean of neighbours in their place, where there are more."""
    found = only_numbers(points)
    if len(found) <= most:
        return found
    ends = [round(place * len(found) / most) for place in range(most + 1)]
    parts = [found[start:end] for start, end in pairwise(ends)]
    return [Point(step=part[-1].step, value=sum(each.value for each in part) / len(part)) for part in parts]


def smooth(points: Sequence[Point]) -> list[Point]:
    """Return the run of a noisy curve: each point the mean of all before it, older ones counting less and less."""
    found, total, weight = [], 0.0, 0.0
    for each in only_numbers(points):
        total, weight = SMOOTHING * total + each.value, SMOOTHING * weight + 1.0
        found.append(Point(step=each.step, value=total / weight))
    return found
