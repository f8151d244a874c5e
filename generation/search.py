"""Literal search in what pictures were asked for, quick also when nothing or little is found."""

import uuid

from django.db import DatabaseError, connection
from django.db.models import QuerySet

from .models import Output

TRIGRAM = 3
FEW = 400


def containing(rows: QuerySet[Output], text: str) -> QuerySet[Output]:
    """Keep pictures whose prompt, as sent or as typed, holds these very characters, in either case."""
    few = find_few(text)
    rows = rows if few is None else rows.filter(id__in=few)
    return rows.filter(search_text__icontains=text)


def find_few(text: str) -> list[uuid.UUID] | None:
    """Return every picture of the house that may hold the text, or None when that are many, or nobody knows.

    SQLite only, from its index of three-letter pieces; PostgreSQL's planner looks into its own by itself. Where many
    hold the text, the newest of them are found soon in the order of the gallery, and no list is needed.
    """
    if connection.vendor != "sqlite" or len(text) < TRIGRAM:
        return None
    phrase = '"{}"'.format(text.replace('"', '""'))
    sql = "SELECT output_id FROM generation_output_trigrams WHERE generation_output_trigrams MATCH %s LIMIT %s"
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, [f"search_text : {phrase}", FEW + 1])
            found = [uuid.UUID(each) for (each,) in cursor.fetchall()]
    except DatabaseError:
        # A SQLite without FTS5 has no such table.
        return None
    return None if len(found) > FEW else found
