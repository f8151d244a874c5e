"""Which pictures a person asked for: one set of filters and one way to turn pages, for the gallery and the API."""

import uuid
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

import django_filters
from django.core.validators import MaxLengthValidator
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from projects.api_rows import project_named
from projects.models import Project
from projects.paging import newer_than, older_than

from .models import LineageFile, Output
from .search import containing
from .services.lineages import publishable

PAGE_SIZE = 36
MAX_SEARCH_CHARS = 200
REJECTED = [("hide", _("Hide rejected")), ("only", _("Only rejected")), ("all", _("All"))]
PUBLISHABLE = [("yes", _("Yes")), ("no", _("No"))]
RATINGS = [("", _("Any")), *((str(stars), "★" * stars) for stars in range(1, 6))]


class OutputFilter(django_filters.FilterSet):
    """Narrow pictures down. Search is literal: %, _, \\ stand for themselves. Rejected ones hide until asked for."""

    q = django_filters.CharFilter(
        label=_("Words in the prompt"), method="search", validators=[MaxLengthValidator(MAX_SEARCH_CHARS)]
    )
    template = django_filters.CharFilter(
        label=_("Template"), field_name="generation__template_version__template__slug", max_length=80
    )
    version = django_filters.NumberFilter(
        label=_("Version"), field_name="generation__template_version__number", min_value=1, max_value=2**31 - 1
    )
    model = django_filters.UUIDFilter(label=_("Model"), field_name="generation__base_model")
    adapter = django_filters.UUIDFilter(label=_("Adapter"), method="made_with")
    license = django_filters.CharFilter(label=_("Licence"), max_length=200)
    campaign = django_filters.CharFilter(label=_("Campaign"), field_name="generation__campaign__slug", max_length=60)
    person = django_filters.UUIDFilter(label=_("Person"), field_name="generation__requested_by")
    after = django_filters.DateFilter(label=_("From"), method="made_after")
    before = django_filters.DateFilter(label=_("Until"), method="made_before")
    rating = django_filters.TypedChoiceFilter(
        label=_("Rating at least"),
        choices=RATINGS,
        coerce=int,
        empty_value=None,
        field_name="rating",
        lookup_expr="gte",
    )
    rejected = django_filters.ChoiceFilter(
        label=_("Rejected"), choices=REJECTED, empty_label=None, method="pass_through"
    )

    publishable = django_filters.ChoiceFilter(
        label=_("Publishable now"), choices=PUBLISHABLE, empty_label=_("Any"), method="may_publish"
    )

    class Meta:
        model = Output
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Output]) -> QuerySet[Output]:
        """Apply every filter, and hide rejected pictures unless they were asked for."""
        rejected = self.form.cleaned_data.get("rejected") or "hide"
        rows: QuerySet[Output] = super().filter_queryset(queryset)
        return rows if rejected == "all" else rows.filter(rejected_at__isnull=rejected == "hide")

    def pass_through(self, rows: QuerySet[Output], _name: str, _value: str) -> QuerySet[Output]:
        """Leave the rows to `filter_queryset`, which also knows what to do when nothing was asked."""
        return rows

    def search(self, rows: QuerySet[Output], _name: str, value: str) -> QuerySet[Output]:
        """Keep pictures whose prompt, as sent or as typed, holds these very characters."""
        return containing(rows, value)

    def made_with(self, rows: QuerySet[Output], _name: str, value: uuid.UUID) -> QuerySet[Output]:
        """Keep pictures that were made with this adapter, whichever others there were."""
        return rows.filter(lineage__in=LineageFile.objects.filter(file=value).values("lineage"))

    def may_publish(self, rows: QuerySet[Output], _name: str, value: str) -> QuerySet[Output]:
        """Keep what the publish gate lets through now, in the project's circumstances, or what it does not."""
        return publishable(rows, self.project, wanted=value == "yes")

    @cached_property
    def project(self) -> Project:
        """The project that a request names, since every project has its own circumstances. Raises Problem."""
        return project_named(self.request)

    def made_after(self, rows: QuerySet[Output], _name: str, value: date) -> QuerySet[Output]:
        """Keep pictures made on this day or later, in the reader's time zone."""
        return rows.filter(created_at__gte=midnight(value))

    def made_before(self, rows: QuerySet[Output], _name: str, value: date) -> QuerySet[Output]:
        """Keep pictures made on this day or earlier, in the reader's time zone."""
        return rows if value == date.max else rows.filter(created_at__lt=midnight(value + timedelta(days=1)))


class GalleryFilter(OutputFilter):
    """Narrow down the pictures of one project."""

    def __init__(self, data: Any, project: Project) -> None:
        super().__init__(data, Output.objects.filter(project=project))
        self.project = project


def pictures_asked(query: QueryDict, project: Project) -> QuerySet[Output]:
    """Return the pictures that an address asks for; one that names no filter is answered without reading a form."""
    if any(query.get(name) for name in GalleryFilter.base_filters):
        rows: QuerySet[Output] = GalleryFilter(query, project).qs
        return rows
    return Output.objects.filter(project=project, rejected_at__isnull=True)


def midnight(day: date) -> datetime:
    """Return the beginning of a day in the current time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))


def neighbours(rows: QuerySet[Output], output: Output) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    """Return the ids of the newer and of the older picture beside one, among these rows."""
    place = (output.created_at, output.id)
    newer = newer_than(rows, place).order_by("created_at", "id").values_list("id", flat=True).first()
    older = older_than(rows, place).order_by("-created_at", "-id").values_list("id", flat=True).first()
    return newer, older


def without(query: Mapping[str, Any], *names: str) -> str:
    """Return a query string without some names, for links that keep the filters."""
    kept = query.copy()  # type: ignore[attr-defined]
    for name in names:
        kept.pop(name, None)
    encoded: str = kept.urlencode()
    return encoded
