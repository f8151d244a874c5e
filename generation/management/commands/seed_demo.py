"""Make the demo organisation: people, a project, its templates and the starter model."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from assets.models import ModelFile, Rights
from assets.services import Declaration, clear_rights, install_folder, install_starter_terms, register_model
from engine.starter import WEIGHTS
from generation.demo_material import make_material
from generation.demo_templates import TEMPLATES
from generation.models import PromptTemplate
from generation.services.templates import create_template
from generation.starter_defaults import read_defaults
from projects.models import Project, Role, User
from projects.problems import Problem
from projects.services import create_campaign, create_project, set_role

PASSWORD = "daicho-demo"  # noqa: S105 - printed for everybody who tries the demo
MODEL_NAME = "Daicho Starter"
MODEL_SOURCE = "https://daicho.example/starter"
PEOPLE = {
    Role.OWNER: ("owner@daicho.example", "佐藤 花"),
    Role.EDITOR: ("editor@daicho.example", "Ana Ruiz"),
    Role.REVIEWER: ("reviewer@daicho.example", "田中 誠"),
    Role.VIEWER: ("viewer@daicho.example", "Ben Okafor"),
}


class Command(BaseCommand):
    """Run as often as you like: what is there already stays as it is."""

    help = "Make the demo organisation: people, a project, its templates and the starter model."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        people = {role: self.person(email, name) for role, (email, name) in PEOPLE.items()}
        # The bundled model belongs to the whole house, so these two are its staff.
        User.objects.filter(id__in=[people[Role.OWNER].id, people[Role.REVIEWER].id]).update(is_staff=True)
        project = self.project(people)
        install_starter_terms()
        try:
            self.starter_model(people)
        except Problem as problem:
            raise CommandError(str(problem)) from problem
        for template in TEMPLATES:
            if not PromptTemplate.objects.filter(project=project, slug=template["slug"]).exists():
                create_template(people[Role.EDITOR], project, **template)
        if not project.datasets.exists():
            make_material(people[Role.EDITOR], people[Role.REVIEWER], project)

    def person(self, email: str, name: str) -> User:
        """Return the person, made on first use."""
        return User.objects.filter(email=email).first() or User.objects.create_user(email, PASSWORD, name=name)

    def project(self, people: dict[Role, User]) -> Project:
        """Return the project with its members."""
        project = Project.objects.filter(slug="spring-campaign").first()
        if project is not None:
            return project
        project = create_project(
            people[Role.OWNER],
            slug="spring-campaign",
            name="Spring campaign",
            name_ja="春のキャンペーン",
            description="Pictures for the spring season.",
            revenue_usd=500_000,
        )
        for role, user in people.items():
            if role != Role.OWNER:
                set_role(project, actor=people[Role.OWNER], user=user, role=role)
        owner = people[Role.OWNER]
        create_campaign(project, actor=owner, slug="sakura", name="Cherry blossom week", name_ja="桜ウィーク")
        return project

    def starter_model(self, people: dict[Role, User]) -> ModelFile:
        """Return the bundled model, entered by the editor and cleared by the reviewer."""
        model = register_model(
            install_folder(Path(WEIGHTS)),
            kind=ModelFile.Kind.BASE,
            name=MODEL_NAME,
            description="A small model of our own, trained on procedural scenes.",
            declaration=Declaration(expression="CC0-1.0", creator="Daicho", title=MODEL_NAME, source_url=MODEL_SOURCE),
            actor=people[Role.EDITOR],
            **read_defaults(Path(WEIGHTS)),
        )
        if model.rights.state == Rights.State.PENDING:
            people[Role.REVIEWER].refresh_from_db()
            clear_rights(model, reviewer=people[Role.REVIEWER])
        return model
