"""Tags that a machine proposes: a person accepts or rejects each."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Prefetch, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from projects.access import get_project
from projects.models import Project, Role

from ..dataset_checks import tagging_at
from ..dataset_pages import get_dataset, read_items
from ..forms_datasets import TagForm
from ..models import Dataset, PictureTag
from ..services.curation import decide_tag, request_tagging
from .dataset_parts import frame_of, show_card

PICTURES_SHOWN = 30
SURE_FIRST = ("-confidence", "text")


@login_required
@require_GET
@never_cache
def dataset_tags(request: HttpRequest, slug: str, dataset_slug: str) -> HttpResponse:
    """Show the pictures of a dataset with tags that wait for a person."""
    project = get_project(request.user, slug)
    row = get_dataset(project, dataset_slug)
    waiting = PictureTag.objects.filter(state=PictureTag.State.PROPOSED).order_by(*SURE_FIRST)
    items = row.items.filter(picture__in=proposed_in(row).values("picture"))
    counted = items.annotate(all_waiting=Subquery(count_of(proposed_in(row))))
    shown = counted.prefetch_related(Prefetch("picture__tags", waiting, to_attr="waiting"))
    page = read_items(shown, request.GET.get("after", ""), size=PICTURES_SHOWN)
    context = frame_of(project, row, "tags") | {
        "items": page.rows,
        "next_after": page.next_after,
        "count": page.rows[0].all_waiting if page.rows else 0,
        "looking": tagging_at(project),
    }
    return render(request, "assets/datasets/tags.html", context)


@login_required
@require_POST
def dataset_tag(request: HttpRequest, slug: str, dataset_slug: str, tag_id: int) -> HttpResponse:
    """Accept or reject one tag; a later word replaces an earlier one."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = get_dataset(project, dataset_slug)
    tags = PictureTag.objects.filter(picture__items__dataset=row).select_related("picture__rights")
    tag = get_object_or_404(tags, pk=tag_id)
    form = TagForm(request.POST)
    if form.is_valid():
        decide_tag(request.user, tag, accepted=form.cleaned_data["accepted"])
        tag.refresh_from_db(fields=["state"])
    if not request.htmx:
        return redirect("dataset_tags", slug, dataset_slug)
    return render(request, "assets/datasets/tags.html#tag", frame_of(project, row, "tags") | {"tag": tag})


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def dataset_propose(request: HttpRequest, slug: str, dataset_slug: str) -> HttpResponse:
    """Ask a model to propose tags for the dataset's pictures, or show how far it is."""
    is_asked = request.method == "POST"
    project = get_project(request.user, slug, Role.EDITOR if is_asked else Role.VIEWER)
    row = get_dataset(project, dataset_slug)
    if is_asked:
        request_tagging(request.user, project, row)
    return show_tagging(request, project, row)


@login_required
@require_POST
def dataset_propose_cancel(request: HttpRequest, slug: str, dataset_slug: str) -> HttpResponse:
    """Stop proposing; what was proposed stays."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = get_dataset(project, dataset_slug)
    job = tagging_at(project).job
    if job is not None:
        job.request_cancel()
    return show_tagging(request, project, row)


def show_tagging(request: HttpRequest, project: Project, row: Dataset) -> HttpResponse:
    """Answer as the dataset's look does: the card alone to htmx, which loads the page anew when the work is done."""
    return show_card(request, project, row, "tags", tagging_at(project))


def count_of(tags: QuerySet[PictureTag]) -> QuerySet[Any, Any]:
    """Return how many these are, as a query within another."""
    return tags.order_by().values("state").annotate(count=Count("pk")).values("count")


def proposed_in(row: Dataset) -> QuerySet[PictureTag]:
    """Return the tags of a dataset's pictures that wait for a person."""
    return PictureTag.objects.filter(picture__items__dataset=row, state=PictureTag.State.PROPOSED)
