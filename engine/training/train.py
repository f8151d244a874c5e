"""Train one adapter from one spec: the same weights every time, whether in one go or over many attempts."""

import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from engine.environment import choose_device, describe_environment, exact_arithmetic
from engine.errors import EngineError
from engine.specs import TrainingSpec
from engine.training import checkpoints
from engine.training.checkpoints import Progress
from engine.training.devices import read_peak, reset_peak
from engine.training.folds import find_steps
from engine.training.fused import fuse_layers
from engine.training.halves import make_pair
from engine.training.lessons import Lessons
from engine.training.limits import check_training
from engine.training.looks import Looks
from engine.training.networks import Networks, load_networks
from engine.training.optimizers import build_optimizer, check_optimizer, split_groups
from engine.training.preparation import Prepared, prepare
from engine.training.randomness import key_of
from engine.training.schedules import rate_factor
from engine.training.teams import ABANDON, END, GO_ON, Alone, Stopped, Team, count_processes, train_together
from engine.training.values import Checkpointed, Material, OnEvent, Reason, Staged, Stepped, Trained
from engine.training.verdicts import Stopper, judge_curve

REPORT_STEPS = 10
Resolve = Callable[[str], Path]


def train(
    spec: TrainingSpec,
    material: Material,
    *,
    models: Resolve,
    folder: Path,
    cache: Path,
    on_event: OnEvent,
    device: str | None = None,
    threads: int | None = None,
    tokenizers: Path | None = None,
    processes: int = 1,
) -> Trained:
    """Train, going on from the checkpoint in `folder` where there is one; `cache` is shared by all trainings.

    With several `processes`, one for each GPU, the batches that a step accumulates are spread over them. Raises
    SpecError, ModelError or EngineError; what `on_event` raises stops the training and passes through, and the last
    checkpoint stays.
    """
    for error in check_training(spec, material):
        raise error
    folder.mkdir(parents=True, exist_ok=True)
    places = {sha256: models(sha256) for sha256 in (spec.base_model, spec.vae) if sha256}
    options = {"models": places, "folder": folder, "cache": cache, "tokenizers": tokenizers, "threads": threads}
    options |= {"spec": spec, "material": material, "device": device or choose_device()}
    # Folds are short and many: each is a training of its own.
    size = 1 if spec.folds else count_processes(spec.gradient_accumulation_steps, processes)
    if size > 1:
        return train_together(train_here, options, size=size, on_event=on_event)
    return train_here(**options, on_event=on_event, team=Alone())


def train_here(
    *,
    spec: TrainingSpec,
    material: Material,
    models: Mapping[str, Path],
    folder: Path,
    device: str,
    threads: int | None,
    **options: Any,
) -> Trained:
    """Train in this process, alone or as one of a team."""
    if threads:
        torch.set_num_threads(threads)
    chosen = torch.device(device)
    options |= {"models": models.__getitem__, "device": chosen}
    try:
        with exact_arithmetic(), torch.random.fork_rng(devices=[chosen] if chosen.type == "cuda" else []):
            if spec.folds:
                horizon = spec.max_train_steps
                spec, material = find_steps(spec, material, folder=folder, train_one=train_one, **options)
                options |= {"horizon": horizon}
            return train_one(spec, material, folder=folder, **options)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not is_out_of_memory(error):
            raise
        message = "The memory is not enough for this training. Choose a smaller batch, resolution or rank."
        params = {"resolution": spec.resolution, "batch": spec.train_batch_size}
        raise EngineError("training_out_of_memory", message, **params) from error


