"""The API's words for model files and vocabulary."""

from typing import Any

from rest_framework import serializers

from .models import ModelFile, Rights, Term


class RightsSerializer(serializers.ModelSerializer):
    """What was declared about the rights in a file."""

    class Meta:
        model = Rights
        fields = (
            "expression", "branch", "creator", "title", "source_url", "valid_from", "expires_at", "time_zone",
            "territories", "media", "state", "cleared_at",
        )  # fmt: skip
        read_only_fields = fields


class ModelFileSerializer(serializers.ModelSerializer):
    """A model file; where it lies on the server stays there."""

    rights = RightsSerializer(read_only=True)
    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)

    class Meta:
        model = ModelFile
        fields = (
            "id", "project", "kind", "name", "description", "architecture", "layout", "sha256", "size_bytes",
            "native_width", "native_height", "defaults", "rights", "registered_at",
        )  # fmt: skip
        read_only_fields = fields


class TermSerializer(serializers.ModelSerializer):
    """A word of the vocabulary; `project` is null for the shared set."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    synonyms = serializers.ListField(child=serializers.CharField(max_length=80), required=False, max_length=20)

    class Meta:
        model = Term
        fields = ("id", "project", "ja", "reading", "en", "synonyms", "slot")
        read_only_fields = ("id", "project")


class NewTermSerializer(TermSerializer):
    """A word for a project."""

    project: Any = serializers.SlugField()

    class Meta(TermSerializer.Meta):
        read_only_fields = ("id",)
