"""The API's words for adapters, their versions and promotions. They translate; the services decide."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from assets.licensing import Action
from assets.serializers import DecisionSerializer
from projects.protocol import StrictSerializer

from .gates import decide_version
from .models import Adapter, AdapterJob, AdapterParent, AdapterVersion, Method, Promotion


class AdapterAliasSerializer(serializers.Serializer):
    """A name and the number of the version that it points at."""

    name = serializers.CharField()
    version = serializers.IntegerField(source="version.number")


class PromotionSerializer(serializers.ModelSerializer):
    """A wish that a version becomes production, and what became of it."""

    version = serializers.IntegerField(source="version.number", read_only=True)
    asked_by = serializers.UUIDField(source="asked_by_id", read_only=True)
    decided_by = serializers.UUIDField(source="decided_by_id", read_only=True, allow_null=True)

    class Meta:
        model = Promotion
        fields = (
            "id", "version", "note", "asked_by", "asked_at", "decided_by", "decided_at", "approved", "reason",
        )  # fmt: skip
        read_only_fields = fields


class AdapterSerializer(serializers.ModelSerializer):
    """An adapter with its aliases and the promotion that waits."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    aliases = AdapterAliasSerializer(many=True, read_only=True)
    promotion = serializers.SerializerMethodField(help_text="The one that waits, if any.")

    class Meta:
        model = Adapter
        fields = (
            "id", "project", "slug", "name", "name_ja", "method", "description", "created_at", "archived_at",
            "aliases", "promotion",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(PromotionSerializer(allow_null=True))
    def get_promotion(self, adapter: Adapter) -> Any:
        """Return the promotion that waits."""
        waiting = next((each for each in adapter.promotions.all() if each.is_open), None)
        return PromotionSerializer(waiting).data if waiting else None


class NewAdapterSerializer(StrictSerializer):
    """An adapter to open; without a slug, one is made from the name."""

    project = serializers.SlugField()
    name = serializers.CharField(max_length=120)
    name_ja = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    description = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)
    slug = serializers.SlugField(max_length=80, required=False, default="", allow_blank=True)
    method = serializers.ChoiceField(choices=Method.choices)


class AdapterNamesSerializer(StrictSerializer):
    """Other names for an adapter."""

    name = serializers.CharField(max_length=120)
    name_ja = serializers.CharField(max_length=120, allow_blank=True)
    description = serializers.CharField(max_length=2000, allow_blank=True)


class ArchivedSerializer(StrictSerializer):
    """Whether an adapter is in the archive."""

    archived = serializers.BooleanField()


class ParentSerializer(serializers.ModelSerializer):
    """A version that another one was made from."""

    adapter = serializers.CharField(source="parent.adapter.slug", read_only=True)
    number = serializers.IntegerField(source="parent.number", read_only=True)

    class Meta:
        model = AdapterParent
        fields = ("adapter", "number", "weight")
        read_only_fields = fields


class AdapterVersionSerializer(serializers.ModelSerializer):
    """A version: its file, what it was learned from, and under which terms."""

    file = serializers.UUIDField(source="file_id", read_only=True)
    sha256 = serializers.CharField(source="file.sha256", read_only=True)
    kind = serializers.CharField(source="file.method", read_only=True)
    size_bytes = serializers.IntegerField(source="file.size_bytes", read_only=True)
    run = serializers.UUIDField(source="run_id", read_only=True, allow_null=True)
    dataset_root = serializers.CharField(
        source="dataset_version.merkle_root", read_only=True, allow_null=True, default=None
    )
    parents = ParentSerializer(many=True, read_only=True)

    class Meta:
        model = AdapterVersion
        fields = (
            "number", "file", "sha256", "kind", "size_bytes", "run", "step", "dataset_root", "trigger_words",
            "recommended_weight", "license", "attribution", "scores", "parents", "note", "created_at", "ledger_seq",
            "withdrawn_at", "withdrawn_reason",
        )  # fmt: skip
        read_only_fields = fields


class FullVersionSerializer(AdapterVersionSerializer):
    """A version with what its use and its leaving the house are allowed now."""

    generate = serializers.SerializerMethodField()
    weights = serializers.SerializerMethodField(help_text="May the file leave the house?")

    class Meta(AdapterVersionSerializer.Meta):
        fields = (*AdapterVersionSerializer.Meta.fields, "generate", "weights")
        read_only_fields = fields

    @extend_schema_field(DecisionSerializer)
    def get_generate(self, version: AdapterVersion) -> Any:
        """Return what the generate gate says now."""
        return DecisionSerializer(decide_version(version, Action.GENERATE)).data

    @extend_schema_field(DecisionSerializer)
    def get_weights(self, version: AdapterVersion) -> Any:
        """Return what the weights gate says now."""
        return DecisionSerializer(decide_version(version, Action.WEIGHTS)).data


class ImportedVersionSerializer(StrictSerializer):
    """An adapter file of the library that becomes a version."""

    file = serializers.UUIDField()
    trigger_words = serializers.ListField(child=serializers.CharField(max_length=80), required=False, max_length=20)
    recommended_weight = serializers.FloatField(required=False, min_value=0.0, max_value=2.0)
    note = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


class WishSerializer(StrictSerializer):
    """Why a version should become production."""

    note = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class DecidedSerializer(StrictSerializer):
    """What a reviewer decides of the promotion that waits, and of which version they mean it."""

    version = serializers.IntegerField(min_value=1, help_text="The number of the version that waits.")
    approved = serializers.BooleanField()
    reason = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class LeavingSerializer(StrictSerializer):
    """The version that is taken out of production."""

    version = serializers.IntegerField(min_value=1, help_text="The number of the version that is in production.")


class WhySerializer(StrictSerializer):
    """Why a version is taken back."""

    reason = serializers.CharField(max_length=500)


class ReworkInputSerializer(StrictSerializer):
    """One version that goes in, with its weight."""

    adapter = serializers.SlugField()
    number = serializers.IntegerField(min_value=1)
    weight = serializers.FloatField(required=False, default=1.0, min_value=-2.0, max_value=2.0)


class NewReworkSerializer(StrictSerializer):
    """A version to be made from others: merge two to eight LoRAs, resize one, or take one out of a DreamBooth."""

    project = serializers.SlugField()
    kind = serializers.ChoiceField(choices=AdapterJob.Kind.choices)
    inputs = ReworkInputSerializer(many=True)
    adapter = serializers.SlugField(required=False, help_text="Slug of the adapter that gets the version.")
    adapter_name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    rank = serializers.IntegerField(required=False, min_value=1, max_value=512)
    energy = serializers.FloatField(required=False, help_text="The share of each layer that is kept, up to 1.")
    with_conv = serializers.BooleanField(required=False)
    note = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


class ReworkSerializer(serializers.ModelSerializer):
    """A job that makes a version from others."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    adapter = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    reason = serializers.CharField(read_only=True)
    version = serializers.SerializerMethodField(help_text="The number of the version that it left.")

    class Meta:
        model = AdapterJob
        fields = (
            "id", "project", "kind", "adapter", "options", "status", "reason", "progress", "queued_at", "finished_at",
            "version",
        )  # fmt: skip
        read_only_fields = fields

    def get_version(self, job: AdapterJob) -> int | None:
        """Return the number of the version that it left."""
        version = getattr(job, "version", None)
        return version.number if version else None
