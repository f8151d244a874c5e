"""An adapter's version and what it was made from stay: the database refuses to delete either, or to move an edge.

SQLite loses the triggers of a table that a later migration rebuilds: such a migration must run `install` again, and
that of `0002_versions_never_change`, whose function PostgreSQL calls here too.
"""

from django.db import migrations

VERSIONS, PARENTS = "training_adapterversion", "training_adapterparent"
MESSAGE = "an adapter version never changes"
TRIGGERS = (
    (f"{VERSIONS}_no_delete", "DELETE", VERSIONS),
    (f"{PARENTS}_no_update", "UPDATE", PARENTS),
    (f"{PARENTS}_no_delete", "DELETE", PARENTS),
)


def install_statements(vendor):
    refuse = f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
    body = refuse if vendor == "sqlite" else f"EXECUTE FUNCTION {VERSIONS}_refuse()"
    return [f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH ROW {body}" for name, verb, table in TRIGGERS]


def removal_statements(vendor):
    return [
        f"DROP TRIGGER IF EXISTS {name}" + ("" if vendor == "sqlite" else f" ON {table}")
        for name, _verb, table in TRIGGERS
    ]


def install(apps, schema_editor):
    for sql in install_statements(schema_editor.connection.vendor):
        schema_editor.execute(sql, params=None)


def remove(apps, schema_editor):
    for sql in removal_statements(schema_editor.connection.vendor):
        schema_editor.execute(sql, params=None)


class Migration(migrations.Migration):
    dependencies = [("training", "0004_attempts_before")]
    operations = [migrations.RunPython(install, remove)]
