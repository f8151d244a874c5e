"""What the gpu workers train. Only workers import this module: it brings torch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from assets.model_kinds import Examined
from assets.models import ModelFile
from engine.errors import ModelError
from engine.render import unload_engines
from engine.training.folds import read_best
from engine.training.train import train as train_adapter
from engine.training.values import Material, Trained

from .folders import cache_folder, drop_run_folder, run_folder
from .material import FrozenPictures, MaterialChoice, Words
from .models import AdapterJob, TrainingRun
from .services.housekeeping import sweep_training
from .services.progress import Recorder
from .services.reworks import save_rework
from .services.versions import save_version
from .services.watches import ReworkWatch, RunWatch
from .tasks_reworks import rework_weights
from .tasks_weights import write_trained


def train(job_id: str) -> None:
    """Train a run, from its last checkpoint where an earlier attempt has left one."""
    run = TrainingRun.objects.select_related("project", "adapter__project", "dataset_version__dataset__project").get(
        pk=job_id
    )
    if run.claim():
        with run.work():
            train_run(run)


def rework(job_id: str) -> None:
    """Merge, extract or resize, and number what comes out."""
    job = AdapterJob.objects.select_related("project", "adapter__project").get(pk=job_id)
    if job.claim():
        with job.work():
            make_version(job)


def train_run(run: TrainingRun) -> None:
    """Ask the rights, learn, and keep what was learned."""
    watch = RunWatch(run)
    watch.check()
    sweep_training()
    material = read_material(run)
    hear = Recorder(run, watch)
    # The same worker draws pictures, and keeps models for them that the training needs the room of.
    unload_engines()
    trained = train_adapter(
        run.recipe,
        material,
        models=resolve_file,
        folder=run_folder(run.id),
        cache=cache_folder(),
        on_event=hear,
        device=settings.ENGINE_DEVICE or None,
        threads=settings.ENGINE_THREADS or None,
        tokenizers=settings.TOKENIZERS_ROOT,
        processes=settings.TRAINING_PROCESSES,
    )
    hear.write_points()
    run.folds = best_steps(run)
    watch.look(every_seconds=0)
    keep_trained(run, trained, material, watch)
    drop_run_folder(run.id)


def best_steps(run: TrainingRun) -> dict[str, int]:
    """Return the step at which each part of a k-fold run was best, by the number of the part."""
    found = {number: read_best(run_folder(run.id) / f"fold-{number}") for number in range(1, run.recipe.folds + 1)}
    return {str(number): step for number, step in found.items() if step is not None}


def keep_trained(run: TrainingRun, trained: Trained, material: Material, watch: RunWatch) -> None:
    """Write the file and the version, if the rights still allow it by then.

    Raises Canceled when they do not, or the run is no longer ours; then no file stays.
    """
    run.beat(stage="saving")
    examined = write_trained(run, trained, material)

    def save() -> None:
        watch.look(every_seconds=0)
        save_version(run, trained, examined)

    keep_or_drop(save, examined)


def make_version(job: AdapterJob) -> None:
    """Ask the rights, compute, and keep what came out."""
    watch = ReworkWatch(job)
    watch.check()

    def on_layer(done: int, total: int) -> None:
        job.beat_due(progress=0.9 * done / max(total, 1), stage="training")
        watch.look()

    made = rework_weights(job, resolve_file, on_layer)
    watch.look(every_seconds=0)
    keep_or_drop(lambda: save_rework(job, made), made.examined)


def keep_or_drop(save: Callable[[], Any], examined: Examined) -> None:
    """Save a version; where that fails, take away its file, unless a row names it."""
    try:
        save()
    except BaseException:
        if not ModelFile.objects.filter(sha256=examined.sha256).exists():
            examined.path.unlink(missing_ok=True)
        raise


def read_material(run: TrainingRun) -> Material:
    """Return what a run learns from, as it was parted when it was asked for."""
    choice = MaterialChoice.from_dict(run.material)
    words = Words(trigger_word=run.recipe.trigger_word, class_word=run.recipe.class_word)
    return FrozenPictures(run.dataset_version).material(run.split, choice, words)


def resolve_file(sha256: str) -> Path:
    """Return where a file lies that a recipe names by hash. Raises ModelError when it was taken out of the library."""
    found = ModelFile.objects.filter(sha256=sha256, removed_at=None).order_by("registered_at").last()
    if found is None:
        raise ModelError("model_missing", f"The model {sha256[:12]} is gone.", file=sha256[:12])
    return found.file
