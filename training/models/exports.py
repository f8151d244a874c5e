"""Weights on their way out of the library: in a layout that other programs read, with the papers that belong to it."""

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from jobs.models import Job

from ..export_sentences import failure_sentence
from .adapters import AdapterVersion


class AdapterExport(Job):
    """Write one version as a file to take out; it is kept for some days, and sent only while the rights allow it.

    `circumstances` are what the weights gate was asked for (territory, outbound_license); a download that stays in the
    house has none. `papers_sha256` says which papers went in, so that outdated ones are not sent.
    """

    queue = "light"
    task = "training.tasks_exports.export"

    class Layout(models.TextChoices):
        KOHYA = "kohya", "kohya"
        PEFT = "peft", "PEFT"
        DIFFUSERS = "diffusers", "diffusers"
        A1111 = "a1111", "AUTOMATIC1111"
        FOLDER = "folder", _("diffusers folder")
        FILE = "file", _("As it is kept")
        PACKAGE = "package", _("Whole package")

    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="adapter_exports")
    version = models.ForeignKey(AdapterVersion, on_delete=models.PROTECT, related_name="exports")
    layout = models.CharField(_("layout"), max_length=10, choices=Layout)
    is_public = models.BooleanField(_("leaves the house"))
    circumstances = models.JSONField(default=dict, blank=True)
    decision = models.JSONField(default=dict)
    papers_sha256 = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=200)
    path = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size_bytes = models.BigIntegerField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=80)

    class Meta(Job.Meta):
        ordering = ["-queued_at"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(fields=["requested_by", "idempotency_key"], name="adapter_export_asked_once"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("adapter_export", args=[self.project.slug, self.id])

    @property
    def reason(self) -> str:
        """Say why the job failed or was blocked, in the reader's language; empty when it was not."""
        return failure_sentence(self.error, self.error_params)

    @property
    def is_here(self) -> bool:
        """Is there a file to be sent?"""
        return self.status == Job.Status.SUCCEEDED and bool(self.path)
