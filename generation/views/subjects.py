"""Lead from what the ledger names to the page that shows it."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from projects.access import get_in_project, get_project

from ..models import PromptTemplate


@login_required
@require_GET
def template_by_id(request: HttpRequest, slug: str, template_id: UUID) -> HttpResponse:
    """Lead to a template; its address may be renamed, its id in the ledger never is."""
    template = get_in_project(get_project(request.user, slug), PromptTemplate.objects.all(), id=template_id)
    return redirect("template", slug, template.slug)
