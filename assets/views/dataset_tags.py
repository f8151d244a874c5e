"""Tags that a machine proposes: a person accepts or rejects each."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from projects.access import get_project
from projects.models import Role

from ..dataset_pages import get_dataset, read_items
from ..forms_datasets import TagForm
from ..models import Dataset, PictureTag
from ..services.curation import decide_tag
from .dataset_parts import frame_of

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
    shown = items.prefetch_related(Prefetch("picture__tags", waiting, to_attr="waiting"))
    page = read_items(shown, request.GET.get("after", ""), size=PICTURES_SHOWN)
    context = frame_of(project, row, "tags") | {
        "items": page.rows,
        "next_after": page.next_after,
        "count": proposed_in(row).count(),
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


def proposed_in(row: Dataset) -> Any:
    """Return the tags of a dataset's pictures that wait for a person."""
    return PictureTag.objects.filter(picture__items__dataset=row, state=PictureTag.State.PROPOSED)
