"""Grids: the list, a new one with its dry run, and the table that fills while its cells are drawn."""

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

from projects.access import get_in_project, get_project
from projects.models import Project, Role
from projects.paging import read_page
from projects.problems import Problem

from .. import starting
from ..forms_grids import GridForm, sent_values
from ..grid_facts import values_of
from ..grid_pages import cards_of, lay_out, view_of, words_of
from ..grid_plans import plan_grid
from ..grid_starts import follow_axes, preset_values, values_of_axes
from ..grid_trials import Trial, trial_of
from ..grid_words import says_axes, says_kind
from ..models import Grid
from ..services.grids import cancel_grid, redraw_grid, request_grid
from .studio import opening

PAGE_SIZE = 24


@login_required
@require_GET
@never_cache
def grids(request: HttpRequest, slug: str) -> HttpResponse:
    """List the project's grids, newest first, a page at a time."""
    project = get_project(request.user, slug)
    rows = Grid.objects.filter(project=project).select_related("requested_by").defer("closed")
    page = read_page(rows, request.GET.get("cursor", ""), size=PAGE_SIZE)
    for row in page.rows:
        row.project = project
    context = {
        "project": project,
        "cards": cards_of(page.rows),
        "next_cursor": page.next_cursor,
        "can_make": project.role.includes(Role.EDITOR),
    }
    return render(request, "generation/grids.html", context)


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def grid_new(request: HttpRequest, slug: str) -> HttpResponse:
    """Open the form of a grid: with the Studio's form where that was sent, else with what the address names."""
    project = get_project(request.user, slug, Role.EDITOR)
    shelf = starting.Shelf(project)
    values = sent_values(request.POST, shelf) if request.method == "POST" else opening_grid(request, shelf)
    values = {**values, "grid_key": starting.fresh_key()}
    return render(request, "generation/grid_new.html", form_context(project, GridForm(values, shelf=shelf)))


@login_required
@require_POST
def grid_try(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what the form would draw, without writing anything. Without htmx, show the whole page again."""
    project = get_project(request.user, slug, Role.EDITOR)
    shelf = starting.Shelf(project)
    values, changed = follow_axes(sent_values(request.POST, shelf), shelf)
    form = GridForm({**values, "grid_key": starting.fresh_key()}, shelf=shelf)
    context = form_context(project, form)
    if not request.htmx:
        return render(request, "generation/grid_new.html", context)
    context["changed"] = [axis for axis in form.axes if axis.side in changed]
    return render(request, "generation/grid_new.html#tried", context)


@login_required
@require_POST
def grid_draw(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for a grid, once however often it is pressed. The form comes back when something is wrong."""
    project = get_project(request.user, slug, Role.EDITOR)
    shelf = starting.Shelf(project)
    form = GridForm(sent_values(request.POST, shelf), shelf=shelf)
    order = form.order()
    try:
        if order is not None:
            grid, _is_new = request_grid(request.user, project, order, key=form.options.cleaned_data["grid_key"])
            return redirect("grid", slug=slug, grid_id=grid.id)
    except Problem as problem:
        form.add_problem(problem)
    return render(request, "generation/grid_new.html", form_context(project, form), status=422)


@login_required
@require_GET
@never_cache
def grid(request: HttpRequest, slug: str, grid_id: str) -> HttpResponse:
    """Show a grid as a table of its pictures; `swap` changes columns and rows, `z` opens one of several tables."""
    project = get_project(request.user, slug)
    row = get_in_project(project, shown_grids(), id=grid_id)
    return render(request, "generation/grid.html", grid_context(request, project, row))


@login_required
@require_GET
@never_cache
def grid_news(request: HttpRequest, slug: str, grid_id: str) -> HttpResponse:
    """Send what has changed in a grid since a page was drawn: `seen` says which state it shows of every cell."""
    project = get_project(request.user, slug)
    view = view_of(project, get_in_project(project, shown_grids(), id=grid_id))
    context = {"project": project, "view": view, "changed": view.changed_since(request.GET.get("seen", ""))}
    context["can_make"] = project.role.includes(Role.EDITOR)
    return render(request, "generation/grid.html#news", context)


@login_required
@require_POST
def grid_cancel(request: HttpRequest, slug: str, grid_id: str) -> HttpResponse:
    """Ask everything of a grid that waits or runs to stop. What is drawn stays."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = get_in_project(project, shown_grids(), id=grid_id)
    cancel_grid(row, actor=request.user)
    return redirect(row)


@login_required
@require_POST
def grid_redraw(request: HttpRequest, slug: str, grid_id: str) -> HttpResponse:
    """Ask again for the cells that have no picture."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = get_in_project(project, shown_grids(), id=grid_id)
    try:
        count = redraw_grid(request.user, row)
    except Problem as problem:
        messages.error(request, str(problem))
    else:
        said = ngettext("%(count)d picture is asked for again.", "%(count)d pictures are asked for again.", count)
        nothing = _("The rights still close every cell that is missing.")
        messages.info(request, said % {"count": count} if count else nothing)
    return redirect(row)


def shown_grids() -> QuerySet[Grid]:
    """Return grids with all that their page shows."""
    return Grid.objects.select_related("requested_by")


def opening_grid(request: HttpRequest, shelf: starting.Shelf) -> starting.Values:
    """Return what a new grid begins with: an older grid, a picture, an adapter, a template, and a preset of axes."""
    older = starting.as_key(request.GET.get("grid", ""))
    if older is not None:
        row = get_in_project(shelf.project, Grid.objects.all(), id=older)
        return values_of(row, shelf) | values_of_axes(row.read_axes) | {"varied": row.varied}
    values = opening(request, shelf, None)
    return values | preset_values(request.GET.get("preset", ""), values, shelf)


def form_context(project: Project, form: GridForm) -> dict[str, Any]:
    """Return what the form shows, with its dry run. Mistakes are put beside their fields."""
    return {"project": project, "form": form, "trial": try_form(project, form)}


def try_form(project: Project, form: GridForm) -> Trial | None:
    """Plan the form as it is; nothing while something must be mended, or before anything varies."""
    order = form.order() if form.used else None
    try:
        return trial_of(plan_grid(project, order)) if order else None
    except Problem as problem:
        form.add_problem(problem)
        return None


def grid_context(request: HttpRequest, project: Project, row: Grid) -> dict[str, Any]:
    """Return what a grid's page shows."""
    view, is_swapped = view_of(project, row), "swap" in request.GET
    tables = lay_out(row.read_axes, view.cells.__getitem__, is_swapped=is_swapped)
    kinds = [says_kind(axis.kind) for axis in row.read_axes]
    wanted = request.GET.get("z", "")
    shown = int(wanted) if wanted.isdecimal() and len(wanted) < 4 and int(wanted) < len(tables) else 0
    return {
        "project": project,
        "grid": row,
        "view": view,
        "tables": tables,
        "shown": shown,
        "title": says_axes(row.read_axes),
        "words": words_of(row),
        "across": (kinds[1:2] or [""])[0] if is_swapped else kinds[0],
        "down": kinds[0] if is_swapped else (kinds[1:2] or [""])[0],
        "deep": (kinds[2:3] or [""])[0],
        "is_swapped": is_swapped,
        "can_make": project.role.includes(Role.EDITOR),
    }
