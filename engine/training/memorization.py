"""Say how much of what a model draws is a training picture over again."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

SIDE = 16
QUANTILE = 0.01
ENOUGH = 8


def share_memorized(real: Sequence[Tensor], drawn: Sequence[Tensor]) -> float | None:
    """Return the share of drawn pictures that are closer to a real one than the closest hundredth of real pairs are.

    Pictures are latents [c,h,w]; both ways round count as the same. None with fewer than eight real pictures, whose
    pairs say nothing of how alike different pictures are.
    """
    if len(real) < ENOUGH or not drawn:
        return None
    known, seen = as_rows(real), as_rows(drawn)
    between = distances(known, known)
    pairs = between[np.triu_indices(len(known), 1)]
    return float((distances(seen, known).min(axis=1) < np.quantile(pairs, QUANTILE)).mean())


def as_rows(latents: Sequence[Tensor]) -> Tensor:
    """Return latents of any size as [n, c, side, side]."""
    return torch.cat([functional.adaptive_avg_pool2d(each[None].float().cpu(), SIDE) for each in latents])


def distances(first: Tensor, second: Tensor) -> np.ndarray:
    """Return the distances [n, m] between latents, of whichever way round is nearer."""
    plain = torch.cdist(first.flatten(1), second.flatten(1))
    mirrored = torch.cdist(first.flip(3).flatten(1), second.flatten(1))
    return torch.minimum(plain, mirrored).numpy()
