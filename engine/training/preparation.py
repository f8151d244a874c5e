"""Bring everything into memory that the steps need: the learner, encoded pictures, encoded captions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.specs import TrainingSpec
from engine.training.buckets import Plan
from engine.training.caches import LatentCache, Latents
from engine.training.classes import draw_classes
from engine.training.learners import Learner, build_learner
from engine.training.lessons import Shelf, all_texts
from engine.training.networks import Networks
from engine.training.pictures import PLAIN, Augmentation
from engine.training.randomness import key_of
from engine.training.texts import Captions, TextTable
from engine.training.values import Material, OnEvent, Staged, TrainingItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Pictures that are only looked at, unvaried."""

    items: tuple[TrainingItem, ...]
    latents: Latents


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a training works with; `subset` are as many training pictures as there are for validation."""

    learner: Learner
    texts: TextTable
    instances: Shelf
    classes: Shelf | None
    validation: Side | None
    subset: Side | None
    everything: Latents | None


def prepare(spec: TrainingSpec, material: Material, networks: Networks, *, cache: Path, on_event: OnEvent) -> Prepared:
    """Encode pictures and captions, and make the base model ready to learn."""
    encoder = Encoder(spec, networks, material, cache=cache, on_event=on_event)
    subset = choose_subset(material, spec.seed) if spec.validation_steps else ()
    learned, classes = encoder.latents(material.train), encoder.classes(material)
    validation = encoder.side(material.validation) if subset else None
    compared = encoder.side(subset) if subset else None
    everything = encoder.latents(material.train, is_plain=True) if spec.sample_steps else None
    networks.rest("vae")
    learner = build_learner(spec, networks)
    captions = [Captions.of(material.train, spec), *([classes[1]] if classes else [])]
    others = [item.caption for item in material.validation]
    others += [text for each in spec.sample_prompts for text in (each.prompt, each.negative_prompt)]
    texts = TextTable(networks.reader, all_texts(spec, *captions, others=others), is_learning=learner.reads_text)
    if not learner.reads_text:
        networks.rest(*networks.reader.encoders)
    if spec.gradient_checkpointing:
        networks.unet.enable_gradient_checkpointing()
    return Prepared(
        learner=learner,
        texts=texts,
        instances=shelf_of(spec, learned, captions[0]),
        classes=shelf_of(spec, *classes) if classes else None,
        validation=validation,
        subset=compared,
        everything=everything,
    )


def uses_class_pictures(spec: TrainingSpec) -> bool:
    """Does the prior come from class pictures?"""
    return spec.with_prior_preservation and spec.prior_mode == "class_pictures"


def choose_subset(material: Material, seed: int) -> tuple[TrainingItem, ...]:
    """Return as many training pictures as there are for validation, chosen by the seed; none without validation."""
    order = sorted(material.train, key=lambda item: key_of(seed, "subset", item.sha256))
    return tuple(order[: len(material.validation)])


def shelf_of(spec: TrainingSpec, latents: Latents, captions: Captions) -> Shelf:
    """Return pictures as batches are drawn from them."""
    plan = Plan(latents.rows, batch_size=spec.train_batch_size, seed=spec.seed)
    return Shelf(latents=latents, captions=captions, plan=plan)


class Encoder:
    """Encode the sides of a material, and say how far it has come."""

    def __init__(
        self, spec: TrainingSpec, networks: Networks, material: Material, *, cache: Path, on_event: OnEvent
    ) -> None:
        self.spec, self.networks, self.folder, self.on_event = spec, networks, cache, on_event
        self.cache = LatentCache(networks.vae, vae_sha256=networks.vae_sha256, folder=cache, device=networks.device)
        self.done, self.total = 0, len(material.train) + len(material.validation) + len(material.class_pictures)

    def latents(self, items: Sequence[TrainingItem], *, is_plain: bool = False) -> Latents:
        """Return pictures in all their variants, or only as they are."""
        spec = self.spec
        varied = not is_plain and Augmentation.of(spec) != Augmentation()
        return self.cache.encode(
            items,
            resolution=spec.resolution,
            is_square=not spec.enable_bucket,
            variants=range(spec.cached_variants) if varied else (PLAIN,),
            augmentation=Augmentation.of(spec) if varied else Augmentation(),
            seed=spec.seed,
            on_item=self._report(),
        )

    def side(self, items: Sequence[TrainingItem]) -> Side:
        """Return pictures that are only looked at."""
        return Side(items=tuple(items), latents=self.latents(items, is_plain=True))

    def classes(self, material: Material) -> tuple[Latents, Captions] | None:
        """Return the class pictures with their captions: a person's own, or drawn by the base model itself."""
        if not uses_class_pictures(self.spec):
            return None
        if material.class_pictures:
            return self.latents(material.class_pictures), Captions.of(material.class_pictures, self.spec)
        return draw_classes(self.spec, material.train, self.networks, cache=self.folder, on_event=self.on_event)

    def _report(self) -> Callable[[int], None]:
        before = self.done

        def report(done: int) -> None:
            self.done = min(before + done, self.total)
            self.on_event(Staged(stage="caching", index=self.done, total=self.total))

        return report
