"""Two mends for django-q2's clusters, measured with 1.11 on Linux: they go deaf, and they do not end.

`multiprocessing.Queue` waits for a message while it holds the readers' lock: a worker that is killed while it
idles takes the lock along, and its successor waits forever. After `kill -9` of an idle worker
the cluster never works again. `PatientQueue` lets nobody hold the lock while waiting.

A SIGTERM to the whole process group (systemd's default, coreutils' timeout) kills the guard that the main
process then notifies, and waits for, forever. `MortalCluster` ends when all its children have.
"""

import os
import sys
import threading
import time
from multiprocessing import parent_process
from multiprocessing.connection import wait
from queue import Empty
from types import FrameType

import django_q.cluster
from django_q.queues import Queue

GRACE_SECONDS = 3.0
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


class MortalCluster(django_q.cluster.Cluster):
    """Use patient queues, and survive no signal for longer than the children do."""

    def start(self) -> int:
        """Start the guard and its workers."""
        django_q.cluster.Queue = PatientQueue
        return super().start()

    def sig_handler(self, signum: int, frame: FrameType | None) -> None:
        """Stop in good order, or at least stop."""
        threading.Thread(target=self.end_after_children, daemon=True).start()
        super().sig_handler(signum, frame)

    def end_after_children(self) -> None:
        """End this process once no child is left to hold the pipe, unless it ended by itself."""
        wait([self.sentinel.sentinel])
        time.sleep(GRACE_SECONDS)
        os._exit(1)
