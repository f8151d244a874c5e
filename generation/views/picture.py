"""One picture: how it was made, under which licence, and the proof."""

import math
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from assets import storage
from assets.licensing import Action, Decision, obligations_text
from assets.services import decide_use
from projects.access import get_in_project, get_project
from projects.models import Project, Role
from projects.problems import Problem

from ..filters import neighbours, pictures_asked, without
from ..forms import TEXT_FIELDS, RatingForm
from ..models import Output, Replay
from ..sentences import NAMES, failure_sentence, sentence
from ..services.lineages import closes_at
from ..services.outputs import parameters_text, rate_output, reject_output
from ..services.replays import model_files, request_replay
from ..strips import describe_rights, rights_chain
from ..tiles import draw_tiles
from ..withdrawal_pages import withdrawn_sources
from ..words import difference_sentence, environment_rows, recipe_rows, stage_word

WEEK_SECONDS = 604_800
LANGUAGES = ("en", "ja")


@login_required
@require_GET
@never_cache
def picture(request: HttpRequest, slug: str, output_id: str) -> HttpResponse:
    """Show a picture with everything that led to it."""
    project = get_project(request.user, slug)
    output = get_in_project(project, shown_outputs(), id=output_id)
    return render(request, "generation/picture.html", picture_context(request, project, output))


@login_required
@require_GET
def picture_file(request: HttpRequest, slug: str, output_id: str) -> HttpResponse:
    """Send the stored PNG with its recipe inside, under a name that every system accepts."""
    project = get_project(request.user, slug)
    output = get_in_project(
        project, Output.objects.only("path", "file_sha256", "seed", "spec", "lineage"), id=output_id
    )
    name = storage.download_name(f"{output.spec.get('prompt', '')[:80]} {output.seed}", ".png")
    is_download = "download" in request.GET
    response = send_stored(request, output.path, output.file_sha256, "image/png", name=name, is_download=is_download)
    return keep_until(response, closes_at(project, output.lineage_id))


@login_required
@require_GET
def picture_thumbnail(request: HttpRequest, slug: str, output_id: str) -> HttpResponse:
    """Send the small picture of the gallery."""
    project = get_project(request.user, slug)
    output = get_in_project(project, Output.objects.only("thumbnail", "lineage"), id=output_id)
    response = send_stored(request, output.thumbnail, storage.parse_stored_path(output.thumbnail), "image/webp")
    return keep_until(response, closes_at(project, output.lineage_id))


@login_required
@require_GET
def picture_credits(request: HttpRequest, slug: str, output_id: str) -> HttpResponse:
    """Send what must be said where the picture is shown, in Japanese or English."""
    project = get_project(request.user, slug)
    output = get_in_project(project, shown_outputs(), id=output_id)
    language = request.GET.get("language", get_language() or "en")
    language = language if language in LANGUAGES else "en"
    decision = decide_use(project, Action.PUBLISH, model_files(output))
    response = HttpResponse(obligations_text(decision, language) + "\n", content_type="text/plain; charset=utf-8")
    name = storage.download_name(f"credits {output.seed} {language}", ".txt")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@login_required
@require_POST
def picture_rate(request: HttpRequest, slug: str, output_id: str) -> HttpResponse:
    """Give a picture stars."""
    project = get_project(request.user, slug, Role.EDITOR)
    output = get_in_project(project, shown_outputs(), id=output_id)
    form = RatingForm(request.POST)
    if not form.is_valid():
        raise Problem("rating_invalid", _("A rating has one to five stars, or none."))
    rate_output(request.user, output, form.cleaned_data["rating"])
    return answer_marks(request, project, output)


@login_required
@require_POST
def picture_reject(request: HttpRequest, slug: str, output_id: str) -> HttpResponse:
    """Put a picture aside, or take it back with rejected=0. Without a value, turn it round."""
    project = get_project(request.user, slug, Role.EDITOR)
    output = get_in_project(project, shown_outputs(), id=output_id)
    wanted = request.POST.get("rejected", "0" if output.rejected_at else "1")
    reject_output(request.user, output, rejected=wanted == "1")
    return answer_marks(request, project, output)


