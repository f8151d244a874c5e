"""Draw with a model that is still learning: the sample strips, and the pictures that memorization is read from."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from engine.folders import PIPELINES
from engine.samplers import build_scheduler
from engine.specs import ImageSpec, SamplePrompt, TrainingSpec
from engine.training.networks import Networks
from engine.training.texts import Text

SCHEDULER = "dpmpp_2m"


class Sampler:
    """Draw prompts one after the other with the networks as they are at the moment."""

    def __init__(self, spec: TrainingSpec, networks: Networks) -> None:
        self.spec, self.networks = spec, networks

    @torch.no_grad()
    def draw(
        self, prompts: Sequence[SamplePrompt], text_of: Callable[[str], Text], on_picture: Callable[[int], None]
    ) -> list[Image.Image]:
        """Return a picture for each prompt, from the noise of its seed; `text_of` gives the encoding of a text."""
        pictures = []
        for done, prompt in enumerate(prompts):
            latents = self.denoise(prompt, text_of(prompt.prompt), text_of(prompt.negative_prompt))
            pictures.append(self.decode(latents))
            on_picture(done + 1)
        return pictures

    def denoise(self, prompt: SamplePrompt, positive: Text, negative: Text) -> Tensor:
        """Return the latents of one picture, [1,c,h,w]."""
        networks, spec = self.networks, self.spec
        pipeline = self._pipeline(prompt)
        options: dict[str, Any] = {"prompt_embeds": positive.hidden, "negative_prompt_embeds": negative.hidden}
        if positive.pooled is not None:
            options |= {"pooled_prompt_embeds": positive.pooled, "negative_pooled_prompt_embeds": negative.pooled}
        dtype = networks.unet.dtype
        return pipeline(
            **{name: value.to(dtype) for name, value in options.items()},
            num_inference_steps=spec.sample_num_inference_steps,
            guidance_scale=spec.sample_guidance_scale,
            width=spec.resolution,
            height=spec.resolution,
            generator=torch.Generator().manual_seed(prompt.seed),
            output_type="latent",
        ).images

    def _pipeline(self, prompt: SamplePrompt) -> Any:
        networks, spec = self.networks, self.spec
        image = ImageSpec(
            architecture=spec.architecture,
            base_model=spec.base_model,
            prompt=prompt.prompt,
            seed=prompt.seed,
            scheduler=SCHEDULER,
            num_inference_steps=spec.sample_num_inference_steps,
            guidance_scale=spec.sample_guidance_scale,
            width=spec.resolution,
            height=spec.resolution,
        )
        is_first = spec.architecture in ("sd1", "sd2")
        checks = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        pipeline = PIPELINES[spec.architecture](
            **{**networks.parts, **networks.reader.tokenizers_by_part(), "unet": networks.unet},
            scheduler=None,
            **(checks if is_first else {}),
        )
        pipeline.scheduler = build_scheduler(image, networks.scheduler_config)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def decode(self, latents: Tensor) -> Image.Image:
        """Return the picture of latents, by the VAE in full precision."""
        vae = self.networks.vae
        shift, scale = vae.config.get("shift_factor") or 0.0, vae.config.scaling_factor
        pixels = vae.decode(latents.to(vae.device, torch.float32) / scale + shift).sample[0]
        pixels = pixels.nan_to_num().clamp(-1, 1).add(1).mul(127.5).round().byte()
        return Image.fromarray(pixels.movedim(0, -1).cpu().numpy())
