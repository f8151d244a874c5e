"""The API's words for trainings. They translate; the services decide."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from assets.models import Dataset, DatasetVersion, ModelFile
from assets.serializers import DecisionSerializer
from projects.access import usable_in
from projects.models import Project
from projects.problems import Problem
from projects.protocol import StrictSerializer

from .material import TRIGGER_MODES, USUAL_SHARE, MaterialChoice
from .models import Adapter, Method, TrainingPoint, TrainingRun
from .recipes import PURPOSES
from .requests import Plan, TrainingRequest
from .sentences import sentence, verdict_sentence
from .small_models import SMALL
from .starting import PRESETS, starting_values


class MaterialSerializer(StrictSerializer):
    """How the frozen pictures become items to learn from."""

    language = serializers.CharField(required=False, default="en", max_length=10)
    trigger_mode = serializers.ChoiceField(choices=TRIGGER_MODES, required=False, default="add")
    validation_share = serializers.FloatField(required=False, default=USUAL_SHARE, min_value=0.0, max_value=0.5)
    split_seed = serializers.IntegerField(required=False, default=0, min_value=0, max_value=2**31 - 1)


class TrainingRequestSerializer(StrictSerializer):
    """What to train. Values that are left out are those of the preset; `values` are fields of the recipe."""

    project = serializers.SlugField()
    dataset = serializers.SlugField(help_text="Slug of a dataset.")
    version = serializers.IntegerField(required=False, min_value=1, help_text="Default: the newest frozen version.")
    base_model = serializers.UUIDField()
    vae = serializers.UUIDField(required=False, allow_null=True)
    method = serializers.ChoiceField(choices=Method.choices)
    purpose = serializers.ChoiceField(choices=PURPOSES, required=False, default="character")
    preset = serializers.ChoiceField(
        choices=(*PRESETS, SMALL),
        required=False,
        default="",
        help_text="Default: small for models as small as the bundled one, balanced for others.",
    )
    adapter = serializers.SlugField(required=False, help_text="Slug of the adapter that gets a version.")
    adapter_name = serializers.CharField(required=False, default="", max_length=120, allow_blank=True)
    name = serializers.CharField(required=False, default="", max_length=120, allow_blank=True)
    values = serializers.DictField(required=False, default=dict)
    material = MaterialSerializer(required=False)
    compared_with = serializers.UUIDField(required=False, allow_null=True)
    notes = serializers.CharField(required=False, default="", max_length=4000, allow_blank=True)

    def training_request(self, project: Project) -> TrainingRequest:
        """Return the request for this project. Raises Problem for what it cannot use."""
        said = self.validated_data
        version = version_named(project, said["dataset"], said.get("version"))
        base = file_named(project, said["base_model"], ModelFile.Kind.BASE, "base_model")
        words = {"method": said["method"], "purpose": said["purpose"], "preset": said["preset"]}
        class_word = said["values"].get("class_word", "")
        usual = starting_values(version, base, class_word=class_word if isinstance(class_word, str) else "", **words)
        vae_id, other = said.get("vae"), said.get("compared_with")
        return TrainingRequest(
            method=said["method"],
            dataset_version=version,
            base_model=base,
            vae=file_named(project, vae_id, ModelFile.Kind.VAE, "vae") if vae_id else None,
            adapter=adapter_named(project, said["adapter"]) if "adapter" in said else None,
            adapter_name=said["adapter_name"],
            name=said["name"],
            values={**usual, **said["values"]},
            material=MaterialChoice(**said.get("material", {})),
            compared_with=run_named(project, other) if other else None,
            notes=said["notes"],
        )


def version_named(project: Project, slug: str, number: int | None) -> DatasetVersion:
    """Return a version of a dataset, the newest where no number is given. Raises Problem."""
    rows = DatasetVersion.objects.filter(dataset__project=project, dataset__slug=slug)
    rows = rows.select_related("dataset__project").order_by("-number")
    found = (rows if number is None else rows.filter(number=min(number, 2**31 - 1))).first()
    if found is None:
        here = Dataset.objects.filter(project=project, slug=slug).exists()
        message = _("This dataset has no such version.") if here else _("There is no such dataset in this project.")
        raise Problem("dataset_unknown", message, fields={"dataset": message})
    return found


def file_named(project: Project, file_id: Any, kind: str, field: str) -> ModelFile:
    """Return a file that the project may use. Raises Problem."""
    rows = usable_in(project, ModelFile.objects.filter(kind=kind, removed_at=None))
    found = rows.select_related("rights__evidence").filter(id=file_id).first()
    if found is None:
        message = _("There is no such model in this project.")
        raise Problem("model_unknown", message, fields={field: message})
    return found


def adapter_named(project: Project, slug: str) -> Adapter:
    """Return an adapter of the project. Raises Problem."""
    found = Adapter.objects.filter(project=project, slug=slug).select_related("project").first()
    if found is None:
        message = _("There is no such adapter in this project.")
        raise Problem("adapter_unknown", message, fields={"adapter": message})
    return found


def run_named(project: Project, run_id: Any) -> TrainingRun:
    """Return a training of the project. Raises Problem."""
    found = TrainingRun.objects.filter(project=project, id=run_id).first()
    if found is None:
        message = _("There is no such training in this project.")
        raise Problem("run_unknown", message, fields={"compared_with": message})
    return found


class TrainingReadinessSerializer(serializers.Serializer):
    """One thing about a set of pictures before a training."""

    code = serializers.CharField()
    level = serializers.ChoiceField(choices=["ok", "warn", "stop"])
    sentence = serializers.SerializerMethodField()

    def get_sentence(self, found: Any) -> str:
        """Return it in the reader's language."""
        return sentence(found.code, found.params)


