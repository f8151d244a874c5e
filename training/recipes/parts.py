"""Steps and epochs."""

from math import ceil


def steps_of(epochs: float, *, pictures: int, batch_size: int, accumulation: int = 1) -> int:
    """Return the steps in which every picture is seen `epochs` times, at least one."""
    return max(1, ceil(epochs * pictures / (batch_size * accumulation)))


def epochs_of(steps: int, *, pictures: int, batch_size: int, accumulation: int = 1) -> float:
    """Return how many times every picture is seen in so many steps."""
    return steps * batch_size * accumulation / max(pictures, 1)
