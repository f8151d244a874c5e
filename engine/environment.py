"""Choose the hardware to draw with, and describe everything besides the recipe that can change a pixel."""

import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path

import torch

from engine.specs import Environment

_PACKAGES = ("torch", "diffusers", "transformers", "peft", "daicho")


def choose_device() -> str:
    """Return the best device here: "cuda" or "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def choose_dtype(device: torch.device, architecture: str) -> torch.dtype:
    """Return the number type for a device: float32 on a CPU, bfloat16 or float16 on a GPU."""
    if device.type != "cuda":
        return torch.float32
    # The large transformers were trained in bfloat16 and overflow in float16.
    is_large = architecture in ("sd3", "flux")
    return torch.bfloat16 if is_large and torch.cuda.is_bf16_supported() else torch.float16


def describe_environment(device: torch.device, dtype: torch.dtype) -> Environment:
    """Return what goes into the ledger beside the recipe."""
    return Environment(
        device=device.type,
        device_name=_describe_device(device.type),
        dtype=str(dtype).removeprefix("torch."),
        attention="sdpa",
        threads=torch.get_num_threads(),
        batch_size=1,
        batch_position=0,
        versions=_describe_versions(),
    )


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Choose deterministic kernels while a picture is drawn, and put the settings back afterwards."""
    was_strict = torch.are_deterministic_algorithms_enabled()
    was_warning = torch.is_deterministic_algorithms_warn_only_enabled()
    was_filling = torch.utils.deterministic.fill_uninitialized_memory
    was_benchmark = torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(was_strict, warn_only=was_warning)
        torch.utils.deterministic.fill_uninitialized_memory = was_filling
        torch.backends.cudnn.benchmark = was_benchmark


@cache
def _describe_device(kind: str) -> str:
    if kind == "cuda":
        return torch.cuda.get_device_name()
    # The vector instructions decide the order of additions, and so the last bits of every pixel.
    return f"{_read_cpu_name()} ({torch.backends.cpu.get_cpu_capability()})"


def _read_cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@cache
def _describe_versions() -> Mapping[str, str]:
    return {name: _read_version(name) for name in _PACKAGES}


def _read_version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
