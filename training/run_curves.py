"""The curves of runs as pages show them: drawings with their words, and the numbers behind them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from .curves import SMOOTH_FROM, Chart, Dot, Point, Series, Tick, draw_chart, smooth, thin_out
from .models import TrainingPoint, TrainingRun
from .run_words import change_words, signed_percent

MOST_DOTS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """One line of a drawing by its name; `has_band` when an area around it shows the interval."""

    key: str
    label: str
    has_band: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A point of a drawing with what a pointer reads there."""

    dot: Dot
    key: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A chart with its words. `key` names its elements on the page, `mark` says what is marked."""

    key: str
    title: str
    description: str
    y_label: str
    chart: Chart
    legend: Sequence[Legend]
    said: Sequence[Said]
    mark: str = ""

    @property
    def middle(self) -> float:
        """Half of the height that is drawn on, where the name of the axis stands."""
        return (self.chart.top + self.chart.bottom) / 2

    @property
    def mark_anchor(self) -> str:
        """On which side of its place the mark's words stand, so that they stay inside."""
        mark = self.chart.mark
        return "end" if mark and mark.x > (self.chart.left + self.chart.right) / 2 else "start"

    @property
    def last_tick(self) -> Tick:
        """The last number below the drawing."""
        return self.chart.x_ticks[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """One look or loss as a row of the table behind a drawing."""

    step: int
    loss: float | None
    held_out: str
    train: str
    is_best: bool


def points_of(run: TrainingRun) -> list[TrainingPoint]:
    """Return what a run measured in its last training, by step; its folds are kept apart."""
    return list(run.points.filter(fold=0))


def loss_drawing(run: TrainingRun, points: Sequence[TrainingPoint]) -> Drawing | None:
    """Draw the loss of training: every value faintly, and their run, None while there is none."""
    values = [Point(step=each.step, value=each.loss) for each in points if each.loss is not None]
    is_noisy = len(values) >= SMOOTH_FROM
    shown = [Series(key="loss" if is_noisy else "run", points=thin_out(values), has_dots=False)]
    legend = [Legend(key=shown[0].key, label=_("Loss as measured"))]
    if is_noisy:
        shown.append(Series(key="run", points=thin_out(smooth(values)), has_dots=False))
        legend.append(Legend(key="run", label=_("Its run, smoothed")))
    chart = draw_chart(shown, last_step=run.total_steps)
    if chart is None:
        return None
    first, last = values[0], values[-1]
    said = _("From %(first).4f at step %(start)d to %(last).4f at step %(end)d.")
    return Drawing(
        key="loss",
        title=_("Loss on what it learns from"),
        description=said % {"first": first.value, "start": first.step, "last": last.value, "end": last.step},
        y_label=_("Loss"),
        chart=chart,
        legend=legend,
        said=(),
    )


def change_drawing(run: TrainingRun, points: Sequence[TrainingPoint]) -> Drawing | None:
    """Draw how far both losses have moved since step 0, with the interval and the best step; None while unmeasured."""
    held_out, train = held_out_points(points), train_points(points)
    chart = draw_chart(
        [series_of("train", train), series_of("held-out", held_out)],
        last_step=run.total_steps,
        unit="percent",
        mark=("held-out", run.best_step) if run.best_step else None,
    )
    if chart is None or not held_out:
        return None
    last = held_out[-1]
    said = _("At step %(step)d held-out pictures: %(change)s.")
    return Drawing(
        key="change",
        title=_("Change since the beginning"),
        description=said % {"step": last.step, "change": change_words(last.value, last.low, last.high)},
        y_label=_("Change of the loss (lower is better)"),
        chart=chart,
        legend=both_sides(),
        said=[said_of(line.key, dot) for line in chart.lines for dot in line.dots],
        mark=_("best: step %(step)d") % {"step": run.best_step} if chart.mark else "",
    )


def both_sides() -> list[Legend]:
    """Return what the two lines of a change are called."""
    return [
        Legend(key="held-out", label=_("Held-out pictures, with their 95 % band"), has_band=True),
        Legend(key="train", label=_("As many pictures that it learns from")),
    ]


def compared_drawing(runs: Sequence[tuple[str, TrainingRun]], points: Iterable[TrainingPoint]) -> Drawing | None:
    """Draw the held-out changes of runs in one, each under its letter; None where nobody measured."""
    rows = list(points)
    found = {letter: held_out_points([each for each in rows if each.run_id == run.id]) for letter, run in runs}
    chart = draw_chart(
        [series_of(letter, each) for letter, each in found.items()],
        last_step=max(run.total_steps for _letter, run in runs),
        unit="percent",
    )
    if chart is None:
        return None
    return Drawing(
        key="compared",
        title=_("Change on held-out pictures since the beginning"),
        description=" ".join(f"{letter}: {last_words(each)}" for letter, each in found.items()),
        y_label=_("Change of the loss (lower is better)"),
        chart=chart,
        legend=[
            Legend(key=letter, label=f"{letter.upper()} · {run.name}", has_band=True)
            for letter, run in runs
            if found[letter]
        ],
        said=[said_of(line.key, dot) for line in chart.lines for dot in line.dots],
    )


def last_words(points: Sequence[Point]) -> str:
    """Say where a curve ended."""
    if not points:
        return _("Not measured") + "."
    last = points[-1]
    said = _("at step %(step)d %(change)s.")
    return said % {"step": last.step, "change": change_words(last.value, last.low, last.high)}


def series_of(key: str, points: Sequence[Point]) -> Series:
    """Return points as a line; where they are many, single ones are not shown."""
    return Series(key=key, points=points, has_dots=len(points) <= MOST_DOTS)


def held_out_points(points: Iterable[TrainingPoint]) -> list[Point]:
    """Return the changes on held-out pictures."""
    return [
        Point(step=each.step, value=each.held_out_mean, low=each.held_out_low, high=each.held_out_high)
        for each in points
        if each.held_out_mean is not None
    ]


def train_points(points: Iterable[TrainingPoint]) -> list[Point]:
    """Return the changes on as many training pictures."""
    return [Point(step=each.step, value=each.train_mean) for each in points if each.train_mean is not None]


def said_of(key: str, dot: Dot) -> Said:
    """Return what a pointer reads at a point."""
    point, values = dot.point, {"step": dot.point.step, "change": signed_percent(dot.point.value)}
    if point.low is None or point.high is None:
        return Said(dot=dot, key=key, words=_("Step %(step)d: %(change)s") % values)
    ends = {"low": signed_percent(point.low), "high": signed_percent(point.high)}
    return Said(dot=dot, key=key, words=_("Step %(step)d: %(change)s (%(low)s to %(high)s)") % {**values, **ends})


def numbers_of(points: Iterable[TrainingPoint]) -> list[Numbers]:
    """Return the rows behind the drawings, the newest first, so that what comes in is seen."""
    rows = [
        Numbers(
            step=each.step,
            loss=each.loss,
            held_out=interval(each.held_out_mean, each.held_out_low, each.held_out_high),
            train=interval(each.train_mean, each.train_low, each.train_high),
            is_best=each.is_best,
        )
        for each in points
    ]
    return rows[::-1]


def interval(mean: float | None, low: Any, high: Any) -> str:
    """Return a change with its bounds in figures."""
    if mean is None:
        return ""
    if low is None or high is None:
        return signed_percent(mean)
    return f"{signed_percent(mean)} ({signed_percent(low)} … {signed_percent(high)})"
