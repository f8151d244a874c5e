"""Clear a model's rights as a reviewer. The same four-eyes rule holds as everywhere."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from assets.models import ModelFile
from assets.services import clear_rights
from projects.models import User
from projects.problems import Problem


class Command(BaseCommand):
    """Ask for the reviewer by e-mail; nobody clears what they submitted."""

    help = "Clear a model's rights as a reviewer who did not submit it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("sha256", help="the model's hash, or its first characters")
        parser.add_argument("--by", required=True, help="e-mail of the reviewer")
        parser.add_argument("--reason", default="", help="why it is cleared although it is in quarantine")

    def handle(self, *args: Any, **options: Any) -> None:
        models = ModelFile.objects.filter(sha256__startswith=options["sha256"], removed_at=None)
        if models.count() != 1:
            raise CommandError(f"{models.count()} models begin with {options['sha256']}.")
        model, reviewer = models.get(), User.objects.filter(email__iexact=options["by"], is_active=True).first()
        if reviewer is None:
            raise CommandError(f"Nobody here has the e-mail {options['by']}.")
        try:
            rights = clear_rights(model, reviewer=reviewer, reason=options["reason"])
        except Problem as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"{rights.title}: {rights.state}")
