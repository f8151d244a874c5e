"""Load single-file checkpoints."""

from pathlib import Path
from typing import Any

import torch

from engine.errors import ModelError
from engine.folders import Loaded
from engine.headers import Detected


def load_single(
    path: Path, detected: Detected, *, device: torch.device, dtype: torch.dtype, tokenizers: Path | None
) -> Loaded:
    """Load a single file."""
    raise ModelError("single_file_unsupported", f"{path.name} cannot be drawn with.", file=path.name)


def load_vae_single(path: Path, *, device: torch.device, dtype: torch.dtype) -> Any:
    """Load a VAE from a single file."""
    raise ModelError("single_file_unsupported", f"{path.name} cannot be drawn with.", file=path.name)
