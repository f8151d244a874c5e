"""What is made: templates, jobs that render, and the pictures they leave."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from assets.models import ModelFile
from engine.limits import MAX_SEED
from engine.specs import ImageSpec
from jobs.models import Job

from .grid_models import Grid as Grid
from .grid_models import GridCell as GridCell
from .sentences import failure_sentence
from .templates import TemplateBody


class PromptTemplate(models.Model):
    """A reusable prompt: its versions are numbered and immutable, its aliases say which one counts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="templates")
    slug = models.SlugField(max_length=80)
    name = models.CharField(_("name"), max_length=120)
    name_ja = models.CharField(_("Japanese name"), max_length=120, blank=True)
    description = models.TextField(_("description"), blank=True, max_length=2000)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="template_slug_once")]

    def __str__(self) -> str:
        return self.name_ja if self.name_ja and get_language() == "ja" else self.name

    def get_absolute_url(self) -> str:
        return reverse("template", args=[self.project.slug, self.slug])


class TemplateVersion(models.Model):
    """One immutable version of a template. `body` is `generation.prompts.TemplateBody.as_dict()`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    template = models.ForeignKey(PromptTemplate, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    body = models.JSONField()
    note = models.CharField(_("what changed"), max_length=300, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="template_version_once")]

    def __str__(self) -> str:
        return f"{self.template} v{self.number}"

    @cached_property
    def parsed(self) -> TemplateBody:
        """The body as prompts are compiled with it, read once for everything that a page asks of it."""
        return TemplateBody.from_dict(self.body)


class TemplateAlias(models.Model):
    """A name that points at one version of a template: production or candidate."""

    class Name(models.TextChoices):
        PRODUCTION = "production", _("Production")
        CANDIDATE = "candidate", _("Candidate")

    template = models.ForeignKey(PromptTemplate, on_delete=models.PROTECT, related_name="aliases")
    name = models.CharField(max_length=12, choices=Name)
    version = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, related_name="aliases")
    previous = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    moved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-name"]
        constraints = [models.UniqueConstraint(fields=["template", "name"], name="template_alias_once")]

    def __str__(self) -> str:
        return f"{self.name} → v{self.version.number}"


class Lineage(models.Model):
    """What pictures are made from: the same model files together, however often they are used together.

    One decision about a lineage is the decision about all its pictures, so that rights are asked once for thousands.
    `key` is the sha256 over the ids of its files.
    """

    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="lineages")
    key = models.CharField(max_length=64)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="lineage_once")]

    def __str__(self) -> str:
        return self.key[:12]


class LineageFile(models.Model):
    """One stored edge: pictures of this lineage were made with this file."""

    lineage = models.ForeignKey(Lineage, on_delete=models.PROTECT, related_name="files")
    file = models.ForeignKey("assets.ModelFile", on_delete=models.PROTECT, related_name="lineage_files")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["lineage", "file"], name="lineage_file_once")]

    def __str__(self) -> str:
        return f"{self.lineage} ← {self.file}"


class PictureJob(Job):
    """A job whose failures are said in the words of pictures, models and prompts."""

    class Meta(Job.Meta):
        abstract = True

    @property
    def reason(self) -> str:
        """Say why the job failed or was blocked, in the reader's language; empty when it was not."""
        return failure_sentence(self.error, self.error_params)


class Generation(PictureJob):
    """A request for pictures: everything decided at the time of asking, and the job that renders it.

    `spec` is the ImageSpec of the first picture; picture `index` has the same spec with `seed + index`.
    """

    queue = "gpu"
    task = "generation.tasks.render"

    class Quality(models.TextChoices):
        DRAFT = "draft", _("Draft")
        FINAL = "final", _("Final")

    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="generations")
    campaign = models.ForeignKey(
        "projects.Campaign", on_delete=models.SET_NULL, null=True, blank=True, related_name="generations"
    )
    template_version = models.ForeignKey(
        TemplateVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="generations"
    )
    base_model = models.ForeignKey("assets.ModelFile", on_delete=models.PROTECT, related_name="generations")
    vae = models.ForeignKey(
        "assets.ModelFile", on_delete=models.PROTECT, null=True, blank=True, related_name="vae_generations"
    )
    lineage = models.ForeignKey(Lineage, on_delete=models.PROTECT, null=True, blank=True, related_name="generations")
    spec = models.JSONField()
    count = models.PositiveSmallIntegerField(default=1)
    quality = models.CharField(max_length=5, choices=Quality, default=Quality.DRAFT)
    slots = models.JSONField(default=dict)
    variables = models.JSONField(default=dict)
    choices = models.JSONField(default=list)
    translation = models.JSONField(default=dict)
    decision = models.JSONField(default=dict)
    idempotency_key = models.CharField(max_length=80)
    preview_at = models.DateTimeField(null=True, blank=True)

    class Meta(Job.Meta):
        ordering = ["-queued_at"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(fields=["requested_by", "idempotency_key"], name="generation_asked_once"),
            models.CheckConstraint(condition=Q(count__gte=1, count__lte=16), name="generation_count_range"),
        ]
        indexes = [
            *Job.Meta.indexes,
            models.Index(fields=["project", "-queued_at"], name="generation_recent"),
            models.Index(fields=["project", "requested_by", "-queued_at"], name="generation_mine"),
        ]

    def __str__(self) -> str:
        return self.spec.get("prompt", "")[:80]

    def files(self) -> list[ModelFile]:
        """Return every model file that the pictures are made with, with its rights as they stand now.

        The base model and the VAE are among them, and are not read again when they are asked for by name.
        """
        used = Q(id__in=[self.base_model_id, *filter(None, [self.vae_id])])
        if self.lineage_id is not None:
            used = Q(lineage_files__lineage=self.lineage_id)
        found = list(ModelFile.objects.filter(used).select_related("rights__evidence").order_by("name", "id"))
        for file in found:
            if file.id == self.base_model_id:
                self.base_model = file
            elif file.id == self.vae_id:
                self.vae = file
        return found

    @cached_property
    def chosen_adapters(self) -> list["GenerationAdapter"]:
        """The adapters in their order, each with its file; nothing is read where the recipe names none."""
        return list(self.adapters.select_related("file")) if self.spec.get("adapters") else []

    def spec_for(self, index: int) -> ImageSpec:
        """Return the recipe of picture `index` (0-based)."""
        spec = ImageSpec.from_dict(self.spec)
        return spec.replace(seed=(spec.seed + index) % (MAX_SEED + 1))


