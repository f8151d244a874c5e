"""A dataset's version is written once: the database refuses to update it or its lines.

SQLite loses the triggers of a table that a later migration rebuilds: such a migration must run `install` again.
"""

from django.db import migrations

TABLES = ("assets_datasetversion", "assets_datasetversionitem")
MESSAGE = "a dataset version never changes"


def install(apps, schema_editor):
    for table in TABLES:
        for sql in statements(table, schema_editor.connection.vendor):
            schema_editor.execute(sql, params=None)


def statements(table, vendor):
    if vendor == "sqlite":
        yield (
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
        )
        return
    yield f"""CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION USING MESSAGE = '{MESSAGE}', ERRCODE = 'integrity_constraint_violation'; END $$"""
    yield f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} EXECUTE FUNCTION {table}_refuse()"


def remove(apps, schema_editor):
    for table in TABLES:
        if schema_editor.connection.vendor == "sqlite":
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_no_update")
        else:
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_no_update ON {table}")
            schema_editor.execute(f"DROP FUNCTION IF EXISTS {table}_refuse()")


class Migration(migrations.Migration):
    dependencies = [("assets", "0002_pictures_datasets_waivers")]
    operations = [migrations.RunPython(install, remove)]
