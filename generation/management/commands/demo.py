"""Set Daicho up from nothing, draw the first pictures through the real queue, and keep serving."""

import logging
import socket
import sys
import time
import urllib.error
import urllib.request
import uuid
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from assets.models import ModelFile
from generation.composing import PictureRequest
from generation.management.supervisor import Supervisor, manage
from generation.models import Generation, Output, PromptTemplate, TemplateAlias
from generation.sentences import sentence
from generation.services.generations import any_seed, submit_generation
from projects.models import Project, User

from .seed_demo import MODEL_NAME, PASSWORD, PEOPLE

PICTURES = 4
WAIT_SECONDS = 300


class Command(BaseCommand):
    """The first five minutes with Daicho."""

    help = "Set everything up, draw four pictures through the real queue, and serve the portal."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--exit", action="store_true", help="stop after the pictures")
        parser.add_argument("--port", type=int, default=8000, help="port of the portal (the next free one is taken)")

    def handle(self, *args: Any, **options: Any) -> None:
        logging.getLogger("django-q").setLevel(logging.WARNING)
        self.say("Setting up the database, the demo project and the starter model …")
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        call_command("seed_demo")
        address = f"127.0.0.1:{free_port(options['port'])}"
        self.say("Starting the web server and the workers …")
        with Supervisor(self.commands(address), settings.DATA_DIR / "logs"):
            wait_for_site(address)
            self.draw()
            self.say_addresses(address)
            if not options["exit"]:
                self.serve()
        self.say("Stopped.")

    def commands(self, address: str) -> dict[str, list[str]]:
        """Return what runs: the portal and the two clusters."""
        return {
            "web": [
                sys.executable,
                "-m",
                "gunicorn",
                "config.wsgi",
                "--bind",
                address,
                "--workers",
                "1",
                "--threads",
                "8",
            ],
            "light": manage("qcluster", "--name", "light"),
            "gpu": manage("qcluster", "--name", "gpu"),
        }

    def draw(self) -> None:
        """Ask for four pictures from the first template, wait, and print what became of them."""
        self.say(f"Drawing {PICTURES} pictures from a template …")
        generation = self.ask()
        deadline = time.monotonic() + WAIT_SECONDS
        while not generation.is_terminal and time.monotonic() < deadline:
            time.sleep(0.3)
            generation.refresh_from_db()
        if generation.status != Generation.Status.SUCCEEDED:
            raise CommandError(
                f"The pictures were not drawn: {generation.status}. {describe(generation)} "
                f"See {settings.DATA_DIR / 'logs' / 'gpu.log'}."
            )
        for output in generation.outputs.order_by("index"):
            self.say_output(output)

    def ask(self) -> Generation:
        """Submit one job through the same service as the portal's button."""
        project = Project.objects.get(slug="spring-campaign")
        template = PromptTemplate.objects.get(project=project, slug="product-key-visual")
        alias = template.aliases.select_related("version").get(name=TemplateAlias.Name.PRODUCTION)
        starters = ModelFile.objects.filter(project=None, name=MODEL_NAME, removed_at=None)
        request = PictureRequest(
            base_model=starters.latest("registered_at"),
            template_version=alias.version,
            count=PICTURES,
            seed=any_seed(),
            slots={"subject": "赤いマグカップ", "environment": "木のテーブルの上", "light": "柔らかい日差し"},
        )
        user = User.objects.get(email=PEOPLE["editor"][0])
        return submit_generation(user, project, request, key=f"demo-{uuid.uuid4()}")

    def say_output(self, output: Output) -> None:
        """Print one picture's file, seed, recipe, licence and ledger number."""
        self.say(
            f"  {settings.MEDIA_ROOT / output.path}\n"
            f"    seed {output.seed} · recipe {output.recipe_sha256[:16]} · licence {output.license} · "
            f"ledger no. {output.ledger_seq}"
        )

    def say_addresses(self, address: str) -> None:
        """Print where the portal is and who can log in."""
        self.say(f"\nThe portal is at http://{address}/  —  log in as one of these, password {PASSWORD}")
        for role, (email, _name) in PEOPLE.items():
            self.say(f"  {email:<28} {role.value}")

    def serve(self) -> None:
        """Keep serving until Ctrl-C."""
        self.say("Press Ctrl-C to stop.")
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            self.say("")

    def say(self, text: str) -> None:
        """Print at once, also into a pipe."""
        self.stdout.write(text)
        self.stdout.flush()


def describe(generation: Generation) -> str:
    """Say why a job failed."""
    return sentence(generation.error, generation.error_params) if generation.error else ""


def free_port(wanted: int) -> int:
    """Return the wanted port, or the next one that nobody uses."""
    for port in range(wanted, wanted + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise CommandError(f"No free port between {wanted} and {wanted + 99}.")


def wait_for_site(address: str) -> None:
    """Wait until the portal answers."""
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://{address}/account/login/", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise CommandError(f"The web server did not start. See {settings.DATA_DIR / 'logs' / 'web.log'}.")