@login_required
@require_POST
def picture_replay(request: HttpRequest, slug: str, output_id: str) -> HttpResponse:
    """Ask for the picture to be made again and compared."""
    project = get_project(request.user, slug, Role.EDITOR)
    output = get_in_project(project, shown_outputs(), id=output_id)
    asked = request_replay(request.user, output)
    if not request.htmx:
        return redirect("replay", slug=slug, replay_id=asked.id)
    return render(request, "generation/replay.html#card", replay_context(project, asked))


@login_required
@require_GET
@never_cache
def replay(request: HttpRequest, slug: str, replay_id: str) -> HttpResponse:
    """Show how far a replay is, or its verdict."""
    project = get_project(request.user, slug)
    row = get_in_project(project, Replay.objects.select_related("output"), id=replay_id)
    template = "generation/replay.html#card" if request.htmx else "generation/replay.html"
    return render(request, template, replay_context(project, row))


def shown_outputs() -> QuerySet[Output]:
    """Return pictures with all that their page shows."""
    return Output.objects.select_related(
        "generation__template_version__template",
        "generation__requested_by",
        "generation__campaign",
    )


def picture_context(request: HttpRequest, project: Project, output: Output) -> dict[str, Any]:
    """Return everything that a picture's page shows."""
    made_under = Decision.from_dict(output.decision)
    files = model_files(output)
    publish = decide_use(project, Action.PUBLISH, files)
    replays = [replay_view(each) for each in output.replays.all()[:5]]
    newer, older = neighbours(pictures_asked(request.GET, project), output)
    return {
        "project": project,
        "output": output,
        "recipe": recipe_rows(output),
        "parameters": parameters_text(output),
        "slots": slot_rows(output),
        "environment": environment_rows(output.environment),
        "rights": describe_rights(project, made_under, publish),
        "chain": rights_chain(output, files),
        "withdrawn": withdrawn_sources(project, publish),
        "replays": replays,
        "newer": newer,
        "older": older,
        "query": without(request.GET, "cursor"),
        "can_make": project.role.includes(Role.EDITOR),
    }


def slot_rows(output: Output) -> list[dict[str, Any]]:
    """Return what was typed into each slot, and what the vocabulary made of it."""
    translation = output.generation.translation
    return [
        {"label": NAMES[name], "typed": typed, "sent": translation.get(name, {}).get("result", typed)}
        for name in TEXT_FIELDS
        if (typed := output.generation.slots.get(name, "")) or translation.get(name, {}).get("result")
    ]


def replay_context(project: Project, row: Replay) -> dict[str, Any]:
    """Return what a replay's card shows."""
    return {"project": project, "replay": replay_view(row), "output": row.output}


def replay_view(row: Replay) -> dict[str, Any]:
    """Return a replay as people read it."""
    return {
        "row": row,
        "stage": stage_word(row.stage),
        "percent": round(row.progress * 100),
        "error": failure_sentence(row.error, row.error_params),
        "differences": [difference_sentence(each) for each in row.differences],
    }


def answer_marks(request: HttpRequest, project: Project, output: Output) -> HttpResponse:
    """Answer a rating or rejection with the tile or the picture's own marks, as was asked."""
    context = {"project": project, "output": output, "can_make": True}
    if not request.htmx:
        return redirect(output.get_absolute_url())
    if request.POST.get("shown_as") == "tile":
        return HttpResponse(draw_tiles([output], project.slug))
    return render(request, "generation/picture.html#marks", context)


def keep_until(response: HttpResponse, moment: datetime | None) -> HttpResponse:
    """Let no browser keep a picture beyond the end of a term that it was made under."""
    if moment is not None:
        left = math.floor((moment - timezone.now()).total_seconds())
        if left < WEEK_SECONDS:
            kept = f"private, max-age={left}, must-revalidate" if left > 0 else "private, no-store"
            response.headers["Cache-Control"] = kept
    return response


def send_stored(
    request: HttpRequest, path: str, sha256: str, content_type: str, *, name: str = "", is_download: bool = False
) -> HttpResponse:
    """Send a kept file. Its content never changes, so a browser that has it is told so."""
    etag = f'"{sha256}"'
    if request.headers.get("If-None-Match") == etag:
        response = HttpResponse(status=304)
    else:
        try:
            file = storage.open_stored(settings.MEDIA_ROOT, path)
        except storage.StorageError as error:
            raise Http404(sentence(error.code, error.params)) from error
        response = FileResponse(file, content_type=content_type, filename=name, as_attachment=is_download)
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = f"private, max-age={WEEK_SECONDS}, immutable"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
