"""A queue between the processes of one cluster that outlives the death of a reader.

`multiprocessing.Queue` waits for a message while it holds the readers' lock: a worker that is killed while it
idles takes the lock along, and its successor waits forever. Measured with django-q2 1.11 on Linux: after
`kill -9` of an idle worker the cluster never works again. Here nobody holds the lock while waiting.
"""

import os
import sys
from multiprocessing import parent_process
from queue import Empty

import django_q.cluster
from django_q.queues import Queue

LOOK_AROUND_SECONDS = 2.0
STOP = "STOP"


class PatientQueue(Queue):
    """Wait without a lock, and end when the process that guards the cluster is gone."""

    def get(self, *args: object, **kwargs: object) -> object:
        """Return the next message, or the cluster's word for stopping when there will be none."""
        while not is_orphan():
            if self._reader.poll(LOOK_AROUND_SECONDS):
                try:
                    return super().get(block=False)
                except Empty:
                    # Another worker was faster.
                    continue
        return STOP

    def put(self, *args: object, **kwargs: object) -> None:
        """Pass a message on. An orphan has nobody to pass it to, and ends rather than swallow messages."""
        if is_orphan():
            sys.exit(1)
        super().put(*args, **kwargs)


def is_orphan() -> bool:
    """Say whether the process that started this one is dead."""
    parent = parent_process()
    return parent is not None and parent.pid != os.getppid()


def be_patient() -> None:
    """Have the cluster that this process is about to start use patient queues."""
    django_q.cluster.Queue = PatientQueue
