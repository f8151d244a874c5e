"""A template's version is written once: the database refuses to update it."""

from django.db import migrations

TABLE = "generation_templateversion"
MESSAGE = "a template version never changes"
SQLITE = f"""
CREATE TRIGGER {TABLE}_no_update BEFORE UPDATE ON {TABLE}
BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END
"""
FUNCTION = f"""
CREATE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION USING MESSAGE = '{MESSAGE}', ERRCODE = 'integrity_constraint_violation'; END $$
"""
TRIGGER = f"CREATE TRIGGER {TABLE}_no_update BEFORE UPDATE ON {TABLE} EXECUTE FUNCTION {TABLE}_refuse()"


def install(apps, schema_editor):
    statements = [SQLITE] if schema_editor.connection.vendor == "sqlite" else [FUNCTION, TRIGGER]
    for sql in statements:
        schema_editor.execute(sql, params=None)


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {TABLE}_no_update")
        return
    schema_editor.execute(f"DROP TRIGGER IF EXISTS {TABLE}_no_update ON {TABLE}")
    schema_editor.execute(f"DROP FUNCTION IF EXISTS {TABLE}_refuse()")


class Migration(migrations.Migration):
    dependencies = [("generation", "0001_initial")]
    operations = [migrations.RunPython(install, remove)]
