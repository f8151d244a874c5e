"""Work of the light cluster on model files that somebody brings into the library."""

from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from jobs.models import Job

from .files import ModelFile
from .imports import PictureWork


class ModelIntake(PictureWork):
    """One model file on its way into the library: brought, hashed, checked, and entered with its rights pending.

    `location` is a path below MODELS_ROOT, the name that an upload had, or a URL. What is uploaded or fetched lies
    in `folder` under a name of ours, and stays there when it becomes a model. `declaration` holds what
    `assets.services.Declaration` takes, `made_for` the architecture of a VAE, `prediction_type` how a base model
    predicts where the file is not to say it, `result` the row that the content has; `was_known` says that it had one
    before.
    """

    queue = "light"
    task = "assets.tasks.take_model"

    class Source(models.TextChoices):
        UPLOAD = "upload", _("Upload")
        FOLDER = "folder", _("On the server")
        URL = "url", _("From the web")

    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="model_intakes")
    source = models.CharField(_("source"), max_length=6, choices=Source)
    location = models.CharField(max_length=2000)
    kind = models.CharField(_("kind"), max_length=10, choices=ModelFile.Kind)
    name = models.CharField(_("name"), max_length=120)
    made_for = models.CharField(max_length=10, blank=True, choices=ModelFile.Architecture)
    prediction_type = models.CharField(max_length=12, blank=True, choices=ModelFile.Prediction)
    declaration = models.JSONField(default=dict)
    bases = models.ManyToManyField(ModelFile, blank=True, related_name="+")
    trained_on = models.ForeignKey(
        "assets.DatasetVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    trigger_words = models.JSONField(default=list, blank=True)
    result = models.ForeignKey(ModelFile, on_delete=models.PROTECT, null=True, blank=True, related_name="intakes")
    was_known = models.BooleanField(default=False)

    class Meta(Job.Meta):
        ordering = ["-queued_at"]
        indexes = [*Job.Meta.indexes, models.Index(fields=["project", "-queued_at"], name="intake_recent")]

    @property
    def folder(self) -> Path:
        """Return where an uploaded or fetched file lies."""
        return Path(settings.MODELS_ROOT, "uploads", str(self.id))
