"""Turn pages of rows, newest first, by a place instead of a number: quick however far back, and without gaps."""

import base64
import binascii
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import models
from django.utils.dateparse import parse_datetime

Row = TypeVar("Row", bound=models.Model)
Place = tuple[datetime, uuid.UUID]
MADE = "created_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows in order, and the cursor of what comes next (empty at the end)."""

    rows: Sequence[Any]
    next_cursor: str


def read_page(rows: models.QuerySet[Row], cursor: str, *, size: int, field: str = MADE) -> Page:
    """Return the next rows after a cursor, newest first; a cursor that cannot be read means the beginning.

    `field` is the moment by which they stand in order; an index on it and the id makes this quick.
    """
    place = read_cursor(cursor)
    if place is not None:
        rows = older_than(rows, place, field=field)
    found = list(rows.order_by(f"-{field}", "-id")[: size + 1])
    has_more = len(found) > size
    return Page(rows=found[:size], next_cursor=write_cursor(found[size - 1], field=field) if has_more else "")


def older_than(rows: models.QuerySet[Row], place: Place, *, field: str = MADE) -> models.QuerySet[Row]:
    """Keep what comes after this place. The first condition lets the index find it."""
    moment, row_id = place
    return rows.filter(**{f"{field}__lte": moment}).exclude(**{field: moment, "id__gte": row_id})


def newer_than(rows: models.QuerySet[Row], place: Place, *, field: str = MADE) -> models.QuerySet[Row]:
    """Keep what comes before this place."""
    moment, row_id = place
    return rows.filter(**{f"{field}__gte": moment}).exclude(**{field: moment, "id__lte": row_id})


def write_cursor(row: Any, *, field: str = MADE) -> str:
    """Return the place of a row as text for an address."""
    text = f"{getattr(row, field).isoformat()} {row.id.hex}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> Place | None:
    """Return the place that a cursor names, or None when it is none."""
    if not cursor or len(cursor) > 200:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        moment, row_id = text.rsplit(" ", 1)
        at, key = parse_datetime(moment), uuid.UUID(row_id)
    except (ValueError, binascii.Error):
        return None
    return (at, key) if at is not None and at.tzinfo is not None else None
