"""Adapters: what a team trains under one name, its numbered versions, and which of them counts."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


class Method(models.TextChoices):
    """How an adapter is trained."""

    LORA = "lora", _("LoRA")
    DREAMBOOTH = "dreambooth", _("DreamBooth")
    DREAMBOOTH_LORA = "dreambooth_lora", _("LoRA-DreamBooth")
    TEXTUAL_INVERSION = "textual_inversion", _("Textual Inversion")
    HYPERNETWORK = "hypernetwork", _("Hypernetwork")


class Adapter(models.Model):
    """A name under which a team trains or collects weights: its versions never change, its aliases say which counts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="adapters")
    slug = models.SlugField(max_length=80)
    name = models.CharField(_("name"), max_length=120)
    name_ja = models.CharField(_("Japanese name"), max_length=120, blank=True)
    method = models.CharField(_("method"), max_length=20, choices=Method)
    description = models.TextField(_("description"), blank=True, max_length=2000)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="adapter_slug_once")]

    def __str__(self) -> str:
        return self.name_ja if self.name_ja and get_language() == "ja" else self.name

    def get_absolute_url(self) -> str:
        return reverse("adapter", args=[self.project.slug, self.slug])


class AdapterVersion(models.Model):
    """One version of an adapter: a file with what it was learned from. Only its withdrawal is ever written later.

    `decision` is the gate's answer under which it was made, `attribution` the credits that it carries, one a line.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    adapter = models.ForeignKey(Adapter, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    file = models.OneToOneField("assets.ModelFile", on_delete=models.PROTECT, related_name="adapter_version")
    run = models.OneToOneField(
        "training.TrainingRun", on_delete=models.PROTECT, null=True, blank=True, related_name="version"
    )
    job = models.OneToOneField(
        "training.AdapterJob", on_delete=models.PROTECT, null=True, blank=True, related_name="version"
    )
    step = models.PositiveIntegerField(null=True, blank=True)
    dataset_version = models.ForeignKey(
        "assets.DatasetVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="adapter_versions"
    )
    trigger_words = models.JSONField(default=list, blank=True)
    recommended_weight = models.FloatField(_("recommended weight"), default=0.8)
    decision = models.JSONField(default=dict)
    license = models.CharField(_("effective licence"), max_length=500)
    attribution = models.TextField(_("credits"), blank=True)
    scores = models.JSONField(default=dict, blank=True)
    note = models.CharField(_("note"), max_length=300, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ledger_seq = models.PositiveBigIntegerField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    withdrawn_reason = models.CharField(_("reason"), max_length=500, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["adapter", "number"], name="adapter_version_once")]

    def __str__(self) -> str:
        return f"{self.adapter} v{self.number}"

    def get_absolute_url(self) -> str:
        return reverse("adapter_version", args=[self.adapter.project.slug, self.adapter.slug, self.number])

    @property
    def is_withdrawn(self) -> bool:
        """Was this version taken back? Then only its tombstone is left."""
        return self.withdrawn_at is not None


class AdapterParent(models.Model):
    """One stored edge: a version was made from another version, with this weight."""

    version = models.ForeignKey(AdapterVersion, on_delete=models.PROTECT, related_name="parents")
    parent = models.ForeignKey(AdapterVersion, on_delete=models.PROTECT, related_name="children")
    weight = models.FloatField(default=1.0)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["version", "parent"], name="adapter_parent_once"),
            models.CheckConstraint(condition=~Q(version=F("parent")), name="adapter_parent_is_another"),
        ]

    def __str__(self) -> str:
        return f"{self.version} ← {self.parent}"


class AdapterAlias(models.Model):
    """A name that points at one version of an adapter: production or candidate."""

    class Name(models.TextChoices):
        PRODUCTION = "production", _("Production")
        CANDIDATE = "candidate", _("Candidate")

    adapter = models.ForeignKey(Adapter, on_delete=models.PROTECT, related_name="aliases")
    name = models.CharField(max_length=12, choices=Name)
    version = models.ForeignKey(AdapterVersion, on_delete=models.PROTECT, related_name="aliases")
    previous = models.ForeignKey(AdapterVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    moved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-name"]
        constraints = [models.UniqueConstraint(fields=["adapter", "name"], name="adapter_alias_once")]

    def __str__(self) -> str:
        return f"{self.name} → v{self.version.number}"


class Promotion(models.Model):
    """A person asks that a version becomes production, and another one decides. One waits per adapter at a time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    adapter = models.ForeignKey(Adapter, on_delete=models.PROTECT, related_name="promotions")
    version = models.ForeignKey(AdapterVersion, on_delete=models.PROTECT, related_name="promotions")
    note = models.CharField(_("why"), max_length=500, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    approved = models.BooleanField(null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(fields=["adapter"], condition=Q(decided_at=None), name="promotion_one_open"),
            models.CheckConstraint(
                condition=~Q(approved=True) | ~Q(decided_by=F("asked_by")), name="promotion_four_eyes"
            ),
            models.CheckConstraint(
                condition=Q(decided_at=None, decided_by=None, approved=None)
                | Q(decided_at__isnull=False, decided_by__isnull=False, approved__isnull=False),
                name="promotion_decided_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} → production"

    @property
    def is_open(self) -> bool:
        """Does it still wait for somebody's decision?"""
        return self.decided_at is None
