"""What a person sees first: their projects, what runs, and what is new."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from jobs.words import remaining_words
from projects.access import visible_to
from projects.models import Membership, Project, Role, User

from .models import Generation, Output, Replay
from .sentences import failure_sentence
from .words import stage_word

UNFINISHED = (Generation.Status.QUEUED, Generation.Status.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectCard:
    """A project with the newest of its pictures."""

    project: Project
    role: Role
    pictures: Sequence[Output] = field(default_factory=tuple)

    @property
    def role_label(self) -> str:
        """Return what the reader is in this project."""
        return str(self.role.label)


def count_unfinished(user: User) -> int:
    """Count what is queued or running in this person's projects."""
    return sum(
        visible_to(user, model.objects.filter(status__in=UNFINISHED)).order_by().count()
        for model in (Generation, Replay)
    )


def cards_of(memberships: Iterable[Membership], limit: int = 24) -> list[ProjectCard]:
    """List a person's projects, each with its newest pictures."""
    memberships = list(memberships)[:limit]
    newest = newest_pictures([each.project_id for each in memberships], 12)
    return [
        ProjectCard(project=each.project, role=Role(each.role), pictures=newest.get(each.project_id, ()))
        for each in memberships
    ]


def newest_pictures(projects: Sequence[Any], count: int) -> dict[Any, list[Output]]:
    """Return the newest `count` pictures of each project in two queries, whatever the number of pictures.

    The first finds how far back each project's list goes, so that the second is one range of the index each.
    """
    if not projects:
        return {}
    mine = Output.objects.filter(project=OuterRef("pk")).order_by("-created_at", "-id")
    bounds = Project.objects.filter(pk__in=projects).values_list(
        "pk", Subquery(mine.values("created_at")[count - 1 : count])
    )
    ranges = [Q(project=pk) if oldest is None else Q(project=pk, created_at__gte=oldest) for pk, oldest in bounds]
    found: dict[Any, list[Output]] = {}
    for output in Output.objects.filter(reduce(or_, ranges)).select_related("project").defer("environment", "decision"):
        row = found.setdefault(output.project_id, [])
        if len(row) < count:
            row.append(output)
    return found


def new_pictures(cards: Iterable[ProjectCard], limit: int = 12) -> list[Output]:
    """Return the newest pictures over all projects, without those that somebody rejected."""
    pictures = [output for card in cards for output in card.pictures if output.rejected_at is None]
    return sorted(pictures, key=lambda output: (output.created_at, output.id.int), reverse=True)[:limit]


def jobs_of(user: User, recent: int = 6) -> list[Generation]:
    """List what runs and waits in this person's projects, then the jobs that ended last."""
    rows = visible_to(user, Generation.objects.select_related("project", "requested_by"))
    unfinished = rows.filter(status__in=UNFINISHED).order_by("queued_at")[:12]
    ended = rows.exclude(status__in=UNFINISHED).filter(queued_at__gte=timezone.now() - timedelta(days=14))
    jobs = [*unfinished, *ended.order_by("-queued_at")[:recent]]
    for job in jobs:
        job.stage_label = stage_word(job.stage)
        job.remaining = remaining_words(job.remaining_seconds)
        job.why = failure_sentence(job.error, job.error_params)
    return jobs
