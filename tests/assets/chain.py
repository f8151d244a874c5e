"""A whole chain: pictures, a frozen version, an adapter that learned from it, and outputs made with the adapter."""

from pathlib import Path
from typing import Any

from django.conf import settings

from assets.models import DatasetVersion, ModelFile
from assets.services import Declaration, clear_rights, register_adapter
from assets.services.datasets import add_items, create_dataset, freeze_version
from generation.composing import Adapter
from tests.assets.material import cleared
from tests.engine.test_adapters import starter_lora
from tests.generation.pictures import made


def frozen(people, project, expressions: list[str], *, first_seed: int = 1, name: str = "Umbrellas") -> DatasetVersion:
    """Return version 1 of a dataset with a cleared picture for each licence."""
    pictures = [cleared(people, project, first_seed + index, each) for index, each in enumerate(expressions)]
    dataset = create_dataset(people.editor, project, name=name, trigger="sksumbrella")
    add_items(people.editor, dataset, pictures)
    return freeze_version(people.editor, dataset)


def learned(
    people, project, starter, version: DatasetVersion, *, name: str = "Umbrella LoRA", seed: int = 0
) -> ModelFile:
    """Return an adapter that was trained on a version, cleared by a second person."""
    folder = Path(settings.MODELS_ROOT, "adapters")
    folder.mkdir(parents=True, exist_ok=True)
    adapter = register_adapter(
        starter_lora(folder / f"{project.slug}-{name}-{seed}.safetensors", seed=seed),
        name=name,
        declaration=Declaration(expression="LicenseRef-Daicho-OwnWork", creator="Spring team"),
        actor=people.editor,
        project=project,
        bases=[starter],
        trained_on=version,
        trigger_words=["sksumbrella"],
    )
    clear_rights(adapter, reviewer=people.reviewer)
    return adapter


def drawn_with(people, project, starter, adapter: ModelFile, **request: Any):
    """Return finished outputs that were made with an adapter."""
    return made(people.editor, project, starter, adapters=(Adapter(file=adapter, weight=0.7),), **request)
