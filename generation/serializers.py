"""The API's words for templates, jobs and pictures. They translate; the services decide."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from assets.models import ModelFile
from assets.serializers import DecisionSerializer
from engine.schedulers import SCHEDULERS
from projects.access import usable_in
from projects.addresses import address_pattern
from projects.models import Project
from projects.problems import Problem
from projects.protocol import StrictSerializer

from . import starting
from .adapter_choice import usual_weight
from .composing import Adapter, Composed, PictureRequest
from .models import Generation, Output, PromptTemplate, Replay, TemplateAlias, TemplateVersion
from .sentences import failure_sentence, sentence
from .services.generations import any_seed, describe_block
from .templates import SLOT_NAMES
from .words import difference_sentence


class ChosenAdapterSerializer(StrictSerializer):
    """An adapter, and how strongly it is applied."""

    id = serializers.UUIDField()
    weight = serializers.FloatField(required=False, help_text="Left out, what is usual for this adapter.")


class PictureRequestSerializer(StrictSerializer):
    """What to draw. A slot that is left out takes the template's default; an empty one stays empty."""

    base_model = serializers.UUIDField(required=False, help_text="Default: the project's usual model.")
    vae = serializers.UUIDField(required=False, allow_null=True)
    template = serializers.SlugField(required=False, help_text="Slug of a template.")
    version = serializers.CharField(
        required=False, default="production", max_length=12, help_text="A number, `production` or `candidate`."
    )
    slots = serializers.DictField(child=serializers.CharField(allow_blank=True, trim_whitespace=True), required=False)
    negative = serializers.CharField(required=False, allow_blank=True, allow_null=True)
    variables = serializers.DictField(child=serializers.CharField(allow_blank=True), required=False)
    width = serializers.IntegerField(required=False)
    height = serializers.IntegerField(required=False)
    num_inference_steps = serializers.IntegerField(required=False)
    guidance_scale = serializers.FloatField(required=False)
    scheduler = serializers.ChoiceField(choices=list(SCHEDULERS), required=False)
    clip_skip = serializers.IntegerField(required=False, default=0)
    seed = serializers.IntegerField(required=False, help_text="Default: any.")
    count = serializers.IntegerField(required=False, default=1, min_value=1, max_value=8)
    quality = serializers.ChoiceField(choices=Generation.Quality.choices, required=False, default="draft")
    campaign = serializers.SlugField(required=False)
    adapters = ChosenAdapterSerializer(many=True, required=False, help_text="Applied in this order.")

    def picture_request(self, project: Project) -> PictureRequest:
        """Return the request for this project. Raises Problem for a model that it cannot use."""
        values = {name: value for name, value in self.validated_data.items() if name != "project"}
        model = self.file_of(project, values.pop("base_model", None), ModelFile.Kind.BASE) or self.usual_model(project)
        values.setdefault("num_inference_steps", starting.usual_steps(model.defaults, values["quality"]))
        vae_id = values.pop("vae", None)
        slug, version = values.pop("template", None), values.pop("version")
        campaign = values.pop("campaign", None)
        chosen = values.pop("adapters", [])
        return PictureRequest(
            base_model=model,
            vae=self.file_of(project, vae_id, ModelFile.Kind.VAE),
            template_version=starting.version_by_name(project, slug, version) if slug else None,
            campaign=self.campaign_of(project, campaign) if campaign else None,
            adapters=tuple(self.adapter_of(project, each) for each in chosen),
            seed=values.pop("seed", None) if "seed" in values else any_seed(),
            **values,
        )

    def adapter_of(self, project: Project, chosen: Mapping[str, Any]) -> Adapter:
        """Return an adapter with its weight, which is the usual one unless it was said."""
        file = self.file_of(project, chosen["id"], ModelFile.Kind.ADAPTER)
        assert file is not None
        return Adapter(file=file, weight=chosen["weight"] if "weight" in chosen else usual_weight(file))

    def usual_model(self, project: Project) -> ModelFile:
        """Return the model that the Studio starts with."""
        model = starting.Shelf(project).usual_model
        if model is None:
            message = _("This project has no base model yet.")
            raise Problem("no_model", message, fields={"base_model": message})
        return model

    def file_of(self, project: Project, file_id: Any, kind: str) -> ModelFile | None:
        """Return a file that the project may use."""
        if file_id is None:
            return None
        rows = usable_in(project, ModelFile.objects.filter(kind=kind, removed_at=None)).select_related(
            "rights__evidence"
        )
        found = rows.filter(id=file_id).first()
        if found is None:
            name = {ModelFile.Kind.BASE: "base_model", ModelFile.Kind.VAE: "vae"}.get(kind, "adapters")
            message = _("There is no such model in this project.")
            raise Problem("model_unknown", message, fields={name: message})
        return found

    def campaign_of(self, project: Project, slug: str) -> Any:
        """Return the project's campaign."""
        found = project.campaigns.filter(slug=slug).first()
        if found is None:
            message = _("There is no such campaign in this project.")
            raise Problem("campaign_unknown", message, fields={"campaign": message})
        return found

    @contextmanager
    def naming_fields(self) -> Iterator[None]:
        """Let problems of the recipe name the fields of this request: `slots.subject`, `variables.product`."""
        try:
            yield
        except Problem as problem:
            problem.fields = {self.field_of(name): message for name, message in problem.fields.items()}
            raise

    def field_of(self, name: str) -> str:
        """Return the request's name for a field of the recipe."""
        name = {"prompt": "subject", "negative_prompt": "negative"}.get(name, name)
        if name in SLOT_NAMES or name in self.validated_data.get("slots", {}):
            return f"slots.{name}"
        return f"variables.{name}" if name in self.validated_data.get("variables", {}) else name


