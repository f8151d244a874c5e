"""Draw what a class looks like before anything is learned, for DreamBooth's prior preservation.

The pictures stay latents: nobody looks at them, and the VAE would only blur them.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from engine.specs import SamplePrompt, TrainingSpec
from engine.training.buckets import Bucket
from engine.training.caches import Latents, write_whole
from engine.training.networks import Networks
from engine.training.randomness import key_of
from engine.training.sampling import Sampler
from engine.training.texts import Captions, class_caption
from engine.training.values import OnEvent, Staged, TrainingItem

LAYOUT = "class latents 2"


def draw_classes(
    spec: TrainingSpec, items: Sequence[TrainingItem], networks: Networks, *, cache: Path, on_event: OnEvent
) -> tuple[Latents, Captions]:
    """Return `num_class_images` pictures by the base model of the training captions without their trigger."""
    negative = spec.sample_prompts[0].negative_prompt if spec.sample_prompts else ""
    told = list(dict.fromkeys(class_caption(item.caption, spec) for item in items))
    drawn, captions = [], []
    for number in range(spec.num_class_images):
        on_event(Staged(stage="class_pictures", index=number, total=spec.num_class_images))
        caption = told[number % len(told)]
        seed = key_of("class", caption, number) % 2**32
        drawn.append(
            draw_class(spec, networks, SamplePrompt(prompt=caption, negative_prompt=negative, seed=seed), cache)
        )
        captions.append(caption)
    bucket = Bucket(width=spec.resolution, height=spec.resolution)
    mean = torch.cat(drawn)[None].to(networks.device)
    rows = tuple(range(len(drawn)))
    latents = Latents(
        mean={bucket: mean},
        std={bucket: torch.zeros_like(mean)},
        rows={bucket: rows},
        place={row: (bucket, row) for row in rows},
    )
    return latents, Captions.told(captions)


@torch.no_grad()
def draw_class(spec: TrainingSpec, networks: Networks, prompt: SamplePrompt, cache: Path) -> Tensor:
    """Return the latents [1,c,h,w] of one picture, from the cache where it was drawn before."""
    how = (spec.base_model, networks.scheduler_config["prediction_type"], spec.resolution)
    how += (spec.sample_num_inference_steps, spec.sample_guidance_scale)
    parts = (LAYOUT, *how, prompt.prompt, prompt.negative_prompt, prompt.seed)
    path = cache / f"{hashlib.sha256(chr(0).join(map(str, parts)).encode()).hexdigest()}.safetensors"
    try:
        os.utime(path)
        return load_file(path)["latents"]
    except (OSError, SafetensorError):
        encoded = networks.reader.encode_all([prompt.prompt, prompt.negative_prompt])
        halves = [encoded.rows(torch.tensor([row], device=encoded.hidden.device)) for row in (0, 1)]
        latents = Sampler(spec, networks).denoise(prompt, *halves).float().cpu()
        write_whole(path, {"latents": latents})
        return latents
