"""Keep what a run tells while it trains: points of its curve, pictures of its strips, how far it has come."""

import io
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from assets import storage
from assets.pictures import make_thumbnail
from engine.training.values import Checkpointed, Evaluated, Event, Sampled, Staged, Stepped

from ..models import TrainingPoint, TrainingRun, TrainingSample
from .watches import RunWatch

THUMBNAIL_SIDE = 384
BEAT_SECONDS = 1.0
# Shares of the bar: encoding before the first step, writing after the last.
BEFORE, DURING = 0.05, 0.92
LOSS = ("loss", "learning_rate")
LOOK = (
    "held_out_loss", "train_loss", "held_out_mean", "held_out_low", "held_out_high", "train_mean", "train_low",
    "train_high", "is_best",
)  # fmt: skip


class Recorder:
    """Hear every event of one attempt, write what is worth keeping, and stop the training when it must.

    It raises Canceled, at most a second late, when the run was canceled, taken over, or the rights have changed.
    """

    def __init__(self, run: TrainingRun, watch: RunWatch) -> None:
        self.run, self.watch = run, watch
        self.fold, self.next_fold = 0, 0
        self.trainings = run.recipe.folds + 1 if run.recipe.folds else 1
        self.step, self.waiting = run.step, dict[int, TrainingPoint]()
        self.has_begun, self.written_at = False, 0.0

    def __call__(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, Stepped):
            self.take_step(event)
        elif isinstance(event, Staged):
            self.take_stage(event)
        elif isinstance(event, Evaluated):
            self.take_look(event)
        elif isinstance(event, Sampled):
            self.take_strip(event)
        elif isinstance(event, Checkpointed):
            self.take_checkpoint(event)
        self.watch.look()

    def take_stage(self, event: Staged) -> None:
        """Note which part of the work goes on; folds are counted here."""
        if event.stage == "folding":
            self.next_fold = event.index + 1 if event.index < event.total else 0
        if event.stage == "loading":
            self.fold, self.next_fold = self.next_fold, 0
        share = event.index / max(event.total, 1)
        progress = self.so_far(0) + BEFORE * share / self.trainings if event.stage == "caching" else None
        self.run.beat_due(progress=progress, stage=event.stage, every_seconds=BEAT_SECONDS)

    def take_step(self, event: Stepped) -> None:
        """Keep a point where there is a loss, and move the bar."""
        if not self.has_begun:
            self.begin(event.step - 1)
        self.step = event.step
        if event.loss is not None:
            self.waiting[event.step] = TrainingPoint(
                run=self.run, fold=self.fold, step=event.step, loss=event.loss, learning_rate=event.learning_rate
            )
        self.run.beat_due(progress=self.so_far(event.step / event.total), stage="training", every_seconds=BEAT_SECONDS)
        if self.waiting and time.monotonic() - self.written_at >= BEAT_SECONDS:
            self.write_points()

    def begin(self, step: int) -> None:
        """Note from which step this attempt goes on; 0 when it begins."""
        self.has_begun = True
        self.run.rows().update(resumed_from=step or None)

    def so_far(self, share: float) -> float:
        """Return how much of all trainings is done, from what is done of this one."""
        done = (self.fold or self.trainings) - 1
        return (done + BEFORE + DURING * share) / self.trainings

    def write_points(self) -> None:
        """Write the losses that wait; a step that an earlier attempt has told already is told again."""
        points, self.waiting, self.written_at = list(self.waiting.values()), {}, time.monotonic()
        upsert(points, LOSS)
        self.run.rows(attempt=self.run.attempt).update(step=self.step)
        self.run.step = self.step

    def take_look(self, event: Evaluated) -> None:
        """Keep both losses of one look; only the best one so far is marked."""
        point = TrainingPoint(run=self.run, fold=self.fold, step=event.step, **values_of(event))
        with transaction.atomic():
            if event.is_best:
                self.run.points.filter(fold=self.fold, is_best=True).update(is_best=False)
                if not self.fold:
                    self.run.rows(attempt=self.run.attempt).update(best_step=event.step)
            upsert([point], LOOK)

    def take_strip(self, event: Sampled) -> None:
        """Keep the pictures of one strip, and thumbnails of them."""
        self.run.beat(stage="sampling")
        for index, (image, asked) in enumerate(zip(event.images, self.run.recipe.sample_prompts, strict=True)):
            stored = storage.store_bytes(settings.MEDIA_ROOT, "samples", as_png(image), ".png")
            small = storage.store_bytes(
                settings.MEDIA_ROOT, "thumbnails", make_thumbnail(image, THUMBNAIL_SIDE), ".webp"
            )
            TrainingSample.objects.update_or_create(
                run=self.run,
                step=event.step,
                index=index,
                defaults={
                    "prompt": asked.prompt,
                    "seed": asked.seed,
                    "path": stored.path,
                    "thumbnail": small.path,
                    "width": image.width,
                    "height": image.height,
                },
            )

    def take_checkpoint(self, event: Checkpointed) -> None:
        """Note from which step another attempt would go on."""
        self.write_points()
        if not self.fold:
            self.run.rows(attempt=self.run.attempt).update(checkpoint_step=event.step)
            self.run.checkpoint_step = event.step


def values_of(event: Evaluated) -> Mapping[str, Any]:
    """Return the fields of a point from a look."""
    return {
        "held_out_loss": event.held_out_loss,
        "train_loss": event.train_loss,
        "held_out_mean": event.held_out.mean,
        "held_out_low": event.held_out.low,
        "held_out_high": event.held_out.high,
        "train_mean": event.train.mean,
        "train_low": event.train.low,
        "train_high": event.train.high,
        "is_best": event.is_best,
    }


def upsert(points: list[TrainingPoint], fields: tuple[str, ...]) -> None:
    """Write points, replacing these fields of those that are there."""
    TrainingPoint.objects.bulk_create(
        points, update_conflicts=True, unique_fields=["run", "fold", "step"], update_fields=list(fields)
    )


def as_png(image: Any) -> bytes:
    """Return a picture as a file that says nothing about itself."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
