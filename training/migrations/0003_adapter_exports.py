"""Weights on their way out of the library."""

import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('projects', '0001_initial'),
        ('training', '0002_versions_never_change'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AdapterExport',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('status', models.CharField(choices=[('queued', 'Waiting'), ('running', 'Running'), ('succeeded', 'Done'), ('failed', 'Failed'), ('canceled', 'Cancelled'), ('blocked', 'Blocked')], default='queued', editable=False, max_length=9, verbose_name='status')),
                ('queued_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('rung_at', models.DateTimeField(editable=False, null=True)),
                ('started_at', models.DateTimeField(editable=False, null=True)),
                ('finished_at', models.DateTimeField(editable=False, null=True)),
                ('heartbeat_at', models.DateTimeField(editable=False, null=True)),
                ('cancel_requested_at', models.DateTimeField(editable=False, null=True)),
                ('attempt', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('progress', models.FloatField(default=0.0, editable=False, verbose_name='progress')),
                ('stage', models.CharField(blank=True, editable=False, max_length=40, verbose_name='stage')),
                ('error', models.CharField(blank=True, editable=False, max_length=60, verbose_name='error')),
                ('error_params', models.JSONField(blank=True, default=dict, editable=False)),
                ('detail', models.TextField(blank=True, editable=False)),
                ('layout', models.CharField(choices=[('kohya', 'kohya'), ('peft', 'PEFT'), ('diffusers', 'diffusers'), ('a1111', 'AUTOMATIC1111'), ('folder', 'diffusers folder'), ('file', 'As it is kept'), ('package', 'Whole package')], max_length=10, verbose_name='layout')),
                ('is_public', models.BooleanField(verbose_name='leaves the house')),
                ('circumstances', models.JSONField(blank=True, default=dict)),
                ('decision', models.JSONField(default=dict)),
                ('papers_sha256', models.CharField(blank=True, max_length=64)),
                ('name', models.CharField(max_length=200)),
                ('path', models.CharField(blank=True, max_length=200)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('size_bytes', models.BigIntegerField(blank=True, null=True)),
                ('idempotency_key', models.CharField(max_length=80)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='adapter_exports', to='projects.project')),
                ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='requested by')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='exports', to='training.adapterversion')),
            ],
            options={
                'ordering': ['-queued_at'],
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('status__in', ('queued', 'running'))), fields=['status', 'heartbeat_at'], name='training_adapterexport_live')],
                'constraints': [models.CheckConstraint(condition=models.Q(('progress__gte', 0.0), ('progress__lte', 1.0)), name='training_adapterexport_progress_range'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('status__in', ('queued', 'running'))), models.Q(('finished_at__isnull', False), ('status__in', ('succeeded', 'failed', 'canceled', 'blocked'))), _connector='OR'), name='training_adapterexport_finished_when_over'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'running'), _negated=True), models.Q(('attempt__gte', 1), ('heartbeat_at__isnull', False), ('started_at__isnull', False)), _connector='OR'), name='training_adapterexport_running_has_beat'), models.UniqueConstraint(fields=('requested_by', 'idempotency_key'), name='adapter_export_asked_once')],
            },
        ),
    ]
