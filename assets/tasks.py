"""What the light workers run: imports, looking at pictures, and taking models in."""

from .models import Curation, ImportJob, ModelIntake
from .services import imports, intake, looking


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
            looking.curate(job)


def take_model(job_id: str) -> None:
    """Bring, check and register a model file."""
    job = ModelIntake.objects.select_related("project", "requested_by", "trained_on").get(pk=job_id)
    if job.claim():
        with job.work():
            intake.take_model(job)
        intake.finish_files(job)
