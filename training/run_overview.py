"""The table of runs: each a row with what differed, what came of it, and what it cost."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.models import Dataset
from projects.models import Project, User

from .access import RUNS
from .models import TrainingPoint, TrainingRun
from .run_comparing import DifferenceWords, changes_of
from .run_words import STATE_MARKS, VerdictWords, change_words, duration_words, memory_words, verdict_words

# What the table does not show, and what may be long.
OWN = ("split", "decision", "environment", "detail", "notes", "checklist", "dataset_version__decision")
HEAVY = (*OWN, *(f"compared_with__{name}" for name in OWN))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One run of the table."""

    run: TrainingRun
    state_mark: str
    percent: int
    changes: Sequence[DifferenceWords]
    held_out: str
    verdict: VerdictWords | None
    time: str
    memory: str

    @property
    def changes_several(self) -> bool:
        """Does nobody know which change helped?"""
        return len(self.changes) > 1


def shown_runs(project: Project) -> Any:
    """Return the project's runs with what the table shows."""
    related = ("compared_with__base_model", "compared_with__vae", "compared_with__dataset_version__dataset")
    return RUNS.filter(project=project).select_related(*related).defer(*HEAVY)


def lines_of(runs: Sequence[TrainingRun]) -> list[Line]:
    """Return runs as lines, with one query for what all of them measured."""
    best = best_points(runs)
    return [line_of(run, best.get(run.id, ())) for run in runs]


def line_of(run: TrainingRun, best: Sequence[TrainingPoint]) -> Line:
    """Return a run as a line."""
    return Line(
        run=run,
        state_mark=STATE_MARKS.get(run.status, "accent"),
        percent=round(run.progress * 100),
        changes=changes_of(run),
        held_out=held_out_words(best),
        verdict=verdict_words(run),
        time=duration_words(run.seconds),
        memory=memory_words(run.peak_memory_bytes),
    )


def best_points(runs: Iterable[TrainingRun]) -> Mapping[Any, list[TrainingPoint]]:
    """Return where each run was best, in all of its trainings, by the run's id."""
    rows = TrainingPoint.objects.filter(run__in=[run.id for run in runs], is_best=True, held_out_mean__isnull=False)
    found = defaultdict(list)
    for point in rows.order_by("fold"):
        found[point.run_id].append(point)
    return found


def held_out_words(best: Sequence[TrainingPoint]) -> str:
    """Say how far held-out pictures got better: in the last training, else the mean over the parts of k folds."""
    if not best:
        return ""
    last = next((each for each in best if not each.fold), None)
    if last is not None:
        # Nothing can have moved before the first step.
        return change_words(last.held_out_mean, last.held_out_low, last.held_out_high) if last.step else ""
    return change_words(sum(each.held_out_mean or 0.0 for each in best) / len(best), None, None)


def datasets_with_runs(project: Project) -> list[tuple[str, str]]:
    """List the datasets that were trained on, by slug and name."""
    rows = Dataset.objects.filter(project=project, versions__training_runs__isnull=False).distinct()
    return [(each.slug, str(each)) for each in rows.order_by("name")]


def people_with_runs(project: Project) -> list[tuple[str, str]]:
    """List who has trained here, by id and name."""
    ids = TrainingRun.objects.filter(project=project).order_by().values("requested_by").distinct()
    return [(str(each.id), str(each)) for each in User.objects.filter(id__in=ids).order_by("name")]
