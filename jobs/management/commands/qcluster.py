import os
import sys
from typing import Any

from django_q.management.commands.qcluster import Command as QClusterCommand

from jobs.patience import MortalCluster
from jobs.queue import cluster_name, clusters


class Command(QClusterCommand):
    """Start a cluster that lasts, and ends.

    Here `--name` works also where processes fork: there django-q2 reads its configuration before the option.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        name = options.get("cluster_name") or cluster_name()
        if name not in clusters():
            self.stderr.write(f"There is no cluster {name}; choose one of {', '.join(clusters())}.")
            sys.exit(2)
        if name != cluster_name():
            os.environ["Q_CLUSTER_NAME"] = name
            os.execv(sys.executable, sys.orig_argv)  # noqa: S606
        cluster = MortalCluster()
        cluster.start()
        if options.get("run_once"):
            cluster.stop()
