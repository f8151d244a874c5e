"""The API's rooms about what should be looked at: a dataset's checks and words, and the calendar of licences."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from projects.api_rows import ONE_PROJECT, InProjects, project_named
from projects.models import Role, Scope

from . import caption_pages
from . import dataset_checks as checks
from .expiry_pages import calendar_of
from .models import Dataset, DatasetItem, Picture
from .picture_filters import PictureFilter
from .serializers_checks import (
    CalendarSerializer,
    ChecksSerializer,
    CropsAskedSerializer,
    CropSerializer,
    DifferentSerializer,
    DismissedSerializer,
    EndingsAskedSerializer,
    FlagAskedSerializer,
    FlaggedItemSerializer,
    LanguageAskedSerializer,
    WordsSerializer,
    asked,
)
from .services.curation import dismiss_group

GROUPS_SENT = 100
PICTURES_SENT = 100
FINDINGS_SENT = 200


class DatasetCheckViewSet(InProjects):
    """What the portal's checks, words and crops say of a dataset."""

    queryset = Dataset.objects.select_related("project")
    serializer_class = ChecksSerializer
    lookup_value_converter = "uuid"
    ordering = ("number",)
    scope = Scope.EDIT

    @extend_schema(parameters=[LanguageAskedSerializer], responses=ChecksSerializer)
    @action(detail=True, pagination_class=None, url_path="checks", url_name="all")
    def checks(self, request: Request, pk: UUID) -> Response:
        """Say what speaks for and against training: the gate, readiness, warnings, near duplicates, captions."""
        dataset, language = self.get_row(), self.language()
        counts, groups = checks.count_dataset(dataset), checks.duplicates_in(dataset)
        complaints = caption_pages.complaints_of(dataset, language)
        found = {
            "counts": counts,
            "gate": checks.decide_training(dataset),
            "readiness": checks.judge_readiness(counts, groups),
            "flags": checks.warnings_in(dataset),
            "duplicates": [group_of(number, group) for number, group in enumerate(groups[:GROUPS_SENT], 1)],
            "duplicate_count": len(groups),
            "language": language,
            "findings": complaints[:FINDINGS_SENT],
            "finding_count": len(complaints),
            "look": checks.looking_at(dataset.project, counts.unmeasured).job,
        }
        return Response(ChecksSerializer(found).data)

    @extend_schema(parameters=[FlagAskedSerializer], responses=FlaggedItemSerializer(many=True))
    @action(detail=True)
    def flags(self, request: Request, pk: UUID) -> Response:
        """List pictures with warnings about quality, in order."""
        dataset = self.get_row()
        chosen = asked(FlagAskedSerializer, request.query_params)
        pictures = PictureFilter(chosen, Picture.objects.filter(project=dataset.project), project=dataset.project).qs
        items = dataset.items.filter(picture__in=pictures).select_related("picture")
        return self.get_paginated_response(FlaggedItemSerializer(self.paginate_queryset(items), many=True).data)

    @extend_schema(parameters=[LanguageAskedSerializer], responses=WordsSerializer)
    @action(detail=True, pagination_class=None)
    def words(self, request: Request, pk: UUID) -> Response:
        """Count the phrases of captions, alone and together, and what captions and accepted tags speak of."""
        dataset, language = self.get_row(), self.language()
        often = caption_pages.frequencies_of(dataset, language)
        found = {
            "language": language,
            "frequencies": [{"phrase": phrase, "count": count} for phrase, count in often],
            "together": caption_pages.together_in(dataset, language),
            "coverage": checks.coverage_of(dataset),
        }
        return Response(WordsSerializer(found).data)

    @extend_schema(parameters=[CropsAskedSerializer], responses=CropSerializer(many=True))
    @action(detail=True)
    def crops(self, request: Request, pk: UUID) -> Response:
        """Plan how training would cut each picture, in order."""
        dataset = self.get_row()
        chosen = asked(CropsAskedSerializer, request.query_params)
        items = self.paginate_queryset(dataset.items.select_related("picture"))
        crops = checks.crops_of(items, side=chosen["side"], in_buckets=chosen["shape"] == "buckets")
        return self.get_paginated_response(CropSerializer(crops, many=True).data)

    @extend_schema(request=DifferentSerializer, responses=DismissedSerializer)
    @action(detail=True, methods=["post"])
    def different(self, request: Request, pk: UUID) -> Response:
        """Say that pictures which look the same to a worker are different."""
        dataset = self.get_row(Role.EDITOR)
        serializer = DifferentSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        dismissed = dismiss_group(request.user, serializer.pictures(dataset))
        return Response(DismissedSerializer({"dismissed": dismissed}).data)

    def language(self) -> str:
        """Return the language of captions that is asked for, the reader's own by default."""
        found = asked(LanguageAskedSerializer, self.request.query_params)
        return caption_pages.language_asked(found.get("language", ""))


class ExpiriesView(APIView):
    """The calendar of licences in a project."""

    @extend_schema(parameters=[ONE_PROJECT, EndingsAskedSerializer], responses=CalendarSerializer)
    def get(self, request: Request) -> Response:
        """List the licences that end soon and those that have ended, month by month as the licensors count."""
        project = project_named(request)
        within = asked(EndingsAskedSerializer, request.query_params)["within"]
        found = calendar_of(project, within)
        answer = {
            "within": within,
            "ahead": found.ahead,
            "ended": found.ended,
            "later": found.later,
            "is_cut": found.is_cut,
        }
        return Response(CalendarSerializer(answer).data)


def group_of(number: int, group: Sequence[DatasetItem]) -> dict[str, Any]:
    """Return a group of near duplicates as the API sends it."""
    return {"number": number, "count": len(group), "pictures": group[:PICTURES_SENT]}
