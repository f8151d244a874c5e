"""All pictures of a project, and a few of them side by side."""

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.db.models.fields.json import KT
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from assets.models import ModelFile
from projects.access import get_project
from projects.models import Campaign, Project, Role, User
from projects.paging import read_page

from ..filters import PAGE_SIZE, GalleryFilter, without
from ..models import LineageFile, Output, PromptTemplate
from ..services.lineages import closed_lineages
from ..starting import MAX_ADAPTERS_OFFERED, as_key, base_models
from ..words import recipe_rows

TILE_FIELDS = (
    "id", "project_id", "lineage_id", "width", "height", "seed", "rating", "rejected_at", "license", "created_at",
)  # fmt: skip
NAMES = ("slug", "name", "name_ja")
MAX_COMPARED = 4
MAX_LICENSES = 12
MORE_FILTERS = ("version", "model", "adapter", "license", "campaign", "person", "after", "before", "publishable")


@login_required
@require_GET
@never_cache
def gallery(request: HttpRequest, slug: str) -> HttpResponse:
    """Show pictures, newest first, a page at a time."""
    project = get_project(request.user, slug)
    filters = GalleryFilter(request.GET, project)
    rows = filters.qs.only(*TILE_FIELDS).annotate(prompt=KT("spec__prompt"))
    page = read_page(rows, request.GET.get("cursor", ""), size=PAGE_SIZE)
    context = {
        "project": project,
        "page": page,
        "closed": closed_on(project, page.rows),
        "query": without(request.GET, "cursor"),
        "can_make": project.role.includes(Role.EDITOR),
    }
    if request.htmx and request.GET.get("cursor"):
        return render(request, "generation/gallery.html#tiles", context)
    offer_choices(filters, project)
    context |= {
        "filters": filters,
        "more": [filters.form[name] for name in MORE_FILTERS],
        "is_narrow": any(request.GET.get(name) for name in MORE_FILTERS),
        "is_filtered": bool(context["query"]),
    }
    return render(request, "generation/gallery.html", context)


@login_required
@require_GET
def compare(request: HttpRequest, slug: str) -> HttpResponse:
    """Show two to four pictures side by side, and what differs in their recipes."""
    project = get_project(request.user, slug)
    ids = chosen_ids(request)[:MAX_COMPARED]
    rows = Output.objects.filter(project=project, id__in=ids).select_related(
        "generation__base_model", "generation__vae", "generation__template_version__template"
    )
    found = sorted(rows, key=lambda output: ids.index(output.id))
    context = {"project": project, "pictures": found, "recipe": compare_recipes(found)}
    return render(request, "generation/compare.html", context | {"closed": closed_on(project, found)})


def closed_on(project: Project, outputs: Sequence[Output]) -> set[int | None]:
    """Return the lineages of a page's pictures that may not be published now."""
    for output in outputs:
        output.project = project
    return closed_lineages(outputs)


def chosen_ids(request: HttpRequest) -> list[uuid.UUID]:
    """Return the ids that the address names, each once; what is no id is passed over."""
    texts = [text for value in request.GET.getlist("ids") for text in value.split(",")]
    ids = []
    for text in texts[:50]:
        try:
            ids.append(uuid.UUID(text))
        except ValueError:
            continue
    return list(dict.fromkeys(ids))


def compare_recipes(outputs: list[Output]) -> list[dict[str, Any]]:
    """Return the rows of the recipes side by side: label, values, and whether they differ."""
    columns = [dict(recipe_rows(output)) for output in outputs]
    labels = list(dict.fromkeys(label for column in columns for label in column))
    rows = [{"label": label, "values": [column.get(label, "") for column in columns]} for label in labels]
    return [{**row, "differs": len(set(map(str, row["values"]))) > 1} for row in rows]


def offer_choices(filters: GalleryFilter, project: Project) -> None:
    """Turn the filters that name something of this project into lists to choose from."""
    for name, choices in filter_choices(project, filters.form.data.get("adapter", "")).items():
        filters.form.fields[name].widget = forms.Select(choices=[("", _("Any")), *choices])
    for name in ("after", "before"):
        filters.form.fields[name].widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


def filter_choices(project: Project, asked: str) -> dict[str, Any]:
    """Return what the filters offer in this project; the adapter that was `asked` for is among them."""
    members = User.objects.filter(memberships__project=project)
    return {
        "template": [(each.slug, str(each)) for each in PromptTemplate.objects.filter(project=project).only(*NAMES)],
        "model": list(base_models(project).values_list("id", "name")),
        "adapter": adapter_choices(project, asked),
        "license": [(name, name) for name in licenses_of(project)],
        "campaign": [(each.slug, str(each)) for each in Campaign.objects.filter(project=project).only(*NAMES)],
        "person": [(str(each.id), str(each)) for each in members.only("name", "email")],
    }


def adapter_choices(project: Project, asked: str) -> list[tuple[str, str]]:
    """Return the newest adapters that pictures were asked for with, by name; those that are gone are among them."""
    used = LineageFile.objects.filter(lineage__project=project).values("file")
    rows = ModelFile.objects.filter(kind=ModelFile.Kind.ADAPTER, id__in=used).values_list("id", "name")
    newest = {str(key): name for key, name in rows.order_by("-registered_at", "id")[:MAX_ADAPTERS_OFFERED]}
    if as_key(asked) and asked not in newest:
        newest |= {str(key): name for key, name in rows.filter(id=as_key(asked))}
    return sorted(newest.items(), key=lambda choice: (choice[1], choice[0]))


def licenses_of(project: Project) -> list[str]:
    """Return the licences of a project's pictures, jumping from one to the next in their index."""
    names = Output.objects.filter(project=project).order_by("license").values_list("license", flat=True)
    found: list[str] = []
    following = names.first()
    while following is not None and len(found) < MAX_LICENSES:
        found.append(following)
        following = names.filter(license__gt=following).first()
    return found
