"""Draw one picture from one recipe, the same pixels every time.

One picture per call, batch size one, always: in a batch the arithmetic of a picture depends on its neighbours,
and a replay would not be exact. All noise comes from one CPU generator.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
import torch
from PIL import Image

from engine.adapters import apply_adapters
from engine.encoding import EmbeddingCache, encode_prompts
from engine.environment import choose_device, choose_dtype, describe_environment, exact_arithmetic
from engine.errors import EngineError
from engine.limits import check_spec
from engine.models import ModelStore, Resident
from engine.previews import draw_preview, estimate_clean, fit_colors
from engine.samplers import build_scheduler
from engine.specs import Environment, ImageSpec, OnStep, Resolve, Step, pixels_sha256

Stage = Literal["loading", "encoding", "denoising", "decoding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """Hold a finished picture (PIL, RGB), the hash of its pixels, what it depended on, and seconds per stage."""

    image: Image.Image
    pixels_sha256: str
    environment: Environment
    seconds: Mapping[str, float]


# Every engine of this process, so that a training can ask for all of the memory.
ENGINES: "WeakSet[Engine]" = WeakSet()


def unload_engines() -> None:
    """Have every engine of this process forget its models; they load again when they are drawn with."""
    for engine in list(ENGINES):
        engine.unload()


class Engine:
    """Keep models in memory and draw with them. One engine serves one thread."""

    def __init__(
        self,
        resolve: Resolve,
        *,
        memory_budget_bytes: int,
        device: str | None = None,
        dtype: torch.dtype | None = None,
        threads: int | None = None,
        tokenizers: Path | None = None,
    ) -> None:
        self.device = torch.device(device or choose_device())
        self.dtype = dtype
        if threads is not None:
            torch.set_num_threads(threads)
        self.models = ModelStore(resolve, budget_bytes=memory_budget_bytes, device=self.device, tokenizers=tokenizers)
        self.embeddings = EmbeddingCache()
        self._colors: WeakKeyDictionary[Any, torch.Tensor] = WeakKeyDictionary()
        ENGINES.add(self)

    @property
    def resident(self) -> list[str]:
        """Return the hashes of the models in memory, the least recently used first."""
        return list(self.models.residents)

    def unload(self) -> None:
        """Forget every model and embedding."""
        self.models.drop()
        self.embeddings.clear()

    def colors_of(self, vae: Any) -> torch.Tensor:
        """Return the map from this VAE's latents to preview colours, fitting it at the first call."""
        if vae not in self._colors:
            self._colors[vae] = fit_colors(vae)
        return self._colors[vae]

    def render(self, spec: ImageSpec, on_step: OnStep) -> Rendered:
        """Draw a recipe. Raises SpecError, ModelError or EngineError; what `on_step` raises passes through."""
        for error in check_spec(spec):
            raise error
        dtype = self.dtype or choose_dtype(self.device, spec.architecture)
        try:
            with exact_arithmetic(), torch.inference_mode():
                return _Drawing(self, spec, dtype, on_step).draw()
        except torch.OutOfMemoryError as error:
            self.unload()
            message = "The memory is not enough for this picture. Choose a smaller size or a smaller model."
            raise EngineError("out_of_memory", message, width=spec.width, height=spec.height) from error


class _Drawing:
    """Lead one recipe through its stages and note how long each took."""

    def __init__(self, engine: Engine, spec: ImageSpec, dtype: torch.dtype, on_step: OnStep) -> None:
        self.engine, self.spec, self.dtype, self.on_step = engine, spec, dtype, on_step
        self.seconds: dict[str, float] = {}
        self.started = 0.0

    def draw(self) -> Rendered:
        self._begin("loading")
        resident, pipeline = self._load()
        self._end("loading")
        self._begin("encoding")
        prompts = encode_prompts(pipeline, self.spec, self.engine.embeddings, resident.words)
        self._end("encoding")
        self._begin("denoising", self.spec.num_inference_steps)
        pipeline.scheduler = build_scheduler(self.spec, resident.loaded.scheduler_config)
        image = _as_picture(self._run(pipeline, prompts))
        self._end("decoding")
        return Rendered(
            image=image,
            pixels_sha256=pixels_sha256(image.width, image.height, image.tobytes()),
            environment=describe_environment(self.engine.device, self.dtype),
            seconds=self.seconds,
        )

    def _begin(self, stage: Stage, total: int = 1) -> None:
        self.on_step(Step(stage=stage, index=0, total=total))
        self.started = time.perf_counter()

    def _end(self, stage: Stage) -> None:
        self.seconds[stage] = time.perf_counter() - self.started
        if stage != "denoising":
            self.on_step(Step(stage=stage, index=1, total=1))

    def _load(self) -> tuple[Resident, Any]:
        models, spec = self.engine.models, self.spec
        resident = models.get_base(spec.base_model, spec.architecture, self.dtype)
        own = resident.loaded.parts["vae"].config.latent_channels
        vae = spec.vae and models.get_vae(spec.vae, self.dtype, latent_channels=own, keep=spec.base_model)
        pipeline = resident.build_pipeline(spec.vae, vae)
        apply_adapters(resident, pipeline, spec.adapters, models.find)
        return resident, pipeline

    def _run(self, pipeline: Any, prompts: Mapping[str, torch.Tensor]) -> np.ndarray:
        spec = self.spec
        output = pipeline(
            **prompts,
            num_inference_steps=spec.num_inference_steps,
            guidance_scale=spec.guidance_scale,
            width=spec.width,
            height=spec.height,
            generator=torch.Generator("cpu").manual_seed(spec.seed),
            callback_on_step_end=self._after_step,
            output_type="np",
        )
        return output.images[0]

    def _after_step(self, pipeline: Any, index: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
        total = pipeline.num_timesteps
        preview = partial(self._preview, pipeline, values["latents"])
        self.on_step(Step(stage="denoising", index=index + 1, total=total, preview=preview))
        if index + 1 == total:
            self._end("denoising")
            self._begin("decoding")
        return {}

    def _preview(self, pipeline: Any, latents: torch.Tensor) -> Image.Image:
        latents = estimate_clean(pipeline.scheduler, latents)
        if self.spec.architecture == "flux":
            latents = pipeline._unpack_latents(latents, self.spec.height, self.spec.width, pipeline.vae_scale_factor)
        return draw_preview(latents[0], self.engine.colors_of(pipeline.vae))


def _as_picture(pixels: np.ndarray) -> Image.Image:
    if not np.isfinite(pixels).all():
        message = "The picture came out as values that are no numbers. Try another scheduler, VAE or guidance."
        raise EngineError("not_a_number", message)
    return Image.fromarray((pixels * 255).round().astype(np.uint8), "RGB")
