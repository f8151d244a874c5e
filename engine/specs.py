"""The recipe of a picture as plain, frozen values. Imports no torch, so anyone may read it.

Field names are diffusers' own. A spec serialises to canonical JSON (RFC 8785), and the sha256 of
that text is the recipe's identity: two equal recipes always have the same hash.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import rfc8785

Architecture = Literal["sd1", "sd2", "sdxl", "sd3", "flux"]
AdapterKind = Literal["lora", "textual_inversion", "hypernetwork"]
SPEC_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterRef:
    """Name one adapter file by content, with the weight it is applied at (1.0 = as trained)."""

    kind: AdapterKind
    sha256: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """Say everything that decides the pixels of one picture.

    Sizes are in pixels, `guidance_scale` is the classifier-free guidance factor, and `clip_skip` counts
    the text encoder's last layers to leave out (0 = none, diffusers' meaning; A1111 writes one more).
    `base_model`, `vae` and adapters are sha256 hashes of files or folders; adapters apply in order.
    """

    architecture: Architecture
    base_model: str
    prompt: str
    negative_prompt: str = ""
    seed: int
    scheduler: str = "dpmpp_2m"
    scheduler_config: Mapping[str, Any] = field(default_factory=dict)
    num_inference_steps: int
    guidance_scale: float
    width: int
    height: int
    clip_skip: int = 0
    vae: str | None = None
    adapters: tuple[AdapterRef, ...] = ()
    mode: Literal["txt2img"] = "txt2img"
    version: int = SPEC_VERSION

    def as_dict(self) -> dict[str, Any]:
        """Return the spec as JSON-ready values."""
        data = dataclasses.asdict(self)
        data["adapters"] = [dataclasses.asdict(adapter) for adapter in self.adapters]
        data["scheduler_config"] = dict(self.scheduler_config)
        return data

    def canonical(self) -> bytes:
        """Return the spec as RFC 8785 canonical JSON."""
        return rfc8785.dumps(self.as_dict())

    def recipe_sha256(self) -> str:
        """Return the recipe's identity: the sha256 of the canonical spec, in hex."""
        return hashlib.sha256(self.canonical()).hexdigest()

    def replace(self, **changes: Any) -> "ImageSpec":
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ImageSpec":
        """Read a spec back from `as_dict`. Raises TypeError on unknown or missing fields."""
        values = dict(data)
        values["adapters"] = tuple(AdapterRef(**adapter) for adapter in values.get("adapters", ()))
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Record what the pixels depended on besides the spec."""

    device: str
    device_name: str
    dtype: str
    attention: str
    threads: int
    batch_size: int
    batch_position: int
    versions: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return the environment as JSON-ready values."""
        data = dataclasses.asdict(self)
        data["versions"] = dict(self.versions)
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Report progress: `index` of `total` steps done in `stage`; `preview` makes a small RGB picture when asked."""

    stage: Literal["loading", "encoding", "denoising", "decoding"]
    index: int
    total: int
    preview: Callable[[], Any] | None = None


OnStep = Callable[[Step], None]
Resolve = Callable[[str], Path]


def pixels_sha256(width: int, height: int, rgb: bytes) -> str:
    """Return the sha256 over size and raw 8-bit RGB rows, so that re-encoding a picture keeps its identity."""
    header = f"RGB {width}x{height}\n".encode()
    return hashlib.sha256(header + rgb).hexdigest()
