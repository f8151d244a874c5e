"""A dataset's checks: the train gate, readiness, duplicates, coverage, crops, and asking a worker to look."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from projects.access import get_project
from projects.models import Project, Role

from .. import dataset_checks as checks
from ..dataset_pages import get_dataset, read_items
from ..forms_datasets import CropForm
from ..models import Curation, Dataset, Picture
from ..services.curation import dismiss_group, request_curation
from .dataset_parts import frame_of, show_card
from .datasets import ids_of


@login_required
@require_GET
@never_cache
def dataset_checks(request: HttpRequest, slug: str, dataset_slug: str) -> HttpResponse:
    """Show what speaks for and against training on a dataset."""
    project = get_project(request.user, slug)
    row = get_dataset(project, dataset_slug)
    counts, groups = checks.count_dataset(row), checks.duplicates_in(row)
    context = frame_of(project, row, "checks") | {
        "counts": counts,
        "gate": checks.gate_of(row),
        "methods": checks.methods_of(counts, groups),
        "groups": checks.groups_of(project, groups),
        "coverage": checks.coverage_of(row) if counts.pictures else [],
        "looking": checks.looking_at(project, counts.unmeasured),
    }
    return render(request, "assets/datasets/checks.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def dataset_look(request: HttpRequest, slug: str, dataset_slug: str) -> HttpResponse:
    """Ask a worker to look at the project's new pictures, or show how far it is."""
    is_asked = request.method == "POST"
    project = get_project(request.user, slug, Role.EDITOR if is_asked else Role.VIEWER)
    row = get_dataset(project, dataset_slug)
    if is_asked:
        request_curation(request.user, project)
    return show_looking(request, project, row)


@login_required
@require_POST
def dataset_look_cancel(request: HttpRequest, slug: str, dataset_slug: str) -> HttpResponse:
    """Stop looking; what was measured stays."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = get_dataset(project, dataset_slug)
    job = Curation.objects.filter(project=project).order_by("-queued_at").first()
    if job is not None:
        job.request_cancel()
    return show_looking(request, project, row)


def show_looking(request: HttpRequest, project: Project, row: Dataset) -> HttpResponse:
    """Show how far the worker is."""
    waiting = checks.count_dataset(row).unmeasured
    return show_card(request, project, row, "checks", checks.looking_at(project, waiting))


@login_required
@require_POST
def dataset_different(request: HttpRequest, slug: str, dataset_slug: str) -> HttpResponse:
    """Say that pictures that look the same to a worker are different."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = get_dataset(project, dataset_slug)
    pictures = Picture.objects.filter(project=project, items__dataset=row, id__in=ids_of(request))
    if dismiss_group(request.user, pictures):
        messages.success(request, _("These pictures count as different from now on."))
    return redirect("dataset_checks", slug, dataset_slug)


@login_required
@require_GET
@never_cache
def dataset_crops(request: HttpRequest, slug: str, dataset_slug: str) -> HttpResponse:
    """Show which part of each picture training will see."""
    project = get_project(request.user, slug)
    row = get_dataset(project, dataset_slug)
    form, side, in_buckets = CropForm.read(request.GET)
    page = read_items(row.items.all(), request.GET.get("after", ""))
    context = frame_of(project, row, "crops") | {
        "form": form,
        "side": side,
        "shape": "buckets" if in_buckets else "square",
        "crops": checks.crops_of(page.rows, side=side, in_buckets=in_buckets),
        "next_after": page.next_after,
    }
    is_more = request.htmx and request.GET.get("after")
    return render(request, f"assets/datasets/crops.html{'#tiles' if is_more else ''}", context)
