"""Somebody with the database's password: every change by hand is found, and the entry is named."""

import json
import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from ledger import chain as chains
from ledger.models import Checkpoint, Entry, Head
from ledger.services import check_checkpoint, checkpoint, verify, verify_all

from .conftest import write_entries
from .lifting import lifted

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]
COLUMNS = [field.column for field in Entry._meta.concrete_fields]


def tamper(*statements: tuple[str, list[object]]) -> None:
    """Run SQL behind Daicho's back."""
    with lifted(), connection.cursor() as cursor:
        for sql, params in statements:
            cursor.execute(sql, params)


def one_byte_off(column: str, value: object) -> object:
    """Return the value with one byte changed, as the column's type allows."""
    if isinstance(value, int):
        return value + 100
    if isinstance(value, str):
        return value[:-1] + ("1" if value[-1] != "1" else "2")
    if isinstance(value, uuid.UUID):
        return uuid.UUID(int=value.int ^ 1)
    return value.replace(microsecond=value.microsecond ^ 1)


def read_raw(column: str, seq: int) -> object:
    with connection.cursor() as cursor:
        cast = f"CAST({column} AS TEXT)" if connection.vendor == "sqlite" and column == "at" else column
        cursor.execute(f"SELECT {cast} FROM ledger_entry WHERE seq = %s", [seq])
        return cursor.fetchone()[0]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("seq", [1, 4, 7])
def test_one_changed_byte_of_any_column_is_found(chain, column, seq):
    changed = one_byte_off(column, read_raw(column, seq))
    tamper((f"UPDATE ledger_entry SET {column} = %s WHERE seq = %s", [changed, seq]))
    verdict = verify(chain)
    assert not verdict.ok
    assert verdict.first_broken_seq == seq
    assert verdict.count == seq - 1
    assert str(seq) in verdict.reason


@pytest.mark.parametrize("value", [b"\xff\xfe", "2026-11-20T12:00:00", "not a time", "", None])
@pytest.mark.parametrize("column", ["at", "payload", "chain"])
def test_a_value_that_cannot_be_read_is_named_and_stops_nothing(chain, column, value):
    if connection.vendor != "sqlite" or (column, value) == ("payload", None):
        pytest.skip("only SQLite takes any value in any column")
    if value is None:
        value = read_raw(column, 3).upper() if column == "chain" else read_raw(column, 3).replace(" ", "T")
    tamper((f"UPDATE ledger_entry SET {column} = %s WHERE seq = 3", [value]))
    assert verify(chain).first_broken_seq == 3
    assert any(not verdict.ok for verdict in verify_all())


@pytest.mark.parametrize("seq", [1, 4])
def test_a_deleted_entry_is_missed(chain, seq):
    tamper(("DELETE FROM ledger_entry WHERE seq = %s", [seq]))
    verdict = verify(chain)
    assert (verdict.code, verdict.first_broken_seq) == ("missing", seq)


def test_a_cut_tail_is_missed(chain):
    tamper(("DELETE FROM ledger_entry WHERE seq >= 6", []))
    verdict = verify(chain)
    assert (verdict.code, verdict.first_broken_seq) == ("tail_missing", 6)


def test_swapped_entries_are_found(chain):
    tamper(
        ("UPDATE ledger_entry SET seq = 1000 WHERE seq = 3", []),
        ("UPDATE ledger_entry SET seq = 3 WHERE seq = 5", []),
        ("UPDATE ledger_entry SET seq = 5 WHERE seq = 1000", []),
    )
    assert verify(chain).first_broken_seq == 3


def forge(chain, seq: int, prev_hash: str, payload: str = "{}") -> Entry:
    """Return an entry that Daicho did not write, with hashes that fit."""
    row = chains.make_entry(
        chain=str(chain),
        seq=seq,
        event="test.thing.forged",
        actor="b" * 64,
        subject="thing",
        at=(at := timezone.now()),
        payload=payload,
        prev_hash=prev_hash,
    )
    return Entry(**{**row, "chain": chain, "at": at})


