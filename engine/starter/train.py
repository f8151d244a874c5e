"""Train the starter model, stage by stage: scenes, tokenizer, vae, decoder, unet with its text encoder, judge.

Run `python -m engine.starter.train --stage all --out DIR`. With `--init FOLDER` parts that DIR lacks come from
another model's folder, and the UNet and text encoder go on from its weights. `--resume` goes on from DIR's
checkpoints; the weights so far lie in DIR at any time, in diffusers' layout.
"""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

from engine.starter import dataset, loop, text_to_image, tokenizer, vae
from engine.starter.judge import Judging

STAGES = ("scenes", "tokenizer", "vae", "decoder", "unet", "judge")
SCENE_COUNT = 20_000
STEPS = {"vae": 6_000, "decoder": 8_000, "unet": 20_000, "judge": 3_000}
PEAK_LR = {"vae": 1e-3, "decoder": 5e-4, "unet": 7e-4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asked for."""

    stage: str
    out: Path
    init: Path | None
    steps: int | None
    seconds: float
    resume: bool
    seed: int
    device: torch.device
    scenes: int

    def part(self, name: str) -> Path:
        """Return the folder of a model's part: our own, or else the one to start from."""
        own = self.out / name
        return own if own.exists() or self.init is None else self.init / name

    def budget(self, stage: str) -> loop.Budget:
        return loop.Budget(steps=self.steps or STEPS[stage], seconds=self.seconds)


def parse_options(arguments: list[str] | None = None) -> Options:
    """Return the options, or leave with a usage message."""
    parser = argparse.ArgumentParser(prog="engine.starter.train", description=__doc__.split("\n")[0])
    parser.add_argument("--stage", choices=("all", *STAGES), default="all")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--init", type=Path, help="a diffusers folder to start from")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seconds", type=float, default=math.inf, help="for each stage")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scenes", type=int, default=SCENE_COUNT)
    parser.add_argument("--device", type=torch.device, default="cuda" if torch.cuda.is_available() else "cpu")
    return Options(**vars(parser.parse_args(arguments)))


def render_scenes(options: Options) -> None:
    """Render the training's scenes."""
    dataset.write_scenes(options.out / "scenes", options.scenes, seed=options.seed)


def train_tokenizer(options: Options) -> None:
    """Train the tokenizer on the scenes' captions."""
    captions = [scene.prompt for scene in dataset.read_scenes(options.out / "scenes")]
    tokenizer.train_tokenizer(captions, options.out / "tokenizer")


def train_vae(options: Options) -> None:
    """Train the autoencoder."""
    model = place(vae.build_vae(), options.device)
    task = vae.Autoencoder(
        vae=model,
        images=dataset.open_images(options.out / "scenes")[: -dataset.VALIDATION_COUNT],
        optimizer=loop.build_adamw([model], PEAK_LR["vae"], weight_decay=0.0),
        device=options.device,
        seed=options.seed,
    )
    run(task, options, "vae")
    print_psnr(options)


def sharpen_decoder(options: Options) -> None:
    """Train the autoencoder's decoder alone, on the latents that the UNet learns from."""
    autoencoder, scenes = load_vae(options), options.out / "scenes"
    task = vae.Sharpening(
        latents=vae.write_latents(scenes, autoencoder, device=options.device)[: -dataset.VALIDATION_COUNT],
        vae=place(autoencoder, options.device),
        images=dataset.open_images(scenes)[: -dataset.VALIDATION_COUNT],
        peak_lr=PEAK_LR["decoder"],
        device=options.device,
        seed=options.seed,
    )
    run(task, options, "decoder")
    print_psnr(options)


def print_psnr(options: Options) -> None:
    """Print how well the autoencoder draws pictures that it was not trained on."""
    psnr = vae.measure_psnr(load_vae(options), dataset.open_images(options.out / "scenes")[-64:], options.device)
    print(f"PSNR {psnr:.2f} dB")


