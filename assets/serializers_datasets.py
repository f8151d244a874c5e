"""The API's words for datasets and their frozen versions."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from projects.models import Project
from projects.problems import Problem
from projects.protocol import StrictSerializer

from .exports import FORMATS
from .forms_datasets import ExportForm, check_trigger
from .models import CaptionEdit, Dataset, DatasetItem, DatasetVersion, Picture
from .serializers import VERDICTS, DecisionSerializer

MAX_PICTURES = 1000
MAX_CAPTION_CHARS = 2000


class DatasetSerializer(serializers.ModelSerializer):
    """A choice of pictures to learn from."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    pictures = serializers.IntegerField(source="picture_count", read_only=True)
    versions = serializers.IntegerField(source="version_count", read_only=True)

    class Meta:
        model = Dataset
        fields = (
            "id", "project", "slug", "name", "name_ja", "description", "trigger", "aims_at_work", "pictures",
            "versions", "created_at", "archived_at",
        )  # fmt: skip
        read_only_fields = fields


class DatasetWordsSerializer(StrictSerializer):
    """What a dataset is called, and the word that its subject is taught under."""

    name = serializers.CharField(max_length=120)
    name_ja = serializers.CharField(max_length=120, allow_blank=True, required=False)
    description = serializers.CharField(max_length=2000, allow_blank=True, required=False)
    trigger = serializers.CharField(max_length=80, allow_blank=True, required=False)
    aims_at_work = serializers.BooleanField(
        allow_null=True,
        required=False,
        help_text="Does the set aim at a person, a character or a single work? Not answered (null) counts as yes.",
    )

    def validate_trigger(self, word: str) -> str:
        """Return the trigger word as trainers take it."""
        return check_trigger(word)


class NewDatasetSerializer(DatasetWordsSerializer):
    """A dataset to open."""

    project = serializers.SlugField()


class ItemSerializer(serializers.ModelSerializer):
    """A picture's place in a dataset."""

    picture = serializers.UUIDField(source="picture_id", read_only=True)
    name = serializers.CharField(source="picture.name", read_only=True)
    license = serializers.CharField(source="picture.rights.license", read_only=True)
    state = serializers.CharField(source="picture.rights.state", read_only=True)
    captions = serializers.SerializerMethodField()

    class Meta:
        model = DatasetItem
        fields = ("number", "picture", "name", "license", "state", "group", "captions")
        read_only_fields = fields

    @extend_schema_field(serializers.DictField(child=serializers.CharField()))
    def get_captions(self, item: DatasetItem) -> dict[str, str]:
        """Return the captions by language."""
        return {caption.language: caption.text for caption in item.captions.all()}


class ChosenPicturesSerializer(StrictSerializer):
    """Pictures of the project."""

    pictures = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MAX_PICTURES)

    def rows(self, project: Project) -> list[Picture]:
        """Return the pictures in the order in which they were named. Raises Problem for one that is not there."""
        ids = list(dict.fromkeys(self.validated_data["pictures"]))
        found = {each.id: each for each in Picture.objects.filter(project=project, removed_at=None, id__in=ids)}
        if len(found) != len(ids):
            message = _("There is no such picture in this project.")
            raise Problem("picture_unknown", message, fields={"pictures": message})
        return [found[each] for each in ids]


class AddedSerializer(serializers.Serializer):
    """How many pictures were not in the dataset yet."""

    added = serializers.IntegerField()


class GroupingSerializer(StrictSerializer):
    """Pictures by their numbers, and the group that they belong to; an empty name takes them out of theirs."""

    group = serializers.CharField(max_length=80, allow_blank=True)
    numbers = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**31 - 1), min_length=1, max_length=MAX_PICTURES
    )

    def items(self, dataset: Dataset) -> QuerySet[DatasetItem]:
        """Return the pictures of a dataset. Raises Problem for a number that is not there."""
        numbers = set(self.validated_data["numbers"])
        items = dataset.items.filter(number__in=numbers)
        if items.count() != len(numbers):
            message = _("There is no picture with this number in the dataset.")
            raise Problem("picture_unknown", message, fields={"numbers": message})
        return items


class GroupedSerializer(serializers.Serializer):
    """How many pictures were in another group."""

    changed = serializers.IntegerField()


class CaptionsSerializer(StrictSerializer):
    """Captions in one language by the number of their picture; an empty one takes it away."""

    language = serializers.ChoiceField(choices=settings.LANGUAGES)
    captions = serializers.DictField(child=serializers.CharField(max_length=MAX_CAPTION_CHARS, allow_blank=True))

    def validate_captions(self, captions: dict[str, str]) -> dict[int, str]:
        """Return the captions by number."""
        if not all(each.isascii() and each.isdecimal() and len(each) <= 9 for each in captions):
            raise serializers.ValidationError(_("Name the pictures by their numbers."))
        return {int(number): text for number, text in captions.items()}


class WrittenCaptionsSerializer(serializers.Serializer):
    """Captions in one language by the number of their picture."""

    language = serializers.CharField()
    captions = serializers.DictField(child=serializers.CharField(allow_blank=True))


class RenamingSerializer(StrictSerializer):
    """A phrase, and what captions are to say instead; nothing takes it out."""

    language = serializers.ChoiceField(choices=settings.LANGUAGES)
    old = serializers.CharField(max_length=300)
    new = serializers.CharField(max_length=300, allow_blank=True, required=False, default="")


