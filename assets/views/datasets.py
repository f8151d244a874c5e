"""The datasets' room: the list, the pictures of one dataset, choosing more of them, and taking some out."""

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from projects.access import get_project
from projects.models import Role
from projects.problems import Problem

from .. import dataset_checks, dataset_pages
from ..forms_datasets import DatasetForm, GroupForm, offer_choices
from ..models import Dataset, Picture
from ..picture_filters import PictureFilter
from ..services.datasets import add_items, change_dataset, create_dataset, remove_item
from ..services.groups import set_group
from .dataset_parts import frame_of, get_item

CHOICES_SHOWN = 60


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def datasets(request: HttpRequest, slug: str) -> HttpResponse:
    """List the project's datasets, and open another one."""
    is_asked = request.method == "POST"
    project = get_project(request.user, slug, Role.EDITOR if is_asked else Role.VIEWER)
    form = DatasetForm(request.POST if is_asked else None)
    if is_asked and form.is_valid():
        try:
            made = create_dataset(request.user, project, **form.cleaned_data)
        except Problem as problem:
            form.add_problem(problem)
        else:
            messages.success(request, _("“%(name)s” is open. Choose its pictures next.") % {"name": made})
            return redirect(made)
    context = {
        "project": project,
        "form": form,
        "summaries": dataset_pages.summaries_of(project),
        "can_make": project.role.includes(Role.EDITOR),
    }
    return render(request, "assets/datasets/list.html", context, status=422 if is_asked else 200)


@login_required
@require_GET
@never_cache
def dataset(request: HttpRequest, slug: str, dataset_slug: str) -> HttpResponse:
    """Show the pictures of a dataset that fit the filters, a page at a time."""
    project = get_project(request.user, slug)
    row = dataset_pages.get_dataset(project, dataset_slug)
    filters = PictureFilter(request.GET, Picture.objects.filter(project=project), project=project)
    query = query_without(request, "after")
    items = row.items.filter(picture__in=filters.qs.order_by()) if query else row.items.all()
    page = dataset_pages.read_items(items, request.GET.get("after", ""))
    groups = dataset_checks.duplicates_in(row)
    context = frame_of(project, row, "pictures") | {
        "tiles": dataset_pages.tiles_of(project, page.rows, dataset_checks.group_numbers(groups)),
        "next_after": page.next_after,
        "query": query,
    }
    if request.htmx and request.GET.get("after"):
        return render(request, "assets/datasets/dataset.html#tiles", context)
    offer_choices(filters, project)
    counts = dataset_checks.count_dataset(row)
    context |= {
        "filters": filters,
        "gate": dataset_checks.gate_of(row),
        "counts": counts,
        "methods": dataset_checks.methods_of(counts, groups),
        "group_form": GroupForm(),
        "named_groups": dataset_pages.named_groups(row),
    }
    return render(request, "assets/datasets/dataset.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def dataset_edit(request: HttpRequest, slug: str, dataset_slug: str) -> HttpResponse:
    """Give a dataset other names, another description or trigger word."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = dataset_pages.get_dataset(project, dataset_slug)
    is_asked = request.method == "POST"
    shown = Dataset.objects.get(pk=row.pk)
    form = DatasetForm(request.POST if is_asked else None, instance=shown)
    if is_asked and form.is_valid():
        try:
            change_dataset(request.user, row, form.cleaned_data)
        except Problem as problem:
            form.add_problem(problem)
        else:
            messages.success(request, _("Saved."))
            return redirect(row)
    context = {"project": project, "dataset": row, "form": form}
    return render(request, "assets/datasets/edit.html", context, status=422 if is_asked else 200)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def dataset_add(request: HttpRequest, slug: str, dataset_slug: str) -> HttpResponse:
    """Choose pictures of the project that are not in a dataset yet."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = dataset_pages.get_dataset(project, dataset_slug)
    filters = PictureFilter(request.GET, choosable(row), project=project)
    if request.method == "POST":
        return add_chosen(request, row, filters)
    number = request.GET.get("page", "")
    start = int(number) * CHOICES_SHOWN if number.isdecimal() and len(number) < 6 else 0
    rows = filters.qs.order_by("added_at", "id")
    found = list(rows[start : start + CHOICES_SHOWN + 1])
    offer_choices(filters, project)
    context = {
        "project": project,
        "dataset": row,
        "filters": filters,
        "sheets": dataset_pages.sheets_of(project, found[:CHOICES_SHOWN]),
        "count": rows.count(),
        "next_page": start // CHOICES_SHOWN + 1 if len(found) > CHOICES_SHOWN else None,
        "query": query_without(request, "page"),
    }
    return render(request, "assets/datasets/add.html", context)


def add_chosen(request: HttpRequest, row: Dataset, filters: PictureFilter) -> HttpResponse:
    """Put the chosen pictures, or all that fit the filters, into the dataset."""
    rows = filters.qs if request.POST.get("all") else choosable(row).filter(id__in=ids_of(request))
    added = add_items(request.user, row, rows.order_by("added_at", "id"))
    if not added:
        messages.warning(request, _("No picture was chosen. Tick some first."))
        return redirect(request.get_full_path())
    words = ngettext("%(count)d picture added.", "%(count)d pictures added.", added)
    messages.success(request, words % {"count": added})
    return redirect(row)


@login_required
@require_POST
def dataset_remove(request: HttpRequest, slug: str, dataset_slug: str, number: int) -> HttpResponse:
    """Take one picture out of a dataset; its versions keep it."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = dataset_pages.get_dataset(project, dataset_slug)
    item = get_item(row, number)
    remove_item(request.user, item)
    if request.htmx:
        return HttpResponse()
    messages.success(request, _("Picture %(number)d is out of the dataset.") % {"number": number})
    return redirect("dataset_checks" if request.POST.get("from") == "checks" else "dataset", slug, dataset_slug)


@login_required
@require_POST
def dataset_group(request: HttpRequest, slug: str, dataset_slug: str) -> HttpResponse:
    """Name the group of the ticked pictures."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = dataset_pages.get_dataset(project, dataset_slug)
    form = GroupForm(request.POST)
    items = row.items.filter(picture__in=ids_of(request))
    if not form.is_valid() or not items.exists():
        problem = form.errors["group"][0] if form.errors else _("No picture was chosen. Tick some first.")
        messages.warning(request, problem)
        return redirect(row)
    changed, words = set_group(request.user, row, items, form.cleaned_data["group"]), _("Nothing has changed.")
    if changed:
        words = ngettext("%(count)d picture grouped.", "%(count)d pictures grouped.", changed) % {"count": changed}
    messages.success(request, words)
    return redirect(row)


def choosable(row: Dataset) -> QuerySet[Picture]:
    """Return the project's pictures that are not in a dataset."""
    rows = Picture.objects.filter(project=row.project_id, removed_at=None)
    return rows.exclude(id__in=row.items.values("picture")).select_related("rights__evidence")


def ids_of(request: HttpRequest) -> list[uuid.UUID]:
    """Return the ids that a form has ticked; what is no id is passed over."""
    found = []
    for text in request.POST.getlist("row"):
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return found


def query_without(request: HttpRequest, name: str) -> str:
    """Return the filters of the address as a query string, without its place in the list."""
    kept = request.GET.copy()
    kept.pop(name, None)
    filled: Any = {key: [value for value in kept.getlist(key) if value] for key in kept}
    for key, values in filled.items():
        kept.setlist(key, values)
    return str(kept.urlencode())
