"""What a person sees first: their projects, what runs, what is new, and what needs them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from assets.models import ModelFile, Rights
from projects.access import visible_to
from projects.models import Membership, Project, Role, User

from .models import Generation, Output, Replay
from .sentences import failure_sentence
from .words import stage_word

WARN_DAYS = (7, 30, 90)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """A licence that ends soon, or has ended. `within` is the smallest of WARN_DAYS, 0 when it has ended."""

    file: ModelFile
    at: Any
    within: int
    project: Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Rights that wait for the reader's review."""

    file: ModelFile
    project: Project


def count_unfinished(user: User) -> int:
    """Count what is queued or running in this person's projects."""
    return sum(
        visible_to(user, model.objects.filter(status__in=UNFINISHED)).order_by().count()
        for model in (Generation, Replay)
    )


def projects_of(user: User, limit: int = 24) -> list[ProjectCard]:
    """List a person's projects, newest membership first, each with its newest pictures."""
    memberships = list(Membership.objects.filter(user=user).select_related("project").order_by("-created_at")[:limit])
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
        job.why = failure_sentence(job.error, job.error_params)
    return jobs


def files_for(cards: Sequence[ProjectCard]) -> QuerySet[ModelFile]:
    """Return the model files that these projects can use, the whole house's included."""
    projects = [card.project.pk for card in cards]
    files = ModelFile.objects.filter(Q(project__in=projects) | Q(project=None), removed_at=None)
    return files.select_related("rights", "project")


def expiring(cards: Sequence[ProjectCard], days: int = WARN_DAYS[-1]) -> list[Expiry]:
    """List licences of model files that end within `days` or have ended, soonest first."""
    if not cards:
        return []
    now = timezone.now()
    files = files_for(cards).filter(rights__expires_at__lte=now + timedelta(days=days))
    return [
        Expiry(
            file=file,
            at=file.rights.expires_at,
            within=days_class(file.rights.expires_at - now),
            project=file.project or cards[0].project,
        )
        for file in files.order_by("rights__expires_at")
    ]


def days_class(left: timedelta) -> int:
    """Return 0 when nothing is left, else the smallest of WARN_DAYS that is not shorter."""
    if left <= timedelta():
        return 0
    return next((days for days in WARN_DAYS if left <= timedelta(days=days)), WARN_DAYS[-1])


def waiting_for(user: User, cards: Sequence[ProjectCard]) -> list[Waiting]:
    """List rights that this person may clear: as a reviewer, and not those that they submitted."""
    reviewed = [card for card in cards if card.role.includes(Role.REVIEWER)]
    if not reviewed:
        return []
    files = files_for(reviewed).filter(rights__state=Rights.State.PENDING)
    files = files.filter(Q(rights__submitted_by=None) | ~Q(rights__submitted_by=user))
    return [Waiting(file=file, project=file.project or reviewed[0].project) for file in files.order_by("registered_at")]
