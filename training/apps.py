from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TrainingConfig(AppConfig):
    name = "training"
    verbose_name = _("Training")

    def ready(self) -> None:
        """Have every gpu worker say what it trains with."""
        from jobs import queue

        from . import devices

        queue.when_worker_starts(devices.report_machine)
