"""Keep the folders small: what can be made again, what nobody came back for, and what a killed worker left behind."""

import shutil
from pathlib import Path

from django.conf import settings

from assets.models import ModelFile

from ..folders import abandoned_runs, drop_run_folder, old_weights, sweep_cache
from ..models import TrainingRun


def sweep_training() -> None:
    """Take away cached files beyond the budget, checkpoints of runs that were left alone, and files without a row."""
    sweep_cache(settings.TRAINING_CACHE_BYTES)
    sweep_runs()
    sweep_weights()


def sweep_runs() -> None:
    """Take away the checkpoints of runs that nobody let go on, and remember that they are gone."""
    live = (TrainingRun.Status.QUEUED, TrainingRun.Status.RUNNING)
    left = abandoned_runs()
    kept = set(TrainingRun.objects.filter(id__in=left, status__in=live).values_list("id", flat=True))
    for run_id in left:
        if run_id not in kept:
            drop_run_folder(run_id)
    TrainingRun.objects.filter(id__in=set(left) - kept).exclude(status=TrainingRun.Status.SUCCEEDED).update(
        checkpoint_step=None
    )


def sweep_weights() -> None:
    """Take away weights that no row names: their worker was killed between the file and the row."""
    hashes = {path.stem: path for path in old_weights() if is_ours(path)}
    named = set(ModelFile.objects.filter(sha256__in=hashes).values_list("sha256", flat=True))
    for sha256, path in hashes.items():
        if sha256 in named:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def is_ours(path: Path) -> bool:
    """Was it put there by a worker: a file called by its hash, or one that has no name yet?"""
    is_hash = len(path.stem) == 64 and all(letter in "0123456789abcdef" for letter in path.stem)
    return path.name.startswith(".") or (path.suffix == ".safetensors" and is_hash)
