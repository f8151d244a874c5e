"""Draw everything random from (seed, what for, step): a training can be taken up again at any step without state."""

import hashlib

import numpy as np
import torch


def key_of(*parts: object) -> int:
    """Return a number of 63 bits that stands for these parts, the same on every machine."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator_for(*parts: object) -> torch.Generator:
    """Return a CPU generator: noise is drawn on the CPU, so that every device sees the same."""
    return torch.Generator().manual_seed(key_of(*parts))


def rng_for(*parts: object) -> np.random.Generator:
    """Return a numpy generator."""
    return np.random.default_rng(key_of(*parts))
