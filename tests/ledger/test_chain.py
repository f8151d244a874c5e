import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import chain, verify_offline
from ledger.sentences import SENTENCES

HASHES = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(33)]
ENTRY = {
    "chain": "5f0f3f3c-6a1f-4f0e-9d55-0d1f6f8a2b11",
    "seq": 1,
    "event": "test.thing.made",
    "actor": "a" * 64,
    "subject": "thing:1",
    "at": datetime(2026, 11, 20, 12, 30, 0, 5, UTC),
    "payload": '{"a":1}',
    "prev_hash": chain.GENESIS,
}


def test_the_entry_hash_is_the_one_that_anybody_computes_from_the_text():
    text = (
        'daicho-entry\n{"actor":"' + "a" * 64 + '","at":"2026-11-20T12:30:00.000005Z",'
        '"chain":"5f0f3f3c-6a1f-4f0e-9d55-0d1f6f8a2b11","event":"test.thing.made",'
        '"payload_sha256":"' + hashlib.sha256(b'{"a":1}').hexdigest() + '",'
        '"prev_hash":"' + "0" * 64 + '","seq":1,"subject":"thing:1","version":1}'
    )
    assert chain.make_entry(**ENTRY)["entry_hash"] == hashlib.sha256(text.encode()).hexdigest()


def test_every_column_is_under_the_hash():
    entry = chain.make_entry(**ENTRY)
    for column in verify_offline.HASHED:
        changed = {**entry, column: entry[column] + (1 if isinstance(entry[column], int) else "x")}
        assert chain.entry_hash(changed) != entry["entry_hash"], column


def test_payloads_are_canonical():
    assert chain.payload_text({"b": 1.0, "a": "台\u0000"}) == '{"a":"台\\u0000","b":1}'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, "\ud800", {1: 2}, object()])
def test_a_payload_without_canonical_form_is_refused(value):
    with pytest.raises(chain.ChainError) as caught:
        chain.payload_text({"value": value})
    assert caught.value.code == "payload_not_canonical"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event", "nodots"),
        ("event", "Upper.Case"),
        ("event", "x." + "y" * 90),
        ("actor", ""),
        ("actor", "b" * 65),
        ("subject", "two\nlines"),
        ("subject", "\x00"),
        ("subject", "\u202ertl"),
        ("subject", "\ud800"),
    ],
)
def test_a_text_that_does_not_fit_its_column_is_refused(field, value):
    with pytest.raises(chain.ChainError) as caught:
        chain.make_entry(**{**ENTRY, field: value})
    assert caught.value.code == f"{field}_unfit"


def test_the_roots_are_those_of_rfc_6962():
    leaf = [hashlib.sha256(b"\x00" + bytes.fromhex(each)).digest() for each in HASHES[:3]]
    left = hashlib.sha256(b"\x01" + leaf[0] + leaf[1]).digest()
    assert chain.tree_root([]) == hashlib.sha256(b"").hexdigest()
    assert chain.tree_root(HASHES[:1]) == leaf[0].hex()
    assert chain.tree_root(HASHES[:3]) == hashlib.sha256(b"\x01" + left + leaf[2]).hexdigest()


def test_a_tree_that_grows_has_the_root_of_the_whole():
    tree = chain.Tree()
    for size, each in enumerate(HASHES, start=1):
        tree.add(each)
        assert tree.root() == chain.tree_root(HASHES[:size])


@given(st.integers(1, 33), st.data())
def test_inclusion_is_proved_for_every_entry_and_for_no_other(size, data):
    seq = data.draw(st.integers(1, size))
    proof = {
        "seq": seq,
        "size": size,
        "path": chain.inclusion_proof(HASHES[:size], seq),
        "root": chain.tree_root(HASHES[:size]),
    }
    assert chain.verify_inclusion(entry_hash=HASHES[seq - 1], **proof)
    assert not chain.verify_inclusion(entry_hash="f" * 64, **proof)
    assert not chain.verify_inclusion(entry_hash=HASHES[seq - 1], **{**proof, "seq": seq + 1})
    assert not chain.verify_inclusion(entry_hash=HASHES[seq - 1], **{**proof, "path": [*proof["path"], "0" * 64]})


@given(st.integers(1, 33), st.data())
def test_consistency_is_proved_for_a_tree_that_only_grew(size, data):
    old = data.draw(st.integers(1, size))
    proof = {
        "old_size": old,
        "size": size,
        "root": chain.tree_root(HASHES[:size]),
        "path": chain.consistency_proof(HASHES[:size], old),
    }
    assert chain.verify_consistency(old_root=chain.tree_root(HASHES[:old]), **proof)
    assert not chain.verify_consistency(old_root=chain.tree_root(["f" * 64, *HASHES[1:old]]), **proof)


def test_every_reason_can_be_said_and_says_the_same_in_both_places():
    said = {code: str(sentence) for code, sentence in SENTENCES.items()}
    assert {code: said[code] for code in verify_offline.MESSAGES} == verify_offline.MESSAGES