class EstimateSerializer(serializers.Serializer):
    """What a training is going to need."""

    memory_bytes = serializers.IntegerField()
    seconds = serializers.FloatField()
    parts = serializers.DictField(child=serializers.IntegerField())
    is_measured = serializers.BooleanField(help_text="Is the time from runs of this kind on this machine?")
    fits = serializers.BooleanField()


class ChangeSerializer(serializers.Serializer):
    """One field that differs from the run it is compared with."""

    field = serializers.CharField()
    before = serializers.JSONField()
    after = serializers.JSONField()


class TrainingPlanSerializer(serializers.Serializer):
    """What would be trained, what it needs, and what may be done."""

    recipe = serializers.DictField(source="spec.as_dict")
    recipe_sha256 = serializers.CharField(source="spec.recipe_sha256")
    split = serializers.DictField()
    train = DecisionSerializer(source="decision")
    estimate = EstimateSerializer()
    readiness = TrainingReadinessSerializer(many=True)
    changes = ChangeSerializer(many=True)
    changes_several = serializers.BooleanField(help_text="More than one field differs: nobody knows what helped.")

    def to_representation(self, planned: Plan) -> Any:
        """Return the plan."""
        return super().to_representation(planned)


class PointSerializer(serializers.ModelSerializer):
    """What was measured at one step; changes are shares of the loss at step 0."""

    class Meta:
        model = TrainingPoint
        fields = (
            "fold", "step", "loss", "learning_rate", "held_out_loss", "train_loss", "held_out_mean", "held_out_low",
            "held_out_high", "train_mean", "train_low", "train_high", "is_best",
        )  # fmt: skip
        read_only_fields = fields


class TrainingRunSerializer(serializers.ModelSerializer):
    """A training with its recipe, how it goes and what came out."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    adapter = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    dataset = serializers.CharField(source="dataset_version.dataset.slug", read_only=True)
    dataset_version = serializers.IntegerField(source="dataset_version.number", read_only=True)
    base_model = serializers.UUIDField(source="base_model_id", read_only=True)
    vae = serializers.UUIDField(source="vae_id", read_only=True, allow_null=True)
    recipe = serializers.JSONField(source="spec", read_only=True)
    compared_with = serializers.UUIDField(source="compared_with_id", read_only=True, allow_null=True)
    changes_several = serializers.BooleanField(read_only=True)
    reason = serializers.CharField(read_only=True, help_text="Why it failed or was blocked; empty when it was not.")
    verdict_words = serializers.SerializerMethodField(help_text="What came of it, in a sentence.")
    version = serializers.SerializerMethodField(help_text="The number of the version that it left.")

    class Meta:
        model = TrainingRun
        fields = (
            "id", "project", "name", "adapter", "method", "dataset", "dataset_version", "base_model", "vae", "status",
            "reason", "stage", "progress", "step", "total_steps", "checkpoint_step", "resumed_from", "best_step",
            "recipe", "recipe_sha256", "material", "split", "estimate", "compared_with", "changes", "changes_several",
            "sweep", "sweep_field", "notes", "checklist", "ending", "verdict", "verdict_words", "memorized", "seconds",
            "cache_seconds", "pictures_per_second", "peak_memory_bytes", "environment", "queued_at", "started_at",
            "finished_at", "version",
        )  # fmt: skip
        read_only_fields = fields

    def get_verdict_words(self, run: TrainingRun) -> str:
        """Return the verdict in the reader's language."""
        return verdict_sentence(run)

    def get_version(self, run: TrainingRun) -> int | None:
        """Return the number of the version that it left."""
        version = getattr(run, "version", None)
        return version.number if version else None


class FullRunSerializer(TrainingRunSerializer):
    """A training with every point of its curve."""

    points = PointSerializer(many=True, read_only=True)

    class Meta(TrainingRunSerializer.Meta):
        fields = (*TrainingRunSerializer.Meta.fields, "points")
        read_only_fields = fields


class DuplicateSerializer(StrictSerializer):
    """The one field to change, and its value."""

    field = serializers.CharField(max_length=60)
    value = serializers.JSONField(allow_null=True)


class SweepSerializer(StrictSerializer):
    """The field to try several values of."""

    field = serializers.CharField(max_length=60)
    values = serializers.ListField(child=serializers.JSONField(), min_length=1, max_length=8)


class NotesSerializer(StrictSerializer):
    """What people say of a run; what is left out stays."""

    notes = serializers.CharField(required=False, allow_blank=True, max_length=4000)
    checklist = serializers.DictField(
        required=False, help_text="face, hands, line_weight, color_shift: {state: ok | minor | major, note}."
    )
