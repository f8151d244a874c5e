"""The API's words for what should be looked at: a dataset's checks, its words, its crops, and licences that end."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from projects.problems import Problem
from projects.protocol import StrictSerializer

from .captions import CODES, Readiness, ReadinessReason
from .dataset_checks import LEVELS, METHODS, Crop
from .expiry_pages import Ending
from .forms_datasets import SIDES
from .models import Dataset, DatasetItem, Picture
from .picture_filters import FLAG_WORDS, FLAGS, flag_words
from .review_pages import WARN_DAYS
from .sentences import sentence
from .serializers import DecisionSerializer
from .serializers_pictures import CurationSerializer
from .serializers_rights import KINDS

MAX_DIFFERENT = 1000
SHAPES = ("square", "buckets")


class LanguageAskedSerializer(serializers.Serializer):
    """The language of the captions that are read; the reader's own unless one is asked for."""

    language = serializers.ChoiceField(choices=settings.LANGUAGES, required=False)


class FlagAskedSerializer(serializers.Serializer):
    """A warning about quality, or which pictures have any, none, or were not looked at yet."""

    flag = serializers.ChoiceField(choices=FLAGS, required=False, default="any")


class CropsAskedSerializer(serializers.Serializer):
    """How training would cut: to squares of a size, or to the bucket of that size that fits each picture best."""

    side = serializers.ChoiceField(choices=SIDES, required=False, default=SIDES[0][0])
    shape = serializers.ChoiceField(choices=SHAPES, required=False, default=SHAPES[0])


class EndingsAskedSerializer(serializers.Serializer):
    """How many days ahead to look."""

    within = serializers.ChoiceField(choices=WARN_DAYS, required=False, default=WARN_DAYS[-1])


class DatasetCountsSerializer(serializers.Serializer):
    """What is counted of a dataset."""

    pictures = serializers.IntegerField()
    flagged = serializers.IntegerField()
    captioned = serializers.IntegerField()
    unmeasured = serializers.IntegerField()


class ReadinessReasonSerializer(serializers.Serializer):
    """What speaks against a way of training."""

    code = serializers.CharField()
    sentence = serializers.SerializerMethodField()

    def get_sentence(self, reason: ReadinessReason) -> str:
        """Return the reason in the reader's language."""
        return sentence(reason.code, reason.params)


class ReadinessSerializer(serializers.Serializer):
    """Whether a dataset is enough for one way of training; `check` trains, but look at the reasons first."""

    method = serializers.ChoiceField(choices=list(METHODS))
    name = serializers.SerializerMethodField()
    level = serializers.ChoiceField(choices=list(LEVELS))
    reasons = ReadinessReasonSerializer(many=True)

    def get_name(self, judged: Readiness) -> str:
        """Return what the way of training is called."""
        return METHODS[judged.method]


class WarnedSerializer(serializers.Serializer):
    """How many pictures have one warning about quality, and the first numbers of them."""

    flag = serializers.ChoiceField(choices=list(FLAG_WORDS))
    label = serializers.CharField()
    count = serializers.IntegerField()
    numbers = serializers.ListField(child=serializers.IntegerField())


class NumberedPictureSerializer(serializers.Serializer):
    """A picture of a dataset by its number."""

    number = serializers.IntegerField()
    picture = serializers.UUIDField(source="picture_id")
    name = serializers.CharField(source="picture.name")


class DuplicatesSerializer(serializers.Serializer):
    """Pictures that are nearly the same; of a very large group the first ones."""

    number = serializers.IntegerField()
    count = serializers.IntegerField()
    pictures = NumberedPictureSerializer(many=True)


class CaptionFindingSerializer(serializers.Serializer):
    """One thing about captions that may harm training.

    A rename of `phrase` to `suggestion` mends it; "" takes the phrase out, and null means that no rename does.
    `numbers` are the first of `count` pictures.
    """

    code = serializers.ChoiceField(source="finding.code", choices=CODES)
    sentence = serializers.CharField()
    phrase = serializers.CharField(source="finding.phrase", allow_blank=True)
    suggestion = serializers.CharField(source="finding.suggestion", allow_blank=True, allow_null=True)
    count = serializers.IntegerField(source="finding.params.count")
    numbers = serializers.ListField(child=serializers.IntegerField())


class ChecksSerializer(serializers.Serializer):
    """What speaks for and against training on a dataset.

    `gate` is the train gate's answer about all pictures now, null without any. `look` is a worker's newest look at the
    project's pictures. `duplicates` and `findings` are the first of `duplicate_count` and `finding_count`.
    """

    counts = DatasetCountsSerializer()
    gate = DecisionSerializer(allow_null=True)
    readiness = ReadinessSerializer(many=True)
    flags = WarnedSerializer(many=True)
    duplicates = DuplicatesSerializer(many=True)
    duplicate_count = serializers.IntegerField()
    language = serializers.ChoiceField(choices=settings.LANGUAGES)
    findings = CaptionFindingSerializer(many=True)
    finding_count = serializers.IntegerField()
    look = CurationSerializer(allow_null=True)


class FlaggedItemSerializer(serializers.ModelSerializer):
    """A picture of a dataset with its warnings about quality, as codes and in words."""

    picture = serializers.UUIDField(source="picture_id", read_only=True)
    name = serializers.CharField(source="picture.name", read_only=True)
    width = serializers.IntegerField(source="picture.width", read_only=True)
    height = serializers.IntegerField(source="picture.height", read_only=True)
    flags = serializers.ListField(source="picture.flags", child=serializers.CharField(), read_only=True)
    warnings = serializers.SerializerMethodField()
    is_measured = serializers.SerializerMethodField()

    class Meta:
        model = DatasetItem
        fields = ("number", "picture", "name", "width", "height", "flags", "warnings", "is_measured")
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_warnings(self, item: DatasetItem) -> list[str]:
        """Return the warnings in the reader's language."""
        return flag_words(item.picture.flags)

    def get_is_measured(self, item: DatasetItem) -> bool:
        """Say whether a worker has looked at the picture."""
        return item.picture.measures is not None


