"""The loss of one step: which pictures, how much noise, and how far the prediction is off."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.specs import TrainingSpec
from engine.training.buckets import Plan
from engine.training.caches import Latents
from engine.training.learners import Learner
from engine.training.networks import Networks
from engine.training.noise import draw_noise, draw_timesteps
from engine.training.randomness import generator_for, rng_for
from engine.training.texts import Captions, TextTable, class_caption


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Pictures to draw batches from: their latents and their captions."""

    latents: Latents
    captions: Captions
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One batch as the model gets it, and what it should say: [b,c,h,w], [b], and the weight of each row [b].

    `total` is of how many rows the mean is taken: more than there are here, where these are a part of a batch.
    """

    noisy: Tensor
    target: Tensor
    timesteps: Tensor
    weights: Tensor
    places: tuple[int, ...]
    total: int

    def error(self, predicted: Tensor) -> Tensor:
        """Return the weighted mean of the squared error."""
        return ((predicted - self.target).pow(2).mean((1, 2, 3)) * self.weights).sum() / self.total

    def rows(self, part: slice) -> "Question":
        """Return some rows of the batch."""
        return replace(
            self,
            noisy=self.noisy[part],
            target=self.target[part],
            timesteps=self.timesteps[part],
            weights=self.weights[part],
            places=self.places[part],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one batch asks: pictures, and class pictures where they keep the class as it was."""

    asked: Question
    kept: Question | None = None

    def halve(self) -> "tuple[Task, ...]":
        """Return two tasks with half of the rows each, or this one where a side has a single row."""
        sides = [side for side in (self.asked, self.kept) if side is not None]
        if any(len(side.noisy) < 2 for side in sides):
            return (self,)
        middles = [len(side.noisy) // 2 for side in sides]
        first = [side.rows(slice(middle)) for side, middle in zip(sides, middles, strict=True)]
        second = [side.rows(slice(middle, None)) for side, middle in zip(sides, middles, strict=True)]
        return tuple(Task(asked=half[0], kept=half[1] if self.kept else None) for half in (first, second))


class Lessons:
    """Ask a model one batch after the other; everything random follows from the seed and the batch's number."""

    def __init__(
        self,
        spec: TrainingSpec,
        networks: Networks,
        learner: Learner,
        texts: TextTable,
        *,
        instances: Shelf,
        classes: Shelf | None,
    ) -> None:
        self.spec, self.networks, self.learner, self.texts = spec, networks, learner, texts
        self.instances, self.classes, self.listed = instances, classes, list(texts.places)
        self.keeps_class = spec.with_prior_preservation and classes is None
        self.autocast = torch.autocast(
            networks.device.type,
            dtype=torch.float16 if spec.mixed_precision == "fp16" else torch.bfloat16,
            enabled=spec.mixed_precision != "no",
        )

    def task(self, number: int) -> Task:
        """Return what the batch with this number asks."""
        kept = None if self.classes is None else self.ask(self.classes, number, "class")
        return Task(asked=self.ask(self.instances, number, "instance"), kept=kept)

    def loss(self, task: Task) -> Tensor:
        """Return the loss of a task: the pictures' own, and what keeps the class as it was."""
        asked = task.asked
        with self.autocast:
            if task.kept is not None:
                return self.both(asked, task.kept)
            loss = asked.error(self.answer(asked))
            return loss + self.spec.prior_loss_weight * self.drift(asked) if self.keeps_class else loss

    def ask(self, shelf: Shelf, number: int, name: str) -> Question:
        """Return a batch: pictures of one bucket, drawn anew from their posteriors, with noise of spread strength."""
        rows = shelf.plan.batch(number)
        generator = generator_for(self.spec.seed, name, number)
        count = shelf.latents.count_variants(rows)
        variants = rng_for(self.spec.seed, name, "variants", number).integers(count, size=len(rows))
        device, table = self.networks.device, self.networks.noise
        clean = shelf.latents.draw(rows, variants.tolist(), generator)
        timesteps = draw_timesteps(len(rows), table.count, generator).to(device)
        noise = draw_noise(tuple(clean.shape), generator, offset=self.spec.noise_offset).to(device)
        noisy, target = table.mix(clean, noise, timesteps)
        return Question(
            noisy=noisy,
            target=target,
            timesteps=timesteps,
            weights=table.weigh(timesteps, self.spec.snr_gamma),
            places=tuple(shelf.captions.choose(rows, self.spec, number)),
            total=len(rows),
        )

    def answer(self, asked: Question) -> Tensor:
        """Return the model's prediction."""
        return self.networks.predict(asked.noisy, asked.timesteps, self.texts.fetch(asked.places))

    def both(self, asked: Question, kept: Question) -> Tensor:
        """Return the loss of pictures and class pictures; each half has its own timesteps and its own weights."""
        if asked.noisy.shape[2:] != kept.noisy.shape[2:]:
            return asked.error(self.answer(asked)) + self.spec.prior_loss_weight * kept.error(self.answer(kept))
        text = self.texts.fetch((*asked.places, *kept.places))
        noisy, timesteps = torch.cat([asked.noisy, kept.noisy]), torch.cat([asked.timesteps, kept.timesteps])
        first, second = self.networks.predict(noisy, timesteps, text).split([len(asked.noisy), len(kept.noisy)])
        return asked.error(first) + self.spec.prior_loss_weight * kept.error(second)

    def drift(self, asked: Question) -> Tensor:
        """Return how far the answer about the class itself has moved from the base model's, on the same noise."""
        places = self.class_places(asked.places)
        with torch.no_grad(), self.learner.without():
            before = self.networks.predict(asked.noisy, asked.timesteps, self.texts.fetch(places))
        now = self.networks.predict(asked.noisy, asked.timesteps, self.texts.fetch(places))
        return replace(asked, target=before).error(now)

    def class_places(self, places: Sequence[int]) -> list[int]:
        """Return the places of the same captions without the trigger."""
        return [self.texts.places[class_caption(self.listed[place], self.spec)] for place in places]


def all_texts(spec: TrainingSpec, *captions: Captions, others: Sequence[str] = ()) -> list[str]:
    """Return every distinct text of a training in a fixed order; the empty one is first."""
    texts = dict.fromkeys(text for each in captions for text in each.texts)
    classes = [class_caption(text, spec) for text in texts] if spec.with_prior_preservation else []
    return list(dict.fromkeys([*texts, *classes, *others]))
