"""Pictures of the procedural world to learn from, and trainings of a few steps on the starter model."""

import hashlib
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from engine.headers import hash_model
from engine.specs import SamplePrompt, TrainingSpec
from engine.starter import WEIGHTS
from engine.starter.scenes import draw_slots, render
from engine.training.lessons import Lessons
from engine.training.networks import Networks, load_networks
from engine.training.preparation import Prepared, prepare
from engine.training.teams import Alone
from engine.training.train import Training, train
from engine.training.values import Event, Material, Trained, TrainingItem

WORD = "<gadget>"
STARTER = hash_model(WEIGHTS)
METHODS: dict[str, dict[str, Any]] = {
    "lora": {"learning_rate": 2e-3, "rank": 4, "lora_alpha": 4.0},
    "dreambooth": {"learning_rate": 1e-4},
    "dreambooth_lora": {
        "learning_rate": 2e-3,
        "rank": 4,
        "with_prior_preservation": True,
        "prior_mode": "adapter_off",
        "class_word": "mug",
    },
    "textual_inversion": {"learning_rate": 5e-3, "num_vectors": 2, "class_word": "mug"},
    "hypernetwork": {
        "learning_rate": 1e-3,
        "activation_func": "relu",
        "use_dropout": True,
        "layer_structure": (1, 2, 2, 1),
    },
}
# Everything that draws from a seed, so that what is forgotten between two attempts would show.
VARIED: dict[str, Any] = {
    "cached_variants": 2,
    "random_flip": True,
    "rotation_degrees": 5.0,
    "crop_scale": 0.8,
    "color_jitter": 0.1,
    "caption_variants": 2,
    "shuffle_caption": True,
    "caption_dropout": 0.2,
    "noise_offset": 0.05,
}


def write_pictures(folder: Path, count: int, *, side: int = 64, seed: int = 0) -> list[TrainingItem]:
    """Render scenes with a thing that the starter model was never shown."""
    rng = random.Random(seed)
    return [write_picture(folder, number, side, rng) for number in range(count)]


def write_picture(folder: Path, number: int, side: int, rng: random.Random) -> TrainingItem:
    scene = replace(draw_slots(rng, widened=False, defect_share=0), subject="teapot")
    path = folder / f"{number}.png"
    render(scene, side).save(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return TrainingItem(path=path, sha256=digest, caption=scene.prompt.replace("teapot", WORD))


def material_of(items: list[TrainingItem], *, held_out: int = 2) -> Material:
    return Material(train=tuple(items[held_out:]), validation=tuple(items[:held_out]))


def spec_of(method: str, **changes: Any) -> TrainingSpec:
    few = {
        "architecture": "sd1",
        "base_model": STARTER,
        "trigger_word": WORD,
        "resolution": 64,
        "max_train_steps": 4,
        "train_batch_size": 2,
        "validation_steps": 2,
        "validation_noises": 1,
        "checkpointing_steps": 2,
        "sample_num_inference_steps": 2,
    }
    return TrainingSpec(method=method, **{**few, **METHODS[method], **changes})


def learn(
    spec: TrainingSpec, material: Material, folder: Path, *, models: Any = None, listen: Any = None, threads: int = 1
) -> tuple[Trained, list[Event]]:
    """Train on the CPU, and return what came of it with everything that was told meanwhile."""
    events: list[Event] = []

    def on_event(event: Event) -> None:
        events.append(event)
        if listen is not None:
            listen(event)

    trained = train(
        spec,
        material,
        models=models or {STARTER: WEIGHTS}.__getitem__,
        folder=folder / "run",
        cache=folder / "cache",
        on_event=on_event,
        device="cpu",
        threads=threads,
    )
    return trained, events


def pieces_of(spec: TrainingSpec, material: Material, folder: Path, models: Any = None) -> tuple[Networks, Prepared]:
    """Load the starter model, or another one, and prepare what a training works with."""
    resolve = models or {STARTER: WEIGHTS}.__getitem__
    networks = load_networks(spec, resolve=resolve, device=torch.device("cpu"), tokenizers=None)
    return networks, prepare(spec, material, networks, cache=folder, on_event=lambda _event: None)


def lessons_of(spec: TrainingSpec, material: Material, folder: Path, *, models: Any = None) -> Lessons:
    """Return the batches of a training and what it asks in them."""
    networks, prepared = pieces_of(spec, material, folder, models)
    return Lessons(
        spec, networks, prepared.learner, prepared.texts, instances=prepared.instances, classes=prepared.classes
    )


def training_of(spec: TrainingSpec, material: Material, folder: Path) -> Training:
    """Return a training before its first step."""
    networks, prepared = pieces_of(spec, material, folder)
    return Training(spec, networks, prepared, folder=folder, on_event=lambda _event: None, team=Alone())


STRIP = (SamplePrompt(prompt=f"a red {WORD}, on a beach", negative_prompt="blurry", seed=3),)
