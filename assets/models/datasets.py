"""Datasets: pictures with captions that are chosen together, and the versions that are frozen from them."""

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from .pictures import Picture


class Dataset(models.Model):
    """A choice of pictures to learn from. Pictures may be in several datasets; captions belong to one.

    `aims_at_work` is null while nobody has said whether the set aims at a person, a character or a single work.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="datasets")
    slug = models.SlugField(max_length=80)
    name = models.CharField(_("name"), max_length=120)
    name_ja = models.CharField(_("Japanese name"), max_length=120, blank=True)
    description = models.TextField(_("description"), blank=True, max_length=2000)
    trigger = models.CharField(_("trigger word"), max_length=80, blank=True)
    aims_at_work = models.BooleanField(_("aims at a person, a character or a single work"), null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="dataset_slug_once")]

    def __str__(self) -> str:
        return self.name_ja if self.name_ja and get_language() == "ja" else self.name

    def get_absolute_url(self) -> str:
        return reverse("dataset", args=[self.project.slug, self.slug])


class DatasetItem(models.Model):
    """A picture's place in a dataset: its number, and the group that it belongs to."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="items")
    picture = models.ForeignKey(Picture, on_delete=models.PROTECT, related_name="items")
    number = models.PositiveIntegerField()
    group = models.CharField(_("group"), max_length=80, blank=True)
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "picture"], name="dataset_item_once"),
            models.UniqueConstraint(fields=["dataset", "number"], name="dataset_number_once"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} {self.number:04d}"


class Caption(models.Model):
    """What a picture shows, in one language, as a dataset tells it."""

    item = models.ForeignKey(DatasetItem, on_delete=models.CASCADE, related_name="captions")
    language = models.CharField(max_length=5, choices=settings.LANGUAGES)
    text = models.TextField(_("caption"), max_length=2000)

    class Meta:
        ordering = ["language"]
        constraints = [models.UniqueConstraint(fields=["item", "language"], name="caption_once")]

    def __str__(self) -> str:
        return self.text[:60]


class CaptionEdit(models.Model):
    """Captions that were changed in one go; `changes` lists item, language, from and to, so that it can be undone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="edits")
    what = models.CharField(max_length=300)
    changes = models.JSONField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now, editable=False)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return self.what


class DatasetVersion(models.Model):
    """A frozen dataset: a manifest that is kept under its hash, and the root of the Merkle tree over its lines."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    manifest = models.CharField(max_length=200)
    manifest_sha256 = models.CharField(max_length=64)
    merkle_root = models.CharField(max_length=64)
    count = models.PositiveIntegerField()
    trigger = models.CharField(max_length=80, blank=True)
    aims_at_work = models.BooleanField(null=True, blank=True)
    note = models.CharField(_("what changed"), max_length=300, blank=True)
    decision = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ledger_seq = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="dataset_version_once")]

    def __str__(self) -> str:
        return f"{self.dataset} v{self.number}"

    def get_absolute_url(self) -> str:
        return reverse("dataset_version", args=[self.dataset.project.slug, self.dataset.slug, self.number])


class DatasetVersionItem(models.Model):
    """One stored edge: this picture is in this version, as this line of its manifest."""

    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="items")
    picture = models.ForeignKey(Picture, on_delete=models.PROTECT, related_name="version_items")
    number = models.PositiveIntegerField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["version", "picture"], name="version_item_once"),
            models.UniqueConstraint(fields=["version", "number"], name="version_number_once"),
        ]

    def __str__(self) -> str:
        return f"{self.version} {self.number:04d}"
