"""Write a template: a new one, or the next version of one, with what it becomes beside it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from projects.access import get_project
from projects.models import Project, Role
from projects.problems import Problem

from ..diffs import diff_bodies
from ..models import PromptTemplate, TemplateVersion
from ..prompts import PromptError
from ..sentences import sentence
from ..services.templates import check_body, create_template, save_version
from ..template_forms import NewNamesForm, TemplateEditor
from ..template_overview import make_sample
from ..template_words import describe_changes
from .templates import find_template, find_version


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def template_new(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a template; its first version is production."""
    project = get_project(request.user, slug, Role.EDITOR)
    names, editor = NewNamesForm(request.POST or None), TemplateEditor(request.POST or None)
    if request.method == "POST" and all([names.is_valid(), editor.is_valid()]):
        note = editor.body.cleaned_data["note"] or _("First version")
        try:
            made = create_template(request.user, project, body=editor.as_body(), note=note, **names.cleaned_data)
        except Problem as problem:
            names.add_error("slug", str(problem))
        else:
            messages.success(request, _("“%(name)s” is made. Version 1 is production.") % {"name": made})
            return redirect("template", slug, made.slug)
    return show_editor(request, project, editor, names=names)


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def template_edit(request: HttpRequest, slug: str, tslug: str) -> HttpResponse:
    """Save the next version, starting from the newest one or from the one that the address names."""
    project = get_project(request.user, slug, Role.EDITOR)
    template = find_template(project, tslug)
    base = base_version(request, template)
    if request.method == "GET":
        editor = TemplateEditor(body=base.body, based_on=base.number)
        return show_editor(request, project, editor, template=template, base=base)
    editor = TemplateEditor(request.POST)
    if editor.is_valid():
        try:
            version = save_version(request.user, template, body=editor.as_body(), note=editor.body.cleaned_data["note"])
        except Problem as problem:
            editor.add_problem(problem)
        else:
            say_saved(request, version, base)
            return redirect("template", slug, tslug)
    return show_editor(request, project, editor, template=template, base=base)


@login_required
@require_POST
def template_preview(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what the template in the form becomes, without writing anything."""
    project = get_project(request.user, slug, Role.EDITOR)
    base = None
    tslug = request.POST.get("template", "")
    if tslug:
        base = base_version(request, find_template(project, tslug))
    context = {"project": project} | preview_context(project, TemplateEditor(request.POST), base)
    return render(request, "generation/template_edit.html#preview", context)


def base_version(request: HttpRequest, template: PromptTemplate) -> TemplateVersion:
    """Return the version that the form starts from. Raises Http404 for a number that there is not."""
    asked = request.POST.get("based_on") or request.GET.get("from", "")
    if asked.isdecimal() and len(asked) < 10:
        return find_version(template, int(asked))
    return template.versions.order_by("-number")[0]


def say_saved(request: HttpRequest, version: TemplateVersion, base: TemplateVersion) -> None:
    """Tell what was saved, and when somebody else saved a version meanwhile."""
    words = {"number": version.number, "base": base.number, "other": version.number - 1}
    if version.number > base.number + 1:
        message = _("Saved as version %(number)d, made from version %(base)d. Version %(other)d stays as it is.")
    else:
        message = _("Saved as version %(number)d. Production stays where it is until you move it.")
    messages.success(request, message % words)


def show_editor(request: HttpRequest, project: Project, editor: TemplateEditor, **extra: Any) -> HttpResponse:
    """Render the editor with its preview; 422 when something must be mended."""
    names = extra.get("names")
    has_errors = bool(editor.has_errors or (names and names.errors))
    context = {"project": project, "editor": editor, "has_errors": has_errors, **extra}
    context |= preview_context(project, editor, extra.get("base"))
    return render(request, "generation/template_edit.html", context, status=422 if has_errors else 200)


def preview_context(project: Project, editor: TemplateEditor, base: TemplateVersion | None) -> dict[str, Any]:
    """Return what the form becomes, what it changes, or what stands in the way."""
    if not editor.body.is_bound:
        body = base.body if base else None
    elif editor.is_valid():
        body = check_body(editor.as_body())
    else:
        return {"sample": None, "reasons": editor.reasons(), "changes": None}
    try:
        sample = make_sample(project, body or {})
    except PromptError as error:
        return {"sample": None, "reasons": [sentence(error.code, error.params)], "changes": None}
    changes = describe_changes(diff_bodies(base.body, body)) if base and body and editor.body.is_bound else None
    return {"sample": sample, "reasons": [], "changes": changes, "base": base}
