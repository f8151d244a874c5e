"""What arrives with a licence."""

import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Rights(models.Model):
    """What we know of the rights in one thing: the declared licence, whose it is, and where we have it from.

    The effective terms are never stored here; `assets.licensing` computes them from these facts.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("Waits for review")
        CLEARED = "cleared", _("Cleared")
        REFUSED = "refused", _("Refused")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    expression = models.CharField(_("licence (SPDX)"), max_length=300, blank=True)
    branch = models.CharField(_("chosen branch"), max_length=120, blank=True)
    creator = models.CharField(_("creator"), max_length=200, blank=True)
    title = models.CharField(_("title"), max_length=300, blank=True)
    source_url = models.URLField(_("source"), max_length=1000, blank=True)
    retrieved_at = models.DateTimeField(null=True, blank=True)
    valid_from = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    time_zone = models.CharField(max_length=60, default="UTC")
    territories = models.JSONField(null=True, blank=True)
    media = models.JSONField(null=True, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    cleared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    cleared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "rights"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["pending", "cleared", "refused", "withdrawn"]), name="rights_state_known"
            ),
        ]

    def __str__(self) -> str:
        return self.expression or str(_("unknown licence"))


class ModelFile(models.Model):
    """A base model, VAE or translation model on disk, known by the hash of its content.

    `project` is null for files that the whole house shares. Rows are never deleted: `removed_at` leaves a
    tombstone with name, hash and licence, because ledger rows point here.
    """

    class Kind(models.TextChoices):
        BASE = "base", _("Base model")
        VAE = "vae", _("VAE")

    class Architecture(models.TextChoices):
        SD1 = "sd1", "Stable Diffusion 1.x"
        SD2 = "sd2", "Stable Diffusion 2.x"
        SDXL = "sdxl", "Stable Diffusion XL"
        SD3 = "sd3", "Stable Diffusion 3"
        FLUX = "flux", "FLUX.1"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(
        "projects.Project", on_delete=models.PROTECT, null=True, blank=True, related_name="model_files"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(_("name"), max_length=120)
    description = models.TextField(_("description"), blank=True, max_length=2000)
    architecture = models.CharField(max_length=10, choices=Architecture)
    layout = models.CharField(max_length=10, choices=[("diffusers", "diffusers"), ("single", "safetensors")])
    path = models.CharField(max_length=500)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    latent_channels = models.PositiveSmallIntegerField(null=True, blank=True)
    native_width = models.PositiveIntegerField(default=512)
    native_height = models.PositiveIntegerField(default=512)
    defaults = models.JSONField(default=dict, blank=True)
    rights = models.OneToOneField(Rights, on_delete=models.PROTECT, related_name="model_file")
    registered_at = models.DateTimeField(default=timezone.now, editable=False)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["kind", "name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "sha256"], name="model_file_once"),
            models.UniqueConstraint(fields=["sha256"], condition=Q(project=None), name="model_file_once_shared"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def file(self) -> Path:
        """Return where the file or folder lies (relative paths lie under MODELS_ROOT)."""
        return Path(settings.MODELS_ROOT, self.path)

    @property
    def license(self) -> str:
        """Return the declared licence as the badge shows it."""
        return self.rights.branch or self.rights.expression


class Term(models.Model):
    """A word of the team's vocabulary: Japanese, its reading, and the English that the text encoder reads."""

    class Slot(models.TextChoices):
        SUBJECT = "subject", _("Subject")
        ENVIRONMENT = "environment", _("Environment")
        LIGHT = "light", _("Light")
        STYLE = "style", _("Style")
        NEGATIVE = "negative", _("Negative")
        QUALITY = "quality", _("Quality")

    project = models.ForeignKey(
        "projects.Project", on_delete=models.CASCADE, null=True, blank=True, related_name="terms"
    )
    ja = models.CharField(_("Japanese"), max_length=80)
    reading = models.CharField(_("reading"), max_length=120, blank=True)
    en = models.CharField(_("English"), max_length=160)
    synonyms = models.JSONField(default=list, blank=True)
    slot = models.CharField(_("slot"), max_length=12, choices=Slot)
    changed_at = models.DateTimeField(auto_now=True)
    revision = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        ordering = ["slot", "en"]
        constraints = [
            models.UniqueConstraint(fields=["project", "ja", "slot"], name="term_once"),
            models.UniqueConstraint(fields=["ja", "slot"], condition=Q(project=None), name="term_once_shared"),
        ]
        indexes = [models.Index(fields=["project", "slot"], name="term_slot")]

    def __str__(self) -> str:
        return f"{self.ja} → {self.en}"

    def save(self, *args: Any, **options: Any) -> None:
        """Save, and count the change, so that a vocabulary knows when its words are not what they were."""
        if self._state.adding:
            return super().save(*args, **options)
        self.revision = F("revision") + 1
        if options.get("update_fields") is not None:
            options["update_fields"] = [*options["update_fields"], "revision"]
        super().save(*args, **options)
        return self.refresh_from_db(fields=["revision"])

    @staticmethod
    def search(rows: models.QuerySet["Term"], text: str) -> models.QuerySet["Term"]:
        """Keep the words that hold these very characters in Japanese, reading, English or a synonym."""
        return rows.filter(
            Q(ja__icontains=text) | Q(reading__icontains=text) | Q(en__icontains=text) | Q(synonyms__icontains=text)
        )
