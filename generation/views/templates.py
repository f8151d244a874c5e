"""The templates' room: what there is, what changed from version to version, and which one counts."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from projects.access import get_in_project, get_project
from projects.models import Project, Role
from projects.problems import Problem

from .. import template_overview as overview
from ..diffs import diff_bodies
from ..models import PromptTemplate, TemplateAlias, TemplateVersion
from ..prompts import PromptError
from ..sentences import sentence
from ..services.templates import archive_template, move_alias, rename_template, undo_alias
from ..template_forms import AliasForm, NamesForm
from ..template_words import describe_body, describe_changes

MAX_TEMPLATES_SHOWN = 300


@login_required
@require_GET
@never_cache
def templates(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the project's templates with their newest pictures; archived ones when asked for."""
    project = get_project(request.user, slug)
    text, is_archive = request.GET.get("q", "")[:120].strip(), "archived" in request.GET
    rows = PromptTemplate.objects.filter(project=project, archived_at__isnull=not is_archive)
    cards = overview.template_cards(project, narrow(rows, text)[: MAX_TEMPLATES_SHOWN + 1])
    context = {
        "project": project,
        "cards": cards[:MAX_TEMPLATES_SHOWN],
        "is_cut": len(cards) > MAX_TEMPLATES_SHOWN,
        "q": text,
        "is_archive": is_archive,
        "has_archive": is_archive or PromptTemplate.objects.filter(project=project, archived_at__isnull=False).exists(),
        "can_make": project.role.includes(Role.EDITOR),
    }
    return render(request, "generation/templates.html", context)


@login_required
@require_GET
@never_cache
def template(request: HttpRequest, slug: str, tslug: str) -> HttpResponse:
    """Show one template: what counts now, every version with what changed in it, and what it made."""
    project = get_project(request.user, slug)
    found = find_template(project, tslug)
    before = request.GET.get("before", "")
    lines, next_before = overview.version_lines(found, int(before) if before.isdecimal() and len(before) < 10 else None)
    context = page_context(project, found) | {"lines": with_words(lines), "next_before": next_before}
    if request.htmx and before:
        return render(request, "generation/template.html#versions", context)
    shown = counting_version(context["aliases"]) or lines[0].version
    context |= body_context(project, shown) | {
        "shown": shown,
        "pictures": overview.pictures_of(found),
        "names_form": NamesForm(instance=found),
    }
    return render(request, "generation/template.html", context)


@login_required
@require_GET
@never_cache
def template_version(request: HttpRequest, slug: str, tslug: str, number: int) -> HttpResponse:
    """Show one version whole, beside the one before it or another one that the address names."""
    project = get_project(request.user, slug)
    found = find_template(project, tslug)
    version = find_version(found, number)
    numbers = list(found.versions.order_by("-number").values_list("number", flat=True)[:200])
    other = other_version(found, request.GET.get("against", ""), number)
    context = page_context(project, found) | body_context(project, version) | {
        "version": version,
        "numbers": [each for each in numbers if each != number],
        "other": other,
        "changes": describe_changes(diff_bodies(other.body, version.body)) if other else (),
        "version_aliases": [each.name for each in version.aliases.all()],
        "newer": min((each for each in numbers if each > number), default=None),
        "older": max((each for each in numbers if each < number), default=None),
        "pictures": overview.pictures_of(found, number),
    }  # fmt: skip
    return render(request, "generation/template_version.html", context)


@login_required
@require_POST
def template_alias(request: HttpRequest, slug: str, tslug: str) -> HttpResponse:
    """Point production or candidate at a version."""
    project = get_project(request.user, slug, Role.EDITOR)
    found = find_template(project, tslug)
    values = read_alias(request)
    version = find_version(found, values["version"])
    alias = move_alias(request.user, found, values["alias"], version, seen=values["seen"])
    say_moved(request, alias)
    return redirect("template", slug, tslug)


@login_required
@require_POST
def template_alias_undo(request: HttpRequest, slug: str, tslug: str) -> HttpResponse:
    """Move a name back to where it was before."""
    project = get_project(request.user, slug, Role.EDITOR)
    found = find_template(project, tslug)
    values = read_alias(request)
    alias = undo_alias(request.user, found, values["alias"], seen=values["seen"])
    say_moved(request, alias)
    return redirect("template", slug, tslug)


