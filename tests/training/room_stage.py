"""One run with one picture of a strip, for tests that walk through every address."""

from typing import Any

from django.conf import settings

from assets import storage
from assets.models import DatasetVersion
from engine.specs import SamplePrompt, TrainingSpec
from tests.assets.material import encoded
from training.material import MaterialChoice
from training.models import Adapter, TrainingRun, TrainingSample


def training_stage(people: Any, project: Any, model: Any) -> dict[str, Any]:
    """Return the arguments of addresses about runs; nothing is trained."""
    version = DatasetVersion.objects.filter(dataset__project=project).latest("number")
    run = waiting_run(people.editor, project, model, version)
    sample = drawn_sample(run)
    return {"run_id": run.id, "step": sample.step, "index": sample.index}


def waiting_run(user: Any, project: Any, model: Any, version: DatasetVersion) -> TrainingRun:
    """Write a run that no worker has taken."""
    adapter = Adapter.objects.create(project=project, slug="umbrella", name="Umbrella", method="lora", created_by=user)
    spec = TrainingSpec(
        method="lora",
        architecture="sd1",
        base_model=model.sha256,
        dataset=version.merkle_root,
        sample_steps=10,
        sample_prompts=(SamplePrompt(prompt="sks umbrella"),),
    )
    return TrainingRun.objects.create(
        project=project,
        requested_by=user,
        name="Umbrella 1",
        adapter=adapter,
        dataset_version=version,
        base_model=model,
        method="lora",
        spec=spec.as_dict(),
        recipe_sha256=spec.recipe_sha256(),
        total_steps=spec.max_train_steps,
        material=MaterialChoice().as_dict(),
        split={"train": [1], "validation": [], "seed": 0, "share": 0.15},
        idempotency_key="stage",
    )


def drawn_sample(run: TrainingRun, *, step: int = 10, index: int = 0, seed: int = 1) -> TrainingSample:
    """Write one picture of a strip, as a worker would."""
    file = storage.store_bytes(settings.MEDIA_ROOT, "samples", encoded(seed), ".png")
    small = storage.store_bytes(settings.MEDIA_ROOT, "thumbnails", encoded(seed, "WEBP"), ".webp")
    return TrainingSample.objects.create(
        run=run,
        step=step,
        index=index,
        prompt=run.spec["sample_prompts"][index]["prompt"],
        seed=index,
        path=file.path,
        thumbnail=small.path,
        width=96,
        height=80,
    )
