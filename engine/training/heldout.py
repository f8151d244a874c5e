"""The loss on a fixed grid: every picture at the same timesteps with the same noise, whenever it is asked.

One forward pass takes one picture at all timesteps, so that no loss depends on other pictures or on a batch size.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from engine.training.caches import Latents
from engine.training.networks import Networks
from engine.training.randomness import generator_for
from engine.training.texts import Text, TextTable
from engine.training.values import TrainingItem


def spread_evenly(count: int, total: int) -> list[int]:
    """Return timesteps in the middles of equal parts of the whole range."""
    return [int((place + 0.5) * total / count) for place in range(count)]


class HeldOut:
    """A fixed set of pictures, and the loss on each of them."""

    def __init__(
        self,
        items: Sequence[TrainingItem],
        latents: Latents,
        networks: Networks,
        *,
        timesteps: int,
        noises: int,
    ) -> None:
        self.items, self.latents, self.networks, self.noises = items, latents, networks, noises
        self.timesteps = torch.tensor(spread_evenly(timesteps, networks.noise.count), device=networks.device)

    @torch.no_grad()
    def measure(self, texts: TextTable, on_picture: Callable[[int], None]) -> np.ndarray:
        """Return the losses [pictures, timesteps, noises], float64, with the captions as they are read now."""
        measured = []
        for row, item in enumerate(self.items):
            text, clean = texts.of(item.caption), self.latents.middle([row])
            measured.append([self._losses(row, clean, text, noise) for noise in range(self.noises)])
            on_picture(row + 1)
        return np.asarray(measured).swapaxes(1, 2)

    def _losses(self, row: int, clean: Tensor, text: Text, number: int) -> list[float]:
        count, device = len(self.timesteps), self.networks.device
        drawn = [
            torch.randn(clean.shape[1:], generator=generator_for("held out", self.items[row].sha256, step, number))
            for step in self.timesteps.tolist()
        ]
        noisy, target = self.networks.noise.mix(
            clean.expand(count, *clean.shape[1:]), torch.stack(drawn).to(device), self.timesteps
        )
        same = torch.zeros(count, dtype=torch.long, device=device)
        predicted = self.networks.predict(noisy, self.timesteps, text.rows(same))
        return (predicted - target).double().pow(2).mean((1, 2, 3)).tolist()
