"""Which pictures a person asked for: one set of filters and one way to turn pages, for the gallery and the API."""

import base64
import binascii
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import django_filters
from django.core.validators import MaxLengthValidator
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from projects.models import Project

from .models import Output
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

    def made_after(self, rows: QuerySet[Output], _name: str, value: date) -> QuerySet[Output]:
        """Keep pictures made on this day or later, in the reader's time zone."""
        return rows.filter(created_at__gte=midnight(value))

    def made_before(self, rows: QuerySet[Output], _name: str, value: date) -> QuerySet[Output]:
        """Keep pictures made on this day or earlier, in the reader's time zone."""
        return rows if value == date.max else rows.filter(created_at__lt=midnight(value + timedelta(days=1)))


class GalleryFilter(OutputFilter):
    """Narrow down the pictures of one project, also by what may be published now in its circumstances."""

    publishable = django_filters.ChoiceFilter(
        label=_("Publishable now"), choices=PUBLISHABLE, empty_label=_("Any"), method="may_publish"
    )

    def __init__(self, data: Any, project: Project) -> None:
        super().__init__(data, Output.objects.filter(project=project))
        self.project = project

    def may_publish(self, rows: QuerySet[Output], _name: str, value: str) -> QuerySet[Output]:
        """Keep what the publish gate lets through at this moment, or what it does not."""
        return publishable(rows, self.project, wanted=value == "yes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some pictures in order, and the cursor of what comes next (empty at the end)."""

    rows: Sequence[Output]
    next_cursor: str


def midnight(day: date) -> datetime:
    """Return the beginning of a day in the current time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))


def read_page(rows: QuerySet[Output], cursor: str, *, size: int = PAGE_SIZE) -> Page:
    """Return the next pictures after a cursor, newest first; a cursor that cannot be read means the beginning."""
    place = read_cursor(cursor)
    if place is not None:
        rows = older_than(rows, *place)
    found = list(rows.order_by("-created_at", "-id")[: size + 1])
    has_more = len(found) > size
    return Page(rows=found[:size], next_cursor=write_cursor(found[size - 1]) if has_more else "")


def older_than(rows: QuerySet[Output], created_at: datetime, output_id: uuid.UUID) -> QuerySet[Output]:
    """Keep what comes after this place in the gallery. The first condition lets the index find it."""
    return rows.filter(created_at__lte=created_at).exclude(created_at=created_at, id__gte=output_id)


def newer_than(rows: QuerySet[Output], created_at: datetime, output_id: uuid.UUID) -> QuerySet[Output]:
    """Keep what comes before this place in the gallery."""
    return rows.filter(created_at__gte=created_at).exclude(created_at=created_at, id__lte=output_id)


def neighbours(rows: QuerySet[Output], output: Output) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    """Return the ids of the newer and of the older picture beside one, among these rows."""
    place = (output.created_at, output.id)
    newer = newer_than(rows, *place).order_by("created_at", "id").values_list("id", flat=True).first()
    older = older_than(rows, *place).order_by("-created_at", "-id").values_list("id", flat=True).first()
    return newer, older


def write_cursor(output: Output) -> str:
    """Return the place of a picture as text for an address."""
    text = f"{output.created_at.isoformat()} {output.id.hex}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, uuid.UUID] | None:
    """Return the place that a cursor names, or None when it is none."""
    if not cursor or len(cursor) > 200:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        moment, output_id = text.rsplit(" ", 1)
        created_at = parse_datetime(moment)
        place = (created_at, uuid.UUID(output_id))
    except (ValueError, binascii.Error):
        return None
    return place if created_at is not None and created_at.tzinfo is not None else None  # type: ignore[return-value]


def without(query: Mapping[str, Any], *names: str) -> str:
    """Return a query string without some names, for links that keep the filters."""
    kept = query.copy()  # type: ignore[attr-defined]
    for name in names:
        kept.pop(name, None)
    encoded: str = kept.urlencode()
    return encoded
