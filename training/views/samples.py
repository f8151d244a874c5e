"""The pictures of a run's strips."""

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest
from django.views.decorators.http import require_GET

from projects.access import get_project

from ..access import sample_in
from ..sample_files import send_sample


@login_required
@require_GET
def training_sample(request: HttpRequest, slug: str, run_id: str, step: int, index: int) -> FileResponse:
    """Show one picture of a strip as it was drawn."""
    return send_sample(sample_in(get_project(request.user, slug), run_id, step, index))


@login_required
@require_GET
def training_thumbnail(request: HttpRequest, slug: str, run_id: str, step: int, index: int) -> FileResponse:
    """Show the small picture of a strip."""
    return send_sample(sample_in(get_project(request.user, slug), run_id, step, index), small=True)
