"""Encode every picture once, keep mean and standard deviation by content, and hand out batches from memory.

A picture's entry is named by the sha256 over its bytes' hash, the VAE's hash and how it was varied: never by a file's
name. Pictures are encoded one at a time, so that an entry does not depend on its neighbours.
"""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from engine.tensor_files import save_tensor_file
from engine.training.buckets import Bucket, choose_bucket
from engine.training.pictures import PLAIN, Augmentation, as_tensor, cache_seed, open_picture, vary_picture
from engine.training.values import TrainingItem

LAYOUT = "latents 1"
UNVARIED = Augmentation()


@dataclass(frozen=True, slots=True, kw_only=True)
class Latents:
    """The posteriors of pictures, a tensor for each bucket: [variants, pictures, c, h, w], scaled, float32.

    `rows` are the places of the pictures in the list that they came in, by bucket; `place` finds a row again.
    """

    mean: Mapping[Bucket, Tensor]
    std: Mapping[Bucket, Tensor]
    rows: Mapping[Bucket, tuple[int, ...]]
    place: Mapping[int, tuple[Bucket, int]]

    def draw(self, rows: Sequence[int], variants: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return latents [b,c,h,w] of rows of one bucket, drawn anew from their posteriors."""
        mean, std = self._pick(rows, variants)
        noise = torch.randn(mean.shape, generator=generator).to(mean.device)
        return mean + std * noise

    def count_variants(self, rows: Sequence[int]) -> int:
        """Return in how many variants rows of one bucket are there: one where nothing varies them."""
        return len(self.mean[self.place[rows[0]][0]])

    def middle(self, rows: Sequence[int]) -> Tensor:
        """Return the posteriors' means [b,c,h,w] of the first variant."""
        return self._pick(rows, [0] * len(rows))[0]

    def _pick(self, rows: Sequence[int], variants: Sequence[int]) -> tuple[Tensor, Tensor]:
        bucket = self.place[rows[0]][0]
        mean, std = self.mean[bucket], self.std[bucket]
        flat = [variant * mean.shape[1] + self.place[row][1] for row, variant in zip(rows, variants, strict=True)]
        index = torch.tensor(flat, device=mean.device)
        return mean.flatten(0, 1).index_select(0, index), std.flatten(0, 1).index_select(0, index)


class LatentCache:
    """Encode pictures with one VAE and keep what came of it in a folder."""

    def __init__(self, vae: Any, *, vae_sha256: str, folder: Path, device: torch.device) -> None:
        self.vae, self.vae_sha256, self.folder, self.device = vae, vae_sha256, folder, device
        folder.mkdir(parents=True, exist_ok=True)

    def encode(
        self,
        items: Sequence[TrainingItem],
        *,
        resolution: int,
        is_square: bool,
        variants: Sequence[int] = (PLAIN,),
        augmentation: Augmentation = UNVARIED,
        seed: int = 0,
        on_item: Callable[[int], None] = lambda _done: None,
    ) -> Latents:
        """Return the posteriors of all pictures in all variants; `on_item` hears how many pictures are done."""
        seed = cache_seed(seed, augmentation)
        found: dict[Bucket, list[list[tuple[Tensor, Tensor]]]] = {}
        rows: dict[Bucket, list[int]] = {}
        for row, item in enumerate(items):
            picture = open_picture(item)
            bucket = choose_bucket(*picture.size, resolution=resolution, is_square=is_square)
            entries = [self._entry(item, picture, bucket, augmentation, seed, each) for each in variants]
            found.setdefault(bucket, []).append(entries)
            rows.setdefault(bucket, []).append(row)
            on_item(row + 1)
        stacked = {bucket: [self._stack(entries, side) for side in (0, 1)] for bucket, entries in found.items()}
        return Latents(
            mean={bucket: both[0] for bucket, both in stacked.items()},
            std={bucket: both[1] for bucket, both in stacked.items()},
            rows={bucket: tuple(each) for bucket, each in rows.items()},
            place={row: (bucket, place) for bucket, each in rows.items() for place, row in enumerate(each)},
        )

    def _stack(self, entries: list[list[tuple[Tensor, Tensor]]], side: int) -> Tensor:
        by_variant = zip(*entries, strict=True)
        return torch.stack([torch.stack([entry[side] for entry in row]) for row in by_variant]).to(self.device)

    def _entry(
        self,
        item: TrainingItem,
        picture: Image.Image,
        bucket: Bucket,
        augmentation: Augmentation,
        seed: int,
        variant: int,
    ) -> tuple[Tensor, Tensor]:
        how = f"{bucket.width}x{bucket.height} {augmentation.name(seed, variant)}"
        name = hashlib.sha256("\0".join((LAYOUT, item.sha256, self.vae_sha256, how)).encode()).hexdigest()
        path = self.folder / f"{name}.safetensors"
        kept = self._read(path)
        if kept is None:
            varied = vary_picture(picture, bucket, augmentation, seed=seed, sha256=item.sha256, variant=variant)
            kept = encode_picture(self.vae, as_tensor(varied))
            write_whole(path, {"mean": kept[0], "std": kept[1]})
        return kept

    def _read(self, path: Path) -> tuple[Tensor, Tensor] | None:
        try:
            tensors = load_file(path)
            os.utime(path)
        except (OSError, SafetensorError):
            return None
        return tensors["mean"], tensors["std"]


@torch.no_grad()
def encode_picture(vae: Any, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation [c,h,w] of a picture's scaled latents, float32 on the CPU."""
    encoded = vae.encode(pixels[None].to(vae.device, vae.dtype))
    shift, scale = vae.config.get("shift_factor") or 0.0, vae.config.scaling_factor
    if hasattr(encoded, "latent_dist"):
        mean, std = encoded.latent_dist.mean, encoded.latent_dist.std
    else:
        mean, std = encoded.latents, torch.zeros_like(encoded.latents)
    return ((mean - shift) * scale)[0].float().cpu(), (std * scale)[0].float().cpu()


def write_whole(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a file under another name, see it onto the disk, and rename it: a kill leaves the old file or the new.

    Raises OSError, as on a full disk.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    try:
        save_tensor_file(whole, temporary, metadata)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