def is_out_of_memory(error: Exception) -> bool:
    """Say whether an error means that no memory is left, on a GPU or a CPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)


def train_one(
    spec: TrainingSpec,
    material: Material,
    *,
    models: Resolve,
    folder: Path,
    cache: Path,
    on_event: OnEvent,
    device: torch.device,
    tokenizers: Path | None,
    team: Team,
    horizon: int | None = None,
) -> Trained:
    """Train on one split. The learning rate falls as for `horizon` steps, where that is not how many there are."""
    check_optimizer(spec)
    reset_peak(device)
    started = time.perf_counter()
    on_event(Staged(stage="loading", index=0, total=1))
    networks = load_networks(spec, resolve=models, device=device, tokenizers=tokenizers)
    prepared = prepare(spec, material, networks, cache=cache, on_event=on_event)
    cache_seconds = time.perf_counter() - started
    with fuse_layers(networks.unet):
        options: dict[str, Any] = {"folder": folder, "on_event": on_event, "team": team, "horizon": horizon}
        return Training(spec, networks, prepared, **options).run(cache_seconds)


class Training:
    """Lead one training from its first or its last step to the end."""

    def __init__(
        self,
        spec: TrainingSpec,
        networks: Networks,
        prepared: Prepared,
        *,
        folder: Path,
        on_event: OnEvent,
        team: Team,
        horizon: int | None = None,
    ) -> None:
        self.horizon = horizon or spec.max_train_steps
        self.team, self.is_first = team, team.rank == 0
        self.spec, self.networks, self.folder, self.on_event = spec, networks, folder, on_event
        self.learner = prepared.learner
        self.parameters: Mapping[str, nn.Parameter] = self.learner.parameters
        self.averages = {n: p.detach().clone() for n, p in self.parameters.items()} if spec.ema_decay else {}
        self.lessons = Lessons(
            spec, networks, self.learner, prepared.texts, instances=prepared.instances, classes=prepared.classes
        )
        self.pair = make_pair(spec, self.lessons, list(self.parameters.values()), threads=torch.get_num_threads())
        self.looks = Looks(spec, networks, self.learner, prepared, on_event=on_event)
        groups = split_groups(self.parameters, self.learner.text_parameters, spec)
        self.optimizer = build_optimizer(spec, groups)
        self.scaler = torch.amp.GradScaler(networks.device.type, enabled=spec.mixed_precision == "fp16")
        self.stopper = Stopper(spec.early_stopping_patience)
        self.progress = Progress()
        self.waiting: Tensor | float = 0.0
        self.batch = spec.train_batch_size * spec.gradient_accumulation_steps

    def run(self, cache_seconds: float) -> Trained:
        """Train to the end and return what is left."""
        self.resume()
        # Also where nobody has looked before the first step: dropout works in training only, and rounds otherwise.
        self.learner.turn(learning=True)
        self.progress.cache_seconds += cache_seconds
        try:
            if not self.progress.step:
                self.look()
            while self.team.decide(self.choose()) == GO_ON:
                self.advance()
        except BaseException:
            if self.is_first:
                self.team.decide(ABANDON)
            raise
        finally:
            if self.pair is not None:
                self.pair.close()
        return self.finish("early_stop" if self.stopper.is_over else "finished")

    def choose(self) -> int:
        """Return whether to take another step, which the first process decides for all."""
        return END if self.stopper.is_over or self.progress.step >= self.spec.max_train_steps else GO_ON

    def resume(self) -> None:
        """Go on from the last checkpoint, where there is one of this very recipe."""
        found = checkpoints.load_checkpoint(
            self.folder,
            recipe=self.spec.recipe_sha256(),
            parameters=self.parameters,
            averages=self.averages,
            optimizer=self.optimizer,
        )
        if found is not None:
            self.progress = found
            self.scaler.load_state_dict(dict(found.scaler))
            self.looks.recall(found)
            for step, losses in found.held_out.items():
                self.stopper.look(losses, step)

    def advance(self) -> None:
        """Move the weights by one step, and look, draw and keep where it is time to."""
        started, spec = time.perf_counter(), self.spec
        rate = self.take_step(self.progress.step)
        self.progress.step = step = self.progress.step + 1
        if not self.is_first:
            return
        loss = self.read_loss(step)
        self.progress.train_seconds += time.perf_counter() - started
        self.on_event(Stepped(step=step, total=spec.max_train_steps, loss=loss, learning_rate=rate))
        if is_due(step, spec.validation_steps):
            self.look()
        if is_due(step, spec.sample_steps):
            with self.averaged():
                self.looks.draw_strip(step)
        if is_due(step, spec.checkpointing_steps) and step < spec.max_train_steps:
            self.keep()

    def take_step(self, step: int) -> float:
        """Take gradients over all accumulated batches and move the weights. Return the learning rate."""
        spec = self.spec
        factor = rate_factor(spec.lr_scheduler, step=step, total=self.horizon, warmup=spec.lr_warmup_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor
        parts, taken = spec.gradient_accumulation_steps, torch.zeros(1, device=self.networks.device)
        for part in range(self.team.rank, parts, self.team.size):
            # Dropout takes from the global generator, which begins anew at every batch, whichever process has it.
            torch.manual_seed(key_of(spec.seed, "dropout", step * parts + part))
            taken += self.learn(step * parts + part, 1 / parts)
        self.team.add([taken, *(each.grad for each in self.parameters.values() if each.grad is not None)])
        self.waiting = self.waiting + taken
        self.scaler.unscale_(self.optimizer)
        if spec.max_grad_norm:
            nn.utils.clip_grad_norm_(list(self.parameters.values()), spec.max_grad_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.follow(step)
        return self.optimizer.param_groups[0]["lr"]

    def learn(self, number: int, share: float) -> Tensor:
        """Add a share of the gradients of one batch, and of what the weights' size costs. Return that share of both."""
        taken = torch.zeros((), device=self.networks.device)
        if self.spec.l1_weight:
            taken += self.walk_back(self.penalty() * share)
        if self.pair is not None:
            return taken + self.pair.learn(number, share)
        return taken + self.walk_back(self.lessons.loss(self.lessons.task(number)) * share)

    def walk_back(self, loss: Tensor) -> Tensor:
        """Add the gradients of a loss, and return it."""
        self.scaler.scale(loss).backward()
        return loss.detach()

    def penalty(self) -> Tensor:
        """Return L1: the mean size of the weights that learn, times its weight."""
        sizes = torch.stack([parameter.abs().sum() for parameter in self.parameters.values()])
        return self.spec.l1_weight * sizes.sum() / sum(parameter.numel() for parameter in self.parameters.values())

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Let the averaged weights follow, faster at first: else they would stay near the start for long."""
        if self.averages:
            torch._foreach_lerp_(
                list(self.averages.values()),
                [parameter.detach() for parameter in self.parameters.values()],
                1 - warmed_decay(self.spec.ema_decay, step),
            )

    def read_loss(self, step: int) -> float | None:
        """Return the mean loss since the last report, every few steps: reading it makes a GPU wait."""
        if step % REPORT_STEPS and step != self.spec.max_train_steps:
            return None
        since = step - (self.progress.losses[-1][0] if self.progress.losses else 0)
        loss = (self.progress.waiting + float(self.waiting)) / since
        self.waiting, self.progress.waiting = 0.0, 0.0
        self.progress.losses.append((step, loss))
        if loss != loss:
            message = "The loss is no number any more. Choose a lower learning rate, or full precision."
            raise EngineError("training_diverged", message, step=step)
        return loss

    @contextmanager
    def averaged(self) -> Any:
        """Use the averaged weights inside, where there are any."""
        if not self.averages:
            yield
            return
        kept = {name: parameter.detach().clone() for name, parameter in self.parameters.items()}
        self.put(self.averages)
        try:
            yield
        finally:
            self.put(kept)

    @torch.no_grad()
    def put(self, values: Mapping[str, Tensor]) -> None:
        """Set the weights."""
        for name, parameter in self.parameters.items():
            parameter.copy_(values[name])

    def look(self) -> None:
        """Measure both sides at this step, and keep the weights where they are the best so far."""
        if not self.looks.can_measure or not self.is_first:
            return
        step = self.progress.step
        with self.averaged():
            held_out, train = self.looks.measure()
            is_best = self.stopper.look(held_out, step)
            self.progress.held_out[step], self.progress.train[step] = held_out, train
            if is_best and step:
                checkpoints.keep_best(self.folder, step, self.parameters)
        self.looks.report(step, held_out, train, is_best=is_best)

    def keep(self) -> None:
        """Write a checkpoint."""
        self.progress.waiting += float(self.waiting)
        self.waiting = 0.0
        self.progress.scaler = self.scaler.state_dict()
        checkpoints.save_checkpoint(
            self.folder,
            recipe=self.spec.recipe_sha256(),
            progress=self.progress,
            parameters=self.parameters,
            averages=self.averages,
            optimizer=self.optimizer,
        )
        checkpoints.drop_older(self.folder, self.stopper.best_step)
        self.on_event(Checkpointed(step=self.progress.step))

    def finish(self, reason: Reason) -> Trained:
        """Look a last time, go back to the best weights, and say what came of it."""
        progress = self.progress
        if not self.is_first:
            raise Stopped
        if progress.held_out and progress.step not in progress.held_out:
            self.look()
        self.keep()
        step = self.restore()
        steps = list(progress.held_out)
        verdict, about = judge_curve(steps, list(progress.held_out.values()), list(progress.train.values()))
        memorized = self.looks.share_memorized() if step else None
        pictures = progress.step * self.batch
        return Trained(
            kind=cast(Any, self.learner.kind),
            weights=self.learner.weights(),
            step=step,
            last_step=progress.step,
            reason=reason,
            verdict=verdict,
            verdict_step=about,
            curve=tuple(self.looks.curve),
            losses=tuple(progress.losses),
            memorized=memorized,
            cache_seconds=progress.cache_seconds,
            train_seconds=progress.train_seconds,
            pictures_per_second=pictures / progress.train_seconds if progress.train_seconds else 0.0,
            peak_memory_bytes=read_peak(self.networks.device),
            environment=describe_environment(self.networks.device, self.networks.unet.dtype).as_dict(),
        )

    def restore(self) -> int:
        """Put the weights in place that become the version, and return the step they are from."""
        best = self.stopper.best_step
        if self.spec.restore_best and best and best != self.progress.step:
            kept = checkpoints.load_best(self.folder, best, self.parameters)
            if kept is not None:
                self.put(kept)
                return best
        if self.averages:
            self.put(self.averages)
        return self.progress.step


def warmed_decay(most: float, step: int) -> float:
    """Return how much of the averaged weights a step from 0 on leaves, rising to `most` as diffusers' EMAModel does."""
    return min(most, (1 + step) / (10 + step))


def is_due(step: int, every: int) -> bool:
    """Say whether something that is done every so many steps is due; 0 means never."""
    return every > 0 and step % every == 0
