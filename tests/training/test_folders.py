"""TRAINING_ROOT stays small: the cache keeps to its budget, and checkpoints that nobody came back for go."""

import os
import time
import uuid
from pathlib import Path

import pytest
from django.utils import timezone

from assets.models import ModelFile, Rights
from jobs.models import Status
from tests.training.stage import asked, frozen
from training.folders import (
    CHECKPOINT_DAYS,
    DAY_SECONDS,
    NAMELESS_DAYS,
    abandoned_runs,
    cache_folder,
    drop_run_folder,
    run_folder,
    sweep_cache,
    weights_folder,
)
from training.models import TrainingRun
from training.services.housekeeping import sweep_training


@pytest.fixture(autouse=True)
def root(settings, tmp_path) -> Path:
    settings.TRAINING_ROOT = tmp_path
    return tmp_path


def cached(name: str, size: int, *, age_seconds: float) -> Path:
    path = cache_folder() / name
    path.write_bytes(b"x" * size)
    moment = time.time() - age_seconds
    os.utime(path, (moment, moment))
    return path


def test_what_nobody_used_for_longest_goes_first():
    oldest = cached("a", 40, age_seconds=300)
    middle = cached("b", 40, age_seconds=200)
    newest = cached("c", 40, age_seconds=100)
    assert sweep_cache(100) == 1
    assert [path.exists() for path in (oldest, middle, newest)] == [False, True, True]
    assert sweep_cache(100) == 0
    assert sweep_cache(0) == 2


def test_an_empty_root_is_swept():
    assert sweep_cache(0) == 0
    assert abandoned_runs() == []


def test_checkpoints_are_kept_for_a_month():
    old, fresh = uuid.uuid4(), uuid.uuid4()
    for run_id in (old, fresh):
        run_folder(run_id).mkdir(parents=True)
        (run_folder(run_id) / "checkpoint.safetensors").write_bytes(b"x")
    (run_folder(old).parent / "no-id").mkdir()
    long_ago = time.time() - (CHECKPOINT_DAYS + 1) * DAY_SECONDS
    for path in (*run_folder(old).parent.rglob("*"),):
        if fresh.hex not in path.as_posix().replace("-", ""):
            os.utime(path, (long_ago, long_ago))
    assert abandoned_runs() == [old]
    drop_run_folder(old)
    assert not run_folder(old).exists()
    assert run_folder(fresh).is_dir()


def aged(path: Path, days: float) -> Path:
    """Make a path, and everything in it, so many days old."""
    moment = time.time() - days * DAY_SECONDS
    for each in (*path.rglob("*"), path):
        os.utime(each, (moment, moment))
    return path


def test_weights_that_no_row_names_go_after_a_while(settings, tmp_path, people, project):
    settings.MODELS_ROOT = tmp_path / "models"
    weights_folder().mkdir(parents=True)

    def left(name: str, days: float = NAMELESS_DAYS + 1) -> Path:
        path = weights_folder() / name
        path.write_bytes(b"x")
        return aged(path, days)

    named = left(f"{'a' * 64}.safetensors")
    rights = Rights.objects.create(expression="CC0-1.0", creator="Daicho", title="Ink")
    ModelFile.objects.create(
        project=project, kind="adapter", name="Ink", architecture="sd1", layout="single", sha256="a" * 64,
        path=str(named), size_bytes=1, rights=rights,
    )  # fmt: skip
    orphan, unfinished, others = left(f"{'b' * 64}.safetensors"), left(".1234.safetensors"), left("notes.txt")
    fresh = left(f"{'c' * 64}.safetensors", days=0)
    half = weights_folder() / ".half"
    half.mkdir()
    (half / "whole.safetensors").write_bytes(b"x")
    aged(half, NAMELESS_DAYS + 1)
    sweep_training()
    assert [path.exists() for path in (named, fresh, others)] == [True] * 3
    assert [path.exists() for path in (orphan, unfinished, half)] == [False] * 3


def test_a_run_whose_checkpoint_is_gone_no_longer_promises_it(people, project, starter):
    run = asked(people, project, frozen(people, project), starter)
    TrainingRun.objects.filter(pk=run.pk).update(status=Status.CANCELED, finished_at=timezone.now(), checkpoint_step=40)
    run_folder(run.id).mkdir(parents=True)
    aged(run_folder(run.id), CHECKPOINT_DAYS + 1)
    sweep_training()
    run.refresh_from_db()
    assert run.checkpoint_step is None
    assert not run_folder(run.id).exists()
