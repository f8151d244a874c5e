"""Read rows as they lie in the database, also when somebody has been at them by hand.

The ORM would stop at a value that it cannot convert. Here such a value becomes None, which the checks then
name. On SQLite text must be exactly as Django writes it, so that no byte of it can change unseen.
"""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import connection, models

from .chain import GENESIS, Broken, instant
from .models import Checkpoint, Entry, Head
from .verify_offline import CHECKPOINT_FORMAT

PAGE = 1000
ALL_CHAINS = (
    "SELECT chain FROM ledger_entry UNION SELECT chain FROM ledger_head UNION SELECT chain FROM ledger_checkpoint"
)


def read_head(chain: uuid.UUID) -> tuple[object, object] | None:
    """Return (seq, entry_hash) of the chain's head, or None when there is none."""
    rows = read(Head, "WHERE chain = %s", [stored(chain)])
    return next(((row["seq"], row["entry_hash"]) for row in rows), None)


def read_entries(chain: uuid.UUID, head: tuple[object, object] | None) -> Iterator[dict[str, Any]]:
    """Yield the entries up to the head (all when there is none), in order, as the checks take them."""
    last: object = -1
    limit = head[0] if head is not None and isinstance(head[0], int) else 2**63 - 1
    while True:
        where = f"WHERE chain = %s AND seq > %s AND seq <= %s ORDER BY seq LIMIT {PAGE}"
        rows = read(Entry, where, [stored(chain), last, limit])
        yield from rows
        if len(rows) < PAGE:
            return
        last = rows[-1]["seq"]


def read_checkpoints(chain: uuid.UUID) -> list[dict[str, Any]]:
    """List the chain's own checkpoints, oldest first."""
    rows = read(Checkpoint, "WHERE chain = %s ORDER BY seq", [stored(chain)])
    return [{"format": CHECKPOINT_FORMAT, **row} for row in rows]


def read_chains() -> set[str]:
    """Return the name of every chain that a row belongs to; one that is no UUID as it lies there."""
    with connection.cursor() as cursor:
        cursor.execute(ALL_CHAINS)
        return {str(decode_uuid(value) or value) for (value,) in cursor.fetchall()}


def check_head(chain: uuid.UUID, head: tuple[object, object] | None, *, count: int, last: str) -> None:
    """Compare the head that was read before with the good entries, and look for entries beyond. Raises Broken."""
    if head is None and count == 0:
        return
    seq, entry_hash = head or (None, None)
    if isinstance(seq, int) and seq > count:
        raise Broken("tail_missing", count + 1, expected=seq, count=count)
    if (seq, entry_hash) != (count, last if count else GENESIS):
        raise Broken("head", count)
    beyond = "WHERE chain = %s AND seq > (SELECT seq FROM ledger_head WHERE chain = %s) ORDER BY seq LIMIT 1"
    if read(Entry, beyond, [stored(chain), stored(chain)]):
        raise Broken("beyond_head", count + 1, expected=count)


def read(model: type[models.Model], where: str, params: list[object]) -> list[dict[str, Any]]:
    """Return rows of a table as plain texts and numbers."""
    columns = [field.column for field in model._meta.concrete_fields]
    wanted = ", ".join(map(untouched, columns))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {wanted} FROM {model._meta.db_table} {where}", params)  # noqa: S608
        return [dict(zip(columns, map(decode, columns, row), strict=True)) for row in cursor.fetchall()]


def untouched(column: str) -> str:
    """Return the SQL for a column's own bytes: SQLite's driver would stop at a broken time or a broken text."""
    if connection.vendor != "sqlite" or column in ("seq", "version"):
        return column
    return f"CAST({column} AS BLOB)"


def stored(chain: uuid.UUID) -> object:
    """Return a chain as this database keeps it."""
    return Entry._meta.get_field("chain").get_db_prep_value(chain, connection)


def decode(column: str, value: object) -> object:
    """Return a value as the checks take it, None when it cannot be that column's."""
    if isinstance(value, bytes):
        value = decode_text(value)
    if column == "chain":
        return decode_uuid(value)
    return decode_time(value) if column == "at" else value


def decode_text(value: bytes) -> str | None:
    """Return a text, None when it is not UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def decode_uuid(value: object) -> str | None:
    """Return a chain's name, None when it is none."""
    if isinstance(value, uuid.UUID):
        return str(value)
    try:
        found = uuid.UUID(hex=str(value))
    except ValueError:
        return None
    return str(found) if found.hex == value else None


def decode_time(value: object) -> str | None:
    """Return a time as the hash covers it, None when it is none."""
    if isinstance(value, datetime):
        return instant(value)
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return instant(found.replace(tzinfo=UTC)) if str(found) == value else None
