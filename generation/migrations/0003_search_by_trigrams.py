"""Find the few pictures that hold a text without reading every prompt: an index of all three-letter pieces.

PostgreSQL keeps it as a GIN index of pg_trgm, where the database's owner may install that; SQLite as an FTS5 table
that triggers follow. A database without either searches as before, only slower. SQLite loses the triggers of a table
that a later migration rebuilds: such a migration must run `install` again, and a test looks.
"""

from django.db import DatabaseError, migrations, transaction

TABLE = "generation_output"
TRIGRAMS = "generation_output_trigrams"
SQLITE = (
    f"CREATE VIRTUAL TABLE {TRIGRAMS} USING fts5(output_id UNINDEXED, search_text, tokenize = 'trigram')",
    f"""CREATE TRIGGER {TRIGRAMS}_insert AFTER INSERT ON {TABLE}
    BEGIN INSERT INTO {TRIGRAMS} (output_id, search_text) VALUES (NEW.id, NEW.search_text); END""",
    f"""CREATE TRIGGER {TRIGRAMS}_update AFTER UPDATE OF search_text ON {TABLE}
    BEGIN UPDATE {TRIGRAMS} SET search_text = NEW.search_text WHERE output_id = NEW.id; END""",
    f"""CREATE TRIGGER {TRIGRAMS}_delete AFTER DELETE ON {TABLE}
    BEGIN DELETE FROM {TRIGRAMS} WHERE output_id = OLD.id; END""",
    f"INSERT INTO {TRIGRAMS} (output_id, search_text) SELECT id, search_text FROM {TABLE}",
)
POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    f"CREATE INDEX {TRIGRAMS} ON {TABLE} USING gin (UPPER(search_text) gin_trgm_ops)",
)


def install(apps, schema_editor):
    connection = schema_editor.connection
    statements = SQLITE if connection.vendor == "sqlite" else POSTGRESQL
    try:
        with transaction.atomic(using=connection.alias):
            for sql in statements:
                schema_editor.execute(sql, params=None)
    except DatabaseError:
        # The extension is missing or not ours to install; the search does without.
        return


def remove(apps, schema_editor):
    if schema_editor.connection.vendor != "sqlite":
        schema_editor.execute(f"DROP INDEX IF EXISTS {TRIGRAMS}")
        return
    for event in ("insert", "update", "delete"):
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {TRIGRAMS}_{event}")
    schema_editor.execute(f"DROP TABLE IF EXISTS {TRIGRAMS}")


class Migration(migrations.Migration):
    dependencies = [("generation", "0002_versions_never_change")]
    operations = [migrations.RunPython(install, remove)]
