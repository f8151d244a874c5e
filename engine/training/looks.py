"""Look at a model while it learns: losses on both sides, sample strips, and how much it knows by heart."""

from collections.abc import Callable

import numpy as np

from engine.specs import SamplePrompt, TrainingSpec
from engine.training.caches import encode_picture
from engine.training.checkpoints import Progress
from engine.training.heldout import HeldOut
from engine.training.learners import Learner
from engine.training.memorization import share_memorized
from engine.training.networks import Networks
from engine.training.pictures import as_tensor
from engine.training.preparation import Prepared, Side
from engine.training.randomness import key_of
from engine.training.sampling import Sampler
from engine.training.values import Evaluated, OnEvent, Sampled, Stage, Staged
from engine.training.verdicts import change_of

DRAWN_FOR_MEMORY = 16


class Looks:
    """Measure and draw with one training's networks; nothing here moves a weight."""

    def __init__(
        self, spec: TrainingSpec, networks: Networks, learner: Learner, prepared: Prepared, *, on_event: OnEvent
    ) -> None:
        self.spec, self.networks, self.learner, self.prepared = spec, networks, learner, prepared
        self.on_event = on_event
        self.sampler = Sampler(spec, networks)
        self.sides = [self._grid(side) for side in (prepared.validation, prepared.subset) if side is not None]
        self.first: tuple[np.ndarray, np.ndarray] | None = None
        self.curve: list[Evaluated] = []

    @property
    def can_measure(self) -> bool:
        """Are there pictures that nobody trains on?"""
        return len(self.sides) == 2

    def _grid(self, side: Side) -> HeldOut:
        timesteps, noises = self.spec.validation_timesteps, self.spec.validation_noises
        return HeldOut(side.items, side.latents, self.networks, timesteps=timesteps, noises=noises)

    def measure(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the losses on held-out pictures and on as many training pictures, [pictures, timesteps, noises]."""
        self.learner.turn(learning=False)
        try:
            total = sum(len(side.items) for side in self.sides)
            measured = []
            for number, side in enumerate(self.sides):
                report = self._report("validating", total, before=number * len(self.sides[0].items))
                measured.append(side.measure(self.prepared.texts, report))
        finally:
            self.learner.turn(learning=True)
        return measured[0], measured[1]

    def report(self, step: int, held_out: np.ndarray, train: np.ndarray, *, is_best: bool) -> None:
        """Add a point to the curve and tell it."""
        self._add(step, held_out, train, is_best=is_best)
        self.on_event(self.curve[-1])

    def recall(self, progress: Progress) -> None:
        """Take up the curve of earlier attempts."""
        best: np.ndarray | None = None
        for step, held_out in progress.held_out.items():
            is_best = bool(step) and (best is None or change_of(held_out, best).mean < 0)
            best = held_out if is_best else best
            self._add(step, held_out, progress.train[step], is_best=is_best)

    def _add(self, step: int, held_out: np.ndarray, train: np.ndarray, *, is_best: bool) -> None:
        self.first = self.first or (held_out, train)
        point = Evaluated(
            step=step,
            held_out_loss=float(held_out.mean()),
            train_loss=float(train.mean()),
            held_out=change_of(held_out, self.first[0]),
            train=change_of(train, self.first[1]),
            is_best=is_best,
        )
        self.curve.append(point)

    def draw_strip(self, step: int) -> None:
        """Draw the sample prompts and tell of them."""
        images = self._draw(self.spec.sample_prompts)
        self.networks.rest("vae")
        self.on_event(Sampled(step=step, images=images))

    def share_memorized(self) -> float | None:
        """Return how many of the pictures drawn from training captions are training pictures over again."""
        everything = self.prepared.everything
        if everything is None or not self.spec.sample_prompts:
            return None
        captions = self.prepared.instances.captions.spread(DRAWN_FOR_MEMORY)
        negative = self.spec.sample_prompts[0].negative_prompt
        prompts = [
            SamplePrompt(prompt=text, negative_prompt=negative, seed=key_of(self.spec.seed, "memory", text) % 2**32)
            for text in captions
        ]
        drawn = [encode_picture(self.networks.vae, as_tensor(image))[0] for image in self._draw(prompts)]
        self.networks.rest("vae")
        real = [latents for table in everything.mean.values() for latents in table[0]]
        return share_memorized(real, drawn)

    def _draw(self, prompts: tuple[SamplePrompt, ...] | list[SamplePrompt]) -> list:
        self.networks.wake("vae")
        self.learner.turn(learning=False)
        try:
            report = self._report("sampling", len(prompts))
            return self.sampler.draw(prompts, self.prepared.texts.of, report)
        finally:
            self.learner.turn(learning=True)

    def _report(self, stage: Stage, total: int, *, before: int = 0) -> Callable[[int], None]:
        return lambda done: self.on_event(Staged(stage=stage, index=before + done, total=total))
