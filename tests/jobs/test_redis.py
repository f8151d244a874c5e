"""The same bells over Redis, with a server of our own."""

import shutil
import socket
import subprocess
import time

import psutil
import pytest
from django_q.conf import Conf

from jobs import queue
from jobs.models import Status
from tests.conftest import Workers, wait_until, worker_environment

pytestmark = [
    pytest.mark.workers,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed"),
]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def redis_url(tmp_path, monkeypatch):
    """Run a Redis server, and have this process send its bells there."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, seconds=10, what="the Redis server")
    url = f"redis://127.0.0.1:{port}/0"
    monkeypatch.setattr(Conf, "ORM", None)
    monkeypatch.setattr(Conf, "REDIS", url)
    yield url
    server.kill()
    server.wait()


def test_a_job_rung_over_redis_is_done_once(redis_url, make_nap):
    nap = make_nap()
    queue.ring(nap)
    queue.ring(nap)
    assert queue.waiting("gpu") == 2
    workers = Workers(worker_environment(REDIS_URL=redis_url))
    workers.start("gpu")
    try:
        wait_until(lambda: queue.waiting("gpu") == 0, what="the fetching")
        wait_until(lambda: type(nap).objects.get(pk=nap.pk).is_terminal, what="the nap")
        time.sleep(0.5)
        guard = psutil.Process(nap.runs.get().pid).parent()
        assert guard is not None
        assert guard.ppid() == workers.clusters["gpu"].pid
    finally:
        workers.stop("gpu")
    nap.refresh_from_db()
    assert nap.status == Status.SUCCEEDED


def test_a_broker_that_is_away_loses_no_job(monkeypatch, make_nap, caplog):
    monkeypatch.setattr(Conf, "ORM", None)
    monkeypatch.setattr(Conf, "REDIS", f"redis://127.0.0.1:{free_port()}/0")
    nap = make_nap()
    queue.ring(nap)
    with pytest.raises(queue.QueueError):
        queue.waiting("gpu")
    assert nap.claim()
