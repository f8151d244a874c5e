"""A chain with something in it."""

import uuid

import pytest
from django.db import transaction

from ledger.services import append

from .lifting import let_tests_clean_up

let_tests_clean_up()


@pytest.fixture(autouse=True)
def own_key(settings, tmp_path):
    """Sign with a key of this test."""
    settings.LEDGER_SIGNING_KEY = ""
    settings.LEDGER_KEY_FILE = tmp_path / "key"


def write_entries(chain: uuid.UUID, count: int) -> None:
    """Append some entries in a transaction each."""
    for number in range(count):
        with transaction.atomic():
            append(
                chain,
                "test.thing.made",
                actor="a" * 64,
                subject=f"thing:{number}",
                payload={"number": number, "weight": 0.1, "名前": "台帳"},
            )


@pytest.fixture
def chain(db) -> uuid.UUID:
    """Return a chain of seven entries."""
    chain = uuid.uuid4()
    write_entries(chain, 7)
    return chain
