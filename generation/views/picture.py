"""One picture: how it was made, under which licence, and the proof."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from assets import storage
from assets.licensing import Action, Decision, obligations_text
from assets.services import decide_about, decide_use
from assets.services.decisions import Sources, waivers_of
from jobs.words import remaining_words
from projects.access import get_in_project, get_project
from projects.models import Project, Role
from projects.problems import Problem

from ..chains import rights_chain
from ..filters import neighbours, pictures_asked, without
from ..forms import TEXT_FIELDS, RatingForm
from ..models import Output, Replay
from ..output_files import send_download, send_picture, send_thumbnail
from ..rights_changes import changes_since
from ..sentences import NAMES, failure_sentence
from ..services.lineages import closed_lineages
from ..services.outputs import closing_reasons, download_output, parameters_text, rate_output, reject_output
from ..services.replays import model_files, request_replay
from ..strips import describe_rights
from ..tiles import draw_tiles
from ..withdrawal_pages import withdrawn_sources
from ..words import difference_sentence, environment_rows, recipe_rows, stage_word

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
def picture_file(request: HttpRequest, slug: str, output_id: str) -> HttpResponse | FileResponse:
    """Show the stored PNG with its recipe inside."""
    project = get_project(request.user, slug)
    rows = Output.objects.only("path", "seed", "spec", "lineage")
    return send_picture(request, get_in_project(project, rows, id=output_id))


@login_required
@require_GET
def picture_thumbnail(request: HttpRequest, slug: str, output_id: str) -> HttpResponse | FileResponse:
    """Show the small picture of the gallery."""
    project = get_project(request.user, slug)
    rows = Output.objects.only("thumbnail", "lineage")
    return send_thumbnail(request, get_in_project(project, rows, id=output_id))


@login_required
@require_POST
def picture_download(request: HttpRequest, slug: str, output_id: str) -> FileResponse:
    """Send the PNG to be kept, which the ledger notes with the publish gate's answer."""
    project = get_project(request.user, slug)
    output = get_in_project(project, shown_outputs(), id=output_id)
    return send_download(output, download_output(request.user, output))


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
    made_under, files = Decision.from_dict(output.decision), model_files(output)
    sources, waivers = Sources(files), waivers_of(project, *Action)
    asked = (Action.GENERATE, Action.PUBLISH)
    generate, publish = (decide_about(project, gate, sources.inputs_of(files), waivers=waivers) for gate in asked)
    newer, older = neighbours(pictures_asked(request.GET, project), output)
    return {
        "project": project,
        "output": output,
        "recipe": recipe_rows(output),
        "parameters": parameters_text(output),
        "slots": slot_rows(output),
        "environment": environment_rows(output.environment),
        "rights": describe_rights(project, generate, publish, made_under=made_under),
        "changes": changes_since(made_under, generate),
        "closed": closing_reasons(publish),
        "chain": rights_chain(output, files, sources),
        "withdrawn": withdrawn_sources(project, publish),
        "replays": [replay_view(each) for each in output.replays.all()[:5]],
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
    can_make = project.role.includes(Role.EDITOR)
    return {"project": project, "replay": replay_view(row), "output": row.output, "can_make": can_make}


def replay_view(row: Replay) -> dict[str, Any]:
    """Return a replay as people read it."""
    return {
        "row": row,
        "stage": stage_word(row.stage),
        "percent": round(row.progress * 100),
        "remaining": remaining_words(row.remaining_seconds),
        "error": failure_sentence(row.error, row.error_params),
        "differences": [difference_sentence(each) for each in row.differences],
    }


def answer_marks(request: HttpRequest, project: Project, output: Output) -> HttpResponse:
    """Answer a rating or rejection with the tile or the picture's own marks, as was asked."""
    context = {"project": project, "output": output, "can_make": True}
    if not request.htmx:
        return redirect(output.get_absolute_url())
    if request.POST.get("shown_as") == "tile":
        return HttpResponse(draw_tiles([output], project.slug, closed=closed_lineages([output])))
    return render(request, "generation/picture.html#marks", context)