class GenerationRequestSerializer(PictureRequestSerializer):
    """What to draw, and for which project."""

    project = serializers.SlugField()


class TokensSerializer(serializers.Serializer):
    """How much of the text encoder's window the prompt fills."""

    used = serializers.IntegerField()
    limit = serializers.IntegerField()
    chunks = serializers.IntegerField()
    encoder = serializers.CharField(help_text="CLIP or T5.")
    lost = serializers.IntegerField(help_text="Tokens that the encoder does not read.")


class TranslationSerializer(serializers.Serializer):
    """What one slot said, and what is sent instead."""

    source = serializers.CharField()
    result = serializers.CharField()
    vocabulary_version = serializers.CharField()


class ChoiceSerializer(serializers.Serializer):
    """One pick of the seed among choices or a wildcard's lines."""

    where = serializers.CharField()
    source = serializers.CharField()
    index = serializers.IntegerField()
    picked = serializers.CharField()


class ComposedSerializer(serializers.Serializer):
    """What would be drawn, and what may be done with it."""

    spec = serializers.DictField(source="spec.as_dict", help_text="The recipe of the first picture.")
    recipe_sha256 = serializers.CharField(source="spec.recipe_sha256")
    tokens = TokensSerializer(allow_null=True, help_text="Of the encoder that reads most.")
    encoders = TokensSerializer(many=True, source="counts")
    notices = serializers.SerializerMethodField(help_text="What to know before asking for pictures, in sentences.")
    translation = serializers.DictField(child=TranslationSerializer(), source="translation_record")
    unknown_words = serializers.ListField(child=serializers.CharField())
    choices = ChoiceSerializer(many=True, source="compiled.choices")
    generate = DecisionSerializer()
    publish = DecisionSerializer()

    def get_notices(self, composed: Composed) -> list[str]:
        """Return the notices in the reader's language."""
        return [sentence(notice.code, notice.params) for notice in composed.notices]


