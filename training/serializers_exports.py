"""How the API speaks of weights that are taken out of the library."""

from rest_framework import serializers

from projects.serializers import StrictSerializer

from .models import AdapterExport


class NewExportSerializer(StrictSerializer):
    """A version to be taken out: in which layout, and for whom."""

    project = serializers.SlugField()
    adapter = serializers.SlugField()
    number = serializers.IntegerField(min_value=1)
    layout = serializers.ChoiceField(choices=AdapterExport.Layout.choices, default="package")
    is_public = serializers.BooleanField(default=False, help_text="To be passed on; for reviewers and owners.")
    territory = serializers.RegexField(
        r"^[A-Z]{2}$", default="WW", help_text="Where it goes: a country as ISO 3166-1 writes it, or WW."
    )
    outbound = serializers.CharField(
        max_length=100,
        default="",
        allow_blank=True,
        help_text="The licence that it is given out under, as SPDX names it.",
    )


class ExportSerializer(serializers.ModelSerializer):
    """A file of weights that was asked for."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    adapter = serializers.CharField(source="version.adapter.slug", read_only=True)
    number = serializers.IntegerField(source="version.number", read_only=True)
    reason = serializers.CharField(read_only=True)

    class Meta:
        model = AdapterExport
        fields = (
            "id", "project", "adapter", "number", "layout", "is_public", "circumstances", "status", "reason",
            "progress", "queued_at", "finished_at", "sha256", "size_bytes",
        )  # fmt: skip
        read_only_fields = fields
