"""An adapter's version is written once: the database refuses to update anything but its withdrawal, and that once.

SQLite loses the triggers of a table that a later migration rebuilds: such a migration must run `install` again.
"""

from django.db import migrations

TABLE = "training_adapterversion"
MESSAGE = "an adapter version never changes"
WRITTEN = (
    "id", "adapter_id", "number", "file_id", "run_id", "job_id", "step", "dataset_version_id", "trigger_words",
    "recommended_weight", "decision", "license", "attribution", "scores", "note", "created_by_id", "created_at",
    "ledger_seq",
)
WITHDRAWN = ("withdrawn_at", "withdrawn_by_id", "withdrawn_reason")
COLUMNS = ", ".join(f'"{name}"' for name in WRITTEN)
ENDS = ", ".join(f'"{name}"' for name in WITHDRAWN)
TRIGGERS = (
    (f"{TABLE}_no_update", f"BEFORE UPDATE OF {COLUMNS} ON {TABLE} FOR EACH ROW", ""),
    (f"{TABLE}_one_end", f"BEFORE UPDATE OF {ENDS} ON {TABLE} FOR EACH ROW", "WHEN (OLD.withdrawn_at IS NOT NULL)"),
)
FUNCTION = f"""
CREATE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION USING MESSAGE = '{MESSAGE}', ERRCODE = 'integrity_constraint_violation'; END $$
"""


def install(apps, schema_editor):
    is_sqlite = schema_editor.connection.vendor == "sqlite"
    if not is_sqlite:
        schema_editor.execute(FUNCTION, params=None)
    body = f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END" if is_sqlite else f"EXECUTE FUNCTION {TABLE}_refuse()"
    for name, event, condition in TRIGGERS:
        schema_editor.execute(f"CREATE TRIGGER {name} {event} {condition} {body}", params=None)


def remove(apps, schema_editor):
    is_sqlite = schema_editor.connection.vendor == "sqlite"
    for name, _event, _condition in TRIGGERS:
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}" + ("" if is_sqlite else f" ON {TABLE}"), params=None)
    if not is_sqlite:
        schema_editor.execute(f"DROP FUNCTION IF EXISTS {TABLE}_refuse()", params=None)


class Migration(migrations.Migration):
    dependencies = [("training", "0001_initial")]
    operations = [migrations.RunPython(install, remove)]
