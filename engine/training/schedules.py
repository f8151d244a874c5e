"""The learning rate over the steps, as a factor of its peak. Pure."""

import math
from typing import Literal

Schedule = Literal["constant", "cosine", "linear"]


def rate_factor(schedule: Schedule, *, step: int, total: int, warmup: int) -> float:
    """Return the factor of a step, 0-based: a linear warm-up, then constant, half a cosine, or a line to zero.

    The values are those of diffusers' `get_scheduler`.
    """
    if step < warmup:
        return step / warmup
    done = (step - warmup) / max(1, total - warmup)
    if schedule == "cosine":
        return max(0.0, 0.5 * (1.0 + math.cos(math.pi * done)))
    if schedule == "linear":
        return max(0.0, 1.0 - done)
    return 1.0
