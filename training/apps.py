from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TrainingConfig(AppConfig):
    name = "training"
    verbose_name = _("Training")

    def ready(self) -> None:
        """Have every gpu worker say what it trains with, and the review's room name the promotions that wait."""
        from assets import waiting
        from jobs import queue

        from . import devices, promotion_pages

        queue.when_worker_starts(devices.report_machine)
        waiting.add_source(promotion_pages.waiting_promotions)
