"""What the page of one run shows: how far it is, its strips, what was measured, and where it belongs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assets.library import Answer
from jobs.words import remaining_words

from .models import AdapterVersion, TrainingPoint, TrainingRun, TrainingSample
from .run_comparing import DifferenceWords, Setting, changes_of, settings_of
from .run_curves import Drawing, Numbers, change_drawing, loss_drawing, numbers_of, points_of
from .run_overview import best_points, held_out_words
from .run_rights import stored_answer
from .run_words import (
    STATE_MARKS,
    VerdictWords,
    change_words,
    duration_words,
    memorized_words,
    memory_words,
    safe_words,
    verdict_words,
)
from .sentences import stage_sentence, verdict_sentence
from .services.versions import FOLDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The pictures of one step, in the order of the prompts; None where one is missing."""

    step: int
    pictures: Sequence[TrainingSample | None]
    is_best: bool
    is_between: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Strips:
    """All strips of a run below the prompts that were drawn."""

    prompts: Sequence[str]
    rows: Sequence[Strip]

    @property
    def has_between(self) -> bool:
        """Is there anything between the first and the last strip?"""
        return len(self.rows) > 2


class RunView:
    """A run as its page shows it; each part is read when the page asks for it."""

    def __init__(self, run: TrainingRun) -> None:
        self.run = run

    @property
    def is_live(self) -> bool:
        """Does it wait or train?"""
        return not self.run.is_terminal

    @property
    def state_mark(self) -> str:
        """How its state looks at a glance."""
        return STATE_MARKS.get(self.run.status, "accent")

    @property
    def stage(self) -> str:
        """What it does at the moment."""
        return stage_sentence(self.run.stage if self.run.status == TrainingRun.Status.RUNNING else "")

    @property
    def percent(self) -> int:
        """How far it is."""
        return round(self.run.progress * 100)

    @property
    def remaining(self) -> str:
        """About how long it still takes."""
        return remaining_words(self.run.remaining_seconds)

    @property
    def is_over_early(self) -> bool:
        """Was it stopped before it left a version?"""
        return self.run.is_terminal and self.run.status != TrainingRun.Status.SUCCEEDED

    @property
    def safe(self) -> str:
        """What is left of a run that did not come to its end."""
        return safe_words(self.run)

    @cached_property
    def points(self) -> list[TrainingPoint]:
        """What was measured, step by step."""
        return points_of(self.run)

    @cached_property
    def drawings(self) -> list[Drawing]:
        """The curves that there are so far."""
        return [each for each in (change_drawing(self.run, self.points), loss_drawing(self.run, self.points)) if each]

    @cached_property
    def numbers(self) -> list[Numbers]:
        """The numbers behind the curves."""
        return numbers_of(self.points)

    @property
    def verdict(self) -> VerdictWords | None:
        """The verdict at a glance, with what to change."""
        return verdict_words(self.run)

    @property
    def verdict_said(self) -> str:
        """The verdict as a sentence."""
        return verdict_sentence(self.run)

    @property
    def held_out(self) -> str:
        """Say how far held-out pictures got better at the best step."""
        best = next((each for each in self.points if each.is_best and each.step), None)
        return change_words(best.held_out_mean, best.held_out_low, best.held_out_high) if best else ""

    @property
    def ended(self) -> str:
        """Say when it ended before its last step."""
        run = self.run
        if run.ending != TrainingRun.Ending.EARLY_STOP:
            return ""
        said = _("It stopped at step %(step)d of %(total)d, because held-out pictures got no better any more.")
        return said % {"step": run.step, "total": run.total_steps}

    @property
    def memorized(self) -> str:
        """How much it knows by heart."""
        return memorized_words(self.run.memorized)

    @cached_property
    def strips(self) -> Strips | None:
        """The strips drawn so far, None before the first."""
        return strips_of(self.run)

    @cached_property
    def version(self) -> AdapterVersion | None:
        """The version that came of it, None while there is none."""
        return AdapterVersion.objects.filter(run=self.run).select_related("adapter__project", "file").first()

    @property
    def fold_steps(self) -> str:
        """Say what the parts of a k-fold run found."""
        return ", ".join(str(step) for _fold, step in sorted(self.run.folds.items(), key=lambda found: int(found[0])))

    @property
    def folds_held_out(self) -> str:
        """Say how far held-out pictures got better on the parts of a k-fold run."""
        return held_out_words(best_points([self.run])[self.run.id]) if self.run.verdict == FOLDED else ""

    @cached_property
    def changes(self) -> list[DifferenceWords]:
        """What differs from the run that it is compared with."""
        return changes_of(self.run)

    @property
    def settings(self) -> list[tuple[Any, list[Setting]]]:
        """Everything that decided its weights."""
        return settings_of(self.run, self.changes)

    @property
    def measured(self) -> list[tuple[str, str]]:
        """What was measured beside the estimate, as labels and values."""
        run, guess = self.run, self.run.estimate or {}
        pace = f"{run.pictures_per_second:.3g}" if run.pictures_per_second else ""
        rows = [
            (_("Pictures a second"), pace),
            (_("Time"), beside(duration_words(run.seconds), duration_words(guess.get("seconds")))),
            (_("Encoding"), duration_words(run.cache_seconds)),
            (
                _("Peak memory"),
                beside(memory_words(run.peak_memory_bytes), memory_words(guess.get("memory_bytes"))),
            ),
            (_("Machine"), str(run.environment.get("device_name") or guess.get("machine") or "")),
        ]
        return [(label, value) for label, value in rows if value]

    @property
    def sides(self) -> str:
        """Say how many pictures it learned from and how many were held out."""
        train, held = len(self.run.split.get("train", ())), len(self.run.split.get("validation", ()))
        learned = ngettext("%(count)d picture to learn from", "%(count)d pictures to learn from", train)
        kept = ngettext("%(count)d held out", "%(count)d held out", held)
        return f"{learned % {'count': train}} · {kept % {'count': held}}"

    @cached_property
    def rights(self) -> Answer | None:
        """The train gate's answer as it was kept."""
        return stored_answer(self.run.decision)

    @cached_property
    def siblings(self) -> list[TrainingRun]:
        """The runs of the same sweep, this one among them."""
        if self.run.sweep is None:
            return []
        rows = TrainingRun.objects.filter(sweep=self.run.sweep).select_related("project")
        return list(rows.order_by("idempotency_key"))


def beside(measured: str, estimated: str) -> str:
    """Return what was measured, with what was expected."""
    if measured and estimated:
        return _("%(measured)s (expected: %(estimated)s)") % {"measured": measured, "estimated": estimated}
    return measured or (_("expected: %(estimated)s") % {"estimated": estimated} if estimated else "")


def strips_of(run: TrainingRun) -> Strips | None:
    """Return a run's strips, a row for each step, None before the first."""
    found: dict[int, dict[int, TrainingSample]] = {}
    for sample in run.samples.all():
        found.setdefault(sample.step, {})[sample.index] = sample
    if not found:
        return None
    prompts = [each.prompt for each in run.recipe.sample_prompts]
    steps = sorted(found)
    return Strips(
        prompts=prompts,
        rows=[
            Strip(
                step=step,
                pictures=[found[step].get(index) for index in range(len(prompts))],
                is_best=step == run.best_step,
                is_between=step not in (steps[0], steps[-1]),
            )
            for step in steps
        ],
    )
