"""The small box in the vocabulary that asks the translation model."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from projects.access import get_in_project, get_project
from projects.models import Role

from ..models import Suggestion
from ..services.suggestions import request_suggestion


@login_required
@require_POST
def suggest(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for the English of a word."""
    project = get_project(request.user, slug, Role.EDITOR)
    return show(request, project, request_suggestion(request.user, project, request.POST.get("text", "")))


@login_required
@require_GET
@never_cache
def suggestion(request: HttpRequest, slug: str, suggestion_id: str) -> HttpResponse:
    """Show how far it is; the box asks again until there is an answer."""
    project = get_project(request.user, slug, Role.EDITOR)
    return show(request, project, get_in_project(project, Suggestion.objects.all(), id=suggestion_id))


def show(request: HttpRequest, project: object, job: Suggestion) -> HttpResponse:
    """Render the box."""
    return render(request, "generation/suggestion.html", {"project": project, "job": job})
