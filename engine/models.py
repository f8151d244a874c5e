"""Keep base models and VAEs in memory between jobs, the least recently used leaving first."""

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from engine.errors import ModelError
from engine.folders import PIPELINES, Loaded, load_folder, load_vae_folder
from engine.headers import component_files, detect_architecture, hash_model, read_header
from engine.singles import load_single, load_vae_single
from engine.specs import AdapterRef, Architecture, Resolve

# Where torch's allocator on the CPU begins a tensor: at a multiple of this many bytes.
ALIGNMENT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """Say what a taught word is to the text encoder: the tokens of all its vectors, and how strongly they are read."""

    tokens: tuple[int, ...]
    weight: float = 1.0


@dataclass(slots=True, kw_only=True, eq=False)
class Resident:
    """Hold one model in memory.

    `pipelines` are the cheap shells that diffusers puts around its parts, by VAE hash; `applied` are the adapters
    that are on now. Of these, `tokenizers` know the words, `words` what each word's first token stands for, `tables`
    are the word tables that were replaced, and `swapped` the parameters: (module, name there, original).
    """

    sha256: str
    architecture: Architecture | None
    loaded: Loaded
    bytes: int
    pipelines: dict[str | None, Any] = field(default_factory=dict)
    applied: tuple[AdapterRef, ...] = ()
    tokenizers: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)
    words: dict[str, dict[int, Word]] = field(default_factory=dict)
    swapped: list[tuple[Any, str, Any]] = field(default_factory=list)

    def build_pipeline(self, vae_sha256: str | None, vae: Any) -> Any:
        """Return diffusers' own pipeline around these parts, with another VAE when one is given."""
        if vae_sha256 not in self.pipelines:
            assert self.architecture is not None
            parts = {**self.loaded.parts, **self.tokenizers} | ({"vae": vae} if vae is not None else {})
            extra = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
            is_first = self.architecture in ("sd1", "sd2")
            pipeline = PIPELINES[self.architecture](scheduler=None, **parts, **(extra if is_first else {}))
            pipeline.set_progress_bar_config(disable=True)
            self.pipelines[vae_sha256] = pipeline
        return self.pipelines[vae_sha256]


class ModelStore:
    """Load models by content hash and keep them within a budget of bytes."""

    def __init__(self, resolve: Resolve, *, budget_bytes: int, device: torch.device, tokenizers: Path | None) -> None:
        self.resolve = resolve
        self.budget_bytes = budget_bytes
        self.device = device
        self.tokenizers = tokenizers
        self.residents: OrderedDict[str, Resident] = OrderedDict()
        self._hashes: dict[tuple[Path, int, int, int], str] = {}

    def get_base(self, sha256: str, architecture: Architecture, dtype: torch.dtype) -> Resident:
        """Return a base model, loading it when needed. Raises ModelError, also when it is of another architecture."""
        if sha256 not in self.residents:
            path = self.find(sha256)
            detected = detect_architecture(path)
            _check_architecture(detected.architecture, architecture)
            size = self._make_room(_weight_files(path), dtype, keep=())
            if detected.layout == "single":
                loaded = load_single(path, detected, device=self.device, dtype=dtype, tokenizers=self.tokenizers)
            else:
                loaded = load_folder(path, detected, device=self.device, dtype=dtype)
            _align(loaded)
            self._keep(Resident(sha256=sha256, architecture=detected.architecture, loaded=loaded, bytes=size))
        resident = self._touch(sha256)
        _check_architecture(resident.architecture, architecture)
        return resident

    def get_vae(self, sha256: str, dtype: torch.dtype, *, latent_channels: int, keep: str) -> Any:
        """Return a VAE that replaces a base model's own, without pushing out the model `keep`."""
        if sha256 not in self.residents:
            path = self.find(sha256)
            size = self._make_room(_weight_files(path), dtype, keep=(keep,))
            load = load_vae_folder if path.is_dir() else load_vae_single
            loaded = Loaded(parts={"vae": load(path, device=self.device, dtype=dtype)}, scheduler_config={})
            _align(loaded)
            self._keep(Resident(sha256=sha256, architecture=None, loaded=loaded, bytes=size))
        vae = self._touch(sha256).loaded.parts["vae"]
        if vae.config.latent_channels != latent_channels:
            message = f"This VAE has {vae.config.latent_channels} latent channels, the base model {latent_channels}."
            raise ModelError("vae_mismatch", message, vae=vae.config.latent_channels, base_model=latent_channels)
        return vae

    def find(self, sha256: str) -> Path:
        """Return where a file or folder lies, after checking that its bytes are still what the hash says."""
        path = self.resolve(sha256)
        if not path.exists():
            raise ModelError("model_missing", f"The file {path.name} is gone.", file=path.name)
        if hash_model(path, self._hash_file) != sha256:
            message = f"{path.name} has changed since it was registered. It will not be used."
            raise ModelError("model_changed", message, file=path.name)
        return path

    def drop(self) -> None:
        """Forget every model."""
        self.residents.clear()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _hash_file(self, path: Path) -> str:
        stat = path.stat()
        # Anybody may set the time of writing back; the time of the change itself only the system sets.
        key = (path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        if key not in self._hashes:
            self._hashes[key] = hash_model(path)
        return self._hashes[key]

    def _keep(self, resident: Resident) -> None:
        self.residents[resident.sha256] = resident

    def _touch(self, sha256: str) -> Resident:
        self.residents.move_to_end(sha256)
        return self.residents[sha256]

    def _make_room(self, files: list[Path], dtype: torch.dtype, keep: tuple[str, ...]) -> int:
        size = sum(read_header(file).parameter_count() for file in files) * dtype.itemsize
        kept = sum(self.residents[sha256].bytes for sha256 in keep)
        if size + kept > self.budget_bytes:
            message = f"This model needs {size + kept:,} bytes of memory; the limit here is {self.budget_bytes:,}."
            raise ModelError("model_too_large", message, needed=size + kept, limit=self.budget_bytes)
        for sha256 in [name for name in self.residents if name not in keep]:
            if size + sum(resident.bytes for resident in self.residents.values()) <= self.budget_bytes:
                break
            self._evict(sha256)
        return size

    def _evict(self, sha256: str) -> None:
        del self.residents[sha256]
        for resident in self.residents.values():
            resident.pipelines.pop(sha256, None)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _align(loaded: Loaded) -> None:
    """Copy weights that begin off torch's own boundary, as a file that is mapped into memory may have them.

    Products of small matrices add up in another order there, so the same weights would draw other last bits from
    another file, or after an adapter had been on.
    """
    for part in loaded.parts.values():
        for weight in part.parameters() if isinstance(part, torch.nn.Module) else ():
            if weight.device.type == "cpu" and weight.data_ptr() % ALIGNMENT:
                weight.data = weight.data.clone()


def _weight_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    folders = [path, *sorted(part for part in path.iterdir() if part.is_dir())]
    return [file for folder in folders for file in component_files(folder)]


def _check_architecture(found: str | None, wanted: str) -> None:
    if found != wanted:
        message = f"The recipe says {wanted}, but the model is {found or 'a VAE'}."
        raise ModelError("architecture_mismatch", message, found=found, wanted=wanted)
