"""TRAINING_ROOT stays small: the cache keeps to its budget, and checkpoints that nobody came back for go."""

import os
import time
import uuid
from pathlib import Path

import pytest

from training.folders import (
    CHECKPOINT_DAYS,
    DAY_SECONDS,
    abandoned_runs,
    cache_folder,
    drop_run_folder,
    run_folder,
    sweep_cache,
)


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
