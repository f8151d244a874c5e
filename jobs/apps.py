from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    name = "jobs"
    verbose_name = _("Jobs")

    def ready(self) -> None:
        """Have the reaper start inside the workers."""
        from . import queue, reaper

        queue.when_worker_starts(reaper.start)
