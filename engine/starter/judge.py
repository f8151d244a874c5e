"""Judge pictures: a small network with one head a slot says which color, subject, place, light and style it sees."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as functional
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.starter import COLORS, ENVIRONMENTS, LIGHTS, STYLES, SUBJECTS, WEIGHTS
from engine.starter.loop import Average, autocast, build_adamw, keyed_generator, keyed_rng
from engine.starter.scenes import Scene
from engine.starter.vae import to_tensor

FILE = "judge.safetensors"
WIDTHS = (32, 64, 128, 192)
EMA_DECAY = 0.995
Answers = Mapping[str, tuple[str, ...]]
ANSWERS: Answers = MappingProxyType(
    {"color": COLORS, "subject": SUBJECTS, "environment": ENVIRONMENTS, "light": LIGHTS, "style": STYLES}
)


def convolve(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Return a convolution with its normalization."""
    layers = (nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())
    return nn.Sequential(*layers)


class Head(nn.Module):
    """Look where it matters for one slot, then answer."""

    def __init__(self, width: int, answers: int) -> None:
        super().__init__()
        self.gaze = nn.Conv2d(width, 2, 1)
        self.answer = nn.Linear(4 * width, answers)

    def forward(self, features: Tensor) -> Tensor:
        gaze = self.gaze(features).flatten(2).softmax(2)
        seen = torch.einsum("ngp,ncp->ngc", gaze, features.flatten(2)).flatten(1)
        pooled = (features.mean((2, 3)), features.amax((2, 3)))
        return self.answer(torch.cat([seen, *pooled], 1))


class Judge(nn.Module):
    """Predict every slot of pictures of 128 pixels, N × 3 × 128 × 128 from -1 to 1; `answers` are the slots' words."""

    def __init__(self, answers: Answers = ANSWERS) -> None:
        super().__init__()
        self.answers = answers
        stages = [convolve(3, WIDTHS[0], 2)]
        for inputs, outputs in pairwise(WIDTHS):
            stages += [convolve(inputs, outputs, 2), convolve(outputs, outputs, 1)]
        self.body = nn.Sequential(*stages)
        self.heads = nn.ModuleDict({slot: Head(WIDTHS[-1], len(words)) for slot, words in answers.items()})

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        features = self.body(pictures)
        return {slot: head(features) for slot, head in self.heads.items()}


def label_scenes(scenes: Sequence[Scene], answers: Answers = ANSWERS) -> dict[str, Tensor]:
    """Return the index of each scene's word, by slot."""
    return {
        slot: torch.tensor([words.index(getattr(scene, slot)) for scene in scenes]) for slot, words in answers.items()
    }


def load_judge(path: Path = WEIGHTS / FILE, answers: Answers = ANSWERS) -> Judge:
    """Return the shipped judge, ready to look; another file may know other answers."""
    judge = Judge(answers)
    judge.load_state_dict({key: value.float() for key, value in load_file(path).items()})
    return judge.eval()


@torch.no_grad()
def predict(judge: Judge, pixels: np.ndarray, batch_size: int = 64) -> dict[str, list[str]]:
    """Return the word that the judge sees in every slot of N × 128 × 128 × 3 bytes."""
    seen: dict[str, list[str]] = {slot: [] for slot in judge.answers}
    for start in range(0, len(pixels), batch_size):
        for slot, scores in judge(to_tensor(pixels[start : start + batch_size])).items():
            seen[slot] += [judge.answers[slot][index] for index in scores.argmax(1).tolist()]
    return seen


def to_pixels(images: Sequence[Image.Image]) -> np.ndarray:
    """Return pictures of any size as N × 128 × 128 × 3 bytes."""
    return np.stack([np.asarray(image.convert("RGB").resize((128, 128), Image.Resampling.BOX)) for image in images])


def wear(pictures: Tensor, rng: np.random.Generator, generator: torch.Generator) -> Tensor:
    """Return the pictures as a lossy VAE might give them: soft or grainy, a little moved, now and then mirrored."""
    if rng.random() < 0.3:
        pictures = pictures + 0.08 * torch.randn(pictures.shape, generator=generator)
    if rng.random() < 0.25:
        small = functional.avg_pool2d(pictures, 2)
        pictures = functional.interpolate(small, scale_factor=2.0, mode="bilinear")
    if rng.random() < 0.3:
        pictures = torch.lerp(pictures, functional.avg_pool2d(pictures, 3, 1, 1), rng.random())
    shift = tuple(int(pixels) for pixels in rng.integers(-4, 5, 2))
    padded = functional.pad(pictures, (4, 4, 4, 4), mode="replicate")
    pictures = padded[:, :, 4 + shift[0] : 132 + shift[0], 4 + shift[1] : 132 + shift[1]]
    return pictures.flip(3) if rng.random() < 0.3 else pictures


class Judging:
    """The training of a judge on clean scenes; it is exported as `file`."""

    def __init__(
        self,
        *,
        images: np.ndarray,
        scenes: Sequence[Scene],
        device: torch.device,
        peak_lr: float = 2e-3,
        batch_size: int = 64,
        seed: int = 0,
        answers: Answers = ANSWERS,
        file: str = FILE,
    ) -> None:
        self.judge, self.file = Judge(answers).to(device), file
        self.images, self.device, self.batch_size, self.seed = images, device, batch_size, seed
        self.rows = np.array([row for row, scene in enumerate(scenes) if not scene.defect])
        self.labels = label_scenes(scenes, answers)
        self.average = Average(self.judge, Judge(answers).to(device), EMA_DECAY)
        self.modules = {"judge": self.judge, "judge_average": self.average}
        self.optimizer = build_adamw([self.judge], peak_lr, weight_decay=0.05)

    def loss(self, step: int) -> Tensor:
        """Return the sum of the slots' cross-entropies on one batch."""
        rng, generator = keyed_rng(self.seed, step), keyed_generator(self.seed, step)
        rows = np.sort(rng.choice(self.rows, self.batch_size, replace=False))
        pictures = wear(to_tensor(self.images[rows]), rng, generator).to(self.device)
        with autocast(self.device):
            answers = self.judge(pictures)
        losses = [
            functional.cross_entropy(scores.float(), self.labels[slot][rows].to(self.device), label_smoothing=0.02)
            for slot, scores in answers.items()
        ]
        return sum(losses[1:], losses[0])

    def finish_step(self, step: int) -> None:
        self.average.follow(self.judge, step)

    def export(self, folder: Path) -> None:
        """Write the averaged judge in half precision."""
        state = {key: value.cpu().clone() for key, value in self.average.copy.state_dict().items()}
        halves = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
        save_file(halves, folder / self.file, {"format": "pt"})
