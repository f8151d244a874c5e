"""Read a curve of held-out losses: how far it moved, when to stop, and what to say of it. Pure but for numpy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.training.values import Change

Losses = np.ndarray
VerdictCode = Literal["still_learning", "best_at", "overfitting_since", "learned_nothing", "not_measured"]
RESAMPLES = 2000
ENOUGH_PICTURES = 5
# What is lost again after the best look is worth a word from a tenth of what was gained.
MATERIAL = 0.1


def change_of(now: Losses, before: Losses) -> Change:
    """Return how far losses [pictures, timesteps, noises] have moved, with a paired bootstrap 95 % interval.

    Each timestep's loss is taken as a share of its own mean before, so that none outweighs the others. Whole pictures
    are drawn again; where there are fewer than five, single losses are.
    """
    scale = before.mean(axis=(0, 2), keepdims=True)
    moved = (now - before) / np.maximum(scale, 1e-12)
    units = moved.mean(axis=(1, 2)) if len(moved) >= ENOUGH_PICTURES else moved.ravel()
    drawn = np.random.default_rng(0).integers(len(units), size=(RESAMPLES, len(units)))
    low, high = np.quantile(units[drawn].mean(axis=1), (0.025, 0.975))
    return Change(mean=float(units.mean()), low=float(low), high=float(high))


@dataclass(slots=True)
class Stopper:
    """Follow the held-out losses: where the best ones were, and whether going on is still worth it.

    The best step is one at which something was learned: where all are worse than the start, the least bad of them.
    """

    patience: int
    best: Losses | None = None
    best_step: int = 0
    anchor: Losses | None = None
    waited: int = 0

    def look(self, losses: Losses, step: int) -> bool:
        """Take in the losses of one step. Return whether they are the best so far."""
        if self.anchor is None:
            self.anchor = losses
            return False
        # Only what is better beyond doubt counts as going on; a lucky dip does not.
        if change_of(losses, self.anchor).high < 0:
            self.anchor, self.waited = losses, 0
        else:
            self.waited += 1
        is_best = self.best is None or bool(change_of(losses, self.best).mean < 0)
        if is_best:
            self.best, self.best_step = losses, step
        return is_best

    @property
    def is_over(self) -> bool:
        """Has nothing got better beyond doubt for as many looks as one was ready to wait?"""
        return 0 < self.patience <= self.waited


def judge_curve(steps: Sequence[int], held_out: Sequence[Losses], train: Sequence[Losses]) -> tuple[VerdictCode, int]:
    """Return what to say of a training, and the step it is about.

    Overfitting is worse than the best beyond doubt on pictures that nobody trains on, while those that are trained on
    got no worse; it began at the first look from which on all are.
    """
    if len(held_out) < 2:
        return "not_measured", 0
    best = min(range(len(steps)), key=lambda place: change_of(held_out[place], held_out[0]).mean)
    if best == 0 or change_of(held_out[best], held_out[0]).high >= 0:
        worse = change_of(held_out[-1], held_out[0]).low > 0
        learned_by_heart = change_of(train[-1], train[0]).high < 0
        return ("overfitting_since", steps[1]) if worse and learned_by_heart else ("learned_nothing", steps[-1])
    since = first_worse(held_out, best, -MATERIAL * change_of(held_out[best], held_out[0]).mean)
    if since is not None and change_of(train[-1], train[best]).mean <= 0:
        return "overfitting_since", steps[since]
    if change_of(held_out[-1], held_out[(len(steps) - 1) // 2]).high < 0:
        return "still_learning", steps[-1]
    return "best_at", steps[best]


def first_worse(held_out: Sequence[Losses], best: int, least: float) -> int | None:
    """Return the first place after the best one from which on all are worse than it, beyond doubt and by so much."""
    since = None
    for place in range(len(held_out) - 1, best, -1):
        change = change_of(held_out[place], held_out[best])
        if change.low <= 0 or change.mean < least:
            break
        since = place
    return since
