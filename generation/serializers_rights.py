"""The API's words for questions about rights, and for what a withdrawal closes."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from assets.models import DatasetVersion, ModelFile, Rights
from assets.serializers import ACTIONS, PURPOSES, VERDICTS, DecisionSerializer
from assets.serializers_rights import CountsField, MomentField, ReviewSerializer
from assets.services.questions import Answer
from projects.protocol import StrictSerializer

from .models import Output
from .serializers import OutputSerializer

MAX_THINGS = 200
THINGS = ("models", "pictures", "dataset_versions", "outputs")
# How a picture is in what is made; by default as the gate takes it: learned from, drawn upon, or published unchanged.
PICTURE_USES = ("itself", "input", "lesson")


def ids() -> serializers.ListField:
    """Return a field for the ids of some things."""
    return serializers.ListField(child=serializers.UUIDField(), required=False, max_length=MAX_THINGS, default=list)


class QuestionSerializer(StrictSerializer):
    """May these things be used for this, together? What is left out comes from the project."""

    project = serializers.SlugField()
    action = serializers.ChoiceField(choices=ACTIONS)
    models = ids()
    pictures = ids()
    pictures_as = serializers.ChoiceField(choices=PICTURE_USES, required=False)
    dataset_versions = ids()
    outputs = ids()
    purpose = serializers.ChoiceField(choices=PURPOSES, required=False)
    territory = serializers.ListField(child=serializers.CharField(max_length=3), required=False, max_length=300)
    media = serializers.ListField(child=serializers.CharField(max_length=40), required=False, max_length=40)
    revenue = serializers.DecimalField(
        required=False, allow_null=True, max_digits=14, decimal_places=2, min_value=0, help_text="US$ a year."
    )
    outbound_license = serializers.CharField(max_length=120, required=False)
    quantities = CountsField(required=False, help_text="Copies, seats and the like.")
    at = MomentField(required=False, help_text="Another now.")
    until = MomentField(required=False, help_text="The last moment of the use; the worse answer of both counts.")

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        """Refuse a question about nothing."""
        if not any(values[name] for name in THINGS):
            raise serializers.ValidationError({"models": [_("Name what the question is about.")]})
        return values


class AnswerSerializer(DecisionSerializer):
    """The gate's answer: the worse of those now and at the end; `codes` are the reasons for programs."""

    now = serializers.ChoiceField(choices=VERDICTS)
    until = serializers.ChoiceField(choices=VERDICTS)
    codes = serializers.ListField(child=serializers.CharField())
    waived = serializers.ListField(child=serializers.CharField(), help_text="Codes that two persons have set aside.")

    def to_representation(self, instance: Answer) -> dict[str, Any]:
        """Return the answer in plain values."""
        decision = instance.decision
        return {
            **super().to_representation(decision),
            "now": instance.now.verdict.value,
            "until": instance.until.verdict.value,
            "codes": sorted({reason.code for reason in decision.reasons}),
            "waived": sorted({reason.code for reason in decision.waived}),
        }


class TouchedSerializer(serializers.Serializer):
    """How many things of each kind are below."""

    dataset_versions = serializers.IntegerField()
    model_files = serializers.IntegerField()
    pictures = serializers.IntegerField()
    jobs = serializers.IntegerField()


class ElsewhereSerializer(serializers.Serializer):
    """How much a model that the whole house shares touches in other projects; left out for what is one project's."""

    model_files = serializers.IntegerField(required=False)
    pictures = serializers.IntegerField(required=False)


class TouchedVersionSerializer(serializers.ModelSerializer):
    """A frozen version that holds the picture."""

    dataset = serializers.UUIDField(source="dataset_id", read_only=True)
    name = serializers.CharField(source="__str__", read_only=True)

    class Meta:
        model = DatasetVersion
        fields = ("dataset", "number", "name")
        read_only_fields = fields


class TouchedModelSerializer(serializers.ModelSerializer):
    """A model file that was made from the thing."""

    class Meta:
        model = ModelFile
        fields = ("id", "kind", "name", "sha256")
        read_only_fields = fields


class WithdrawalSerializer(ReviewSerializer):
    """What a withdrawal closes, before it happens and after; the pictures are under `outputs/`."""

    withdrawn = serializers.SerializerMethodField()
    counts = serializers.SerializerMethodField()
    elsewhere = serializers.SerializerMethodField()
    dataset_versions = serializers.SerializerMethodField()
    model_files = serializers.SerializerMethodField()

    def get_withdrawn(self, rights: Rights) -> bool:
        """Say whether it has happened."""
        return bool(self.context["blast"].is_withdrawn)

    @extend_schema_field(TouchedSerializer)
    def get_counts(self, rights: Rights) -> dict[str, int]:
        """Count what is below in this project."""
        return dict(self.context["blast"].counts)

    @extend_schema_field(ElsewhereSerializer)
    def get_elsewhere(self, rights: Rights) -> dict[str, int]:
        """Count what is below in other projects."""
        return dict(self.context["blast"].elsewhere)

    @extend_schema_field(TouchedVersionSerializer(many=True))
    def get_dataset_versions(self, rights: Rights) -> Any:
        """Name the versions below."""
        return TouchedVersionSerializer(self.context["blast"].versions, many=True).data

    @extend_schema_field(TouchedModelSerializer(many=True))
    def get_model_files(self, rights: Rights) -> Any:
        """Name the model files below."""
        return TouchedModelSerializer(self.context["blast"].files, many=True).data


class TouchedOutputSerializer(OutputSerializer):
    """A picture that is closed by a withdrawal."""

    class Meta(OutputSerializer.Meta):
        model = Output
        fields = (
            "id", "project", "generation", "seed", "file", "thumbnail", "pixels_sha256", "ledger_seq", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class ReportedSerializer(serializers.Serializer):
    """One touched thing."""

    kind = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()
    sha256 = serializers.CharField()
    made_by = serializers.CharField()
    made_at = serializers.CharField()
    ledger = serializers.IntegerField(allow_null=True)


class ReportSerializer(serializers.Serializer):
    """A heading about the withdrawal, and a row for each touched thing."""

    report = serializers.DictField(child=serializers.JSONField())
    rows = ReportedSerializer(many=True)
