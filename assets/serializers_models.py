"""The API's words for model files: what is known of one, and how one comes in."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from projects.models import Project
from projects.problems import Problem
from projects.protocol import StrictSerializer

from .forms_intake import MAX_WORDS, FileForm
from .intake_pages import added_by, place_of
from .model_notices import notices_of
from .models import ModelFile, ModelIntake, ModelSource
from .sentences import sentence
from .serializers import ModelFileSerializer
from .serializers_pictures import WorkSerializer
from .serializers_rights import DeclarationField, FullRightsSerializer, facts_of
from .services import Declaration
from .services.intake import Asked
from .services.intake_files import Kept, list_waiting, wrong_format

Source = ModelIntake.Source
PLACES = {"file": Source.UPLOAD, "location": Source.FOLDER, "url": Source.URL}
MAX_BASES = 50


class ModelSourceSerializer(serializers.ModelSerializer):
    """What a model was made from; of another project's things no more than that they are there."""

    model = serializers.SerializerMethodField()
    dataset = serializers.SerializerMethodField()
    version = serializers.SerializerMethodField()

    class Meta:
        model = ModelSource
        fields = ("role", "model", "dataset", "version")
        read_only_fields = fields

    def shows(self, project_id: UUID | None) -> bool:
        """Say whether the person who asks sees what belongs to a project, or to the house."""
        return project_id is None or project_id in self.context["projects"]

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_model(self, source: ModelSource) -> str | None:
        """Return the id of a model file."""
        return str(source.file_id) if source.file and self.shows(source.file.project_id) else None

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_dataset(self, source: ModelSource) -> str | None:
        """Return the id of a dataset."""
        version = source.dataset_version
        return str(version.dataset_id) if version and self.shows(version.dataset.project_id) else None

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_version(self, source: ModelSource) -> int | None:
        """Return the number of the dataset's version."""
        version = source.dataset_version
        return version.number if version and self.shows(version.dataset.project_id) else None


class FullModelFileSerializer(ModelFileSerializer):
    """A model file with everything that was declared, and what it was made from."""

    rights = FullRightsSerializer(read_only=True)
    made_from = ModelSourceSerializer(source="sources", many=True, read_only=True)
    notices = serializers.SerializerMethodField()

    class Meta(ModelFileSerializer.Meta):
        fields = (*ModelFileSerializer.Meta.fields, "made_from", "notices")
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_notices(self, file: ModelFile) -> list[str]:
        """Return what is missing on this machine before the model can draw."""
        return notices_of(file)


class PredictionSerializer(StrictSerializer):
    """How a base model predicts."""

    prediction_type = serializers.ChoiceField(choices=ModelFile.Prediction.choices)


class WaitingSerializer(serializers.Serializer):
    """A file or folder on the server that can be registered; one that has changed since it was is so again."""

    location = serializers.CharField()
    size_bytes = serializers.IntegerField()
    has_changed = serializers.BooleanField()


class NewModelSerializer(StrictSerializer):
    """A model file that is uploaded, lies on the server, or is fetched, with what is declared about its rights.

    Exactly one of `file`, `location` and `url` says where it is. The portal's own form decides what fits together.
    """

    project = serializers.SlugField()
    kind = serializers.ChoiceField(choices=ModelFile.Kind.choices)
    name = serializers.CharField(max_length=120)
    file = serializers.FileField(required=False, max_length=None, allow_empty_file=True, help_text=".safetensors only.")
    location = serializers.CharField(required=False, max_length=500, help_text="As `waiting/` lists it.")
    url = serializers.CharField(required=False, max_length=2000, help_text="Of the file itself, https only.")
    made_for = serializers.ChoiceField(
        choices=ModelFile.Architecture.choices, required=False, help_text="What a VAE was made for."
    )
    prediction_type = serializers.ChoiceField(
        choices=ModelFile.Prediction.choices, required=False, help_text="Of a base model; left out, the file says it."
    )
    bases = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=MAX_BASES, help_text="An adapter's base models."
    )
    trained_on = serializers.UUIDField(required=False, help_text="The id of a dataset's version.")
    trigger_words = serializers.ListField(
        child=serializers.CharField(max_length=80), required=False, max_length=MAX_WORDS
    )
    declaration = DeclarationField()

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        """Refuse no place, or more than one, and a file that is no .safetensors by its name."""
        named = [name for name in PLACES if values.get(name) is not None]
        if len(named) != 1:
            raise serializers.ValidationError({"file": [sentence("model_place_unclear")]})
        file = values.get("file")
        code = wrong_format(str(file.name)) if file else ""
        if code:
            message = sentence(code, {"file": str(file.name)})
            raise Problem(code, message, fields={"file": message})
        return values

    def asked(self, project: Project, kept: Kept | None) -> tuple[Asked, dict[str, Any]]:
        """Return what is said about the file, and where it is, as `start_intake` takes them.

        Raises ValidationError, also for base models and versions that the project does not have.
        """
        form = FileForm(self.form_values(), {}, project=project, waiting=list_waiting(project), kept=kept)
        if not form.is_valid():
            raise serializers.ValidationError(
                {"file" if name == "upload" else name: list(found) for name, found in form.errors.items()}
            )
        facts = facts_of(dict(self.validated_data["declaration"]), project)
        declaration = Declaration(expression=facts.pop("expression", ""), facts=facts)
        return Asked(**form.facts(), declaration=declaration), form.place()

    def form_values(self) -> dict[str, Any]:
        """Return what was sent as a browser sends the portal's form."""
        values = self.validated_data
        source = next(PLACES[name] for name in PLACES if values.get(name) is not None)
        sent = {name: value for name, value in values.items() if name not in ("project", "file", "declaration")}
        return {**sent, "source": source.value, "trigger_words": "\n".join(values.get("trigger_words", ()))}


class IntakeSerializer(WorkSerializer):
    """How far a model file is on its way in; `result` is the model once it is there.

    `was_known` says that the library had this content before. An address is shown without its query.
    """

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    location = serializers.SerializerMethodField()
    bases = serializers.PrimaryKeyRelatedField(many=True, read_only=True)
    trained_on = serializers.UUIDField(source="trained_on_id", read_only=True, allow_null=True)
    trigger_words = serializers.ListField(child=serializers.CharField(), read_only=True)
    result = serializers.UUIDField(source="result_id", read_only=True, allow_null=True)

    class Meta:
        model = ModelIntake
        fields = (
            *WorkSerializer.WORK_FIELDS, "project", "source", "location", "kind", "name", "made_for",
            "prediction_type", "bases",
            "trained_on", "trigger_words", "result", "was_known",
        )  # fmt: skip
        read_only_fields = fields

    def get_location(self, job: ModelIntake) -> str:
        """Return where the file comes from."""
        return place_of(job)


class FullIntakeSerializer(IntakeSerializer):
    """An intake with what it has added to what known content was made from, and what still stands in the way."""

    added = serializers.SerializerMethodField()
    notices = serializers.SerializerMethodField()

    class Meta(IntakeSerializer.Meta):
        fields = (*IntakeSerializer.Meta.fields, "added", "notices")
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_added(self, job: ModelIntake) -> list[str]:
        """Return the names of the sources that nobody had said before."""
        return list(added_by(job))

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_notices(self, job: ModelIntake) -> list[str]:
        """Return what is missing on this machine before the model can draw."""
        return notices_of(job.result) if job.result else []
