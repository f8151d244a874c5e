"""Versions with weights that fit the starter model, saved as a run saves them, without the training."""

from typing import Any

import torch

from engine.starter import WEIGHTS
from engine.training.values import Change, Evaluated, Trained
from tests.engine.adapter_material import random
from tests.engine.adapter_weights import list_parameters, load_pipeline, make_lora
from tests.training.stage import asked
from training.models import AdapterVersion, TrainingRun, TrainingSample
from training.services.versions import save_version

WIDTH = 128
NETS = {"layer_structure": (1, 2, 1), "activation_func": "relu", "activate_output": False}
PIPELINES: dict[str, Any] = {}


def saved(people: Any, project: Any, frozen: Any, base: Any, **values: Any) -> AdapterVersion:
    """Return the version that a run leaves: its file is real, its weights are random."""
    run = asked(people, project, frozen, base, **values)
    assert run.claim()
    return save(run)


def save(run: TrainingRun) -> AdapterVersion:
    """Write what a claimed run would have learned."""
    from training.tasks import read_material
    from training.tasks_weights import write_trained

    trained = trained_as(run)
    return save_version(run, trained, write_trained(run, trained, read_material(run)))


def trained_as(run: TrainingRun) -> Trained:
    """Return random weights of the run's method, with a curve that got better."""
    kind: Any = "lora" if run.method == "dreambooth_lora" else run.method
    look = Evaluated(
        step=4,
        held_out_loss=0.9,
        train_loss=0.8,
        held_out=Change(mean=-0.1, low=-0.14, high=-0.06),
        train=Change(mean=-0.2, low=-0.25, high=-0.15),
        is_best=True,
    )
    return Trained(
        kind=kind,
        weights=WEIGHTS_OF[kind](run),
        step=4,
        last_step=4,
        reason="finished",
        verdict="best_at",
        verdict_step=4,
        curve=(look,),
        losses=((4, 0.9),),
        memorized=0.0,
        cache_seconds=1.0,
        train_seconds=2.0,
        pictures_per_second=4.0,
        peak_memory_bytes=10**8,
        environment={"device": "cpu"},
    )


def pipeline() -> Any:
    """Return the starter model as anybody loads it, once."""
    if "starter" not in PIPELINES:
        PIPELINES["starter"] = load_pipeline("sd1", WEIGHTS)
    return PIPELINES["starter"]


def seed_of(run: TrainingRun) -> int:
    """Return a seed of the run's own, so that no two files are the same."""
    return run.id.int % 2**31


def lora(run: TrainingRun) -> dict[str, torch.Tensor]:
    """Return a LoRA for every layer that can have one."""
    return make_lora(pipeline(), rank=run.recipe.rank, seed=seed_of(run), networks=("unet",))


def embedding(run: TrainingRun) -> dict[str, torch.Tensor]:
    """Return the vectors of a new word."""
    return {"text_encoder": random(run.recipe.num_vectors, WIDTH, seed=seed_of(run))}


def hypernetwork(run: TrainingRun) -> dict[str, torch.Tensor]:
    """Return a pair of residual networks for one width."""
    return {
        f"{WIDTH}.{side}.linear.{index}.{name}": random(*shape, seed=seed_of(run) + place, scale=0.02)
        for place, (side, index, name, shape) in enumerate(
            (side, index, name, shape)
            for side in "kv"
            for index, (out, into) in ((0, (2 * WIDTH, WIDTH)), (1, (WIDTH, 2 * WIDTH)))
            for name, shape in (("weight", (out, into)), ("bias", (out,)))
        )
    }


def dreambooth(run: TrainingRun) -> dict[str, torch.Tensor]:
    """Return some parameters of the UNet, moved a little."""
    parameters = list_parameters(pipeline())
    names = [name for name in parameters if name.startswith("unet.mid_block.") and name.endswith("to_q.weight")]
    return {
        name: parameters[name].detach() + random(*parameters[name].shape, seed=seed_of(run), scale=0.01)
        for name in names
    }


WEIGHTS_OF: dict[str, Any] = {
    "lora": lora,
    "textual_inversion": embedding,
    "hypernetwork": hypernetwork,
    "dreambooth": dreambooth,
}


def with_samples(version: AdapterVersion, step: int = 4, count: int = 2) -> list[TrainingSample]:
    """Draw the strip of a version's run."""
    from django.conf import settings
    from PIL import Image

    from assets import storage
    from assets.pictures import make_thumbnail
    from training.services.progress import as_png

    found = []
    for index in range(count):
        image = Image.new("RGB", (64, 64), (40 * index, 120, step % 256))
        stored = storage.store_bytes(settings.MEDIA_ROOT, "samples", as_png(image), ".png")
        small = storage.store_bytes(settings.MEDIA_ROOT, "thumbnails", make_thumbnail(image, 64), ".webp")
        found.append(
            TrainingSample.objects.create(
                run=version.run, step=step, index=index, prompt=f"sksumbrella, number {index}", seed=index,
                path=stored.path, thumbnail=small.path, width=64, height=64,
            )
        )  # fmt: skip
    return found
