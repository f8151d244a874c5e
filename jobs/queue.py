"""The bell: tell a cluster of workers that there is work.

Only this file names django_q, besides `patience` and the command `qcluster`, which mend it inside its own processes.

A message may be lost or arrive twice; the job's row decides. See `jobs.models` and `jobs.reaper`.
"""

from collections.abc import Callable
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.signals import post_spawn
from django_q.tasks import async_task

LIGHT = "light"
GPU = "gpu"


class QueueError(Exception):
    """Say that the broker does not answer."""


class Ringable(Protocol):
    """What a bell needs of a job."""

    pk: Any
    queue: str
    task: str


def enqueue(dotted: str, *args: object, queue: str = LIGHT, after_commit: bool = True) -> None:
    """Have a worker of this cluster call a function by its dotted name; by default once the transaction commits.

    After a commit a broker that does not answer is logged, not raised: the reaper rings again for jobs.
    """

    def send() -> None:
        async_task(dotted, *args, cluster=queue)

    if after_commit:
        transaction.on_commit(send, robust=True)
    else:
        send()


def ring(job: Ringable) -> None:
    """Tell the job's cluster that it waits, once the transaction commits."""
    enqueue(job.task, str(job.pk), queue=job.queue)


def clusters() -> list[str]:
    """List the names of the clusters, the default one first."""
    return [settings.Q_CLUSTER["name"], *settings.Q_CLUSTER["ALT_CLUSTERS"]]


def cluster_name() -> str:
    """Return the name of the cluster that this process belongs to."""
    return str(Conf.CLUSTER_NAME)


def waiting(queue: str) -> int:
    """Count the messages that no worker has fetched yet. Raises QueueError, DatabaseError."""
    try:
        return int(get_broker(queue).queue_size())
    except redis_error() as error:
        raise QueueError(str(error)) from error


def redis_error() -> type[Exception]:
    """Return what a broker on Redis raises; asked only when something was raised, it costs other houses no memory."""
    from redis import RedisError

    return RedisError


def when_worker_starts(call: Callable[[], None]) -> None:
    """Call a function in every worker process as it starts, in all clusters."""
    post_spawn.connect(lambda **_signal: call(), weak=False, dispatch_uid=f"{call.__module__}.{call.__qualname__}")
