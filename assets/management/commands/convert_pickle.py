"""Turn a .pt file of A1111's into safetensors on the server; what comes out is registered like any other file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from assets.sentences import sentence
from engine.errors import ModelError


class Command(BaseCommand):
    """Convert for whoever looks after the machine; people's uploads stay .safetensors only."""

    help = "Convert an A1111 hypernetwork or embedding (.pt) to .safetensors, without running anything in it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, help="the .pt file")
        parser.add_argument("target", type=Path, help="the .safetensors file to write; it must not be there yet")

    def handle(self, *args: Any, **options: Any) -> None:
        # torch takes seconds to load, and no other command of this app needs it.
        from engine.pickles import convert_pickle

        try:
            made = convert_pickle(options["source"], options["target"])
        except ModelError as error:
            raise CommandError(sentence(error.code, error.params)) from error
        self.stdout.write(f"{options['target']}: {made.kind}, {made.name}, {made.tensors} tensors")
