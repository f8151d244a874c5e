"""Pictures that a model has drawn: what the house made, and the models behind a picture that came in."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .files import ModelFile
from .pictures import Picture


class MadePicture(models.Model):
    """A picture that was made here, known by its pixels, with the ids of the model files that it was made with.

    Whoever makes a picture writes this, so that it is recognised when it comes back as a picture to learn from.
    """

    output_id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="made_pictures")
    pixels_sha256 = models.CharField(max_length=64, db_index=True)
    files = models.JSONField(default=list)
    made_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["made_at"]

    def __str__(self) -> str:
        return self.pixels_sha256


class PictureSource(models.Model):
    """One stored edge: a picture was made with a model; `file` is null while nobody here knows a model of this hash."""

    class Basis(models.TextChoices):
        PIXELS = "pixels", _("Recognised by its pixels")
        CLAIM = "claim", _("The file says so")

    picture = models.ForeignKey(Picture, on_delete=models.PROTECT, related_name="made_with")
    file = models.ForeignKey(ModelFile, on_delete=models.PROTECT, null=True, blank=True, related_name="pictures")
    sha256 = models.CharField(max_length=64, db_index=True)
    basis = models.CharField(max_length=6, choices=Basis)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["picture", "sha256"], name="picture_source_once")]

    def __str__(self) -> str:
        return f"{self.picture} ← {self.file or self.sha256[:12]}"
