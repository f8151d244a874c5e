import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ledger.services import export_jsonl


class Command(BaseCommand):
    help = "Write one chain to the standard output as JSON Lines, for ledger/verify_offline.py."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("chain", type=uuid.UUID)

    def handle(self, *args: Any, chain: uuid.UUID, **options: Any) -> None:
        for line in export_jsonl(chain):
            self.stdout.write(line, ending="")