def test_an_inserted_entry_is_found(chain):
    tamper(
        ("UPDATE ledger_entry SET seq = seq + 1000 WHERE seq >= 4", []),
        ("UPDATE ledger_entry SET seq = seq - 999 WHERE seq >= 1000", []),
    )
    forge(chain, 4, Entry.objects.get(seq=3).entry_hash).save(force_insert=True)
    assert verify(chain).first_broken_seq == 5


def test_an_entry_beyond_the_head_is_found(chain):
    forge(chain, 8, Entry.objects.get(seq=7).entry_hash).save(force_insert=True)
    verdict = verify(chain)
    assert (verdict.code, verdict.first_broken_seq) == ("beyond_head", 8)


@pytest.mark.parametrize(
    "sql",
    ["UPDATE ledger_head SET entry_hash = 'x'", "UPDATE ledger_head SET seq = 9", "DELETE FROM ledger_head"],
)
def test_a_head_that_was_moved_is_found(chain, sql):
    tamper((sql, []))
    assert not verify(chain).ok


def rewrite_everything(chain) -> None:
    """Write the whole chain anew with other payloads and right hashes, head included."""
    forged, prev_hash = [], chains.GENESIS
    for seq in range(1, 8):
        forged.append(forge(chain, seq, prev_hash, f'{{"forged":{seq}}}'))
        prev_hash = forged[-1].entry_hash
    tamper(("DELETE FROM ledger_entry", []))
    Entry.objects.bulk_create(forged)
    Head.objects.filter(chain=chain).update(entry_hash=prev_hash)


def test_a_chain_that_was_written_anew_contradicts_its_checkpoint(chain):
    checkpoint(chain)
    rewrite_everything(chain)
    assert verify(chain).code == "checkpoint_mismatch"


def keep_elsewhere(chain, path) -> None:
    """Take a checkpoint out of the database."""
    path.write_text(json.dumps(checkpoint(chain).as_row()) + "\n")


def test_only_an_outside_checkpoint_finds_a_chain_written_anew_by_the_root_of_all_evil(chain, tmp_path):
    keep_elsewhere(chain, tmp_path / "marks")
    rewrite_everything(chain)
    tamper(("DELETE FROM ledger_checkpoint", []))
    assert verify(chain).ok
    assert [verdict.code for verdict in check_checkpoint(tmp_path / "marks")] == ["checkpoint_mismatch"]


def test_an_old_backup_is_behind_the_outside_checkpoint(chain, tmp_path):
    write_entries(chain, 2)
    keep_elsewhere(chain, tmp_path / "marks")
    tamper(("DELETE FROM ledger_checkpoint", []), ("DELETE FROM ledger_entry WHERE seq > 5", []))
    Head.objects.filter(chain=chain).update(seq=5, entry_hash=Entry.objects.get(seq=5).entry_hash)
    assert verify(chain).ok
    (verdict,) = check_checkpoint(tmp_path / "marks")
    assert (verdict.code, verdict.first_broken_seq) == ("behind_checkpoint", 6)


@pytest.mark.parametrize("column", [field.column for field in Checkpoint._meta.concrete_fields])
def test_one_changed_byte_of_a_checkpoint_is_found(chain, column):
    mark = checkpoint(chain)
    changed = one_byte_off(column, getattr(mark, column))
    field = Checkpoint._meta.get_field(column)
    tamper((f"UPDATE ledger_checkpoint SET {column} = %s", [field.get_db_prep_value(changed, connection)]))
    assert any(not verdict.ok for verdict in verify_all())


def test_the_command_names_the_first_broken_entry_and_fails(chain):
    out, err = StringIO(), StringIO()
    call_command("verify_ledger", stdout=out, stderr=err)
    assert f"{chain}: good, 7 entries" in out.getvalue()
    tamper(("UPDATE ledger_entry SET subject = 'x' WHERE seq = 4", []))
    with pytest.raises(CommandError, match="1 chain"):
        call_command("verify_ledger", chain=chain, stdout=out, stderr=err)
    assert "BROKEN at entry 4" in err.getvalue()


def test_the_command_compares_with_a_file_of_checkpoints(chain, tmp_path):
    path = tmp_path / "marks"
    with path.open("w") as file:
        call_command("checkpoint_ledger", stdout=file)
    call_command("verify_ledger", checkpoint=path, stdout=StringIO())
    path.write_text("{}")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify_ledger", checkpoint=path)
