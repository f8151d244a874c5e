"""Where a run keeps its checkpoints, and what all runs share: latents of pictures, and of drawn class pictures."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from django.conf import settings

CACHE = "cache"
RUNS = "runs"
WEIGHTS = "adapters"
# A run that was stopped can go on for so long; then its checkpoint makes room.
CHECKPOINT_DAYS = 30
DAY_SECONDS = 86_400
# Nothing takes so long between a file and the row that names it.
NAMELESS_DAYS = 2


def run_folder(run_id: UUID) -> Path:
    """Return where a run's checkpoints lie."""
    return Path(settings.TRAINING_ROOT, RUNS, str(run_id))


def cache_folder() -> Path:
    """Return the folder of latents, making it the first time."""
    folder = Path(settings.TRAINING_ROOT, CACHE)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def weights_folder() -> Path:
    """Return where the weights lie that were made here."""
    return Path(settings.MODELS_ROOT, WEIGHTS)


def old_weights(*, now: float | None = None) -> list[Path]:
    """Return files and working folders among the weights that have not changed for `NAMELESS_DAYS`."""
    limit, folder = (now or time.time()) - NAMELESS_DAYS * DAY_SECONDS, weights_folder()
    return [each for each in folder.iterdir() if _newest_in(each) < limit] if folder.is_dir() else []


def drop_run_folder(run_id: UUID) -> None:
    """Take away the checkpoints of a run that needs them no more."""
    shutil.rmtree(run_folder(run_id), ignore_errors=True)


def sweep_cache(budget_bytes: int) -> int:
    """Take away what nobody has used for longest until what is left fits the budget. Return how many files went."""
    files = sorted(_files_in(CACHE), key=lambda each: each[0], reverse=True)
    total = swept = 0
    for _used_at, size, path in files:
        total += size
        if total > budget_bytes:
            path.unlink(missing_ok=True)
            swept += 1
    return swept


def abandoned_runs(*, now: float | None = None) -> list[UUID]:
    """Return the runs whose checkpoints nobody has touched for `CHECKPOINT_DAYS`."""
    limit = (now or time.time()) - CHECKPOINT_DAYS * DAY_SECONDS
    root = Path(settings.TRAINING_ROOT, RUNS)
    folders = [each for each in root.iterdir() if each.is_dir()] if root.is_dir() else []
    return [UUID(each.name) for each in folders if _newest_in(each) < limit and _is_id(each.name)]


def _files_in(name: str) -> Iterator[tuple[float, int, Path]]:
    for path in Path(settings.TRAINING_ROOT, name).rglob("*"):
        try:
            stat = path.lstat()
        except FileNotFoundError:
            continue
        if path.is_file():
            yield stat.st_mtime, stat.st_size, path


def _newest_in(folder: Path) -> float:
    return max([folder.lstat().st_mtime, *(path.lstat().st_mtime for path in folder.rglob("*"))])


def _is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
