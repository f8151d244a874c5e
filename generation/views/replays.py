"""Stop a replay."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from projects.access import get_in_project, get_project
from projects.models import Role

from ..models import Replay
from ..services.replays import cancel_replay
from .picture import replay_context


@login_required
@require_POST
def replay_cancel(request: HttpRequest, slug: str, replay_id: str) -> HttpResponse:
    """Ask a replay to stop; one that still waits ends at once."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = get_in_project(project, Replay.objects.select_related("output", "project"), id=replay_id)
    cancel_replay(row, actor=request.user)
    if not request.htmx:
        return redirect("replay", slug=slug, replay_id=row.id)
    row.refresh_from_db()
    return render(request, "generation/replay.html#card", replay_context(project, row))
