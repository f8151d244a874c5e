"""Draw the class pictures of DreamBooth with the base model alone; they are kept, and drawn once for all runs."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from django.conf import settings

from engine.render import Engine
from engine.schedulers import usual_scheduler
from engine.specs import ImageSpec, Resolve, Step
from engine.training.values import Material, TrainingItem

from .folders import class_folder
from .models import TrainingRun
from .services.progress import as_png
from .services.watches import RunWatch

STEPS, GUIDANCE = 20, 7.5


def draw_class_pictures(run: TrainingRun, material: Material, resolve: Resolve, watch: RunWatch) -> Material:
    """Return the material with class pictures, where the recipe asks for them. Raises Canceled."""
    recipe = run.recipe
    if not recipe.with_prior_preservation or recipe.prior_mode != "class_pictures":
        return material
    return replace(material, class_pictures=tuple(class_items(run, resolve, watch)))


def class_items(run: TrainingRun, resolve: Resolve, watch: RunWatch) -> Iterator[TrainingItem]:
    """Yield class pictures, drawing those that are not there."""
    count, first = run.recipe.num_class_images, class_spec(run)
    folder, engine = class_folder(first.replace(seed=0).recipe_sha256()), Drawing(resolve)
    for number in range(count):
        run.beat_due(stage="class_pictures")
        watch.look()
        path = folder / f"{number}.png"
        if not path.is_file():
            engine.draw(first.replace(seed=number), path, on_step(run, watch))
        os.utime(path)
        yield TrainingItem(path=path, sha256=hash_file(path), caption=run.recipe.class_word)
    engine.close()


def class_spec(run: TrainingRun) -> ImageSpec:
    """Return the recipe of a run's class pictures, of the first one."""
    defaults, recipe = run.base_model.defaults, run.recipe
    return ImageSpec(
        architecture=recipe.architecture,
        base_model=recipe.base_model,
        vae=recipe.vae,
        prompt=recipe.class_word,
        seed=0,
        scheduler=defaults.get("scheduler", usual_scheduler(recipe.architecture)),
        num_inference_steps=defaults.get("steps", STEPS),
        guidance_scale=float(defaults.get("guidance_scale", GUIDANCE)),
        width=recipe.resolution,
        height=recipe.resolution,
    )


class Drawing:
    """An engine that loads only when something must be drawn, and leaves no memory behind."""

    def __init__(self, resolve: Resolve) -> None:
        self.resolve = resolve
        self.engine: Engine | None = None

    def draw(self, spec: ImageSpec, path: Path, on_step: Callable[[Step], None]) -> None:
        """Draw one picture into a file that is there wholly or not at all."""
        if self.engine is None:
            self.engine = Engine(
                self.resolve,
                memory_budget_bytes=settings.ENGINE_MEMORY_BYTES,
                device=settings.ENGINE_DEVICE or None,
                threads=settings.ENGINE_THREADS or None,
                tokenizers=settings.TOKENIZERS_ROOT,
            )
        whole = path.with_name(f".{path.name}.{os.getpid()}")
        whole.write_bytes(as_png(self.engine.render(spec, on_step).image))
        whole.replace(path)

    def close(self) -> None:
        """Make room for the training."""
        if self.engine is not None:
            self.engine.unload()


def on_step(run: TrainingRun, watch: RunWatch) -> Callable[[Step], None]:
    """Return a callback that stops the drawing when the run or the rights are no longer ours."""

    def hear(_step: Step) -> None:
        run.beat_due(stage="class_pictures")
        watch.look()

    return hear


def hash_file(path: Path) -> str:
    """Return a file's sha256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
