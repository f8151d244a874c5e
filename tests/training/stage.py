"""What trainings of the tests begin with: frozen pictures, small recipes, runs that are done in this process."""

import uuid
from typing import Any

from assets.models import DatasetVersion
from assets.services.datasets import add_items, create_dataset, freeze_version, set_caption
from tests.assets.material import cleared
from training.material import MaterialChoice
from training.models import TrainingRun
from training.requests import TrainingRequest
from training.services.runs import start_run

TRIGGER = "sksumbrella"
SMALL = {
    "trigger_word": TRIGGER,
    "class_word": "umbrella",
    "rank": 2,
    "lora_alpha": 2.0,
    "learning_rate": 1e-3,
    "max_train_steps": 4,
    "train_batch_size": 2,
    "resolution": 64,
    "validation_steps": 2,
    "validation_timesteps": 16,
    "validation_noises": 1,
    "checkpointing_steps": 2,
}


def frozen(
    people: Any,
    project: Any,
    count: int = 6,
    *,
    expression: str = "CC0-1.0",
    first_seed: int = 1,
    name: str = "Umbrellas",
) -> DatasetVersion:
    """Return version 1 of a dataset of drawn pictures with captions, each cleared by a second person."""
    pictures = [cleared(people, project, first_seed + index, expression) for index in range(count)]
    dataset = create_dataset(people.editor, project, name=name, trigger=TRIGGER, aims_at_work=False)
    add_items(people.editor, dataset, pictures)
    for item in dataset.items.all():
        set_caption(item, language="en", text=f"umbrella, number {item.number}")
    return freeze_version(people.editor, dataset)


def request(version: DatasetVersion, base: Any, **values: Any) -> TrainingRequest:
    """Return a small training of a few steps; fields of the request by name, everything else is the recipe's."""
    own = {name: values.pop(name) for name in list(values) if name in TrainingRequest.__dataclass_fields__}
    fields = {"method": "lora", "material": MaterialChoice(validation_share=0.34), **own}
    return TrainingRequest(dataset_version=version, base_model=base, values={**SMALL, **values}, **fields)


def asked(people: Any, project: Any, version: DatasetVersion, base: Any, **values: Any) -> TrainingRun:
    """Return a run that waits for a worker."""
    return start_run(people.editor, project, request(version, base, **values), key=str(uuid.uuid4()))


def trained(run: TrainingRun) -> TrainingRun:
    """Train a run as a worker does, in this process. It must not fail."""
    from training.tasks import train

    train(str(run.id))
    run.refresh_from_db()
    assert run.status == TrainingRun.Status.SUCCEEDED, (run.error, run.error_params, run.detail)
    return run
