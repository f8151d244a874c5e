import threading
import uuid

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import translation

from ledger import chain as chains
from ledger import services, signing
from ledger.models import Checkpoint, Entry, Head
from ledger.services import LedgerError, actor_hash, append, checkpoint, proof, verify, verify_all

from .conftest import write_entries

THREADS, APPENDS = 8, 20
FACT = {"actor": "a" * 64, "subject": "thing:1", "payload": {}}


@pytest.mark.postgres
@pytest.mark.django_db
def test_entries_follow_one_another_from_genesis(chain):
    entries = list(Entry.objects.filter(chain=chain))
    assert [entry.seq for entry in entries] == list(range(1, 8))
    assert [entry.prev_hash for entry in entries] == [chains.GENESIS, *[entry.entry_hash for entry in entries[:-1]]]
    assert entries[2].data == {"number": 2, "weight": 0.1, "名前": "台帳"}
    assert entries[0].at.tzinfo is not None
    assert Head.objects.get(chain=chain).entry_hash == entries[-1].entry_hash


@pytest.mark.postgres
@pytest.mark.django_db
def test_a_whole_chain_is_good(chain):
    verdict = verify(chain)
    assert (verdict.ok, verdict.count, verdict.reason) == (True, 7, "")
    assert verdict.root == chains.tree_root(services.entry_hashes(chain, 7))
    assert [each.ok for each in verify_all()] == [True]
    assert verify(uuid.uuid4()).ok


@pytest.mark.django_db
def test_chains_do_not_touch_one_another(chain):
    other = uuid.uuid4()
    write_entries(other, 2)
    assert verify(chain).count == 7
    assert verify(other).count == 2


@pytest.mark.django_db(transaction=True)
def test_it_refuses_to_write_outside_a_transaction():
    with pytest.raises(LedgerError, match="together with what it is about") as caught:
        append(uuid.uuid4(), "test.thing.made", **FACT)
    assert caught.value.code == "outside_transaction"
    assert not Head.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"payload": {"x": float("nan")}}, {"subject": ""}, {"actor": "\n"}])
def test_what_cannot_be_written_leaves_no_trace(chain, change):
    with pytest.raises(LedgerError) as caught:
        append(chain, "test.thing.made", **{**FACT, **change})
    assert str(caught.value)
    assert verify(chain).count == 7


@pytest.mark.django_db
def test_an_entry_goes_when_its_transaction_is_rolled_back(chain):
    with transaction.atomic():
        append(chain, "test.thing.made", **FACT)
        transaction.set_rollback(True)
    write_entries(chain, 1)
    assert verify(chain).count == 8


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_many_writers_at_once_leave_no_gap():
    chain, failures = uuid.uuid4(), []

    def write() -> None:
        try:
            write_entries(chain, APPENDS)
        except DatabaseError as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert list(Entry.objects.filter(chain=chain).values_list("seq", flat=True)) == list(range(1, 161))
    assert verify(chain).ok


@pytest.mark.postgres
@pytest.mark.django_db
def test_an_entry_is_proved_to_be_in_the_tree(chain):
    for entry in Entry.objects.filter(chain=chain):
        found = proof(entry)
        fact = {"entry_hash": found.entry_hash, "seq": found.seq, "size": found.size}
        assert chains.verify_inclusion(**fact, path=found.path, root=found.root)
        assert found.root == verify(chain).root


@pytest.mark.django_db
def test_an_entry_is_proved_against_the_tree_of_a_checkpoint(chain):
    mark = checkpoint(chain)
    write_entries(chain, 4)
    found = proof(Entry.objects.get(chain=chain, seq=3), size=mark.seq)
    assert (found.size, found.root) == (7, mark.root)


@pytest.mark.postgres
@pytest.mark.django_db
def test_a_checkpoint_is_signed_once_for_each_size(chain):
    mark = checkpoint(chain)
    assert checkpoint(chain) == mark
    chains.check_signature(mark.as_row(), signing.signing_key().public_hex)
    write_entries(chain, 1)
    assert checkpoint(chain).seq == 8
    assert verify(chain).ok
    assert Checkpoint.objects.count() == 2


@pytest.mark.django_db
def test_a_checkpoint_signed_with_another_key_is_not_believed(chain, settings):
    checkpoint(chain)
    settings.LEDGER_SIGNING_KEY = "11" * 32
    assert verify(chain).code == "checkpoint_key"


def test_the_key_file_is_made_once_and_for_its_owner_only(settings):
    first = signing.signing_key().public_hex
    assert signing.signing_key().public_hex == first
    assert settings.LEDGER_KEY_FILE.stat().st_mode & 0o777 == 0o600
    assert list(settings.LEDGER_KEY_FILE.parent.iterdir()) == [settings.LEDGER_KEY_FILE]


def test_the_key_of_the_settings_goes_first(settings):
    settings.LEDGER_SIGNING_KEY = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    assert signing.signing_key().public_hex == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert not settings.LEDGER_KEY_FILE.exists()


def test_an_actor_is_a_salted_hash(settings):
    settings.LEDGER_SALT = "one"
    first = actor_hash(7)
    settings.LEDGER_SALT = "two"
    assert len(first) == 64
    assert actor_hash(7) != first


@pytest.mark.postgres
@pytest.mark.django_db
@pytest.mark.parametrize("table", ["ledger_entry", "ledger_checkpoint"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET seq = seq", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_database_refuses_to_change_what_was_written(chain, table, statement):
    if connection.vendor == "sqlite" and statement.startswith("TRUNCATE"):
        pytest.skip("SQLite has no TRUNCATE; its DELETE without WHERE asks the trigger")
    checkpoint(chain)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))
    assert verify(chain).ok


@pytest.mark.django_db
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
@pytest.mark.parametrize("way", ["same hash", "same number", "same row"])
def test_sqlite_refuses_to_replace_what_was_written(chain, recursive, way):
    if connection.vendor != "sqlite":
        pytest.skip("INSERT OR REPLACE is SQLite's")
    columns = [field.column for field in Entry._meta.concrete_fields]
    values = dict.fromkeys(columns, "subject") | {"entry_hash": "'new'", "chain": "chain", "seq": "99", "version": "1"}
    values |= {"same hash": {"entry_hash": "entry_hash"}, "same number": {"seq": "seq"}, "same row": {}}[way]
    rowid = "rowid" if way == "same row" else "NULL"
    chosen = ", ".join([rowid, *[values[name] for name in columns]])
    insert = f"INSERT OR REPLACE INTO ledger_entry (rowid, {', '.join(columns)})"
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA recursive_triggers={recursive}")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute(f"{insert} SELECT {chosen} FROM ledger_entry WHERE seq = 3")
        cursor.execute("PRAGMA recursive_triggers=ON")
    assert verify(chain).ok


@pytest.mark.django_db
def test_the_verdict_is_said_in_the_readers_language(chain):
    with translation.override("en"):
        broken = services.Verdict(chain="c", count=2, root="", code="missing", first_broken_seq=3, params={"seq": 3})
        assert broken.reason == "Entry 3 is missing."
