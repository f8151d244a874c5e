"""What a training will need, before it begins: memory part by part, and time. Pure.

Memory is the largest of three moments, on top of what the runtime holds. *Training*: base weights + adapter + gradients
+ optimiser state + activations + caches. *Caching*: the VAE in full precision encodes one picture, beside everything
else. *Drawing*: it decodes one.

    weights      parameters x bytes of the precision (4 for `no`; DreamBooth's own are 4, and 2 more for the copy that
                 half precision computes with)
    adapter      trained parameters x 4 (adapters are kept in full precision), once more for a moving average
    gradients    trained parameters x 4
    optimizer    trained parameters x 8 (AdamW), 2 (8 bit), 0.1 (Adafactor), 16 (Prodigy)
    activations  batch x latent pixels x ACTIVATIONS or CHECKPOINTED[architecture][method], x 1.35 in full precision,
                 x 1.25 for the gradients on their way back
    caches       pictures x variants x latent numbers x 8 (mean and deviation in full precision), captions

What a step keeps for the way back was counted on UNets of the published shapes with autograd's hooks, what the VAE
needs was measured on one of Stable Diffusion's shape (`benchmarks/training_memory.py`).

Time is steps x batch x the operations of one step / what the machine does in a second, plus caching and looking. A
step is counted as 2 forwards and their weights' gradients: `PASSES`; one more with checkpointing. A measured pace of
the same kind of run takes the place of the counted one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from engine.specs import TrainingSpec

GIB = 1024**3
MIB = 1024**2
BYTES: Mapping[str, int] = {"no": 4, "fp16": 2, "bf16": 2}
OPTIMIZER_BYTES: Mapping[str, float] = {"adamw": 8, "adamw_8bit": 2, "adafactor": 0.1, "prodigy": 16}
# Bytes that one latent pixel of one picture leaves for the way back, in half precision.
ACTIVATIONS: Mapping[str, Mapping[str, int]] = {
    "sd1": {"lora": 337_000, "dreambooth": 229_000, "textual_inversion": 190_000},
    "sd2": {"lora": 337_000, "dreambooth": 229_000, "textual_inversion": 190_000},
    "sdxl": {"lora": 617_000, "dreambooth": 421_000, "textual_inversion": 326_000},
}
CHECKPOINTED: Mapping[str, Mapping[str, int]] = {
    "sd1": {"lora": 62_000, "dreambooth": 38_000, "textual_inversion": 38_000},
    "sd2": {"lora": 62_000, "dreambooth": 38_000, "textual_inversion": 38_000},
    "sdxl": {"lora": 42_000, "dreambooth": 36_000, "textual_inversion": 31_000},
}
LIKE: Mapping[str, str] = {"dreambooth_lora": "lora", "hypernetwork": "textual_inversion"}
FULL_PRECISION = 1.35
ON_THE_WAY_BACK = 1.25
PUBLISHED: Mapping[str, float] = {"sd1": 860e6, "sd2": 866e6, "sdxl": 2567e6}
ENCODING_BYTES_A_PIXEL, DECODING_BYTES_A_PIXEL = 2_700, 4_200
PUBLISHED_VAE = 84e6
RUNTIME_BYTES = {"cpu": 600 * MIB, "cuda": 700 * MIB}
PASSES: Mapping[str, float] = {
    "lora": 2.4,
    "dreambooth_lora": 2.4,
    "dreambooth": 3.0,
    "textual_inversion": 2.2,
    "hypernetwork": 2.4,
}
# Multiply-adds of the UNet for one latent pixel, as a share of its parameters: counted at the native sizes.
MACS_A_PIXEL: Mapping[str, float] = {"sd1": 0.114, "sd2": 0.114, "sdxl": 0.080}
# Operations a second that are reached in practice, not those of the data sheet.
PACE = {("cuda", 2): 45e12, ("cuda", 4): 14e12, ("cpu", 4): 4e10, ("cpu", 2): 2e10}
# What the calls of a picture's layers take on a CPU, however small they are, as measured on the bundled model: most of
# the time of a small one.
CALLS_SECONDS = {"cpu": 0.07, "cuda": 0.0}
ROOM = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What trains: its memory in bytes, and how many threads a CPU gives."""

    kind: Literal["cpu", "cuda"]
    memory_bytes: int
    name: str = ""
    threads: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSizes:
    """How many parameters the parts of a base model have, and what its adapters would hold.

    `lora_width` is the sum of in + out over the layers that LoRA adapts: one rank costs so many parameters;
    `conv_width` the same for the convolutions, `text_width` for the text encoders. `token_widths` are the widths of
    the text encoders' tables, `attention_widths` those of what attention reads. `vae_factor` is pixels a latent pixel.
    """

    unet: int
    text: int
    vae: int
    lora_width: int
    conv_width: int
    text_width: int
    token_widths: tuple[int, ...]
    attention_widths: tuple[int, ...]
    latent_channels: int = 4
    vae_factor: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a training is going to need: bytes with their parts, seconds, and whether a measured pace was at hand."""

    memory_bytes: int
    seconds: float
    parts: Mapping[str, int]
    is_measured: bool
    fits: bool

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "memory_bytes": self.memory_bytes,
            "seconds": self.seconds,
            "parts": dict(self.parts),
            "is_measured": self.is_measured,
            "fits": self.fits,
        }


def estimate(
    spec: TrainingSpec,
    sizes: ModelSizes,
    *,
    pictures: int,
    machine: Machine,
    pictures_per_second: float | None = None,
) -> Estimate:
    """Return what a training needs on a machine; a measured pace makes the time better than counted."""
    parts = parts_of_memory(spec, sizes, pictures=pictures, machine=machine)
    total = parts["runtime"] + max(sum(parts.values()) - parts["runtime"], *moments_of_vae(spec, sizes, parts))
    pace = pictures_per_second or counted_pace(spec, sizes, machine)
    return Estimate(
        memory_bytes=total,
        seconds=round(seconds_of(spec, pictures=pictures, pace=pace), 1),
        parts=parts,
        is_measured=pictures_per_second is not None,
        fits=total <= machine.memory_bytes * ROOM,
    )


def parts_of_memory(spec: TrainingSpec, sizes: ModelSizes, *, pictures: int, machine: Machine) -> dict[str, int]:
    """Return the bytes of a training's steps, part by part."""
    trained = trained_parameters(spec, sizes)
    width = 4 if spec.method == "dreambooth" else BYTES[spec.mixed_precision]
    frozen = sizes.unet + (sizes.text if reads_text(spec) else 0)
    if spec.method == "dreambooth":
        copies = 2 if spec.with_prior_preservation and spec.prior_mode == "adapter_off" else 1
        weights, own = frozen * (4 * copies + (0 if spec.mixed_precision == "no" else 2)), 0
    else:
        weights, own = frozen * width, trained * 4
    return {
        "runtime": RUNTIME_BYTES[machine.kind],
        "weights": weights,
        "adapter": own + (trained * 4 if spec.ema_decay else 0),
        "gradients": trained * 4,
        "optimizer": int(trained * OPTIMIZER_BYTES[spec.optimizer]),
        "activations": activation_bytes(spec, sizes),
        "caches": cache_bytes(spec, sizes, pictures),
    }


