"""The API's words for model files and vocabulary."""

from typing import Any

from rest_framework import serializers

from projects.protocol import StrictSerializer

from . import licensing
from .forms import MAX_SYNONYMS, TermForm
from .models import ModelFile, Rights, Term
from .overrides import overrides_of
from .services import explain_here

ACTIONS = [each.value for each in licensing.Action]
PURPOSES = [each.value for each in licensing.Purpose]
VERDICTS = [each.value for each in licensing.Verdict]


class RightsSerializer(serializers.ModelSerializer):
    """What was declared about the rights in a file."""

    class Meta:
        model = Rights
        fields = (
            "id", "expression", "branch", "creator", "title", "source_url", "valid_from", "expires_at", "time_zone",
            "territories", "media", "state", "cleared_at",
        )  # fmt: skip
        read_only_fields = fields


class ModelFileSerializer(serializers.ModelSerializer):
    """A model file; where it lies on the server stays there."""

    rights = RightsSerializer(read_only=True)
    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    method = serializers.CharField(read_only=True, help_text="How an adapter works; empty for what is none.")

    class Meta:
        model = ModelFile
        fields = (
            "id", "project", "kind", "method", "name", "description", "architecture", "layout", "sha256", "size_bytes",
            "native_width", "native_height", "defaults", "rights", "registered_at",
        )  # fmt: skip
        read_only_fields = fields


class TermSerializer(serializers.ModelSerializer):
    """A word of the vocabulary; `project` is null for the shared set."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    synonyms = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Term
        fields = ("id", "project", "ja", "reading", "en", "synonyms", "slot")
        read_only_fields = fields


class TermWordsSerializer(StrictSerializer):
    """What a word says. The vocabulary's own form decides what may be in it."""

    ja = serializers.CharField()
    reading = serializers.CharField(required=False, allow_blank=True)
    en = serializers.CharField()
    synonyms = serializers.ListField(child=serializers.CharField(), required=False, max_length=MAX_SYNONYMS)
    slot = serializers.ChoiceField(choices=Term.Slot.choices)

    def words(self, term: Term | None = None) -> dict[str, Any]:
        """Return the values as the portal's form cleans them, over those of a word that is there already."""
        sent = {name: value for name, value in self.validated_data.items() if name != "project"}
        if "synonyms" in sent:
            sent["synonyms"] = "、".join(sent["synonyms"])
        form = TermForm({**(TermForm.values_of(term) if term else {}), **sent})
        if not form.is_valid():
            raise serializers.ValidationError({name: list(found) for name, found in form.errors.items()})
        return dict(form.cleaned_data)


class NewTermSerializer(TermWordsSerializer):
    """A word for a project."""

    project = serializers.SlugField()


class ObligationSerializer(serializers.Serializer):
    """One thing that is owed, `on` the products that carry it."""

    kind = serializers.CharField()
    on = serializers.ListField(child=serializers.CharField())
    license = serializers.CharField()
    license_url = serializers.CharField()
    clause = serializers.CharField()
    creator = serializers.CharField()
    title = serializers.CharField()
    source_url = serializers.CharField()
    modified = serializers.BooleanField()


class RestrictionSerializer(serializers.Serializer):
    """A rule on use that stays with what was made."""

    code = serializers.CharField()
    profile = serializers.CharField()
    version = serializers.CharField()
    clause = serializers.CharField()
    on = serializers.ListField(child=serializers.CharField())
    pass_on = serializers.ListField(child=serializers.CharField())


class OverrideSerializer(serializers.Serializer):
    """A rule that two persons set aside: the waiver, and in `reasons` what would stand in the way without it."""

    waiver = serializers.UUIDField(source="waiver.id")
    action = serializers.ChoiceField(choices=ACTIONS, source="waiver.action")
    reasons = serializers.ListField(child=serializers.CharField())
    reason = serializers.CharField(source="waiver.reason")
    requested_by = serializers.UUIDField(source="waiver.requested_by_id")
    approved_by = serializers.UUIDField(source="waiver.approved_by_id")
    evidence = serializers.UUIDField(source="waiver.evidence_id", allow_null=True)
    expires_at = serializers.DateTimeField(source="waiver.expires_at")
    is_over = serializers.BooleanField()


class DecisionSerializer(serializers.Serializer):
    """A decision with its reasons in the reader's language; `sha256` is that of the decision with all its inputs."""

    action = serializers.ChoiceField(choices=ACTIONS)
    verdict = serializers.ChoiceField(choices=VERDICTS)
    effective_license = serializers.CharField()
    reasons = serializers.ListField(child=serializers.CharField())
    obligations = ObligationSerializer(many=True)
    restrictions = RestrictionSerializer(many=True)
    overrides = OverrideSerializer(many=True)
    sha256 = serializers.CharField()

    def to_representation(self, instance: licensing.Decision) -> dict[str, Any]:
        """Return the decision in plain values."""
        return {
            "action": instance.action.value,
            "verdict": instance.verdict.value,
            "effective_license": instance.effective_license,
            "reasons": explain_here(instance),
            "obligations": [each.as_dict() for each in instance.obligations],
            "restrictions": [each.as_dict() for each in instance.restrictions],
            "overrides": OverrideSerializer(overrides_of(instance), many=True).data,
            "sha256": instance.sha256(),
        }
