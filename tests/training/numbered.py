"""Versions without a training: adapter files of the library that were numbered."""

from typing import Any

from assets.models import ModelFile
from tests.assets.chain import frozen, learned
from training.models import Adapter, AdapterVersion
from training.services.adapters import open_adapter
from training.services.imports import import_version


def adapter(people: Any, project: Any, *, name: str = "Umbrellas", method: str = "lora") -> Adapter:
    """Return an adapter without versions."""
    return open_adapter(people.editor, project, name=name, method=method)


def numbered(
    people: Any, project: Any, starter: ModelFile, holder: Adapter, *, seed: int = 0, **words: Any
) -> AdapterVersion:
    """Return a version of an adapter: a LoRA of random numbers that has learned from one free picture."""
    version = frozen(people, project, ["CC0-1.0"], first_seed=100 + seed, name=f"{holder.name} {seed}")
    file = learned(people, project, starter, version, name=f"{holder.slug}-{seed}", seed=seed)
    return import_version(people.editor, holder, file, **words)
