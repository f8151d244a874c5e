"""Train one cell of the learning benchmark, draw with what it learnt through the real engine, and judge that."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.learning_concepts import TRIGGER, Concept, draw_known, shuffle_captions, write_items
from engine.adapter_files import STRUCTURE, write_adapter
from engine.headers import hash_model
from engine.render import Engine
from engine.specs import AdapterRef, ImageSpec, TrainingSpec
from engine.starter import DEFECTS, WEIGHTS
from engine.starter.concepts import load_concept_judge, measure_concept
from engine.starter.evaluate import draw_real
from engine.starter.judge import predict, to_pixels
from engine.training.train import train
from engine.training.values import Material, Trained

STEPS, GUIDANCE, NEGATIVE = 15, 2.0, ", ".join(DEFECTS)
MEMORY_BYTES = 2 * 10**9
COMPARED = 2
DEFAULTS = TrainingSpec(method="lora", architecture="sd1", base_model="")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What one training is given: how many pictures of what, under which captions, and the spec's own fields.

    `others` are pictures of known things among the concept's, `shuffled` puts every caption on any picture, and
    `fresh` lets the held-out loss look at so many pictures that a user would not have, instead of `validation`.
    """

    concept: Concept
    pictures: int
    spec: Mapping[str, Any]
    validation: int = 0
    others: int = 0
    shuffled: bool = False
    fresh: int = 0

    def change(self, **fields: Any) -> "Recipe":
        """Return the recipe with some fields of its spec changed."""
        return replace(self, spec={**self.spec, **fields})