class OutputSerializer(serializers.ModelSerializer):
    """A picture with its exact recipe."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    recipe = serializers.JSONField(source="spec", read_only=True)
    generation = serializers.UUIDField(source="generation_id", read_only=True)
    file = serializers.SerializerMethodField()
    thumbnail = serializers.SerializerMethodField()

    class Meta:
        model = Output
        fields = (
            "id", "project", "generation", "index", "seed", "recipe", "recipe_sha256", "file", "thumbnail",
            "file_sha256", "pixels_sha256", "size_bytes", "width", "height", "environment", "license", "ledger_seq",
            "created_at", "rating", "rejected_at",
        )  # fmt: skip
        read_only_fields = fields

    @cached_property
    def file_address(self) -> str:
        """The address of a PNG, without the id."""
        return address_pattern("api-output-file")

    @cached_property
    def thumbnail_address(self) -> str:
        """The address of a thumbnail, without the id."""
        return address_pattern("api-output-thumbnail")

    def get_file(self, output: Output) -> str:
        """Return the address of the PNG."""
        return self.file_address.format(output.id)

    def get_thumbnail(self, output: Output) -> str:
        """Return the address of the thumbnail."""
        return self.thumbnail_address.format(output.id)


class JobSerializer(serializers.ModelSerializer):
    """What all jobs say of themselves."""

    reason = serializers.SerializerMethodField()

    JOB_FIELDS = (
        "id", "project", "status", "progress", "stage", "attempt", "queued_at", "started_at", "finished_at", "error",
        "reason",
    )  # fmt: skip

    def get_reason(self, job: Any) -> str:
        """Say why the job failed or was blocked."""
        return failure_sentence(job.error, job.error_params)


class TemplateNameSerializer(serializers.Serializer):
    """Which version of which template."""

    slug = serializers.CharField()
    version = serializers.IntegerField()


class GenerationSerializer(JobSerializer):
    """A request for pictures and how far it is."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    recipe = serializers.JSONField(source="spec", read_only=True)
    base_model = serializers.UUIDField(source="base_model_id", read_only=True)
    template = serializers.SerializerMethodField()
    outputs = serializers.SerializerMethodField()

    class Meta:
        model = Generation
        fields = (
            *JobSerializer.JOB_FIELDS, "recipe", "base_model", "template", "count", "quality", "slots", "variables",
            "choices", "translation", "decision", "outputs",
        )  # fmt: skip
        read_only_fields = fields

    def get_reason(self, job: Generation) -> str:
        """Say why the job failed, or in full why the rights blocked it."""
        is_blocked = job.status == Generation.Status.BLOCKED
        return " ".join(describe_block(job)) if is_blocked else super().get_reason(job)

    @extend_schema_field(TemplateNameSerializer(allow_null=True))
    def get_template(self, generation: Generation) -> dict[str, Any] | None:
        """Return the template's slug and version number."""
        version = generation.template_version
        return {"slug": version.template.slug, "version": version.number} if version else None

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_outputs(self, generation: Generation) -> list[str]:
        """List the pictures that are there already."""
        return [str(output.id) for output in sorted(generation.outputs.all(), key=lambda each: each.index)]


class ReplaySerializer(JobSerializer):
    """A replay and its verdict."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    output = serializers.UUIDField(source="output_id", read_only=True)
    differences = serializers.SerializerMethodField()

    class Meta:
        model = Replay
        fields = (*JobSerializer.JOB_FIELDS, "output", "verdict", "pixels_sha256", "differences", "ledger_seq")
        read_only_fields = fields

    def get_differences(self, replay: Replay) -> list[str]:
        """Say what differs in the environment."""
        return [str(difference_sentence(each)) for each in replay.differences]


class VersionSerializer(StrictSerializer, serializers.ModelSerializer):
    """One version of a template; `body` holds slots, negatives, variables and wildcards."""

    class Meta:
        model = TemplateVersion
        fields = ("number", "body", "note", "created_at")
        read_only_fields = ("number", "created_at")


class AliasSerializer(serializers.ModelSerializer):
    """Where an alias points."""

    version = serializers.IntegerField(source="version.number", read_only=True)

    class Meta:
        model = TemplateAlias
        fields = ("name", "version", "moved_at")
        read_only_fields = fields


class TemplateSerializer(serializers.ModelSerializer):
    """A template with its aliases."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    aliases = AliasSerializer(many=True, read_only=True)

    class Meta:
        model = PromptTemplate
        fields = ("id", "project", "slug", "name", "name_ja", "description", "created_at", "archived_at", "aliases")
        read_only_fields = fields


class TemplateNamesSerializer(StrictSerializer):
    """What a template is called; its slug stays."""

    name = serializers.CharField(max_length=120)
    name_ja = serializers.CharField(max_length=120, allow_blank=True)
    description = serializers.CharField(max_length=2000, allow_blank=True)


class NewTemplateSerializer(StrictSerializer):
    """A new template with its first version."""

    project = serializers.SlugField()
    slug = serializers.SlugField(max_length=80)
    name = serializers.CharField(max_length=120)
    name_ja = serializers.CharField(max_length=120, required=False, allow_blank=True)
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    body = serializers.JSONField()
    note = serializers.CharField(max_length=300, required=False, allow_blank=True)


class MoveSerializer(StrictSerializer):
    """Where an alias should point; without a version it moves back."""

    version = serializers.IntegerField(min_value=1, required=False)


class ArchiveSerializer(StrictSerializer):
    """Whether the template is archived."""

    archived = serializers.BooleanField()


class RatingSerializer(StrictSerializer):
    """One to five stars; zero takes them back."""

    rating = serializers.IntegerField(min_value=0, max_value=5)


class RejectionSerializer(StrictSerializer):
    """Whether the picture is put aside."""

    rejected = serializers.BooleanField()


class ParametersSerializer(serializers.Serializer):
    """A recipe as A1111 writes it."""

    parameters = serializers.CharField()


class CreditsSerializer(serializers.Serializer):
    """What must be said where a picture is shown, and whether it may be shown now."""

    credits = serializers.CharField()
    publish = DecisionSerializer()
