"""Remember what was made here and with which models, and ask a dataset whether it aims at a person or a work.

What is there is filled in from `generation`, whose tables are older than this migration. Both new columns of tables
with triggers are empty where nobody answered, so that SQLite adds them without rebuilding the table.
"""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

BATCH = 500


def remember(apps, schema_editor):
    """Write a row for each picture that was made, with the model files of its lineage."""
    Output, LineageFile = apps.get_model("generation", "Output"), apps.get_model("generation", "LineageFile")
    MadePicture, files = apps.get_model("assets", "MadePicture"), {}
    for lineage_id, file_id in LineageFile.objects.order_by("id").values_list("lineage_id", "file_id"):
        files.setdefault(lineage_id, []).append(str(file_id))
    waiting = []
    rows = Output.objects.exclude(lineage=None).order_by("id")
    for output_id, project_id, pixels, lineage_id, at in rows.values_list(
        "id", "project_id", "pixels_sha256", "lineage_id", "created_at"
    ).iterator(chunk_size=BATCH):
        made_with = files.get(lineage_id, [])
        waiting.append(
            MadePicture(output_id=output_id, project_id=project_id, pixels_sha256=pixels, files=made_with, made_at=at)
        )
        if len(waiting) == BATCH:
            MadePicture.objects.bulk_create(waiting)
            waiting = []
    MadePicture.objects.bulk_create(waiting)


def recognize(apps, schema_editor):
    """Write the models behind the pictures that came in before, where their pixels were made here."""
    Picture, MadePicture = apps.get_model("assets", "Picture"), apps.get_model("assets", "MadePicture")
    made = MadePicture.objects.filter(pixels_sha256=models.OuterRef("pixels_sha256"))
    rows = Picture.objects.filter(models.Exists(made)).order_by("id")
    for picture in rows.only("id", "project_id", "pixels_sha256").iterator(chunk_size=BATCH):
        found = list(MadePicture.objects.filter(pixels_sha256=picture.pixels_sha256).order_by("made_at"))
        found = [each for each in found if each.project_id == picture.project_id] or found
        connect(apps, picture, found)


def connect(apps, picture, found):
    """Write one picture's edges."""
    ModelFile, PictureSource = apps.get_model("assets", "ModelFile"), apps.get_model("assets", "PictureSource")
    ids = {file_id for each in found for file_id in each.files}
    rows = {sha256: file_id for file_id, sha256 in ModelFile.objects.filter(id__in=ids).values_list("id", "sha256")}
    PictureSource.objects.bulk_create(
        [
            PictureSource(picture_id=picture.id, file_id=file_id, sha256=sha256, basis="pixels")
            for sha256, file_id in sorted(rows.items())
        ]
    )
    type(picture).objects.filter(pk=picture.pk).update(output_id=found[0].output_id)


def fill(apps, schema_editor):
    remember(apps, schema_editor)
    recognize(apps, schema_editor)


class Migration(migrations.Migration):
    dependencies = [
        ("assets", "0006_own_licenses"),
        ("generation", "0005_lineages_of_what_is_there"),
        ("projects", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="dataset",
            name="aims_at_work",
            field=models.BooleanField(
                blank=True, null=True, verbose_name="aims at a person, a character or a single work"
            ),
        ),
        migrations.AddField(
            model_name="datasetversion", name="aims_at_work", field=models.BooleanField(blank=True, null=True)
        ),
        migrations.CreateModel(
            name="MadePicture",
            fields=[
                (
                    "output_id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("pixels_sha256", models.CharField(db_index=True, max_length=64)),
                ("files", models.JSONField(default=list)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="made_pictures",
                        to="projects.project",
                    ),
                ),
            ],
            options={"ordering": ["made_at"]},
        ),
        migrations.CreateModel(
            name="PictureSource",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("sha256", models.CharField(db_index=True, max_length=64)),
                (
                    "basis",
                    models.CharField(
                        choices=[("pixels", "Recognised by its pixels"), ("claim", "The file says so")], max_length=6
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pictures",
                        to="assets.modelfile",
                    ),
                ),
                (
                    "picture",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="made_with", to="assets.picture"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [
                    models.UniqueConstraint(fields=("picture", "sha256"), name="picture_source_once"),
                ],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
