"""How long a whole LoRA training takes through the queue, from the request to its version, and what it takes it for.

    .venv/bin/python -m benchmarks.training_queue [--steps 300] [--threads 2]

The starter model learns a teapot from 16 pictures, batch 4, with looks at held-out pictures and two sample strips as
its preset has them. Workers are django-q2's own; they start before the clock does, as in a house that is open.
"""

import argparse
import io
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from benchmarks.generation import clusters, open_house
from benchmarks.learning_concepts import SUBJECT
from engine.starter.scenes import render

PICTURES = 20


def freeze_pictures(editor: Any, reviewer: Any, project: Any) -> Any:
    """Return a frozen version of drawn pictures, each cleared by a second person."""
    from assets.services import Declaration, clear_rights
    from assets.services.datasets import add_items, create_dataset, freeze_version, set_caption
    from assets.services.pictures import add_picture, read_picture

    scenes = SUBJECT.draw_scenes(PICTURES, "queue")
    dataset = create_dataset(editor, project, name="Teapots", trigger=SUBJECT.called, aims_at_work=False)
    for number, scene in enumerate(scenes):
        file = io.BytesIO()
        render(scene).save(file, "PNG")
        declaration = Declaration(
            expression="CC0-1.0", creator="Daicho", source_url="https://daicho.example", title=f"Teapot {number}"
        )
        picture, _ = add_picture(
            editor, project, read_picture(file.getvalue()), name=f"{number}.png", declaration=declaration
        )
        clear_rights(picture, reviewer=reviewer)
        add_items(editor, dataset, [picture])
    for item, scene in zip(dataset.items.order_by("number"), scenes, strict=True):
        set_caption(item, language="en", text=SUBJECT.caption(scene))
    return freeze_version(editor, dataset)


def ask(editor: Any, project: Any, model: Any, version: Any, steps: int) -> Any:
    """Ask for the training as the form does, with the small model's preset."""
    from training.material import MaterialChoice
    from training.requests import TrainingRequest
    from training.services.runs import start_run
    from training.starting import starting_values

    values = starting_values(version, model, method="lora", purpose="object", class_word=SUBJECT.class_word)
    values |= {"max_train_steps": steps, "train_batch_size": 4, "sample_steps": steps // 2, "validation_steps": 50}
    request = TrainingRequest(
        method="lora",
        dataset_version=version,
        base_model=model,
        adapter_name="Teapot",
        values=values,
        material=MaterialChoice(validation_share=0.2, language="en"),
    )
    return start_run(editor, project, request, key=str(uuid.uuid4()))


def watch(run: Any) -> dict[str, float]:
    """Wait for a run's end and return the seconds that each stage was seen for."""
    stages: dict[str, float] = {}
    before = time.perf_counter()
    while not run.is_terminal:
        time.sleep(0.1)
        run.refresh_from_db()
        now = time.perf_counter()
        stages[run.stage or "queued"] = stages.get(run.stage or "queued", 0.0) + now - before
        before = now
    if run.status != "succeeded":
        raise SystemExit(f"{run.status}: {run.error} {run.error_params}")
    return stages


def measure(options: argparse.Namespace) -> None:
    """Train and print."""
    data = Path(tempfile.mkdtemp(prefix="daicho-bench-"))
    editor, project, model = open_house(data, options.threads)
    from projects.models import User

    version = freeze_pictures(editor, User.objects.get(email="reviewer@daicho.example"), project)
    with clusters(data):
        time.sleep(options.warm_seconds)
        started = time.perf_counter()
        run = ask(editor, project, model, version, options.steps)
        stages = watch(run)
        seconds = time.perf_counter() - started
    strips = run.samples.values("step").distinct().count()
    looks = run.points.filter(held_out_loss__isnull=False).count()
    print(f"{run.step} steps of {run.recipe.train_batch_size}, {looks} looks, {strips} strips: {seconds:.0f} s")
    print(", ".join(f"{name} {value:.0f} s" for name, value in stages.items()))
    print(f"version {run.version}, verdict {run.verdict}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warm-seconds", type=float, default=15.0, help="for the workers to start")
    measure(parser.parse_args())
