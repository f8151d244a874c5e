"""Keep TRAINING_ROOT small: the oldest of what can be made again goes, and checkpoints that nobody came back for."""

from django.conf import settings

from ..folders import abandoned_runs, drop_run_folder, sweep_cache
from ..models import TrainingRun


def sweep_training() -> None:
    """Take away cached files beyond the budget, and the checkpoints of runs that were left alone or are over."""
    sweep_cache(settings.TRAINING_CACHE_BYTES)
    live = (TrainingRun.Status.QUEUED, TrainingRun.Status.RUNNING)
    left = abandoned_runs()
    kept = set(TrainingRun.objects.filter(id__in=left, status__in=live).values_list("id", flat=True))
    for run_id in left:
        if run_id not in kept:
            drop_run_folder(run_id)
