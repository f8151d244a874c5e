"""Write safetensors files so that a disk's refusal is an OSError with its number, as it is of every other file."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

# The library is written in Rust, which says the number in its text only.
_NUMBER = re.compile(r"\(os error (\d+)\)")


def save_tensor_file(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors on the CPU, contiguous and sharing nothing, under a header. Raises OSError, SafetensorError."""
    try:
        safetensors.save_file(dict(tensors), path, dict(metadata) if metadata else None)
    except SafetensorError as error:
        found = _NUMBER.search(str(error))
        if found is None:
            raise
        number = int(found.group(1))
        raise OSError(number, os.strerror(number), str(path)) from error
