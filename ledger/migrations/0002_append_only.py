"""Triggers that refuse to change, remove or replace what was written.

SQLite loses the triggers of a table that a later migration rebuilds (AlterField and the like): such a
migration must run `install` again, and a test counts the triggers.
"""

from django.db import migrations

TABLES = {
    "ledger_entry": "entry_hash = NEW.entry_hash OR (chain = NEW.chain AND seq = NEW.seq)",
    "ledger_checkpoint": "signature = NEW.signature",
}
POSTGRESQL_FUNCTION = """
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        MESSAGE = TG_TABLE_NAME || ' is append-only: ' || TG_OP || ' refused',
        ERRCODE = 'integrity_constraint_violation';
END $$
"""


def sqlite_statements():
    for table, taken in TABLES.items():
        refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        yield f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}"
        yield f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}"
        # INSERT OR REPLACE deletes without asking the delete trigger unless recursive_triggers is on.
        yield (
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {taken} OR rowid = NEW.rowid) {refuse}"
        )


def postgresql_statements():
    yield POSTGRESQL_FUNCTION
    for table in TABLES:
        yield (
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()"
        )


def removal_statements(vendor):
    if vendor == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {table}_no_{verb}" for table in TABLES for verb in ("update", "delete", "replace")]
    drops = [f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}" for table in TABLES]
    return [*drops, "DROP FUNCTION IF EXISTS ledger_refuse()"]


def install_statements(vendor):
    return list(sqlite_statements() if vendor == "sqlite" else postgresql_statements())


def install(apps, schema_editor):
    for sql in install_statements(schema_editor.connection.vendor):
        schema_editor.execute(sql, params=None)


def remove(apps, schema_editor):
    for sql in removal_statements(schema_editor.connection.vendor):
        schema_editor.execute(sql, params=None)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunPython(install, remove)]