@login_required
@require_POST
def template_archive(request: HttpRequest, slug: str, tslug: str) -> HttpResponse:
    """Take a template out of the pickers, or bring it back with archived=0."""
    project = get_project(request.user, slug, Role.EDITOR)
    found = find_template(project, tslug)
    is_archived = request.POST.get("archived", "1") == "1"
    archive_template(request.user, found, archived=is_archived)
    message = _("“%(name)s” is in the archive now. Nothing was deleted.") if is_archived else _("“%(name)s” is back.")
    messages.success(request, message % {"name": found})
    return redirect("template", slug, tslug)


@login_required
@require_POST
def template_names(request: HttpRequest, slug: str, tslug: str) -> HttpResponse:
    """Give a template other names and another description."""
    project = get_project(request.user, slug, Role.EDITOR)
    found = find_template(project, tslug)
    form = NamesForm(request.POST)
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        raise Problem("names_invalid", errors[0], fields={name: errors[0]})
    if rename_template(request.user, found, **form.cleaned_data):
        messages.success(request, _("The names are changed. The address stays."))
    return redirect("template", slug, tslug)


def find_template(project: Project, tslug: str) -> PromptTemplate:
    """Return a template with its aliases. Raises Http404."""
    rows = PromptTemplate.objects.select_related("created_by").prefetch_related("aliases__version", "aliases__previous")
    found = get_in_project(project, rows, slug=tslug)
    found.project = project
    return found


def find_version(found: PromptTemplate, number: int | None) -> TemplateVersion:
    """Return a version by its number. Raises Http404."""
    rows = found.versions.select_related("created_by").prefetch_related("aliases")
    version = rows.filter(number=number).first()
    if version is None:
        raise Http404
    return version


def other_version(found: PromptTemplate, asked: str, number: int) -> TemplateVersion | None:
    """Return the version to compare with: the one asked for, else the one before; None for the first."""
    if asked.isdecimal() and len(asked) < 10:
        return find_version(found, int(asked))
    return found.versions.filter(number__lt=number).select_related("created_by").order_by("-number").first()


def narrow(rows: QuerySet[PromptTemplate], text: str) -> QuerySet[PromptTemplate]:
    """Keep the templates whose names, address or description hold this text."""
    if not text:
        return rows
    fields = ("name", "name_ja", "slug", "description")
    found = Q()
    for field in fields:
        found |= Q(**{f"{field}__icontains": text})
    return rows.filter(found)


def read_alias(request: HttpRequest) -> dict[str, Any]:
    """Return which name goes where. Raises Problem for a form that this page did not make."""
    form = AliasForm(request.POST)
    if not form.is_valid():
        raise Problem("alias_invalid", _("The request could not be read. Go back and try again."))
    return form.cleaned_data


def say_moved(request: HttpRequest, alias: TemplateAlias) -> None:
    """Tell where a name points now."""
    words = {"alias": alias.get_name_display(), "number": alias.version.number}
    messages.success(request, _("%(alias)s is version %(number)d now.") % words)


def counting_version(aliases: list[TemplateAlias]) -> TemplateVersion | None:
    """Return the version that production points at."""
    return next((each.version for each in aliases if each.name == TemplateAlias.Name.PRODUCTION), None)


def with_words(lines: list[overview.VersionLine]) -> list[dict[str, Any]]:
    """Return version lines with their changes in the reader's words."""
    return [{"line": line, "changes": describe_changes(line.changes)} for line in lines]


def page_context(project: Project, found: PromptTemplate) -> dict[str, Any]:
    """Return what every page about one template shows."""
    aliases = overview.sorted_aliases(found.aliases.all())
    return {
        "project": project,
        "template": found,
        "aliases": aliases,
        "movers": overview.movers_of(project, found),
        "seen": {each.name: each.version.number for each in aliases},
        "can_make": project.role.includes(Role.EDITOR),
    }


def body_context(project: Project, version: TemplateVersion) -> dict[str, Any]:
    """Return a version's body in words, with what it becomes or why it cannot."""
    try:
        sample, problem = overview.make_sample(project, version.body), ""
    except PromptError as error:
        sample, problem = None, sentence(error.code, error.params)
    return {"body": describe_body(version.body), "sample": sample, "sample_problem": problem}
