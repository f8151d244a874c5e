"""What the library shows of models that are on their way: how far they are, or why they did not come."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from jobs.words import remaining_words
from projects.models import Project

from .model_notices import notices_of
from .models import ModelIntake, RightsChange
from .services.intake import public_part
from .services.model_sources import SOURCES_ADDED

MAX_SHOWN = 6
FAILED_SHOWN_FOR = timedelta(days=1)
Status = ModelIntake.Status
STAGES: Mapping[str, Any] = {
    "fetching": _("Fetching the file"),
    "hashing": _("Reading the file"),
    "checking": _("Checking the weights"),
}
LIVE = (Status.QUEUED, Status.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A model on its way, as people see it; `place` is where it comes from, without what an address may hide.

    `added` names what the library did not know yet that content was made from which it had already; `notices` say
    what is missing on this machine before it can draw.
    """

    job: ModelIntake
    place: str
    stage: Any
    percent: int
    remaining: str
    failure: str
    added: Sequence[str]
    notices: Sequence[str]


def arrivals_of(project: Project) -> list[Arrival]:
    """Return the models that are on their way into a project's library, and those that failed lately."""
    lately = timezone.now() - FAILED_SHOWN_FOR
    rows = intakes_of(project).filter(Q(status__in=LIVE) | Q(status=Status.FAILED, finished_at__gte=lately))
    return arrivals(rows[:MAX_SHOWN])


def intakes_of(project: Project) -> QuerySet[ModelIntake]:
    """Return a project's intakes, the newest first."""
    return ModelIntake.objects.filter(project=project).select_related("requested_by", "result__rights")


def arrivals(jobs: Iterable[ModelIntake]) -> list[Arrival]:
    """Return jobs as people see them."""
    return [
        Arrival(
            job=job,
            place=place_of(job),
            stage=STAGES.get(job.stage, _("Beginning")),
            percent=round(job.progress * 100),
            remaining=remaining_words(job.remaining_seconds),
            failure=job.reason,
            added=added_by(job),
            notices=notices_of(job.result) if job.result else [],
        )
        for job in jobs
    ]


def added_by(job: ModelIntake) -> Sequence[str]:
    """Return what an intake has added to the sources of content that was known."""
    if not job.was_known or job.result is None:
        return ()
    rows = RightsChange.objects.filter(rights=job.result.rights_id, event=SOURCES_ADDED, after__intake=str(job.id))
    return [name for row in rows for name in row.after["sources"]]


def place_of(job: ModelIntake) -> str:
    """Return where a file comes from; the query of an address may hold somebody's key and is left out."""
    return public_part(job.location) if job.source == ModelIntake.Source.URL else job.location


def initial_of(job: ModelIntake) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an intake as the forms about the file and the licence begin with it, to try again."""
    names = ("source", "kind", "name", "made_for", "prediction_type", "trained_on")
    file = {name: getattr(job, name) for name in names}
    file |= {"bases": list(job.bases.all()), "trigger_words": ", ".join(job.trigger_words)}
    file |= {"url" if job.source == ModelIntake.Source.URL else "location": job.location}
    said = job.declaration
    license = {name: said[name] for name in ("expression", "creator", "source_url")}
    return file, {**license, "note": said["facts"].get("note", ""), "parameters": said["facts"].get("parameters", {})}
