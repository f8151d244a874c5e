"""Two runs side by side: what differs, both curves in one drawing, and the same prompts drawn by both."""

from collections.abc import Sequence
from dataclasses import dataclass

from .models import TrainingPoint, TrainingRun, TrainingSample
from .run_comparing import DifferenceWords, differences_between
from .run_curves import Drawing, compared_drawing
from .run_overview import Line, lines_of
from .run_pages import Strips, strips_of
from .sentences import verdict_sentence

LETTERS = ("a", "b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two runs."""

    letter: str
    run: TrainingRun
    line: Line
    verdict_said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The last pictures that both runs drew from one prompt; None where one has none."""

    prompt: str
    pictures: Sequence[TrainingSample | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """Two runs and what differs."""

    sides: Sequence[Side]
    differences: Sequence[DifferenceWords]
    drawing: Drawing | None
    pairs: Sequence[Pair]

    @property
    def changes_several(self) -> bool:
        """Does nobody know which change helped?"""
        return len(self.differences) > 1


def side_by_side(one: TrainingRun, other: TrainingRun) -> SideBySide:
    """Return two runs beside each other: the one that the other was compared with first, else the older one."""
    # What was compared with the other one is the newer one, whatever its place in the queue.
    runs = sorted((one, other), key=lambda run: (run.compared_with_id in (one.id, other.id), run.queued_at))
    points = TrainingPoint.objects.filter(run__in=[run.id for run in runs], fold=0, held_out_mean__isnull=False)
    lines = lines_of(runs)
    lettered = list(zip(LETTERS, runs, strict=True))
    return SideBySide(
        sides=[
            Side(letter=letter, run=run, line=line, verdict_said=verdict_sentence(run))
            for (letter, run), line in zip(lettered, lines, strict=True)
        ],
        differences=differences_between(*runs),
        drawing=compared_drawing(lettered, points),
        pairs=pairs_of([strips_of(run) for run in runs]),
    )


def pairs_of(strips: Sequence[Strips | None]) -> list[Pair]:
    """Return the last pictures of every prompt that one of the runs drew, those of both first."""
    last = [dict(zip(each.prompts, each.rows[-1].pictures, strict=True)) if each else {} for each in strips]
    prompts = sorted(dict.fromkeys(prompt for each in last for prompt in each), key=lambda prompt: -count(last, prompt))
    return [Pair(prompt=prompt, pictures=[each.get(prompt) for each in last]) for prompt in prompts]


def count(drawn: Sequence[dict[str, TrainingSample | None]], prompt: str) -> int:
    """Return how many of the runs drew a prompt."""
    return sum(prompt in each for each in drawn)
