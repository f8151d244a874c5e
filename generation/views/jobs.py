"""A job as a card: how far it is, what it shows so far, and Cancel."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from jobs.words import remaining_words
from projects.access import get_in_project, get_project
from projects.models import Project, Role, User

from ..models import Generation, GridCell, Output
from ..previews import preview_path
from ..sentences import failure_sentence
from ..services.generations import cancel_generation, describe_block, repeat_request, submit_generation
from ..words import stage_word

RECENT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A job as people see it."""

    generation: Generation
    stage: str
    percent: int
    remaining: str
    has_preview: bool
    error: str
    reasons: list[str]


@login_required
@require_GET
@never_cache
def generation(request: HttpRequest, slug: str, generation_id: str) -> HttpResponse:
    """Show how far a job is: the card alone to htmx, a page to anyone else."""
    project = get_project(request.user, slug)
    row = get_in_project(project, shown_generations(), id=generation_id)
    return show_card(request, project, row)


@login_required
@require_GET
@never_cache
def generation_preview(request: HttpRequest, slug: str, generation_id: str) -> HttpResponse | FileResponse:
    """Send the small picture of a running job, or the picture that it has become meanwhile; 204 without either."""
    project = get_project(request.user, slug)
    row = get_in_project(project, Generation.objects.only("id"), id=generation_id)
    try:
        file = preview_path(row.id).open("rb")
    except FileNotFoundError:
        made = row.outputs.order_by("index").values_list("id", flat=True).last()
        return redirect("picture_thumbnail", slug=slug, output_id=made) if made else HttpResponse(status=204)
    return FileResponse(file, content_type="image/webp")


@login_required
@require_POST
def generation_cancel(request: HttpRequest, slug: str, generation_id: str) -> HttpResponse:
    """Ask a job to stop. What is saved stays."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = get_in_project(project, shown_generations(), id=generation_id)
    cancel_generation(row, actor=request.user)
    if not request.htmx:
        return redirect("generation", slug=slug, generation_id=row.id)
    return show_card(request, project, get_in_project(project, shown_generations(), id=generation_id))


@login_required
@require_POST
def generation_retry(request: HttpRequest, slug: str, generation_id: str) -> HttpResponse:
    """Ask for the same pictures again, once however often it is pressed."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = get_in_project(project, shown_generations(), id=generation_id)
    again = submit_generation(request.user, project, repeat_request(row), key=f"retry {row.id}")
    if not request.htmx:
        return redirect("generation", slug=slug, generation_id=again.id)
    return show_card(request, project, get_in_project(project, shown_generations(), id=again.id))


def show_card(request: HttpRequest, project: Project, row: Generation) -> HttpResponse:
    """Answer with a job's card."""
    template = "generation/job.html#card" if request.htmx else "generation/job.html"
    context = {"project": project, "card": cards_of([row])[0], "can_make": project.role.includes(Role.EDITOR)}
    return render(request, template, context)


def shown_generations() -> QuerySet[Generation]:
    """Return jobs with all that a card shows."""
    shown = Output.objects.only("generation_id", "seed", "width", "height", "rejected_at")
    return Generation.objects.prefetch_related(Prefetch("outputs", shown.order_by("index")))


def recent_generations(project: Project, user: User) -> list[Generation]:
    """Return what this person asked for lately in a project, newest first; the cells of grids have their own page."""
    # No joins: with them SQLite sorts every job of the project before it takes the newest.
    mine = shown_generations().filter(project=project, requested_by=user)
    alone = mine.exclude(Exists(GridCell.objects.filter(generation=OuterRef("pk"))))
    rows = list(alone.order_by("-queued_at")[:RECENT])
    for row in rows:
        row.project, row.requested_by = project, user
    return rows


def cards_of(generations: Iterable[Generation]) -> list[Card]:
    """Return jobs as cards."""
    return [card_of(each) for each in generations]


def card_of(row: Generation) -> Card:
    """Return a job as a card."""
    is_blocked = row.status == Generation.Status.BLOCKED
    return Card(
        generation=row,
        stage=stage_word(row.stage),
        percent=round(row.progress * 100),
        remaining=remaining_words(row.remaining_seconds),
        has_preview=row.status == Generation.Status.RUNNING and preview_path(row.id).is_file(),
        error=failure_sentence(row.error, row.error_params),
        reasons=describe_block(row) if is_blocked else [],
    )
