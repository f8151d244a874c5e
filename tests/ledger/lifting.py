"""Lift the append-only triggers: to tamper with rows on purpose, and to let transaction tests clean up."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from django.db import connection
from django.test import TransactionTestCase

append_only = import_module("ledger.migrations.0002_append_only")
versions_stay = import_module("training.migrations.0005_versions_stay")


def run(statements: list[str]) -> None:
    """Execute statements one by one."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def lifted(*migrations: Any) -> Iterator[None]:
    """Do something that the database refuses otherwise; the ledger's triggers are lifted where none are named."""
    refusing = migrations or (append_only,)
    for each in refusing:
        run(each.removal_statements(connection.vendor))
    try:
        yield
    finally:
        for each in refusing:
            run(each.install_statements(connection.vendor))


def let_tests_clean_up() -> None:
    """Have every transaction test empty the ledger's tables and the versions' at its end, as it empties all others."""
    clean_up = TransactionTestCase._fixture_teardown
    if clean_up.__name__ == "clean_up_ledger_too":
        return

    def clean_up_ledger_too(case: TransactionTestCase) -> None:
        with lifted(append_only, versions_stay):
            clean_up(case)

    TransactionTestCase._fixture_teardown = clean_up_ledger_too
