"""The API's words for a team's own licences."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from projects.models import Project
from projects.protocol import StrictSerializer

from .license_pages import STATES, state_of
from .models import OwnLicense
from .serializers_rights import ParametersField, evidence_of

MAX_CONTENT_CHARS = 65_536


class ContentField(ParametersField):
    """A licence profile as a data file holds it: id, kind, name, permissions, clauses, and what is owed."""

    max_chars = MAX_CONTENT_CHARS


class OwnLicenseSerializer(serializers.ModelSerializer):
    """One version of an own licence; of each licence the newest approved version counts, unless it was ended."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    content = serializers.DictField(read_only=True)
    evidence = serializers.UUIDField(source="evidence_id", read_only=True, allow_null=True)
    written_by = serializers.UUIDField(source="written_by_id", read_only=True)
    approved_by = serializers.UUIDField(source="approved_by_id", read_only=True, allow_null=True)
    ended_by = serializers.UUIDField(source="ended_by_id", read_only=True, allow_null=True)
    state = serializers.SerializerMethodField()

    class Meta:
        model = OwnLicense
        fields = (
            "id", "project", "license_id", "number", "content", "note", "evidence", "state", "written_by", "written_at",
            "approved_by", "approved_at", "ended_by", "ended_at",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=list(STATES)))
    def get_state(self, row: OwnLicense) -> str:
        """Say what has become of the version."""
        return state_of(row)


class NewOwnLicenseSerializer(StrictSerializer):
    """A version to be written: the profile, what is new in it, and the document that it is read from."""

    project = serializers.SlugField()
    content = ContentField(child=serializers.JSONField(allow_null=True))
    note = serializers.CharField(max_length=500, required=False, allow_blank=True)
    evidence = serializers.UUIDField(required=False, allow_null=True)

    def written(self, project: Project) -> dict[str, Any]:
        """Return what `write_license` takes. Raises Problem for evidence that is not the project's."""
        values = self.validated_data
        evidence = evidence_of(project, values.get("evidence"))
        return {"content": values["content"], "note": values.get("note", ""), "evidence": evidence}
