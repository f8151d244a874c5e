"""What the pages of one dataset share: the head with its tabs, and finding one picture of it by its number."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from projects.models import Project, Role

from ..dataset_checks import Looking
from ..models import Dataset, DatasetItem


def frame_of(project: Project, dataset: Dataset, tab: str) -> dict[str, Any]:
    """Return what the head of a dataset's page shows."""
    return {"project": project, "dataset": dataset, "tab": tab, "can_make": project.role.includes(Role.EDITOR)}


def show_card(request: HttpRequest, project: Project, dataset: Dataset, tab: str, looking: Looking) -> HttpResponse:
    """Answer with a worker's card to htmx, which loads the page anew when the work is done; else go to the page."""
    if not request.htmx:
        return redirect(f"dataset_{tab}", project.slug, dataset.slug)
    context = frame_of(project, dataset, tab) | {"looking": looking}
    response = render(request, f"assets/datasets/{tab}.html#looking", context)
    if request.method == "GET" and not looking.is_live:
        response.headers["HX-Refresh"] = "true"
    return response


def get_item(dataset: Dataset, number: int) -> DatasetItem:
    """Return one picture of a dataset by its number. Raises Http404."""
    item = dataset.items.filter(number=number).select_related("picture__rights").first()
    if item is None:
        raise Http404
    item.dataset = dataset
    return item