def train_unet(options: Options) -> None:
    """Train UNet and text encoder on the scenes' latents."""
    task = build_unet_task(options)
    run(task, options, "unet")
    write_pipeline(options)


def build_unet_task(options: Options) -> text_to_image.TextToImage:
    """Return the training of UNet and text encoder, from nothing or from the weights to start from."""
    words = CLIPTokenizer.from_pretrained(options.part("tokenizer"))
    if options.init is None:
        unet, text_encoder = text_to_image.build_unet(), text_to_image.build_text_encoder(words)
    else:
        unet = UNet2DConditionModel.from_pretrained(options.init / "unet", torch_dtype=torch.float32)
        text_encoder = CLIPTextModel.from_pretrained(options.init / "text_encoder", torch_dtype=torch.float32)
    if options.device.type == "cpu":
        # There the backward pass of fused attention alone takes a third of a step.
        unet.set_attn_processor(AttnProcessor())
        text_encoder.set_attn_implementation("eager")
    unet, text_encoder = place(unet, options.device), text_encoder.train().to(options.device)
    autoencoder, scenes = load_vae(options), options.out / "scenes"
    return text_to_image.TextToImage(
        unet=unet,
        text_encoder=text_encoder,
        tokenizer=words,
        latents=vae.write_latents(scenes, autoencoder, device=options.device),
        scenes=dataset.read_scenes(scenes)[: -dataset.VALIDATION_COUNT],
        scaling_factor=autoencoder.config.scaling_factor,
        optimizer=loop.build_adamw([unet, text_encoder], PEAK_LR["unet"]),
        device=options.device,
        seed=options.seed,
    )


def train_judge(options: Options) -> None:
    """Train the judge on the scenes themselves."""
    scenes = dataset.read_scenes(options.out / "scenes")[: -dataset.VALIDATION_COUNT]
    images = dataset.open_images(options.out / "scenes")
    run(Judging(images=images, scenes=scenes, device=options.device, seed=options.seed), options, "judge")


def run(task: loop.Task, options: Options, stage: str) -> None:
    """Spend one stage's budget on its task."""
    checkpoints = options.out / "checkpoints" / stage
    budget = options.budget(stage)
    loop.train(task, checkpoints, export_to=options.out, budget=budget, resume=options.resume, name=stage)


def place(model: nn.Module, device: torch.device) -> nn.Module:
    """Return the model in training mode on its device, in the layout that convolutions like best."""
    return model.train().to(device=device, memory_format=torch.channels_last)


def load_vae(options: Options) -> AutoencoderKL:
    """Return the trained autoencoder."""
    return AutoencoderKL.from_pretrained(options.part("vae"), torch_dtype=torch.float32).to(options.device)


def write_pipeline(options: Options) -> None:
    """Write the whole model as one diffusers folder with the product's scheduler."""
    StableDiffusionPipeline(
        vae=AutoencoderKL.from_pretrained(options.part("vae"), torch_dtype=torch.float16),
        text_encoder=CLIPTextModel.from_pretrained(options.out / "text_encoder", dtype=torch.float16),
        tokenizer=CLIPTokenizer.from_pretrained(options.part("tokenizer")),
        unet=UNet2DConditionModel.from_pretrained(options.out / "unet", torch_dtype=torch.float16),
        scheduler=DPMSolverMultistepScheduler(steps_offset=1, **text_to_image.BETAS),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(options.out / "model")


TRAINERS = {
    "scenes": render_scenes,
    "tokenizer": train_tokenizer,
    "vae": train_vae,
    "decoder": sharpen_decoder,
    "unet": train_unet,
    "judge": train_judge,
}


def main(arguments: list[str] | None = None) -> None:
    """Run the stages that were asked for, in order."""
    options = parse_options(arguments)
    torch.manual_seed(options.seed)
    for stage in STAGES if options.stage == "all" else (options.stage,):
        TRAINERS[stage](options)


if __name__ == "__main__":
    main()
