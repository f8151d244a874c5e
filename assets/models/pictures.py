"""Pictures that a project may learn from or draw upon, and what people and machines say they show."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .rights import Rights


class Picture(models.Model):
    """A picture with its rights, known by its pixels: the same pixels are in a project once.

    `path` is the picture as it is used: decoded, upright, in sRGB, without a word about itself. `original` is the file
    as it came, which is sealed: kept as proof, never served. Rows are never deleted: `removed_at` leaves a tombstone.
    `output_id` names the output that it is, here or elsewhere; where it is empty there is no `PictureSource`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="pictures")
    name = models.CharField(_("name"), max_length=200)
    path = models.CharField(max_length=200)
    thumbnail = models.CharField(max_length=200)
    original = models.CharField(max_length=200)
    original_sha256 = models.CharField(max_length=64, db_index=True)
    file_sha256 = models.CharField(max_length=64)
    pixels_sha256 = models.CharField(max_length=64)
    format = models.CharField(max_length=5)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size_bytes = models.PositiveBigIntegerField()
    rights = models.OneToOneField(Rights, on_delete=models.PROTECT, related_name="picture")
    batch = models.ForeignKey(
        "assets.ImportBatch", on_delete=models.PROTECT, null=True, blank=True, related_name="pictures"
    )
    output_id = models.UUIDField(null=True, blank=True, db_index=True)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=timezone.now, editable=False)
    removed_at = models.DateTimeField(null=True, blank=True)
    measures = models.JSONField(null=True, blank=True)
    flags = models.JSONField(default=list, blank=True)
    fingerprint = models.BinaryField(null=True, blank=True)
    search_text = models.TextField(default="", blank=True, editable=False)

    class Meta:
        ordering = ["-added_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["project", "pixels_sha256"], name="picture_once")]
        indexes = [
            models.Index(fields=["project", "-added_at", "-id"], name="picture_newest"),
            models.Index(fields=["project"], condition=Q(measures__isnull=True), name="picture_unmeasured"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("material", args=[self.project.slug, self.id])


class PictureTag(models.Model):
    """A word about a picture: proposed by a machine or a person, and accepted or rejected by a person."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _("Proposed")
        ACCEPTED = "accepted", _("Accepted")
        REJECTED = "rejected", _("Rejected")

    picture = models.ForeignKey(Picture, on_delete=models.CASCADE, related_name="tags")
    text = models.CharField(_("tag"), max_length=80)
    state = models.CharField(max_length=8, choices=State, default=State.ACCEPTED)
    source = models.CharField(max_length=120, blank=True)
    confidence = models.FloatField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["text"]
        constraints = [
            models.UniqueConstraint(fields=["picture", "text"], name="picture_tag_once"),
            models.CheckConstraint(
                condition=Q(confidence=None) | Q(confidence__gte=0.0, confidence__lte=1.0), name="tag_confidence_range"
            ),
        ]
        indexes = [models.Index(fields=["text", "state"], name="picture_tag_text")]

    def __str__(self) -> str:
        return self.text


class PicturePair(models.Model):
    """Two pictures that are nearly the same, found by a worker; `similarity` is 1.0 for equal ones."""

    first = models.ForeignKey(Picture, on_delete=models.CASCADE, related_name="pairs")
    second = models.ForeignKey(Picture, on_delete=models.CASCADE, related_name="pairs_before")
    similarity = models.FloatField()
    dismissed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["-similarity", "id"]
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="picture_pair_once"),
            models.CheckConstraint(condition=Q(first__lt=models.F("second")), name="picture_pair_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.first} ~ {self.second}"
