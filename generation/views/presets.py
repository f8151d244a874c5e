"""Bring style presets of other tools in: read the file, show every row, import what was chosen."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from projects.access import get_project
from projects.models import Project, Role
from projects.problems import Problem

from ..models import PromptTemplate
from ..presets import Preset, PresetError, Presets, preset_to_body, read_presets
from ..services.templates import import_templates
from ..template_forms import PresetFileForm
from ..template_words import mistake_sentence

MAX_AT_ONCE = 300
MAX_ERRORS_SHOWN = 100
SEAL_SALT = "generation.presets"
SEAL_SECONDS = 3_600
SOURCES = {"a1111": "A1111", "invokeai": "InvokeAI", "fooocus": "Fooocus"}
FILE_MISTAKES = {
    "file_too_large": _("The file is larger than 2 MB. Split it."),
    "file_empty": _("The file is empty."),
    "encoding_unknown": _("The file is not text in UTF-8, UTF-16 or Shift_JIS."),
    "csv_unreadable": _("The file is not a CSV table that can be read."),
    "json_unreadable": _("The file is not valid JSON."),
    "too_many_rows": _("The file has more than 5,000 rows. Split it."),
    "column_missing": _("The first line must name the columns “name” and “prompt”. It says: %(columns)s"),
    "column_twice": _("The first line names a column twice: %(columns)s"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One preset as the page offers it: its place in the file's list, and whether its name is taken."""

    index: int
    preset: Preset
    is_known: bool


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def template_import(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a file and show what it holds; nothing is written before the second step."""
    project = get_project(request.user, slug, Role.EDITOR)
    if "sealed" in request.POST:
        return import_chosen(request, project)
    form = PresetFileForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"project": project, "form": form}
    if request.method == "POST" and form.is_valid():
        try:
            context |= reading_context(project, read_presets(form.cleaned_data["file"].read()))
        except PresetError as error:
            form.add_error("file", str(FILE_MISTAKES[error.code]) % error.params)
    return render(request, "generation/template_import.html", context, status=422 if form.errors else 200)


def import_chosen(request: HttpRequest, project: Project) -> HttpResponse:
    """Make a template of each chosen preset, all or none."""
    presets = unseal(project, request.POST["sealed"])
    wanted = {int(index) for index in request.POST.getlist("row") if index.isdecimal() and len(index) < 6}
    chosen = [preset for index, preset in enumerate(presets) if index in wanted]
    if not chosen:
        context = {"project": project, "form": PresetFileForm(), **offer(project, presets), "nothing_chosen": True}
        return render(request, "generation/template_import.html", context, status=422)
    made = import_templates(request.user, project, [(each.name, preset_to_body(each)) for each in chosen])
    words = ngettext("%(count)d template is imported.", "%(count)d templates are imported.", len(made))
    messages.success(request, words % {"count": len(made)})
    return redirect("templates", project.slug)


def reading_context(project: Project, reading: Presets) -> dict[str, Any]:
    """Return what the page shows of a file: the rows that became presets, and those that did not."""
    errors = [
        {"row": error.row, "sentence": mistake_sentence(error.code, error.params)}
        for error in reading.errors[:MAX_ERRORS_SHOWN]
    ]
    return offer(project, reading.presets[:MAX_AT_ONCE]) | {
        "reading": reading,
        "source": SOURCES[reading.source],
        "errors": errors,
        "more_errors": len(reading.errors) - len(errors),
        "left_out": max(0, len(reading.presets) - MAX_AT_ONCE),
    }


def offer(project: Project, presets: Iterable[Preset]) -> dict[str, Any]:
    """Return presets as rows to choose from, sealed so that the second step needs no file."""
    listed = list(presets)
    known = set(PromptTemplate.objects.filter(project=project).values_list("name", flat=True))
    rows = [Row(index=index, preset=preset, is_known=preset.name in known) for index, preset in enumerate(listed)]
    return {"rows": rows, "sealed": seal(project, listed)}


def seal(project: Project, presets: list[Preset]) -> str:
    """Return presets as signed text that only this project's next step accepts."""
    values = [[each.name, each.prompt, each.negative_prompt] for each in presets]
    return signing.dumps([str(project.id), values], salt=SEAL_SALT, compress=True)


def unseal(project: Project, text: str) -> list[Preset]:
    """Return sealed presets. Raises Problem when the text is old, changed or of another project."""
    try:
        project_id, values = signing.loads(text, salt=SEAL_SALT, max_age=SEAL_SECONDS)
    except signing.BadSignature:
        project_id, values = "", []
    if project_id != str(project.id):
        raise Problem("reading_lost", _("This page was open for too long. Choose the file again."), status=409)
    return [Preset(name=name, prompt=prompt, negative_prompt=negative) for name, prompt, negative in values]
