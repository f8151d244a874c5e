import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger.services import read_marks, verify, verify_all
from ledger.verify_offline import Broken


class Command(BaseCommand):
    help = "Verify the ledger and name the first broken entry of each chain. Exits with 1 when one is broken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--chain", type=uuid.UUID, help="verify this chain only")
        parser.add_argument("--checkpoint", type=Path, help="a file of checkpoints that was kept elsewhere")

    def handle(self, *args: Any, chain: uuid.UUID | None, checkpoint: Path | None, **options: Any) -> None:
        try:
            marks = read_marks(checkpoint, chain) if checkpoint else []
        except (Broken, OSError) as error:
            raise CommandError(f"{checkpoint}: {error}") from error
        broken = 0
        for verdict in verify_all(marks) if chain is None else [verify(chain, marks)]:
            if verdict.ok:
                self.stdout.write(f"{verdict.chain}: good, {verdict.count} entries, root {verdict.root}")
            else:
                broken += 1
                self.stderr.write(f"{verdict.chain}: BROKEN at entry {verdict.first_broken_seq}: {verdict.reason}")
        if broken:
            raise CommandError(f"{broken} chain(s) broken.")
