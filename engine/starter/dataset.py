"""Keep rendered scenes and their latents on disk, so that training never waits for the renderer or the VAE.

A folder holds `images.npy` (N × 128 × 128 × 3, uint8), `scenes.jsonl` (one Scene a line) and, once a VAE has seen
them, `latents.npy` (N × 2C × 16 × 16, float16: the posterior's mean and its standard deviation).
"""

import json
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from tqdm import tqdm

from engine.starter.scenes import DEFECT_SHARE, Scene, Split, random_scene, render

SIZE = 128
VALIDATION_COUNT = 500
IMAGES = "images.npy"
SCENES = "scenes.jsonl"
LATENTS = "latents.npy"


def draw_scene(index: int, *, seed: int, split: Split) -> Scene:
    """Return the scene that stands at one index of a data set."""
    return random_scene(random.Random(f"{seed}:{split}:{index}"), split, defect_share=DEFECT_SHARE)


def render_array(scene: Scene) -> np.ndarray:
    """Return the scene's pixels, 128 × 128 × 3, uint8."""
    return np.asarray(render(scene, SIZE))


def write_scenes(folder: Path, count: int, *, seed: int = 0, split: Split = "seen", workers: int = 2) -> None:
    """Render `count` scenes into the folder; a folder that already holds them is left as it is."""
    if (folder / SCENES).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    scenes = [draw_scene(index, seed=seed, split=split) for index in range(count)]
    images = open_memmap(folder / IMAGES, mode="w+", dtype=np.uint8, shape=(count, SIZE, SIZE, 3))
    with ProcessPoolExecutor(workers) as pool:
        pixels = pool.map(render_array, scenes, chunksize=64)
        for index, picture in enumerate(tqdm(pixels, total=count, desc="scenes", mininterval=5)):
            images[index] = picture
    images.flush()
    # Written last: its presence says that the pictures are complete.
    (folder / SCENES).write_text("".join(json.dumps(asdict(scene)) + "\n" for scene in scenes), "utf-8")


def read_scenes(folder: Path) -> list[Scene]:
    """Return the folder's scenes in order."""
    return [Scene(**json.loads(line)) for line in (folder / SCENES).read_text("utf-8").splitlines()]


def open_images(folder: Path) -> np.ndarray:
    """Return the pictures as a read-only array on disk, N × 128 × 128 × 3, uint8."""
    return np.load(folder / IMAGES, mmap_mode="r")


def batches(count: int, size: int) -> Iterator[slice]:
    """Yield slices that cover `count` rows."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
