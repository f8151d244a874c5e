"""Measure how well pictures follow their prompts, slot by slot, in the eyes of the judge.

Run `python -m engine.starter.evaluate` for the shipped weights. Any renderer will do: `prompts` says what to
draw, `score` judges what came of it.
"""

import argparse
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from PIL import Image
from torch import nn
from tqdm import tqdm

from engine.starter import WEIGHTS
from engine.starter.contact_sheet import make_sheet
from engine.starter.judge import FILE, load_judge, predict, to_pixels
from engine.starter.scenes import SLOTS, Scene, Split, random_scene, render
from engine.starter.vae import to_tensor

NEGATIVE_PROMPT = "blurry, noisy, text artifacts"
FIRST_IMAGE_SEED = 1000
Renderer = Callable[[Sequence[Scene]], list[Image.Image]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The share of pictures whose slot the judge read as it was asked for, 0 to 1."""

    count: int
    color: float
    subject: float
    environment: float
    light: float
    style: float


def prompts(n: int, seed: int, split: Split = "any") -> list[Scene]:
    """Return `n` scenes with every slot drawn at random; their `prompt` is what a renderer gets."""
    rng = random.Random(f"evaluation:{seed}")
    return [random_scene(rng, split) for _ in range(n)]


def score(images: Sequence[Image.Image], scenes: Sequence[Scene], judge: nn.Module | None = None) -> Scores:
    """Return the judge's scores; without a judge the shipped one looks."""
    if len(images) != len(scenes):
        raise ValueError(f"{len(images)} pictures cannot be judged by {len(scenes)} scenes")
    with torch.inference_mode():
        seen = predict(judge or load_judge(), to_pixels(images))
    shares = {
        slot: sum(word == getattr(scene, slot) for word, scene in zip(seen[slot], scenes, strict=True)) / len(scenes)
        for slot in SLOTS
    }
    return Scores(count=len(scenes), **shares)


def score_by_split(
    images: Sequence[Image.Image], scenes: Sequence[Scene], judge: nn.Module | None = None
) -> dict[str, Scores]:
    """Return the scores of all pictures, and apart those of triples that were kept out of training."""
    rows = {"all": list(range(len(scenes))), "unseen": [i for i, scene in enumerate(scenes) if scene.is_unseen]}
    return {
        name: score([images[i] for i in chosen], [scenes[i] for i in chosen], judge)
        for name, chosen in rows.items()
        if chosen
    }


def draw_real(scenes: Sequence[Scene]) -> list[Image.Image]:
    """Return the scenes as the procedural renderer draws them: the judge's own ceiling."""
    return [render(scene) for scene in scenes]


def draw_again(weights: Path, device: str = "cpu") -> Renderer:
    """Return a renderer that passes real scenes through the model's VAE: the model's ceiling."""
    vae = AutoencoderKL.from_pretrained(weights / "vae", torch_dtype=torch.float32).to(device)

    @torch.inference_mode()
    def draw(scenes: Sequence[Scene]) -> list[Image.Image]:
        images = []
        for scene in scenes:
            latents = vae.encode(to_tensor(to_pixels([render(scene)])).to(device)).latent_dist.mean
            pixels = vae.decode(latents).sample[0].clamp(-1, 1).add(1).mul(127.5).round().byte()
            images.append(Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy()))
        return images

    return draw


def draw_model(
    weights: Path, *, guidance_scale: float, steps: int = 20, batch_size: int = 8, device: str = "cpu"
) -> Renderer:
    """Return a renderer that samples the model; picture i of an evaluation has seed 1000 + i."""
    pipeline = StableDiffusionPipeline.from_pretrained(weights, torch_dtype=torch.float32).to(device)
    pipeline.set_progress_bar_config(disable=True)

    def draw(scenes: Sequence[Scene]) -> list[Image.Image]:
        images: list[Image.Image] = []
        for start in tqdm(range(0, len(scenes), batch_size), desc="pictures", mininterval=5):
            batch = scenes[start : start + batch_size]
            seeds = range(FIRST_IMAGE_SEED + start, FIRST_IMAGE_SEED + start + len(batch))
            images += pipeline(
                [scene.prompt for scene in batch],
                negative_prompt=[NEGATIVE_PROMPT] * len(batch),
                num_inference_steps=steps,
                guidance_scale=guidance_scale,
                generator=[torch.Generator().manual_seed(seed) for seed in seeds],
            ).images
        return images

    return draw


def format_scores(rows: dict[str, Scores]) -> str:
    """Return the scores as a Markdown table."""
    lines = ["| pictures | n | " + " | ".join(SLOTS) + " |", "|---|" + "---|" * (len(SLOTS) + 1)]
    for name, scores in rows.items():
        values = asdict(scores)
        cells = " | ".join(f"{values[slot]:.3f}" for slot in SLOTS)
        lines.append(f"| {name} | {scores.count} | {cells} |")
    return "\n".join(lines)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Return the command line's options, or leave with a usage message."""
    defaults = json.loads((WEIGHTS / "daicho.json").read_text("utf-8"))
    parser = argparse.ArgumentParser(prog="engine.starter.evaluate", description=__doc__.split("\n")[0])
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--judge", type=Path, default=WEIGHTS / FILE)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--split", choices=("any", "seen", "unseen", "held_out"), default="any")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--guidance", type=float, default=defaults["guidance_scale"])
    parser.add_argument("--steps", type=int, default=defaults["steps"])
    parser.add_argument("--sheet", type=Path, help="also write a contact sheet of the first 48 pictures")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Print the scores of real scenes, of scenes drawn again by the VAE, and of the model's own pictures."""
    options = parse_arguments(arguments)
    scenes, judge = prompts(options.count, options.seed, options.split), load_judge(options.judge)
    model = draw_model(options.weights, guidance_scale=options.guidance, steps=options.steps, device=options.device)
    images = model(scenes)
    rows = {
        "real": score(draw_real(scenes), scenes, judge),
        "VAE": score(draw_again(options.weights, options.device)(scenes), scenes, judge),
    }
    rows |= {f"model, {name}": scores for name, scores in score_by_split(images, scenes, judge).items()}
    print(format_scores(rows))
    if options.sheet:
        make_sheet(images[:48], [scene.parts for scene in scenes[:48]]).save(options.sheet)


if __name__ == "__main__":
    main()
