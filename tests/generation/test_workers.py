"""Pictures through real workers: exact replay, cancel, and a worker that is killed in the middle."""

import os
import signal
import uuid
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from assets.storage import verify_stored
from generation.composing import PictureRequest
from generation.models import Generation, Output, Replay
from generation.previews import preview_path
from generation.sentences import failure_sentence
from generation.services.generations import cancel_generation, describe_block, submit_generation
from generation.services.replays import request_replay
from ledger.models import Entry
from ledger.services import verify
from tests.conftest import wait_until

pytestmark = [pytest.mark.workers, pytest.mark.slow]


def ask(people, project, model, *, seed: int = 1, steps: int = 4, count: int = 1) -> Generation:
    request = PictureRequest(
        base_model=model,
        slots={"subject": "赤いマグカップ", "environment": "on a beach"},
        num_inference_steps=steps,
        seed=seed,
        count=count,
    )
    return submit_generation(people.editor, project, request, key=str(uuid.uuid4()))


def finished(job: Generation | Replay) -> bool:
    job.refresh_from_db()
    return job.is_terminal


def stored_files() -> set[Path]:
    return {path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()}


def test_ten_pictures_replay_exactly_after_the_worker_was_restarted(workers, people, project, starter):
    first = [ask(people, project, starter, seed=seed) for seed in range(5)]
    wait_until(lambda: all(finished(job) for job in first), what="the first five pictures")
    workers.restart("gpu")
    second = [ask(people, project, starter, seed=seed) for seed in range(5, 10)]
    wait_until(lambda: all(finished(job) for job in second), what="the next five pictures")
    outputs = list(Output.objects.order_by("seed"))
    assert [output.seed for output in outputs] == list(range(10))
    assert len({output.pixels_sha256 for output in outputs}) == 10

    replays = [request_replay(people.editor, output) for output in outputs]
    wait_until(lambda: all(finished(replay) for replay in replays), what="ten replays")
    assert [replay.verdict for replay in replays] == ["exact"] * 10
    assert verify(project.id).ok


def test_a_killed_worker_loses_nothing(workers, people, project, starter):
    before = stored_files()
    job = ask(people, project, starter, seed=7, steps=150, count=2)
    wait_until(lambda: bool(Generation.objects.get(pk=job.pk).progress > 0.55), what="the middle of the second picture")
    kill_worker(workers, "gpu")
    wait_until(lambda: finished(job), seconds=60, what="another attempt")

    assert (job.status, job.attempt) == ("succeeded", 2)
    assert job.outputs.count() == 2
    assert Entry.objects.filter(chain=project.id, event="generation.output.created").count() == 2
    assert verify(project.id).ok
    known = {Path(settings.MEDIA_ROOT, name) for pair in job.outputs.values_list("path", "thumbnail") for name in pair}
    assert stored_files() - before == known
    for output in job.outputs.all():
        assert verify_stored(Path(settings.MEDIA_ROOT), output.path).sha256 == output.file_sha256


def kill_worker(workers, name: str) -> None:
    """Kill -9 the process of a cluster that does the work: the one that holds torch."""
    children = psutil.Process(workers.clusters[name].pid).children(recursive=True)
    worker = max(children, key=lambda process: process.memory_info().rss)
    os.kill(worker.pid, signal.SIGKILL)


def test_a_running_job_shows_a_preview_and_stops_when_asked(workers, people, project, starter):
    job = ask(people, project, starter, steps=150, count=8)
    wait_until(lambda: preview_path(job.id).is_file(), what="a preview")
    assert preview_path(job.id).read_bytes()[8:12] == b"WEBP"
    assert cancel_generation(job, actor=people.editor)
    wait_until(lambda: finished(job), what="the end")
    assert job.status == "canceled"
    assert job.outputs.count() < 8
    assert not preview_path(job.id).exists()


def test_rights_that_end_while_a_job_runs_block_it_at_the_next_picture(workers, people, project, starter):
    job = ask(people, project, starter, steps=100, count=8)
    wait_until(lambda: job.outputs.exists(), what="the first picture")
    type(starter.rights).objects.filter(pk=starter.rights_id).update(state="withdrawn")
    wait_until(lambda: finished(job), what="the end")
    assert job.status == "blocked"
    assert "Daicho Starter" in describe_block(job)[0]
    assert Entry.objects.filter(chain=project.id, event="generation.blocked").count() == 1


def test_a_model_that_changed_on_disk_is_refused_in_words(workers, people, project, starter):
    weights = starter.file / "unet" / "diffusion_pytorch_model.safetensors"
    original = weights.read_bytes()
    workers.restart("gpu")
    weights.write_bytes(original[:-2] + bytes([original[-2] ^ 1, original[-1]]))
    try:
        job = ask(people, project, starter)
        wait_until(lambda: finished(job), what="the refusal")
    finally:
        weights.write_bytes(original)
    assert (job.status, job.error) == ("failed", "model_changed")
    assert "changed" in failure_sentence(job.error, job.error_params)
