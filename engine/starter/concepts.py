"""Judge pictures by the words that the starter model was never taught: what proves that an adapter learnt something.

`python -m engine.starter.concepts --out FOLDER` renders scenes, draws some of them again through the VAE, trains the
judge on both, starting from the shipped one, and writes it into the folder with its card of scores.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image

from engine.starter import WEIGHTS, dataset, loop
from engine.starter.judge import ANSWERS as TAUGHT
from engine.starter.judge import Answers, Judge, Judging, load_judge, predict, to_pixels
from engine.starter.scenes import KNOWN, SLOTS, Scene, Split
from engine.starter.vae import to_tensor

FILE = "judge-concepts.safetensors"
ANSWERS: Answers = MappingProxyType({slot: KNOWN[slot] for slot in SLOTS})
SPLITS: tuple[Split, ...] = ("any", "held_out")
LATENT_NOISE = 0.35
FRESH_SEED = 900


def load_concept_judge(path: Path = WEIGHTS / FILE) -> Judge:
    """Return the judge that knows every word of the renderer."""
    return load_judge(path, ANSWERS)


@torch.inference_mode()
def measure_concept(judge: Judge, images: Sequence[Image.Image], slot: str, word: str) -> np.ndarray:
    """Return how sure the judge is that each picture shows the word, 0 to 1."""
    column = judge.answers[slot].index(word)
    batches = (to_tensor(to_pixels(images[rows])) for rows in dataset.batches(len(images), 64))
    return torch.cat([judge(pictures)[slot].softmax(1)[:, column] for pictures in batches]).numpy()


@torch.no_grad()
def widen(judge: Judge) -> Judge:
    """Return a judge with the answers of this module that sees as the given one does and knows its words."""
    wide = Judge(ANSWERS)
    wide.body.load_state_dict(judge.body.state_dict())
    for slot, head in wide.heads.items():
        head.gaze.load_state_dict(judge.heads[slot].gaze.state_dict())
        rows = [ANSWERS[slot].index(word) for word in judge.answers[slot]]
        head.answer.weight[rows] = judge.heads[slot].answer.weight
        head.answer.bias[rows] = judge.heads[slot].answer.bias
    return wide


@torch.inference_mode()
def draw_again(vae: AutoencoderKL, images: np.ndarray, *, noise: float, seed: int) -> np.ndarray:
    """Return pictures as the VAE gives them back when up to `noise` standard deviations were added to their latents."""
    drawn = np.empty(images.shape, np.uint8)
    for rows in dataset.batches(len(images), 16):
        rng, generator = loop.keyed_rng(seed, rows.start), loop.keyed_generator(seed, rows.start)
        latents = vae.encode(to_tensor(images[rows])).latent_dist.mean
        spread = noise * rng.random() ** 2 / vae.config.scaling_factor
        latents += spread * torch.randn(latents.shape, generator=generator)
        pixels = vae.decode(latents).sample.clamp(-1, 1).add(1).mul(127.5).round().byte()
        drawn[rows] = pixels.permute(0, 2, 3, 1).numpy()
    return drawn


def gather(folder: Path, count: int, *, seed: int, again: int, noise: float) -> tuple[np.ndarray, list[Scene]]:
    """Return `count` renders of either split and the first `again` of each drawn again by the VAE, with scenes."""
    vae = AutoencoderKL.from_pretrained(WEIGHTS / "vae", torch_dtype=torch.float32)
    pictures, scenes = [], []
    for split in SPLITS:
        part = folder / split
        dataset.write_scenes(part, count, seed=seed, split=split, workers=1)
        images, known = dataset.open_images(part), dataset.read_scenes(part)
        pictures += [images, draw_again(vae, images[:again], noise=noise, seed=seed)]
        scenes += known + known[:again]
    return np.concatenate(pictures), scenes


class ConceptJudging(Judging):
    """The training of the concept judge, from the shipped judge on."""

    def __init__(self, images: np.ndarray, scenes: Sequence[Scene], *, peak_lr: float = 1e-3, seed: int = 0) -> None:
        device = torch.device("cpu")
        super().__init__(
            images=images, scenes=scenes, device=device, peak_lr=peak_lr, seed=seed, answers=ANSWERS, file=FILE
        )
        self.judge.load_state_dict(widen(load_judge()).state_dict())
        self.average.copy.load_state_dict(self.judge.state_dict())


def format_scores(judge: Judge, images: np.ndarray, scenes: Sequence[Scene]) -> str:
    """Return the share of rightly read pictures by slot, and for each word never taught: found, and wrongly seen."""
    seen = predict(judge, images)
    lines = []
    for slot in SLOTS:
        real = [getattr(scene, slot) for scene in scenes]
        hits = [said == word for said, word in zip(seen[slot], real, strict=True)]
        lines.append(f"| {slot} | {np.mean(hits):.3f} | {len(real)} | |")
        for word in KNOWN[slot][len(TAUGHT[slot]) :]:
            said, shown = (np.array([each == word for each in words]) for words in (seen[slot], real))
            lines.append(f"| {word} | {said[shown].mean():.3f} | {shown.sum()} | {said[~shown].mean():.4f} |")
    return "\n".join(["| word | found | n | wrongly seen |", "|---|---|---|---|", *lines])


def print_card(judge: Judge, folder: Path, count: int) -> None:
    """Print the scores on fresh renders and on the same ones drawn again by the VAE."""
    images, scenes = gather(folder, count, seed=FRESH_SEED, again=count, noise=0.0)
    for name, start in (("renders", 0), ("through the VAE", count)):
        rows = [row for part in (0, 2 * count) for row in range(part + start, part + start + count)]
        clean = [row for row in rows if not scenes[row].defect]
        print(f"{name}:\n{format_scores(judge, images[clean], [scenes[row] for row in clean])}\n")


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Return the command line's options, or leave with a usage message."""
    parser = argparse.ArgumentParser(prog="engine.starter.concepts", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of renders, checkpoints and the judge")
    parser.add_argument("--scenes", type=int, default=4_000, help="renders of either split")
    parser.add_argument("--again", type=int, default=1_250, help="of which so many are drawn again by the VAE")
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--fresh", type=int, default=500, help="renders of either split for the card")
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Train the judge and print its card."""
    options = parse_arguments(arguments)
    torch.manual_seed(0)
    images, scenes = gather(options.out, options.scenes, seed=11, again=options.again, noise=LATENT_NOISE)
    task, budget = ConceptJudging(images, scenes), loop.Budget(steps=options.steps, warmup_steps=50)
    checkpoints = options.out / "checkpoints"
    loop.train(task, checkpoints, export_to=options.out, budget=budget, resume=options.resume, name="concept judge")
    print_card(load_concept_judge(options.out / FILE), options.out / "fresh", options.fresh)


if __name__ == "__main__":
    main()
