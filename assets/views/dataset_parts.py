"""What the pages of one dataset share: the head with its tabs, and finding one picture of it by its number."""

from typing import Any

from django.http import Http404

from projects.models import Project, Role

from ..models import Dataset, DatasetItem


def frame_of(project: Project, dataset: Dataset, tab: str) -> dict[str, Any]:
    """Return what the head of a dataset's page shows."""
    return {"project": project, "dataset": dataset, "tab": tab, "can_make": project.role.includes(Role.EDITOR)}


def get_item(dataset: Dataset, number: int) -> DatasetItem:
    """Return one picture of a dataset by its number. Raises Http404."""
    item = dataset.items.filter(number=number).select_related("picture__rights").first()
    if item is None:
        raise Http404
    item.dataset = dataset
    return item
