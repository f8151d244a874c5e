"""Shares, intervals and differences of the learning benchmark. Pure but for numpy."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

Z = 1.959964
# The 97.5 % quantile of Student's t by degrees of freedom.
STUDENT = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with its 95 % interval."""

    middle: float
    low: float
    high: float

    def meets(self, other: "Interval") -> bool:
        """Tell whether two intervals overlap."""
        return self.low <= other.high and other.low <= self.high

    def __str__(self) -> str:
        return f"{self.middle:.3f} ({self.low:.3f}–{self.high:.3f})"


def share(hits: int, count: int) -> Interval:
    """Return a share with Wilson's interval."""
    middle = hits / count
    center = (middle + Z**2 / (2 * count)) / (1 + Z**2 / count)
    reach = Z / (1 + Z**2 / count) * sqrt(middle * (1 - middle) / count + Z**2 / (4 * count**2))
    return Interval(middle=middle, low=max(0.0, center - reach), high=min(1.0, center + reach))


def mean(values: Sequence[float]) -> Interval:
    """Return the mean of a few independent values, one a seed, with Student's interval."""
    middle = float(np.mean(values))
    if len(values) < 2:
        return Interval(middle=middle, low=-np.inf, high=np.inf)
    reach = STUDENT[len(values) - 1] * float(np.std(values, ddof=1)) / sqrt(len(values))
    return Interval(middle=middle, low=middle - reach, high=middle + reach)


def mean_of_many(values: Sequence[float]) -> Interval:
    """Return the mean of many independent values, with the normal interval."""
    middle = float(np.mean(values))
    reach = Z * float(np.std(values, ddof=1)) / sqrt(len(values))
    return Interval(middle=middle, low=middle - reach, high=middle + reach)


def say_effect(differences: Sequence[float]) -> str:
    """Return a lever's effect on the held-out loss, or that none was measured: its interval over seeds holds 0."""
    effect = mean(differences)
    if len(differences) < 2:
        return f"{effect.middle:+.3f}, one seed"
    if effect.low <= 0 <= effect.high:
        return f"no measured effect here ({effect.middle:+.3f}, {effect.low:+.3f} to {effect.high:+.3f})"
    word = "lower" if effect.high < 0 else "higher"
    return f"**{word}** by {abs(effect.middle):.3f} ({effect.low:+.3f} to {effect.high:+.3f})"
