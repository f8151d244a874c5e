"""The API's words for pictures, the words about them, imports, and what a machine looks at."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from projects.models import Project
from projects.problems import Problem
from projects.protocol import StrictSerializer, read_json

from .forms_imports import too_large
from .import_pages import counts_of, questions_of, spoken
from .models import Curation, Dataset, ImportBatch, ImportJob, ImportRow, Picture, PictureSource, PictureTag, Tagging
from .serializers import DecisionSerializer, RightsSerializer
from .serializers_rights import DeclarationField, FullRightsSerializer
from .services.ingest import quarantine_of
from .services.tags import MAX_CHARS
from .spellings import MAX_CHARS as MAX_LICENSE_CHARS
from .spellings import known_ids

MAX_CONFIRMED = 500


class TagSerializer(serializers.ModelSerializer):
    """A word about a picture: proposed by a machine, or said by a person, and decided on by a person."""

    class Meta:
        model = PictureTag
        fields = ("id", "text", "state", "source", "confidence", "decided_at")
        read_only_fields = fields


class NewTagsSerializer(StrictSerializer):
    """Words to add."""

    tags = serializers.ListField(child=serializers.CharField(max_length=MAX_CHARS), min_length=1, max_length=200)


class TagDecisionSerializer(StrictSerializer):
    """Whether a word is right."""

    accepted = serializers.BooleanField()


class PictureSerializer(serializers.ModelSerializer):
    """A picture with its declared rights; the file as it came is sealed, and never sent."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    rights = RightsSerializer(read_only=True)
    flags = serializers.ListField(child=serializers.CharField(), read_only=True)
    file = serializers.SerializerMethodField()
    thumbnail = serializers.SerializerMethodField()

    class Meta:
        model = Picture
        fields = (
            "id", "project", "name", "format", "width", "height", "size_bytes", "file_sha256", "pixels_sha256", "file",
            "thumbnail", "flags", "rights", "added_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_file(self, picture: Picture) -> str:
        """Return the address of the picture as it is used."""
        return reverse("api-picture-file", args=[picture.id])

    def get_thumbnail(self, picture: Picture) -> str:
        """Return the address of the thumbnail."""
        return reverse("api-picture-thumbnail", args=[picture.id])


class PictureAnswersSerializer(serializers.Serializer):
    """What the gates say of a picture now, in the project's own circumstances."""

    train = DecisionSerializer()
    generate = DecisionSerializer()
    publish = DecisionSerializer(help_text="As it is, unchanged.")


class MakerSerializer(serializers.ModelSerializer):
    """A model that made a picture, recognised by the pixels or as the file claims; null where nobody here knows it."""

    model = serializers.UUIDField(source="file_id", read_only=True, allow_null=True)
    recognized_by = serializers.ChoiceField(source="basis", choices=PictureSource.Basis.choices, read_only=True)

    class Meta:
        model = PictureSource
        fields = ("model", "sha256", "recognized_by")
        read_only_fields = fields


class FullPictureSerializer(PictureSerializer):
    """A picture with everything that was declared, what the gates answer, and its tags.

    `output` names the output that it is, if any, and `made_with` the models behind it; `quarantine` says why it is in
    quarantine.
    """

    rights = FullRightsSerializer(read_only=True)
    output = serializers.UUIDField(source="output_id", read_only=True, allow_null=True)
    made_with = MakerSerializer(many=True, read_only=True)
    quarantine = serializers.SerializerMethodField()
    answers = serializers.SerializerMethodField()
    notices = serializers.SerializerMethodField()
    tags = TagSerializer(many=True, read_only=True)

    class Meta(PictureSerializer.Meta):
        fields = (
            *PictureSerializer.Meta.fields, "original_sha256", "measures", "tags", "output", "made_with", "quarantine",
            "notices", "answers",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_quarantine(self, picture: Picture) -> list[str]:
        """Say why it is in quarantine; nothing when it is not."""
        return quarantine_of(picture)

    @extend_schema_field(PictureAnswersSerializer)
    def get_answers(self, picture: Picture) -> dict[str, Any]:
        """Return what the gates say."""
        return dict(PictureAnswersSerializer(self.context["answers"]).data)

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_notices(self, picture: Picture) -> list[str]:
        """Return where the file contradicts what was declared."""
        return list(self.context["notices"])


class NewPictureSerializer(StrictSerializer):
    """A PNG, JPEG or WebP, with what is declared about its rights as JSON."""

    project = serializers.SlugField()
    file = serializers.FileField(allow_empty_file=True)
    name = serializers.CharField(max_length=200, required=False)
    declaration = DeclarationField()


class JSONTextField(serializers.DictField):
    """Texts by name, as JSON within a form."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the texts by name."""
        value = read_json(data.encode(errors="surrogatepass")) if isinstance(data, str) else data
        return dict(super().to_internal_value(value))

    def get_value(self, dictionary: Any) -> Any:
        """Return what the form holds under this name."""
        return dictionary.get(self.field_name, serializers.empty)


class DefaultsSerializer(StrictSerializer):
    """What holds for files that the table says nothing about, as people write it."""

    license = serializers.CharField(max_length=MAX_LICENSE_CHARS, required=False)
    creator = serializers.CharField(max_length=200, required=False)
    source_url = serializers.CharField(max_length=1000, required=False)


class NewImportSerializer(StrictSerializer):
    """One zip, or pictures, with at most one table of licences and captions."""

    project = serializers.SlugField()
    files = serializers.ListField(child=serializers.FileField(allow_empty_file=True, max_length=None), min_length=1)
    dataset = serializers.UUIDField(required=False)
    defaults = JSONTextField(child=serializers.CharField(), required=False)

    def validate_files(self, files: list[UploadedFile]) -> list[UploadedFile]:
        """Refuse more than an import may hold."""
        size = sum(each.size or 0 for each in files)
        if size > settings.IMPORT_MAX_BYTES:
            raise serializers.ValidationError(too_large(size))
        return files

    def validate_defaults(self, values: dict[str, str]) -> dict[str, str]:
        """Refuse what is no column that a default can fill."""
        serializer = DefaultsSerializer(data=values)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def dataset_of(self, project: Project) -> Dataset | None:
        """Return the project's dataset that the pictures are for. Raises Problem when there is none."""
        dataset_id = self.validated_data.get("dataset")
        if dataset_id is None:
            return None
        found = project.datasets.filter(id=dataset_id, archived_at=None).first()
        if found is None:
            message = _("There is no such dataset in this project.")
            raise Problem("dataset_unknown", message, fields={"dataset": message})
        return found


class WorkSerializer(serializers.ModelSerializer):
    """How far a worker is, or how it ended."""

    reason = serializers.CharField(read_only=True)

    WORK_FIELDS = (
        "id", "status", "progress", "stage", "attempt", "queued_at", "started_at", "finished_at", "error", "reason",
    )  # fmt: skip


class ImportJobSerializer(WorkSerializer):
    """One walk through a batch."""

    class Meta:
        model = ImportJob
        fields = ("kind", *WorkSerializer.WORK_FIELDS)
        read_only_fields = fields


class CountsSerializer(serializers.Serializer):
    """How many files are in which state."""

    good = serializers.IntegerField()
    wrong = serializers.IntegerField()
    known = serializers.IntegerField()
    imported = serializers.IntegerField()


class WrittenLicenseSerializer(serializers.Serializer):
    """A licence as a table writes it, and what it may mean; `chosen` counts once it is confirmed."""

    written = serializers.CharField()
    files = serializers.IntegerField()
    why = serializers.CharField()
    choices = serializers.SerializerMethodField()
    chosen = serializers.CharField()

    def get_choices(self, question: Any) -> list[str]:
        """Return the identifiers that it may stand for."""
        return [name for name, _words in question.choices]


class FindingSerializer(serializers.Serializer):
    """What is wrong or worth knowing about a file."""

    column = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    message = serializers.SerializerMethodField()

    def get_message(self, finding: Mapping[str, Any]) -> str:
        """Say it in the reader's language."""
        return spoken(finding)


class ImportSerializer(serializers.ModelSerializer):
    """Files that were brought in together."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    dataset = serializers.UUIDField(source="dataset_id", read_only=True, allow_null=True)

    class Meta:
        model = ImportBatch
        fields = ("id", "project", "dataset", "name", "step", "made_at")
        read_only_fields = fields


class FullImportSerializer(ImportSerializer):
    """An import with its newest walk, its counts, and the written licences that somebody has to confirm."""

    notices = FindingSerializer(many=True, read_only=True)
    job = serializers.SerializerMethodField()
    counts = serializers.SerializerMethodField()
    licenses = serializers.SerializerMethodField()
    defaults = serializers.DictField(child=serializers.CharField(), read_only=True)
    confirmed = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta(ImportSerializer.Meta):
        fields = (*ImportSerializer.Meta.fields, "defaults", "confirmed", "counts", "licenses", "notices", "job")
        read_only_fields = fields

    @extend_schema_field(ImportJobSerializer(allow_null=True))
    def get_job(self, batch: ImportBatch) -> dict[str, Any] | None:
        """Return the newest walk."""
        job = batch.jobs.first()
        return dict(ImportJobSerializer(job).data) if job else None

    @extend_schema_field(CountsSerializer)
    def get_counts(self, batch: ImportBatch) -> dict[str, int]:
        """Count the files by state."""
        return counts_of(batch)

    @extend_schema_field(WrittenLicenseSerializer(many=True))
    def get_licenses(self, batch: ImportBatch) -> Iterable[Any]:
        """Return the written licences that nobody can read for sure."""
        return WrittenLicenseSerializer(questions_of(batch), many=True).data


class ImportRowSerializer(serializers.ModelSerializer):
    """One file of an import: what the table says, what is wrong, and the picture that it became."""

    problems = FindingSerializer(many=True, read_only=True)
    notices = FindingSerializer(many=True, read_only=True)
    picture = serializers.UUIDField(source="picture_id", read_only=True, allow_null=True)
    facts = serializers.SerializerMethodField()
    captions = serializers.SerializerMethodField()
    tags = serializers.SerializerMethodField()

    class Meta:
        model = ImportRow
        fields = ("number", "name", "state", "problems", "notices", "facts", "captions", "tags", "picture")
        read_only_fields = fields

    @extend_schema_field(serializers.DictField())
    def get_facts(self, row: ImportRow) -> dict[str, Any]:
        """Return the facts as they were read."""
        return dict(row.values.get("facts", {}))

    @extend_schema_field(serializers.DictField(child=serializers.CharField()))
    def get_captions(self, row: ImportRow) -> dict[str, str]:
        """Return the captions by language."""
        return dict(row.values.get("captions", {}))

    def get_tags(self, row: ImportRow) -> list[str]:
        """Return the tags."""
        return list(row.values.get("tags", ()))


class ConfirmationSerializer(StrictSerializer):
    """What written licences mean: the words as they are written, and the identifier that they stand for."""

    confirmed = serializers.DictField(child=serializers.CharField(), required=False)

    default_error_messages = {
        "many": gettext_lazy("These are too many, or too long."),
        "unknown": gettext_lazy("“{name}” is no licence that Daicho knows."),
    }

    def validate_confirmed(self, values: dict[str, str]) -> dict[str, str]:
        """Refuse identifiers that nobody knows."""
        if len(values) > MAX_CONFIRMED or any(len(written) > MAX_LICENSE_CHARS for written in values):
            self.fail("many")
        for name in values.values():
            if name not in known_ids() and name not in self.context["own"]:
                self.fail("unknown", name=name[:80])
        return values


class NewTaggingSerializer(StrictSerializer):
    """For which project, or for which dataset of it, a model should propose tags."""

    project = serializers.SlugField()
    dataset = serializers.SlugField(required=False)


class TaggingSerializer(WorkSerializer):
    """A model's look at pictures: which model, and how many tags it has proposed."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    dataset = serializers.SlugRelatedField(slug_field="slug", read_only=True)

    class Meta:
        model = Tagging
        fields = (*WorkSerializer.WORK_FIELDS, "project", "dataset", "tagger", "proposed")
        read_only_fields = fields


class NewCurationSerializer(StrictSerializer):
    """For which project a worker should look at pictures."""

    project = serializers.SlugField()


class CurationSerializer(WorkSerializer):
    """A look at a project's pictures: how many were measured, and how many pairs are nearly the same."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)

    class Meta:
        model = Curation
        fields = (*WorkSerializer.WORK_FIELDS, "project", "measured", "pairs")
        read_only_fields = fields