class PhraseCountSerializer(serializers.Serializer):
    """How many captions hold a phrase."""

    phrase = serializers.CharField()
    count = serializers.IntegerField()


class TogetherSerializer(serializers.Serializer):
    """How many captions hold a phrase and each of the others, in the order of the rows; null where it meets itself."""

    phrase = serializers.CharField()
    counts = serializers.ListField(child=serializers.IntegerField(allow_null=True))


class ShownSerializer(serializers.Serializer):
    """How many pictures speak of one thing."""

    id = serializers.CharField()
    label = serializers.CharField()
    count = serializers.IntegerField()


class CoveredSerializer(serializers.Serializer):
    """Things that belong together, such as the angles; `unsaid` are the first numbers of pictures that name none."""

    id = serializers.CharField()
    label = serializers.CharField()
    values = ShownSerializer(many=True)
    unsaid = serializers.ListField(child=serializers.IntegerField())
    unsaid_count = serializers.IntegerField()


class WordsSerializer(serializers.Serializer):
    """The words of a dataset's captions in one language, most first; what captions and accepted tags speak of."""

    language = serializers.ChoiceField(choices=settings.LANGUAGES)
    frequencies = PhraseCountSerializer(many=True)
    together = TogetherSerializer(many=True)
    coverage = CoveredSerializer(many=True)


class CropSerializer(serializers.Serializer):
    """Which part of a picture training would see, in its own pixels, and the size that the part is brought to.

    `factor` is the enlargement, `lost` the share of the picture outside the part.
    """

    number = serializers.IntegerField(source="item.number")
    picture = serializers.UUIDField(source="item.picture_id")
    name = serializers.CharField(source="item.picture.name")
    picture_width = serializers.IntegerField(source="item.picture.width")
    picture_height = serializers.IntegerField(source="item.picture.height")
    left = serializers.IntegerField(source="plan.left")
    top = serializers.IntegerField(source="plan.top")
    right = serializers.IntegerField(source="plan.right")
    bottom = serializers.IntegerField(source="plan.bottom")
    width = serializers.IntegerField(source="plan.width")
    height = serializers.IntegerField(source="plan.height")
    factor = serializers.FloatField(source="plan.factor")
    lost = serializers.FloatField(source="plan.lost")
    enlarges = serializers.SerializerMethodField()

    def get_enlarges(self, crop: Crop) -> bool:
        """Say whether the picture has noticeably fewer pixels than training wants."""
        return crop.enlarged is not None


class DifferentSerializer(StrictSerializer):
    """Pictures of a dataset by their numbers that look alike to a worker, and are not the same to a person."""

    numbers = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**31 - 1), min_length=2, max_length=MAX_DIFFERENT
    )

    def pictures(self, dataset: Dataset) -> QuerySet[Picture]:
        """Return the pictures. Raises Problem for a number that is not there."""
        numbers = set(self.validated_data["numbers"])
        pictures = Picture.objects.filter(items__dataset=dataset, items__number__in=numbers)
        if pictures.count() != len(numbers):
            message = _("There is no picture with this number in the dataset.")
            raise Problem("picture_unknown", message, fields={"numbers": message})
        return pictures


class DismissedSerializer(serializers.Serializer):
    """How many pairs of near duplicates count as different from now on."""

    dismissed = serializers.IntegerField()


class EndingSerializer(serializers.Serializer):
    """A licence that ends. `expires_at` is the first instant at which it no longer holds.

    `last_day` says so as the licensor counts; `within` is the smallest of 7, 30 and 90 days, 0 when it has ended.
    """

    rights = serializers.UUIDField(source="thing.rights.id")
    kind = serializers.SerializerMethodField()
    thing = serializers.UUIDField(source="thing.holder.id")
    name = serializers.CharField(source="thing.name")
    license = serializers.CharField(source="thing.rights.license", allow_blank=True)
    license_name = serializers.CharField(source="thing.license")
    state = serializers.CharField(source="thing.rights.state")
    expires_at = serializers.DateTimeField(source="at")
    time_zone = serializers.CharField(source="thing.rights.time_zone")
    last_day = serializers.CharField()
    within = serializers.IntegerField()

    @extend_schema_field(serializers.ChoiceField(choices=KINDS))
    def get_kind(self, ending: Ending) -> str:
        """Return what kind of thing it is."""
        return "picture" if ending.thing.is_picture else "model"


class MonthSerializer(serializers.Serializer):
    """A month, by its first day, with the licences that end in it."""

    month = serializers.DateField(source="first")
    endings = EndingSerializer(many=True)


class CalendarSerializer(serializers.Serializer):
    """The licences that end within so many days, soonest first, and those that have ended, latest first.

    `later` counts what ends after that; `is_cut` says that there is more than was sent.
    """

    within = serializers.IntegerField()
    ahead = MonthSerializer(many=True)
    ended = MonthSerializer(many=True)
    later = serializers.IntegerField()
    is_cut = serializers.BooleanField()


def asked(serializer: type[serializers.Serializer], query: Any) -> dict[str, Any]:
    """Return what an address asks for. Raises ValidationError naming the parameter that cannot be read."""
    read = serializer(data=query)
    read.is_valid(raise_exception=True)
    return dict(read.validated_data)
