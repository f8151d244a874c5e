"""What the light workers run: imports, and looking at pictures."""

from .models import Curation, ImportJob
from .services import curation, imports


def walk_batch(job_id: str) -> None:
    """Try, take in or undo a batch of pictures."""
    job = ImportJob.objects.select_related("batch__project", "batch__dataset__project", "requested_by").get(pk=job_id)
    if job.claim():
        with job.work():
            imports.walk_batch(job)


def curate(job_id: str) -> None:
    """Measure and compare a project's new pictures."""
    job = Curation.objects.select_related("project").get(pk=job_id)
    if job.claim():
        with job.work():
            curation.curate(job)
