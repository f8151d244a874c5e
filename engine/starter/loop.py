"""Train anything here by one loop: seeded by (seed, step), resumable to the bit, ended by steps or by the clock."""

import json
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm import tqdm

CHECKPOINT = "checkpoint.safetensors"
CLIP_NORM = 1.0


class Task(Protocol):
    """What the loop trains: modules with state, their optimizer, and the loss of one step."""

    modules: Mapping[str, nn.Module]
    optimizer: torch.optim.Optimizer

    def loss(self, step: int) -> Tensor:
        """Return the loss of one step; everything random in it comes from the step's own generators."""

    def finish_step(self, step: int) -> None:
        """Follow the weights after an optimizer step."""

    def export(self, folder: Path) -> None:
        """Write the weights as they are used, at any time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long to train: to a step, or to a number of seconds, whichever ends first."""

    steps: int
    seconds: float = math.inf
    warmup_steps: int = 200
    checkpoint_seconds: float = 120.0

    def fraction(self, step: int, elapsed_seconds: float) -> float:
        """Return how much of the budget is spent, 0 to 1."""
        return min(1.0, max(step / self.steps, elapsed_seconds / self.seconds))

    def rate_factor(self, step: int, elapsed_seconds: float) -> float:
        """Return the factor on the peak learning rate: a linear warm-up, then a cosine to nearly zero."""
        cosine = 0.5 * (1 + math.cos(math.pi * self.fraction(step, elapsed_seconds)))
        return min(1.0, (step + 1) / self.warmup_steps) * (0.99 * cosine + 0.01)


@dataclass(slots=True, kw_only=True)
class Progress:
    """Where a training stands; the clock goes on over resumes."""

    step: int = 0
    spent_seconds: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def elapsed_seconds(self) -> float:
        return self.spent_seconds + time.monotonic() - self.started


def keyed_rng(seed: int, step: int) -> np.random.Generator:
    """Return the numpy generator of one step."""
    return np.random.default_rng([seed, step])


def keyed_generator(seed: int, step: int) -> torch.Generator:
    """Return the CPU generator of one step; noise is drawn on the CPU so that every device sees the same."""
    return torch.Generator().manual_seed(int(keyed_rng(seed, step).integers(2**62)))


def has_fast_bfloat16(device: torch.device) -> bool:
    """Say whether half the bits cost half the time: a CPU without such instructions takes ten times as long."""
    if device.type != "cpu":
        return True
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def autocast(device: torch.device) -> torch.autocast:
    """Return the precision to train in: bfloat16 where the device is made for it, else float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_fast_bfloat16(device))


def build_adamw(modules: Iterable[nn.Module], peak_lr: float, weight_decay: float = 0.01) -> torch.optim.AdamW:
    """Return the optimizer of whole modules; the loop moves its rate below the peak."""
    parameters = [parameter for module in modules for parameter in module.parameters()]
    groups = [{"params": parameters, "peak_lr": peak_lr}]
    return torch.optim.AdamW(groups, peak_lr, betas=(0.9, 0.99), weight_decay=weight_decay)


class Average(nn.Module):
    """An exponential moving average of a module's parameters, itself such a module inside."""

    def __init__(self, module: nn.Module, copy: nn.Module, decay: float) -> None:
        super().__init__()
        copy.load_state_dict(module.state_dict())
        self.copy = copy.requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def follow(self, module: nn.Module, step: int) -> None:
        """Move towards the module; early steps count more, so that the start is soon forgotten."""
        decay = min(self.decay, (step + 1) / (step + 10))
        parameters = [parameter.detach() for parameter in module.parameters()]
        torch._foreach_lerp_(list(self.copy.parameters()), parameters, 1 - decay)
        for kept, current in zip(self.copy.buffers(), module.buffers(), strict=True):
            kept.copy_(current)


def save_checkpoint(folder: Path, task: Task, progress: Progress) -> None:
    """Write everything that the next step depends on, by a rename so that a kill leaves a whole file."""
    tensors = {
        f"modules.{name}.{key}": value
        for name, module in task.modules.items()
        for key, value in module.state_dict().items()
    }
    for index, state in task.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": torch.as_tensor(value) for key, value in state.items()}
    meta = {"step": progress.step, "elapsed_seconds": progress.elapsed_seconds}
    temporary = folder / f"{CHECKPOINT}.tmp"
    whole = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
    save_file(whole, temporary, {"progress": json.dumps(meta)})
    temporary.replace(folder / CHECKPOINT)


def load_checkpoint(folder: Path, task: Task) -> Progress:
    """Bring a task back to where its checkpoint stands."""
    with safe_open(folder / CHECKPOINT, "pt") as file:
        meta = json.loads(file.metadata()["progress"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    for name, module in task.modules.items():
        prefix = f"modules.{name}."
        module.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            state.setdefault(int(index), {})[name] = value
    groups = task.optimizer.state_dict()["param_groups"]
    task.optimizer.load_state_dict({"state": state, "param_groups": groups})
    return Progress(step=meta["step"], spent_seconds=meta["elapsed_seconds"])


def take_step(task: Task, step: int, rate_factor: float) -> float:
    """Move the weights by one optimizer step and return its loss."""
    for group in task.optimizer.param_groups:
        group["lr"] = group["peak_lr"] * rate_factor
    loss = task.loss(step)
    task.optimizer.zero_grad()
    loss.backward()
    trained = [parameter for group in task.optimizer.param_groups for parameter in group["params"]]
    nn.utils.clip_grad_norm_(trained, CLIP_NORM)
    task.optimizer.step()
    task.finish_step(step)
    return loss.item()


def train(task: Task, folder: Path, *, export_to: Path, budget: Budget, resume: bool, name: str) -> Progress:
    """Train until the budget is spent, with a progress bar, checkpoints and an export at each of them."""
    folder.mkdir(parents=True, exist_ok=True)
    can_resume = resume and (folder / CHECKPOINT).exists()
    progress = load_checkpoint(folder, task) if can_resume else Progress()
    saved, average = progress.elapsed_seconds, math.nan
    with tqdm(total=budget.steps, initial=progress.step, desc=name, mininterval=2) as bar:
        while budget.fraction(progress.step, progress.elapsed_seconds) < 1:
            factor = budget.rate_factor(progress.step, progress.elapsed_seconds)
            loss = take_step(task, progress.step, factor)
            average = loss if math.isnan(average) else 0.98 * average + 0.02 * loss
            progress.step += 1
            bar.update()
            bar.set_postfix(loss=f"{average:.4f}", rate=f"{factor:.3f}", refresh=False)
            if progress.elapsed_seconds - saved > budget.checkpoint_seconds:
                keep(folder, task, progress, export_to)
                saved = progress.elapsed_seconds
    keep(folder, task, progress, export_to)
    return progress


def keep(folder: Path, task: Task, progress: Progress, export_to: Path) -> None:
    """Write a checkpoint, and the weights as they are used."""
    save_checkpoint(folder, task, progress)
    task.export(export_to)
