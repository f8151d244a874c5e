"""Say who looks after what the whole house shares: these people clear and withdraw models of no single project."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from projects.models import User


class Command(BaseCommand):
    """List the house's staff, add a person, or take one off."""

    help = "List the house's staff, add a person by e-mail, or take one off with --end."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", nargs="?", help="whom to add; without it the staff is listed")
        parser.add_argument("--end", action="store_true", help="take the person off")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["email"]:
            found = User.objects.filter(email__iexact=options["email"], is_active=True)
            if not found.update(is_staff=not options["end"]):
                raise CommandError(f"Nobody here has the e-mail {options['email']}.")
        for user in User.objects.filter(is_staff=True, is_active=True).order_by("email"):
            self.stdout.write(f"{user.email}  {user.name}")
