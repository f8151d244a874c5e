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
# Guidance overstates what a model says of a class. Learned as the class, it would be overstated again when it is drawn:
# on the bundled model that moved everything else three times as far as no class pictures at all.
NO_GUIDANCE = 1.0


def draw_classes(
    spec: TrainingSpec, items: Sequence[TrainingItem], networks: Networks, *, cache: Path, on_event: OnEvent
) -> tuple[Latents, Captions]:
    """Return `num_class_images` pictures by the base model of the training captions without their trigger."""
    told = list(dict.fromkeys(class_caption(item.caption, spec) for item in items))
    drawn, captions = [], []
    for number in range(spec.num_class_images):
        on_event(Staged(stage="class_pictures", index=number, total=spec.num_class_images))
        caption = told[number % len(told)]
        prompt = SamplePrompt(prompt=caption, seed=key_of("class", caption, number) % 2**32)
        drawn.append(draw_class(spec, networks, prompt, cache))
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
    how = (spec.base_model, spec.prediction_type, spec.resolution, spec.sample_num_inference_steps)
    parts = (LAYOUT, *how, prompt.prompt, prompt.seed)
    path = cache / f"{hashlib.sha256(chr(0).join(map(str, parts)).encode()).hexdigest()}.safetensors"
    try:
        os.utime(path)
        return load_file(path)["latents"]
    except (OSError, SafetensorError):
        text = networks.reader.encode_all([prompt.prompt])
        sampler = Sampler(spec.replace(sample_guidance_scale=NO_GUIDANCE), networks)
        latents = sampler.denoise(prompt, text, text).float().cpu()
        write_whole(path, {"latents": latents})
        return latents