class CaptionChangeSerializer(serializers.Serializer):
    """One caption before and after."""

    number = serializers.IntegerField()
    language = serializers.CharField()

    def get_fields(self) -> dict[str, serializers.Field]:
        """Add the field whose name Python keeps for itself."""
        return {**super().get_fields(), "from": serializers.CharField(allow_blank=True), "to": serializers.CharField()}


class CaptionEditSerializer(serializers.ModelSerializer):
    """Captions that were changed in one go."""

    changes = CaptionChangeSerializer(many=True, read_only=True)

    class Meta:
        model = CaptionEdit
        fields = ("id", "what", "changes", "made_at", "undone_at")
        read_only_fields = fields


class FrozenSerializer(serializers.ModelSerializer):
    """A frozen version; `verdict` is what the train gate said then."""

    dataset = serializers.UUIDField(source="dataset_id", read_only=True)
    verdict = serializers.ChoiceField(choices=VERDICTS, read_only=True)

    class Meta:
        model = DatasetVersion
        fields = (
            "id", "dataset", "number", "count", "trigger", "aims_at_work", "note", "merkle_root", "manifest_sha256",
            "verdict", "created_at", "ledger_seq",
        )  # fmt: skip
        read_only_fields = fields


class StandingSerializer(FrozenSerializer):
    """A frozen version with what the train gate says of it now, and what its pictures are under together."""

    verdict_now = serializers.ChoiceField(choices=VERDICTS, read_only=True)
    effective_license = serializers.CharField(read_only=True)

    class Meta(FrozenSerializer.Meta):
        fields = (*FrozenSerializer.Meta.fields, "verdict_now", "effective_license")
        read_only_fields = fields


class FullFrozenSerializer(FrozenSerializer):
    """A frozen version with the train gate's whole answer, then and now.

    `is_changed` says whether the terms are not as they were then. `outdated` are the numbers of pictures whose licence
    or credit has changed since, so that the version cannot be exported any more.
    """

    then = DecisionSerializer(read_only=True, source="decided_then")
    now = DecisionSerializer(read_only=True, source="decided_now")
    is_changed = serializers.BooleanField(read_only=True)
    outdated = serializers.ListField(child=serializers.IntegerField(), read_only=True)

    class Meta(FrozenSerializer.Meta):
        fields = (*FrozenSerializer.Meta.fields, "then", "now", "is_changed", "outdated")
        read_only_fields = fields


class FreezingSerializer(StrictSerializer):
    """What changed."""

    note = serializers.CharField(max_length=300, allow_blank=True, required=False, default="")


class PictureProofSerializer(serializers.Serializer):
    """What shows that a picture is in a version, for anybody who has the root."""

    dataset = serializers.CharField()
    version = serializers.IntegerField()
    number = serializers.IntegerField()
    count = serializers.IntegerField()
    line = serializers.CharField()
    proof = serializers.ListField(child=serializers.CharField())
    root = serializers.CharField()
    method = serializers.CharField()
    ledger_seq = serializers.IntegerField()


class NamedItemSerializer(serializers.Serializer):
    """A picture of a manifest."""

    number = serializers.IntegerField()
    title = serializers.CharField(allow_blank=True)
    pixels_sha256 = serializers.CharField()


class FieldChangeSerializer(serializers.Serializer):
    """One value that differs."""

    field = serializers.CharField()
    old = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)


class ItemChangeSerializer(serializers.Serializer):
    """What changed about one picture."""

    picture = NamedItemSerializer(source="new")
    values = FieldChangeSerializer(many=True, source="fields")


class MoveOfItemSerializer(serializers.Serializer):
    """A picture that stands elsewhere."""

    picture = NamedItemSerializer(source="new")
    was = serializers.IntegerField(source="old.number")


class VersionDiffSerializer(serializers.Serializer):
    """How a version became another."""

    old = serializers.IntegerField()
    new = serializers.IntegerField()
    added = NamedItemSerializer(many=True)
    removed = NamedItemSerializer(many=True)
    changed = ItemChangeSerializer(many=True)
    moved = MoveOfItemSerializer(many=True)


class ExportingSerializer(StrictSerializer):
    """How a version leaves the house; what stands behind the language is kohya's."""

    format = serializers.ChoiceField(choices=list(FORMATS))
    language = serializers.ChoiceField(choices=settings.LANGUAGES, required=False, default="en")
    trigger = serializers.CharField(max_length=80, required=False, allow_blank=True)
    class_word = serializers.CharField(max_length=80, required=False, allow_blank=True)
    repeats = serializers.IntegerField(required=False, default=10)
    resolution = serializers.IntegerField(required=False, default=512)
    texts = serializers.ChoiceField(choices=["captions", "tags"], required=False, default="captions")

    def asked(self, version: DatasetVersion) -> dict[str, Any]:
        """Return the values as the portal's form cleans them; the trigger word is the version's own by default."""
        form = ExportForm({"trigger": version.trigger, **self.validated_data})
        if not form.is_valid():
            raise serializers.ValidationError({name: list(found) for name, found in form.errors.items()})
        return dict(form.cleaned_data)
