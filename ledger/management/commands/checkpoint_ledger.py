import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ledger.models import Head
from ledger.services import checkpoint, line


class Command(BaseCommand):
    help = "Sign every chain as it stands, and write the checkpoints to the standard output. Keep them elsewhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--chain", type=uuid.UUID, help="sign this chain only")

    def handle(self, *args: Any, chain: uuid.UUID | None, **options: Any) -> None:
        for each in [chain] if chain else Head.objects.order_by("chain").values_list("chain", flat=True):
            self.stdout.write(line(**checkpoint(each).as_row()), ending="")
