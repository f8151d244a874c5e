"""Runs: a request to train, the job that does it, and the points and pictures that it leaves on the way."""

import uuid

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from assets.models import ModelFile
from engine.specs import TrainingSpec
from jobs.models import Job

from ..sentences import failure_sentence
from .adapters import Method


class TrainingRun(Job):
    """A request to train: everything decided at the time of asking, the job that does it, and what came out.

    `spec` is the TrainingSpec. `material` says how the frozen pictures become items to learn from (language, how the
    trigger word is put in, share held out), `split` who is on which side by the manifest's numbers, and `folds` the
    parts of a k-fold run with the best step of each that is done. `changes` lists what differs from `compared_with`.
    """

    queue = "gpu"
    task = "training.tasks.train"

    class Ending(models.TextChoices):
        FINISHED = "finished", _("All steps were done")
        EARLY_STOP = "early_stop", _("Stopped early")
        NOTHING_LEARNED = "nothing_learned", _("Nothing was learned")

    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="training_runs")
    name = models.CharField(_("name"), max_length=120)
    adapter = models.ForeignKey("training.Adapter", on_delete=models.PROTECT, related_name="runs")
    dataset_version = models.ForeignKey("assets.DatasetVersion", on_delete=models.PROTECT, related_name="training_runs")
    base_model = models.ForeignKey("assets.ModelFile", on_delete=models.PROTECT, related_name="training_runs")
    vae = models.ForeignKey(
        "assets.ModelFile", on_delete=models.PROTECT, null=True, blank=True, related_name="vae_training_runs"
    )
    method = models.CharField(_("method"), max_length=20, choices=Method)
    spec = models.JSONField()
    recipe_sha256 = models.CharField(max_length=64, db_index=True)
    material = models.JSONField(default=dict)
    split = models.JSONField(default=dict)
    folds = models.JSONField(default=dict, blank=True)
    decision = models.JSONField(default=dict)
    estimate = models.JSONField(default=dict, blank=True)
    compared_with = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="compared_runs"
    )
    changes = models.JSONField(default=list, blank=True)
    sweep = models.UUIDField(null=True, blank=True)
    sweep_field = models.CharField(max_length=40, blank=True)
    idempotency_key = models.CharField(max_length=80)
    # What people say of it.
    notes = models.TextField(_("notes"), blank=True, max_length=4000)
    checklist = models.JSONField(_("what was seen"), default=dict, blank=True)
    # How it goes.
    step = models.PositiveIntegerField(default=0)
    total_steps = models.PositiveIntegerField(default=0)
    checkpoint_step = models.PositiveIntegerField(null=True, blank=True)
    resumed_from = models.PositiveIntegerField(null=True, blank=True)
    attempts_before = models.PositiveSmallIntegerField(default=0, editable=False)
    best_step = models.PositiveIntegerField(null=True, blank=True)
    # How it went.
    ending = models.CharField(max_length=16, choices=Ending, blank=True)
    verdict = models.CharField(max_length=40, blank=True)
    verdict_params = models.JSONField(default=dict, blank=True)
    memorized = models.FloatField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    cache_seconds = models.FloatField(null=True, blank=True)
    pictures_per_second = models.FloatField(null=True, blank=True)
    peak_memory_bytes = models.BigIntegerField(null=True, blank=True)
    environment = models.JSONField(default=dict, blank=True)

    class Meta(Job.Meta):
        ordering = ["-queued_at"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(fields=["requested_by", "idempotency_key"], name="training_run_asked_once"),
        ]
        indexes = [
            *Job.Meta.indexes,
            models.Index(fields=["project", "-queued_at"], name="training_run_recent"),
            models.Index(fields=["sweep"], condition=Q(sweep__isnull=False), name="training_run_sweep"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("training_run", args=[self.project.slug, self.id])

    @property
    def reason(self) -> str:
        """Say why the run failed or was blocked, in the reader's language; empty when it was not."""
        return failure_sentence(self.error, self.error_params)

    @property
    def tries(self) -> int:
        """Return how many attempts there were since a person last let it begin or go on."""
        return self.attempt - self.attempts_before

    @property
    def changes_several(self) -> bool:
        """Does it differ in more than one field from the run it is compared with, so that nobody knows what helped?"""
        return len(self.changes) > 1

    @cached_property
    def recipe(self) -> TrainingSpec:
        """The spec as the engine reads it."""
        return TrainingSpec.from_dict(self.spec)

    def files(self) -> list[ModelFile]:
        """Return the model files that the run trains with, with their rights as they stand now."""
        used = [self.base_model_id, *filter(None, [self.vae_id])]
        return list(ModelFile.objects.filter(id__in=used).select_related("rights__evidence").order_by("kind", "id"))


class TrainingPoint(models.Model):
    """What was measured at one step: the loss, and where the run looked at pictures that nobody trains on, that too.

    Changes are shares of the loss at step 0, with a 95 % interval: -0.1 is ten per cent better. `fold` is 0 unless
    the run trains several times on different parts; the last training of such a run is fold 0 too.
    """

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="points")
    fold = models.PositiveSmallIntegerField(default=0)
    step = models.PositiveIntegerField()
    loss = models.FloatField(null=True, blank=True)
    learning_rate = models.FloatField(null=True, blank=True)
    held_out_loss = models.FloatField(null=True, blank=True)
    train_loss = models.FloatField(null=True, blank=True)
    held_out_mean = models.FloatField(null=True, blank=True)
    held_out_low = models.FloatField(null=True, blank=True)
    held_out_high = models.FloatField(null=True, blank=True)
    train_mean = models.FloatField(null=True, blank=True)
    train_low = models.FloatField(null=True, blank=True)
    train_high = models.FloatField(null=True, blank=True)
    is_best = models.BooleanField(default=False)

    class Meta:
        ordering = ["fold", "step"]
        constraints = [models.UniqueConstraint(fields=["run", "fold", "step"], name="training_point_once")]

    def __str__(self) -> str:
        return f"{self.run} @ {self.step}"


class TrainingSample(models.Model):
    """One picture of the strip that a run draws at chosen steps, always from the same noise."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(TrainingRun, on_delete=models.PROTECT, related_name="samples")
    step = models.PositiveIntegerField()
    index = models.PositiveSmallIntegerField()
    prompt = models.TextField()
    seed = models.BigIntegerField()
    path = models.CharField(max_length=200)
    thumbnail = models.CharField(max_length=200)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()

    class Meta:
        ordering = ["step", "index"]
        constraints = [models.UniqueConstraint(fields=["run", "step", "index"], name="training_sample_once")]

    def __str__(self) -> str:
        return f"{self.run} @ {self.step} #{self.index}"
