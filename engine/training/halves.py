"""Learn from one batch in two threads on a CPU, each with half of its pictures.

The operations of a small network are too short for several threads to share one, but two networks side by side keep two
cores busy. Each half computes its gradients with threads of its own, and they are added in a fixed order: unlike sums
that threads share, they are the same every time.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn

from engine.specs import TrainingSpec
from engine.training.lessons import Lessons, Task

HALVES = 2
# The second half has gradients of its own: beyond this size they are not worth their room.
GRADIENT_BYTES = 512 * 2**20


def can_halve(spec: TrainingSpec, parameters: Sequence[nn.Parameter], *, threads: int) -> bool:
    """Can two threads learn at once? Not where they would share chance, autocast, or an adapter that is put off."""
    has_chance = spec.lora_dropout > 0 or (spec.method == "hypernetwork" and spec.use_dropout)
    switches = spec.with_prior_preservation and spec.prior_mode == "adapter_off"
    is_plain = spec.mixed_precision == "no" and not spec.gradient_checkpointing
    is_small = sum(each.nbytes for each in parameters) <= GRADIENT_BYTES
    on_cpu = all(each.device.type == "cpu" for each in parameters)
    return on_cpu and threads >= HALVES and is_plain and is_small and not has_chance and not switches


class Pair:
    """Two threads that take the gradients of the halves of a batch."""

    def __init__(self, lessons: Lessons, parameters: Sequence[nn.Parameter], *, threads: int) -> None:
        self.lessons, self.parameters = lessons, parameters
        self.pool = ThreadPoolExecutor(HALVES, initializer=torch.set_num_threads, initargs=(max(1, threads // HALVES),))

    def close(self) -> None:
        """Let the threads end."""
        self.pool.shutdown()

    def learn(self, number: int, share: float) -> Tensor:
        """Add a share of the gradients of a batch to the parameters', and return that share of its loss."""
        halves = self.lessons.task(number).halve()
        results = list(self.pool.map(lambda half: self._take(half, share), halves))
        for _, gradients in results:
            for parameter, gradient in zip(self.parameters, gradients, strict=True):
                if gradient is not None:
                    parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
        return torch.stack([loss for loss, _ in results]).sum()

    def _take(self, half: Task, share: float) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        loss = self.lessons.loss(half) * share
        return loss.detach(), torch.autograd.grad(loss, self.parameters, allow_unused=True)


def make_pair(spec: TrainingSpec, lessons: Lessons, parameters: Sequence[nn.Parameter], *, threads: int) -> Pair | None:
    """Return a pair of threads where two can learn at once."""
    return Pair(lessons, parameters, threads=threads) if can_halve(spec, parameters, threads=threads) else None