class GenerationAdapter(models.Model):
    """One adapter of a request, with the weight and the order in which it is applied."""

    generation = models.ForeignKey(Generation, on_delete=models.PROTECT, related_name="adapters")
    file = models.ForeignKey("assets.ModelFile", on_delete=models.PROTECT, related_name="adapter_generations")
    weight = models.FloatField()
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["generation", "position"], name="generation_adapter_once")]

    def __str__(self) -> str:
        return f"{self.file}:{self.weight:g}"


class Output(models.Model):
    """A picture that was made, with its exact recipe, its licence decision and its place in the ledger."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="outputs")
    generation = models.ForeignKey(Generation, on_delete=models.PROTECT, related_name="outputs")
    lineage = models.ForeignKey(Lineage, on_delete=models.PROTECT, null=True, blank=True, related_name="outputs")
    index = models.PositiveSmallIntegerField()
    spec = models.JSONField()
    recipe_sha256 = models.CharField(max_length=64, db_index=True)
    seed = models.BigIntegerField()
    search_text = models.TextField(default="", editable=False)
    path = models.CharField(max_length=200)
    thumbnail = models.CharField(max_length=200)
    file_sha256 = models.CharField(max_length=64)
    pixels_sha256 = models.CharField(max_length=64, db_index=True)
    size_bytes = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    environment = models.JSONField()
    decision = models.JSONField(default=dict)
    license = models.CharField(_("effective licence"), max_length=500)
    ledger_seq = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    rating = models.PositiveSmallIntegerField(default=0)
    rejected_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["generation", "index"], name="output_once"),
            models.CheckConstraint(condition=Q(rating__lte=5), name="output_rating_range"),
        ]
        indexes = [
            models.Index(fields=["project", "-created_at", "-id"], name="output_gallery"),
            models.Index(fields=["project", "license", "-created_at", "-id"], name="output_license"),
            models.Index(
                fields=["project", "-created_at", "-id"],
                condition=Q(rejected_at__isnull=False),
                name="output_rejected",
            ),
            models.Index(fields=["project", "-created_at", "-id", "rejected_at", "search_text"], name="output_search"),
            models.Index(fields=["project", "-created_at", "-id", "lineage"], name="output_lineage_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.spec.get('prompt', '')[:60]} #{self.seed}"

    def get_absolute_url(self) -> str:
        return reverse("picture", args=[self.project.slug, self.id])

    def image_spec(self) -> ImageSpec:
        """Return the recipe as the engine reads it."""
        return ImageSpec.from_dict(self.spec)


class Replay(PictureJob):
    """Render a picture again from its ledger entry, and say whether the pixels are the same."""

    queue = "gpu"
    task = "generation.tasks.replay"

    class Verdict(models.TextChoices):
        EXACT = "exact", _("Exact")
        DRIFT = "drift", _("Drift")

    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="replays")
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="replays")
    verdict = models.CharField(max_length=5, choices=Verdict, blank=True)
    pixels_sha256 = models.CharField(max_length=64, blank=True)
    environment = models.JSONField(default=dict)
    differences = models.JSONField(default=list)
    ledger_seq = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta(Job.Meta):
        ordering = ["-queued_at"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["output"], condition=Q(status__in=["queued", "running"]), name="replay_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.output} → {self.verdict or self.status}"

    def files(self) -> list[ModelFile]:
        """Return every model file that the picture is made with, with its rights as they stand now."""
        return self.output.generation.files()


class Suggestion(PictureJob):
    """Ask the house's translation model for the English of a word that the vocabulary does not know."""

    queue = "gpu"
    task = "generation.tasks.suggest"

    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="suggestions")
    text = models.CharField(_("word"), max_length=80)
    result = models.CharField(_("English"), max_length=400, blank=True)
    translator = models.CharField(max_length=100, blank=True)

    class Meta(Job.Meta):
        ordering = ["-queued_at"]

    def __str__(self) -> str:
        return f"{self.text} → {self.result or self.status}"
