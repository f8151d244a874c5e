"""Work on weights that are there already: merge, extract, resize."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from assets.models import ModelFile
from jobs.models import Job

from ..rework_sentences import failure_sentence


class AdapterJob(Job):
    """Make a new version from one or several others, without training. `options` holds the kind's own numbers."""

    queue = "gpu"
    task = "training.tasks.rework"

    class Kind(models.TextChoices):
        MERGE = "merge", _("Merge")
        EXTRACT = "extract", _("Extract a LoRA")
        RESIZE = "resize", _("Resize")

    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="adapter_jobs")
    kind = models.CharField(max_length=8, choices=Kind)
    adapter = models.ForeignKey("training.Adapter", on_delete=models.PROTECT, related_name="jobs")
    options = models.JSONField(default=dict, blank=True)
    decision = models.JSONField(default=dict)
    note = models.CharField(_("note"), max_length=300, blank=True)
    idempotency_key = models.CharField(max_length=80)

    class Meta(Job.Meta):
        ordering = ["-queued_at"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(fields=["requested_by", "idempotency_key"], name="adapter_job_asked_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} → {self.adapter}"

    @property
    def reason(self) -> str:
        """Say why the job failed or was blocked, in the reader's language; empty when it was not."""
        return failure_sentence(self.error, self.error_params)

    def files(self) -> list[ModelFile]:
        """Return the files of the versions that go in, in their order, with their rights as they stand now."""
        rows = self.inputs.select_related("version__file__rights__evidence").order_by("position")
        return [row.version.file for row in rows]


class AdapterJobInput(models.Model):
    """One version that a job works on, with its weight and its place."""

    job = models.ForeignKey(AdapterJob, on_delete=models.PROTECT, related_name="inputs")
    version = models.ForeignKey("training.AdapterVersion", on_delete=models.PROTECT, related_name="jobs")
    weight = models.FloatField(default=1.0)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["job", "position"], name="adapter_job_input_place"),
            models.UniqueConstraint(fields=["job", "version"], name="adapter_job_input_once"),
        ]

    def __str__(self) -> str:
        return f"{self.version}:{self.weight:g}"
