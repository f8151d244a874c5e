"""Work of the light cluster on pictures: imports, and looking at what came."""

import uuid
from functools import cached_property
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from jobs.models import Job

from ..licensing import Profile
from ..sentences import failure_sentence
from .datasets import Dataset
from .licenses import OwnLicense


class PictureWork(Job):
    """A job whose failures are said in the words of files and tables."""

    class Meta(Job.Meta):
        abstract = True

    @property
    def reason(self) -> str:
        """Say why the job failed or was blocked, in the reader's language; empty when it was not."""
        return failure_sentence(self.error, self.error_params)


class ImportBatch(models.Model):
    """Files that were brought in together: first read as a trial, then taken in, and all undone when wanted.

    The files wait in the folder `uploads/<id>` of MEDIA_ROOT. `defaults` is what holds for rows that say nothing,
    `confirmed` maps a written licence to the expression that a person agreed it means. A batch that is taken in twice
    makes nothing new: its rows are matched by their pixels.
    """

    class Step(models.TextChoices):
        TRIAL = "trial", _("Being read")
        READY = "ready", _("Ready to import")
        IMPORTING = "importing", _("Being imported")
        IMPORTED = "imported", _("Imported")
        UNDONE = "undone", _("Undone")
        REFUSED = "refused", _("Refused")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="import_batches")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, null=True, blank=True, related_name="batches")
    step = models.CharField(max_length=9, choices=Step, default=Step.TRIAL)
    name = models.CharField(_("name"), max_length=200)
    defaults = models.JSONField(default=dict, blank=True)
    confirmed = models.JSONField(default=dict, blank=True)
    notices = models.JSONField(default=list, blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-made_at"]
        indexes = [models.Index(fields=["project", "-made_at"], name="import_recent")]

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        """Return where the files wait."""
        return Path(settings.MEDIA_ROOT, "uploads", str(self.id))

    @cached_property
    def own_profiles(self) -> dict[str, Profile]:
        """Return the team's own licences by id, for reading what tables write; read once for a walk."""
        return OwnLicense.objects.profiles_in(self.project_id)


class ImportJob(PictureWork):
    """One walk through a batch: to try it, to take it in, or to undo it. A killed walk goes on where it stood."""

    queue = "light"
    task = "assets.tasks.walk_batch"

    class Kind(models.TextChoices):
        TRIAL = "trial", _("Trial")
        IMPORT = "import", _("Import")
        UNDO = "undo", _("Undo")

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=6, choices=Kind)

    class Meta(Job.Meta):
        ordering = ["-queued_at"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["batch"], condition=Q(status__in=["queued", "running"]), name="import_one_job_at_a_time"
            ),
        ]


class ImportRow(models.Model):
    """One file of a batch: what the table says about it, what is wrong with it, and the picture that it became."""

    class State(models.TextChoices):
        GOOD = "good", _("Good")
        WRONG = "wrong", _("Not importable")
        KNOWN = "known", _("Here already")
        IMPORTED = "imported", _("Imported")

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=300)
    entry = models.CharField(max_length=300, blank=True)
    values = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.GOOD)
    problems = models.JSONField(default=list, blank=True)
    notices = models.JSONField(default=list, blank=True)
    picture = models.ForeignKey(
        "assets.Picture", on_delete=models.PROTECT, null=True, blank=True, related_name="import_rows"
    )

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="import_row_once")]
        indexes = [models.Index(fields=["batch", "state"], name="import_row_state")]

    def __str__(self) -> str:
        return self.name


class Curation(PictureWork):
    """A look at a project's pictures that nobody has measured yet: quality, likenesses, tags proposed by a machine."""

    queue = "light"
    task = "assets.tasks.curate"

    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="curations")
    measured = models.PositiveIntegerField(default=0)
    pairs = models.PositiveIntegerField(default=0)

    class Meta(Job.Meta):
        ordering = ["-queued_at"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(fields=["project"], condition=Q(status="queued"), name="curation_one_waiting"),
        ]


class Tagging(PictureWork):
    """A model's proposals of tags for a project's pictures; a person decides on each."""

    queue = "gpu"
    task = "assets.tasks_gpu.propose_tags"

    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="taggings")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, null=True, blank=True, related_name="taggings")
    tagger = models.CharField(max_length=120, blank=True)
    proposed = models.PositiveIntegerField(default=0)

    class Meta(Job.Meta):
        ordering = ["-queued_at"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(status__in=["queued", "running"]),
                name="tagging_one_at_a_time",
            ),
        ]
