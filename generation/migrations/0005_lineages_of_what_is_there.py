"""Give the pictures that are there the lineage of the files that they were made with."""

import hashlib

from django.db import migrations


def key_of(file_ids):
    return hashlib.sha256("\n".join(sorted(file_id.hex for file_id in file_ids)).encode()).hexdigest()


def fill(apps, schema_editor):
    Generation, Lineage, LineageFile, Output = (
        apps.get_model("generation", name) for name in ("Generation", "Lineage", "LineageFile", "Output")
    )
    pairs = Generation.objects.filter(lineage=None).order_by()
    for project_id, base_id, vae_id in pairs.values_list("project_id", "base_model_id", "vae_id").distinct():
        file_ids = [file_id for file_id in (base_id, vae_id) if file_id]
        lineage, made = Lineage.objects.get_or_create(project_id=project_id, key=key_of(file_ids))
        if made:
            LineageFile.objects.bulk_create([LineageFile(lineage=lineage, file_id=file_id) for file_id in file_ids])
        rows = Generation.objects.filter(project_id=project_id, base_model_id=base_id, vae_id=vae_id)
        rows.update(lineage=lineage)
        Output.objects.filter(generation__in=rows).update(lineage=lineage)


class Migration(migrations.Migration):
    dependencies = [("generation", "0004_lineages")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
