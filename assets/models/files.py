"""Model files, and what each was made from."""

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .rights import Rights


class ModelFile(models.Model):
    """A base model, VAE, adapter or upscaler on disk, known by the hash of its content.

    `architecture` is what it fits; empty for an upscaler, which works on pixels whatever drew them.
    `project` is null for files that the whole house shares. Rows are never deleted: `removed_at` leaves a
    tombstone with name, hash and licence, because ledger rows point here.
    """

    class Kind(models.TextChoices):
        BASE = "base", _("Base model")
        VAE = "vae", _("VAE")
        ADAPTER = "adapter", _("Adapter")
        UPSCALER = "upscaler", _("Upscaler")

    class Method(models.TextChoices):
        LORA = "lora", "LoRA"
        DREAMBOOTH = "dreambooth", "DreamBooth"
        TEXTUAL_INVERSION = "textual_inversion", "Textual Inversion"
        HYPERNETWORK = "hypernetwork", _("Hypernetwork")

    class Architecture(models.TextChoices):
        SD1 = "sd1", "Stable Diffusion 1.x"
        SD2 = "sd2", "Stable Diffusion 2.x"
        SDXL = "sdxl", "Stable Diffusion XL"
        SD3 = "sd3", "Stable Diffusion 3"
        FLUX = "flux", "FLUX.1"

    class Prediction(models.TextChoices):
        EPSILON = "epsilon", _("epsilon (the noise)")
        VELOCITY = "v_prediction", _("v_prediction (the velocity)")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(
        "projects.Project", on_delete=models.PROTECT, null=True, blank=True, related_name="model_files"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    method = models.CharField(max_length=20, blank=True, choices=Method)
    name = models.CharField(_("name"), max_length=120)
    description = models.TextField(_("description"), blank=True, max_length=2000)
    architecture = models.CharField(max_length=10, blank=True, choices=Architecture)
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
        return self.rights.license

    @property
    def prediction(self) -> str:
        """Return how a person said that the model predicts, in words; empty when the file says it."""
        chosen = self.defaults.get("prediction_type", "")
        return str(self.Prediction(chosen).label) if chosen in self.Prediction.values else ""


class ModelSource(models.Model):
    """One stored edge: a model file was made from another file, or from a version of a dataset."""

    class Role(models.TextChoices):
        DERIVED_FROM = "derived_from", _("Derived from")
        MERGED_FROM = "merged_from", _("Merged from")
        TRAINED_ON = "trained_on", _("Trained on")

    product = models.ForeignKey(ModelFile, on_delete=models.PROTECT, related_name="sources")
    role = models.CharField(max_length=14, choices=Role)
    file = models.ForeignKey(ModelFile, on_delete=models.PROTECT, null=True, blank=True, related_name="products")
    dataset_version = models.ForeignKey(
        "assets.DatasetVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="products"
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["product", "file", "dataset_version"], name="model_source_once"),
            models.CheckConstraint(
                condition=Q(role="trained_on", dataset_version__isnull=False, file=None)
                | (~Q(role="trained_on") & Q(dataset_version=None, file__isnull=False)),
                name="model_source_one_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product} ← {self.file or self.dataset_version}"
