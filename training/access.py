"""The only door to runs, adapters, versions and promotions of a project that was opened."""

from typing import Any, TypeVar

from django.db import models
from django.http import Http404

from projects.access import find_one, get_in_project
from projects.models import Project

from .models import Adapter, AdapterExport, AdapterJob, AdapterVersion, Promotion, TrainingRun, TrainingSample

Row = TypeVar("Row", bound=models.Model)
RUNS = TrainingRun.objects.select_related(
    "project", "adapter", "base_model", "vae", "dataset_version__dataset", "requested_by", "compared_with"
)
ADAPTERS = Adapter.objects.select_related("project", "created_by")
VERSIONS = AdapterVersion.objects.select_related(
    "adapter__project", "file__rights", "run", "dataset_version__dataset", "created_by", "withdrawn_by"
)
PROMOTIONS = Promotion.objects.select_related("adapter__project", "version__adapter", "asked_by", "decided_by")
EXPORTS = AdapterExport.objects.select_related(
    "project", "requested_by", "version__adapter__project", "version__file__rights", "version__run", "version__job",
    "version__dataset_version__dataset",
)  # fmt: skip
REWORKS = AdapterJob.objects.select_related("project", "adapter", "requested_by")


def run_in(project: Project, run_id: Any) -> TrainingRun:
    """Return a run of the project. Raises Http404."""
    return get_in_project(project, RUNS, id=run_id)


def adapter_in(project: Project, slug: str) -> Adapter:
    """Return an adapter of the project by its address. Raises Http404."""
    return get_in_project(project, ADAPTERS, slug=slug)


def version_in(project: Project, slug: str, number: int) -> AdapterVersion:
    """Return one version of an adapter of the project. Raises Http404."""
    return get_below(project, VERSIONS, "adapter__project", adapter__slug=slug, number=number)


def promotion_in(project: Project, promotion_id: Any) -> Promotion:
    """Return a promotion in the project. Raises Http404."""
    return get_below(project, PROMOTIONS, "adapter__project", id=promotion_id)


def sample_in(project: Project, run_id: Any, step: int, index: int) -> TrainingSample:
    """Return one picture of a run's strip. Raises Http404."""
    rows = TrainingSample.objects.select_related("run")
    return get_below(project, rows, "run__project", run=run_id, step=step, index=index)


def rework_in(project: Project, job_id: Any) -> AdapterJob:
    """Return a job of the project that makes a version from others. Raises Http404."""
    return get_in_project(project, REWORKS, id=job_id)


def get_below(project: Project, rows: models.QuerySet[Row], way: str, **lookup: Any) -> Row:
    """Return one row that belongs to the project by way of others. Raises Http404."""
    row = find_one(rows.filter(**{way: project}, **lookup))
    if row is None:
        raise Http404
    return row