class Bench:
    """Hold what all cells share: the engine, the judge, a folder, and how many pictures are judged."""

    def __init__(self, folder: Path, *, count: int, threads: int) -> None:
        self.folder, self.count, self.threads = folder, count, threads
        self.base = hash_model(WEIGHTS)
        self.files = {self.base: WEIGHTS}
        self.engine = Engine(self.files.__getitem__, memory_budget_bytes=MEMORY_BYTES, device="cpu", threads=threads)
        self.judge = load_concept_judge()

    def draw(self, prompts: Sequence[str], *, seed: int, adapter: AdapterRef | None = None) -> list[Image.Image]:
        """Draw one picture of each prompt; the noise is the same with and without an adapter."""
        recipe = ImageSpec(
            architecture="sd1",
            base_model=self.base,
            prompt="",
            negative_prompt=NEGATIVE,
            seed=0,
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            width=128,
            height=128,
            adapters=(adapter,) if adapter else (),
        )
        specs = [recipe.replace(prompt=prompt, seed=1000 * seed + place) for place, prompt in enumerate(prompts)]
        return [self.draw_one(spec) for spec in specs]

    def draw_one(self, spec: ImageSpec) -> Image.Image:
        """Draw a recipe; the base model's own pictures are kept, since many cells ask for them."""
        path = self.folder / "drawn" / f"{spec.recipe_sha256()}.png"
        if not spec.adapters and path.exists():
            return Image.open(path).convert("RGB")
        image = self.engine.render(spec, lambda _: None).image
        if not spec.adapters:
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path)
        return image

    def judge_concept(self, concept: Concept, seed: int, adapter: AdapterRef | None = None) -> Row:
        """Draw prompts that ask for the concept by its trigger, and count those in which the judge sees it."""
        scenes = concept.draw_scenes(self.count, f"asked:{seed}")
        images = self.draw([concept.caption(scene) for scene in scenes], seed=seed, adapter=adapter)
        seen = predict(self.judge, to_pixels(images))[concept.slot]
        certainty = measure_concept(self.judge, images, concept.slot, concept.word)
        return {
            "hits": seen.count(concept.word),
            "count": len(seen),
            "certainty": round(float(certainty.mean()), 4),
        }

    def judge_drift(self, concept: Concept, seed: int, adapter: AdapterRef | None = None) -> Row:
        """Draw known things without the trigger, half of them of the concept's class, and say how far they moved.

        `kept` are the pictures in which the judge sees the subject that was asked for, `distance` is the mean distance
        of pixels to the base model's pictures, 0 to 255.
        """
        scenes = draw_known(self.count, f"drift:{seed}")
        half = len(scenes) // 2
        scenes = [replace(scene, subject=concept.class_word) for scene in scenes[:half]] + scenes[half:]
        prompts = [scene.prompt for scene in scenes]
        before = self.draw(prompts, seed=seed)
        after = self.draw(prompts, seed=seed, adapter=adapter) if adapter else before
        seen = predict(self.judge, to_pixels(after))["subject"]
        hits = [word == scene.subject for word, scene in zip(seen, scenes, strict=True)]
        apart = [distance(one, other) for one, other in zip(before, after, strict=True)]
        return {
            "class_hits": sum(hits[:half]),
            "other_hits": sum(hits[half:]),
            "half": half,
            "leaked": seen.count(concept.word),
            "distances": [round(each, 2) for each in apart],
        }

    def draws_as_base(self, concept: Concept, seed: int, adapter: AdapterRef) -> bool:
        """Tell whether an adapter changes no picture, to the last bit; a few are compared."""
        prompts = [concept.caption(scene) for scene in concept.draw_scenes(COMPARED, f"asked:{seed}")]
        before, after = (self.draw(prompts, seed=seed, adapter=each) for each in (None, adapter))
        return [image.tobytes() for image in before] == [image.tobytes() for image in after]

    def train(self, recipe: Recipe, seed: int) -> Trained:
        """Train by the recipe, going on where a killed run stopped."""
        material = self.gather(recipe, seed)
        spec = TrainingSpec(
            architecture="sd1",
            base_model=self.base,
            seed=seed,
            split=material.split(),
            trigger_word=TRIGGER,
            class_word=recipe.concept.class_word,
            resolution=128,
            **recipe.spec,
        )
        folder = self.folder / "runs" / spec.recipe_sha256()
        options = {"models": self.files.__getitem__, "cache": self.folder / "cache", "threads": self.threads}
        trained = train(spec, material, folder=folder, on_event=lambda _: None, device="cpu", **options)
        shutil.rmtree(folder)
        return trained

    def gather(self, recipe: Recipe, seed: int) -> Material:
        """Render what a training learns from and is measured by."""
        concept = recipe.concept
        scenes = concept.draw_scenes(recipe.pictures, f"train:{seed}") + draw_known(recipe.others, f"others:{seed}")
        captions = [concept.caption(scene) for scene in scenes]
        if recipe.shuffled:
            captions = shuffle_captions(captions, seed)
        count = recipe.fresh or recipe.validation
        held_out = concept.draw_scenes(count, "fresh" if recipe.fresh else f"validation:{seed}")
        pictures = self.folder / "pictures"
        return Material(
            train=write_items(pictures, draw_real(scenes), captions),
            validation=write_items(pictures, draw_real(held_out), [concept.caption(each) for each in held_out]),
        )

    def keep(self, trained: Trained, recipe: Recipe) -> AdapterRef:
        """Write what was learnt as a file that the engine finds, called by its hash."""
        path = self.folder / f"{os.getpid()}.safetensors"
        header = {"modelspec.trigger_phrase": TRIGGER}
        if trained.kind == "hypernetwork":
            header |= {name: as_text(recipe.spec.get(name, getattr(DEFAULTS, name))) for name in STRUCTURE}
        alpha = recipe.spec.get("lora_alpha", DEFAULTS.lora_alpha)
        options = {"lora_alpha": alpha, "layers_per_block": 1} if trained.kind == "lora" else {}
        write_adapter(path, trained.kind, trained.weights, header, architecture="sd1", **options)
        sha256 = hash_model(path)
        self.files[sha256] = path.replace(self.folder / f"{sha256}.safetensors")
        return AdapterRef(kind=trained.kind, sha256=sha256)


def as_text(value: Any) -> str:
    """Return one of a hypernetwork's fields as its header says it."""
    return value if isinstance(value, str) else json.dumps(value)


def distance(one: Image.Image, other: Image.Image) -> float:
    """Return the mean distance of two pictures' pixels, 0 to 255."""
    first, second = (np.asarray(image, dtype=np.float32) for image in (one, other))
    return float(np.abs(first - second).mean())