def trained_parameters(spec: TrainingSpec, sizes: ModelSizes) -> int:
    """Return how many numbers a training moves."""
    if spec.method == "dreambooth":
        return sizes.unet + (sizes.text if spec.train_text_encoder else 0)
    if spec.method == "textual_inversion":
        return spec.num_vectors * sum(sizes.token_widths)
    if spec.method == "hypernetwork":
        return sum(hypernetwork_parameters(width, spec.layer_structure) for width in sizes.attention_widths)
    width = sizes.lora_width + (sizes.conv_width if spec.train_conv else 0)
    return spec.rank * (width + (sizes.text_width if spec.train_text_encoder else 0))


def hypernetwork_parameters(width: int, structure: tuple[float, ...]) -> int:
    """Return the parameters of one pair of networks: two chains of layers, each with its bias."""
    sides = [int(width * each) for each in structure]
    return 2 * sum((before + 1) * after for before, after in pairwise(sides))


def reads_text(spec: TrainingSpec) -> bool:
    """Are the text encoders asked at every step?"""
    return spec.train_text_encoder or spec.method == "textual_inversion"


def latent_pixels(spec: TrainingSpec, sizes: ModelSizes) -> int:
    """Return the latent pixels of one picture."""
    return (spec.resolution // sizes.vae_factor) ** 2


def activation_bytes(spec: TrainingSpec, sizes: ModelSizes) -> int:
    """Return what one step leaves for the way back."""
    kept = CHECKPOINTED if spec.gradient_checkpointing else ACTIVATIONS
    a_pixel = kept[spec.architecture][LIKE.get(spec.method, spec.method)]
    # A model a tenth as large leaves less behind at every pixel: its channels are fewer, not its layers.
    share = min(1.0, (sizes.unet / PUBLISHED[spec.architecture]) ** 0.5)
    precision = FULL_PRECISION if spec.mixed_precision == "no" else 1.0
    doubled = 2 if spec.with_prior_preservation else 1
    pixels = spec.train_batch_size * doubled * latent_pixels(spec, sizes)
    return int(pixels * a_pixel * share * precision * ON_THE_WAY_BACK)


def moments_of_vae(spec: TrainingSpec, sizes: ModelSizes, parts: Mapping[str, int]) -> tuple[int, int]:
    """Return what the moments need in which the VAE encodes a picture, beside the text encoders, and decodes one."""
    share = min(1.0, (sizes.vae / PUBLISHED_VAE) ** 0.5)
    text = 0 if reads_text(spec) else sizes.text * BYTES[spec.mixed_precision]
    encoding = parts["weights"] + text + sizes.vae * 4 + spec.resolution**2 * ENCODING_BYTES_A_PIXEL * share
    state = sum(parts[name] for name in ("weights", "adapter", "optimizer", "caches"))
    decoding = state + sizes.vae * 4 + spec.resolution**2 * DECODING_BYTES_A_PIXEL * share
    return int(encoding), int(decoding) if spec.sample_steps else 0


def cache_bytes(spec: TrainingSpec, sizes: ModelSizes, pictures: int) -> int:
    """Return what encoded pictures and captions hold while a training runs."""
    latents = pictures * spec.cached_variants * latent_pixels(spec, sizes) * sizes.latent_channels * 8
    captions = pictures * spec.caption_variants * 77 * sum(sizes.token_widths) * 4
    return latents + captions


def counted_pace(spec: TrainingSpec, sizes: ModelSizes, machine: Machine) -> float:
    """Return the pictures a second that a machine should learn from, counted from what a step does."""
    passes = PASSES[spec.method] + (1.0 if spec.gradient_checkpointing else 0.0)
    operations = 2 * sizes.unet * latent_pixels(spec, sizes) * MACS_A_PIXEL[spec.architecture] * passes
    pace = PACE[machine.kind, BYTES[spec.mixed_precision]] * (machine.threads if machine.kind == "cpu" else 1)
    doubled = 2 if spec.with_prior_preservation else 1
    return 1 / (doubled * (operations / pace + CALLS_SECONDS[machine.kind]))


def seconds_of(spec: TrainingSpec, *, pictures: int, pace: float) -> float:
    """Return the seconds of all steps, of encoding the pictures, and of looking on the way."""
    learned = spec.max_train_steps * spec.train_batch_size * spec.gradient_accumulation_steps / pace
    encoded = pictures * spec.cached_variants / (pace * 2)
    looks = spec.max_train_steps // spec.validation_steps if spec.validation_steps else 0
    held_out = max(1, pictures // 10)
    looked_at = looks * 2 * held_out * spec.validation_timesteps * spec.validation_noises / (pace * 2.5)
    strips = spec.max_train_steps // spec.sample_steps if spec.sample_steps else 0
    drawn = strips * len(spec.sample_prompts) * spec.sample_num_inference_steps * 2 / (pace * 2.5)
    return learned + encoded + looked_at + drawn
