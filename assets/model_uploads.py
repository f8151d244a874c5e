"""Looks into an uploaded model file beyond its header: are the weights numbers, and what is the adapter made for?

Reads headers with engine.headers and bytes with numpy; no torch, nothing is unpickled. Texts are cleaned claims.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assets.adapter_kinds import Adapter, describe_adapter
from assets.claims.cleaning import clean_text
from engine.errors import ModelError
from engine.headers import Header, TensorInfo, hash_tensors, read_header

# An exponent of ones only is infinity or no number; F8_E4M3 has no infinity and one value that is no number.
EXPONENTS: Mapping[str, tuple[str, int]] = {
    "F64": ("<u8", 0x7FF0_0000_0000_0000),
    "F32": ("<u4", 0x7F80_0000),
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
    "F8_E5M2": ("<u1", 0x7C),
    "F8_E4M3": ("<u1", 0x7F),
}
SHA256 = re.compile(r"[0-9a-f]{64}")
BLOCK_BYTES = 4 * 1024 * 1024
SAMPLE_BYTES = 64 * 1024
SAMPLES = 16
MAX_SHOWN_ENTRIES = 200
MAX_SHOWN_CHARACTERS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Hold what a checked file is; `metadata` are cleaned texts to show, `adapter` is None for everything else."""

    header: Header
    metadata: Mapping[str, str]
    adapter: Adapter | None = None


def check_upload(path: Path, *, sampled: bool = False) -> Upload:
    """Check a .safetensors file through and say what it is; `sampled` reads large tensors in parts only.

    Raises ModelError: every code of `engine.headers.read_header` and of `describe_adapter`, weights_not_finite,
    adapter_hash_differs.
    """
    header = read_header(path)
    adapter = describe_adapter(header)
    if adapter is not None:
        check_own_hash(path, header)
    tensor = find_not_finite(path, header, sampled=sampled)
    if tensor is not None:
        name = clean_text(tensor, 80)
        raise ModelError("weights_not_finite", f"{name!r} holds values that are no numbers.", tensor=name)
    return Upload(header=header, metadata=clean_metadata(header.metadata), adapter=adapter)


def check_own_hash(path: Path, header: Header) -> None:
    """Refuse a file whose tensors are not those that its own header was written for. Raises ModelError."""
    claimed = header.metadata.get("modelspec.hash_sha256", "").strip().lower().removeprefix("0x")
    if SHA256.fullmatch(claimed) and hash_tensors(path) != claimed:
        raise ModelError(
            "adapter_hash_differs", "The weights are not those that the file's header names by their hash."
        )


def find_not_finite(path: Path, header: Header, *, sampled: bool = False) -> str | None:
    """Return the first tensor of a checked file that holds NaN or infinity; whole-number tensors cannot."""
    import numpy as np  # 12 MB that the web process seldom needs

    with path.open("rb") as file:
        for name, info in sorted(header.tensors.items(), key=lambda item: item[1].begin):
            if info.dtype not in EXPONENTS:
                continue
            kind, mask = EXPONENTS[info.dtype]
            for begin, size in _blocks(info, sampled):
                file.seek(header.data_start + begin)
                values = np.frombuffer(file.read(size), dtype=kind)
                if ((values & values.dtype.type(mask)) == mask).any():
                    return name
    return None


def clean_metadata(metadata: Mapping[str, str]) -> Mapping[str, str]:
    """Return a file's own texts fit to be shown: cleaned, cut, and as text, whatever markup they hold."""
    shown = list(metadata.items())[:MAX_SHOWN_ENTRIES]
    return {clean_text(name, 100): clean_text(text, MAX_SHOWN_CHARACTERS) for name, text in shown}


def _blocks(info: TensorInfo, sampled: bool) -> Iterator[tuple[int, int]]:
    """Yield offset and size in bytes of what is read of a tensor: everything, or its ends and parts between."""
    size = info.end - info.begin
    if not sampled or size <= SAMPLES * SAMPLE_BYTES:
        for begin in range(info.begin, info.end, BLOCK_BYTES):
            yield begin, min(BLOCK_BYTES, info.end - begin)
        return
    for number in range(SAMPLES):
        # Multiples of eight bytes keep every number whole.
        step = (size - SAMPLE_BYTES) * number // (SAMPLES - 1) // 8 * 8
        yield info.begin + step, SAMPLE_BYTES
    yield info.end - 8, 8
