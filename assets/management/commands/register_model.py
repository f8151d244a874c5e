"""Enter a model file from the server's disk. Its rights wait for a reviewer."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from assets.models import ModelFile
from assets.services import Declaration, register_model
from projects.models import Project, User
from projects.problems import Problem


class Command(BaseCommand):
    """Register by the same service as everybody else; nothing is cleared here."""

    help = "Enter a model file or diffusers folder; its rights wait for a reviewer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--kind", choices=ModelFile.Kind.values, default=ModelFile.Kind.BASE)
        parser.add_argument("--name", required=True)
        parser.add_argument("--license", required=True, help="SPDX expression or LicenseRef")
        parser.add_argument("--creator", default="")
        parser.add_argument("--source", default="", help="where the file comes from (URL)")
        parser.add_argument("--by", required=True, help="e-mail of the person who declares the rights")
        parser.add_argument("--project", help="slug; without it the whole house may use the model")
        parser.add_argument("--size", type=int, default=512, help="native width and height in pixels")

    def handle(self, *args: Any, **options: Any) -> None:
        person = User.objects.filter(email=options["by"]).first()
        if person is None:
            raise CommandError(f"Nobody here has the e-mail {options['by']}.")
        project = None
        if options["project"] and not (project := Project.objects.filter(slug=options["project"]).first()):
            raise CommandError(f"There is no project {options['project']}.")
        declaration = Declaration(
            expression=options["license"], creator=options["creator"], source_url=options["source"]
        )
        try:
            model = register_model(
                options["path"],
                kind=options["kind"],
                name=options["name"],
                declaration=declaration,
                project=project,
                actor=person,
                native_width=options["size"],
                native_height=options["size"],
            )
        except Problem as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"{model.name}: {model.architecture}, {model.sha256}\nIts rights are {model.rights.state}.")
