"""Enter a model file from the server's disk. Its rights wait for a reviewer."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from assets.model_notices import notices_of
from assets.models import ModelFile
from assets.services import Declaration, register_adapter, register_model
from projects.access import usable_in
from projects.models import Project, User
from projects.problems import Problem

Kind = ModelFile.Kind
SHORTEST_HASH = 8


class Command(BaseCommand):
    """Register by the same services as the portal; nothing is cleared here."""

    help = "Enter a model file or diffusers folder; its rights wait for a reviewer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        kinds = parser.add_mutually_exclusive_group()
        kinds.add_argument("--kind", choices=Kind.values, default=Kind.BASE)
        kinds.add_argument("--adapter", action="store_const", dest="kind", const=Kind.ADAPTER, help="--kind adapter")
        parser.add_argument("--name", required=True)
        parser.add_argument("--license", required=True, help="SPDX expression or LicenseRef")
        parser.add_argument("--creator", default="")
        parser.add_argument("--source", default="", help="where the file comes from (URL)")
        parser.add_argument("--by", required=True, help="e-mail of the person who declares the rights")
        parser.add_argument("--project", help="slug; without it the whole house may use the model")
        parser.add_argument("--size", type=int, help="native width and height in pixels; else what the weights say")
        parser.add_argument("--base", action="append", default=[], help="an adapter's base model: its hash or its name")
        parser.add_argument("--trigger", action="append", default=[], help="a word that calls the adapter's subject")
        parser.add_argument(
            "--architecture", choices=ModelFile.Architecture.values, default="", help="what a VAE was made for"
        )
        parser.add_argument(
            "--prediction", choices=ModelFile.Prediction.values, default="", help="how a base model predicts"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        person = User.objects.filter(email=options["by"]).first()
        if person is None:
            raise CommandError(f"Nobody here has the e-mail {options['by']}.")
        project = find_project(options["project"])
        declaration = Declaration(
            expression=options["license"], creator=options["creator"], source_url=options["source"]
        )
        who = {"name": options["name"], "declaration": declaration, "actor": person, "project": project}
        try:
            model = self.register(options, **who)
        except Problem as problem:
            raise CommandError(str(problem)) from problem
        what = model.architecture or model.kind
        self.stdout.write(f"{model.name}: {what}, {model.sha256}\nIts rights are {model.rights.state}.")
        for notice in notices_of(model):
            self.stdout.write(notice)

    def register(self, options: dict[str, Any], **who: Any) -> ModelFile:
        """Enter the file as what it is said to be. Raises Problem, CommandError."""
        if options["prediction"] and options["kind"] != Kind.BASE:
            raise CommandError("Only base models have --prediction.")
        if options["kind"] == Kind.ADAPTER:
            bases = [find_base(who["project"], each) for each in dict.fromkeys(options["base"])]
            return register_adapter(options["path"], bases=bases, trigger_words=options["trigger"], **who)
        if options["base"] or options["trigger"]:
            raise CommandError("Only adapters have --base and --trigger.")
        side = options["size"]
        size = {"native_width": side, "native_height": side} if side else {}
        return register_model(
            options["path"],
            kind=options["kind"],
            architecture=options["architecture"],
            prediction_type=options["prediction"],
            **who,
            **size,
        )


def find_project(slug: str | None) -> Project | None:
    """Return a project by its slug, None for none. Raises CommandError."""
    project = Project.objects.filter(slug=slug).first() if slug else None
    if slug and project is None:
        raise CommandError(f"There is no project {slug}.")
    return project


def find_base(project: Project | None, text: str) -> ModelFile:
    """Return the one base model with this name, or whose hash begins so. Raises CommandError."""
    rows = ModelFile.objects.filter(kind=Kind.BASE, removed_at=None)
    rows = usable_in(project, rows) if project else rows.filter(project=None)
    named = Q(name=text)
    if len(text) >= SHORTEST_HASH:
        named |= Q(sha256__startswith=text.lower())
    found = list(rows.filter(named)[:2])
    if len(found) != 1:
        raise CommandError(f"{'Several' if found else 'No'} base models are called {text} or have this hash.")
    return found[0]
