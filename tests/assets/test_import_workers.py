"""An import through a real worker that is killed in the middle: no picture is lost, none is there twice."""

import os
import signal

import psutil
import pytest

from assets.models import ImportBatch, ImportJob, Picture
from assets.services.datasets import create_dataset
from assets.services.import_steps import confirm
from assets.services.imports import create_batch
from jobs.models import Status
from ledger.models import Entry
from ledger.services import verify
from tests.conftest import wait_until

from .material import encoded, upload, zipped

pytestmark = [pytest.mark.workers, pytest.mark.slow]
COUNT = 150


def kill_worker(workers, name: str) -> None:
    """Kill -9 everything that a cluster has started, and itself."""
    cluster = psutil.Process(workers.clusters[name].pid)
    for process in (*cluster.children(recursive=True), cluster):
        os.kill(process.pid, signal.SIGKILL)
    workers.clusters.pop(name).wait()


def over(job: ImportJob) -> bool:
    job.refresh_from_db()
    return job.is_terminal


def test_a_killed_worker_loses_and_doubles_nothing(workers, people, project):
    dataset = create_dataset(people.editor, project, name="Many")
    archive = upload("many.zip", zipped({f"{number:03d}.png": encoded(number) for number in range(COUNT)}))
    batch = create_batch(people.editor, project, [archive], dataset=dataset, defaults={"license": "CC0-1.0"})
    wait_until(lambda: ImportBatch.objects.get(pk=batch.pk).step == "ready", what="the trial")
    job = confirm(batch, confirmed={}, user=people.editor)
    wait_until(lambda: Picture.objects.count() > 20, what="the first pictures")
    kill_worker(workers, "light")
    at_death = Picture.objects.count()
    assert 20 < at_death < COUNT
    workers.start("light")
    wait_until(lambda: over(job), what="another attempt")

    assert (job.status, job.attempt) == (Status.SUCCEEDED, 2), (job.error, job.detail)
    assert Picture.objects.count() == COUNT
    assert list(dataset.items.values_list("number", flat=True)) == list(range(1, COUNT + 1))
    assert sorted(dataset.items.values_list("picture__name", flat=True)) == [f"{n:03d}.png" for n in range(COUNT)]
    assert Entry.objects.filter(chain=project.id, event="assets.picture.added").count() == COUNT
    assert batch.rows.filter(state="imported").count() == COUNT
    assert verify(project.id).ok
