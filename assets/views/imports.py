"""The import's room: files come in, a trial says what would become of them, and only then are they taken in."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from projects.access import get_in_project, get_project
from projects.models import Project, Role
from projects.problems import Problem

from .. import import_pages as pages
from ..forms_imports import ImportForm, read_answers, too_large, too_many
from ..license_questions import known_licenses
from ..models import ImportBatch, OwnLicense
from ..services import reading_language
from ..services.import_steps import confirm, repeat_walk, stop_walk, undo
from ..services.imports import create_batch
from ..table_template import template_rows
from ..tables import escape_cell

SLACK_BYTES = 1024 * 1024
Step = ImportBatch.Step


class LimitHandler(FileUploadHandler):
    """Pass over the files of a request that is larger than an import may be, before any of them is kept."""

    is_too_large = False

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803 - Django's own name
        content_length: int,
        boundary: Any,
        encoding: Any = None,
    ) -> None:
        """Judge the whole request by its length."""
        self.is_too_large = content_length > settings.IMPORT_MAX_BYTES + SLACK_BYTES

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Pass a file over. Raises SkipFile when the request is too large."""
        super().new_file(*args, **kwargs)
        if self.is_too_large:
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Hand on."""
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave the file to the next handler."""


@login_required
@require_GET
@never_cache
def imports(request: HttpRequest, slug: str) -> HttpResponse:
    """List the project's imports."""
    project = get_project(request.user, slug)
    context = {
        "project": project,
        "lines": pages.batches_of(project),
        "limit": pages.MAX_BATCHES,
        "can_make": project.role.includes(Role.EDITOR),
    }
    return render(request, "assets/imports/list.html", context)


@csrf_exempt
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def import_new(request: HttpRequest, slug: str) -> HttpResponse:
    """Limit what may come before it is read, which is before the form's token is checked."""
    project = get_project(request.user, slug, Role.EDITOR)
    if request.method != "POST":
        form = ImportForm(project=project, initial={"dataset": request.GET.get("dataset", "")})
        return show_form(request, project, form)
    limit = LimitHandler(request)
    request.upload_handlers.insert(0, limit)
    if has_too_many_files(request):
        return refuse(request, project, str(too_many()))
    if limit.is_too_large:
        return refuse(request, project, str(too_large(int(request.META.get("CONTENT_LENGTH") or 0))))
    return receive(request, project)


@csrf_protect
def receive(request: HttpRequest, project: Project) -> HttpResponse:
    """Keep the files and begin the trial; a script is told where it goes on, or what is wrong, as JSON."""
    form = ImportForm(request.POST, request.FILES, project=project)
    if form.is_valid():
        values = {"dataset": form.cleaned_data["dataset"], "defaults": form.defaults()}
        try:
            batch = create_batch(request.user, project, form.uploads(), **values)
        except Problem as problem:
            form.add_problem(problem)
        else:
            if is_script(request):
                return JsonResponse({"location": address(project, batch)}, status=201)
            return redirect("import_batch", project.slug, batch.id)
    return show_errors(request, project, form)


@login_required
@require_GET
@never_cache
def import_batch(request: HttpRequest, slug: str, batch_id: str) -> HttpResponse:
    """Show a batch: how far its walk is, what would become of every file, what became of it."""
    project = get_project(request.user, slug)
    batch = find_batch(project, batch_id)
    walk = pages.walk_of(batch)
    context = {"project": project, "batch": batch, "walk": walk, "can_make": project.role.includes(Role.EDITOR)}
    if request.htmx and request.htmx.target == "walk":
        return show_walk(request, context)
    page = pages.rows_page(batch, request.GET.get("state", ""), request.GET.get("page", ""))
    context |= {
        "page": page,
        "lines": pages.lines_of(batch, page.object_list),
        "state": request.GET.get("state", ""),
    }
    if request.htmx:
        return render(request, "assets/imports/batch.html#rows", context | counted(batch))
    notices = [pages.spoken(each) for each in batch.notices]
    is_open = batch.step in (Step.READY, Step.IMPORTING) and not (walk and walk.is_live)
    context |= {"notices": notices, "questions": pages.questions_of(batch) if is_open else [], "is_open": is_open}
    return render(request, "assets/imports/batch.html", context | counted(batch))


@login_required
@require_GET
@never_cache
def import_rows(request: HttpRequest, slug: str, batch_id: str) -> HttpResponse:
    """Send what is wrong with a batch's files as a table."""
    project = get_project(request.user, slug)
    batch = find_batch(project, batch_id)
    return send_table(pages.error_rows(batch), f"daicho-import-{batch.made_at:%Y%m%d-%H%M}.csv")


@login_required
@require_GET
def import_template(request: HttpRequest, slug: str) -> HttpResponse:
    """Send a table to begin with, with Japanese or English headers."""
    get_project(request.user, slug)
    language = request.GET.get("language", "")
    language = language if language in ("en", "ja") else reading_language()
    return send_table(template_rows(language), f"daicho-template-{language}.csv")


@login_required
@require_POST
def import_confirm(request: HttpRequest, slug: str, batch_id: str) -> HttpResponse:
    """Take the batch in under the licences that the person agreed on."""
    project = get_project(request.user, slug, Role.EDITOR)
    batch = find_batch(project, batch_id)
    confirmed = {**batch.confirmed, **read_answers(pages.questions_of(batch), request.POST, batch.own_profiles)}
    confirm(batch, confirmed=confirmed, user=request.user)
    return redirect("import_batch", slug, batch.id)


@login_required
@require_POST
def import_stop(request: HttpRequest, slug: str, batch_id: str) -> HttpResponse:
    """Stop the batch's walk at its next file."""
    project = get_project(request.user, slug, Role.EDITOR)
    batch = find_batch(project, batch_id)
    stop_walk(batch)
    return redirect("import_batch", slug, batch.id)


@login_required
@require_POST
def import_repeat(request: HttpRequest, slug: str, batch_id: str) -> HttpResponse:
    """Go on with a walk that failed or was stopped."""
    project = get_project(request.user, slug, Role.EDITOR)
    batch = find_batch(project, batch_id)
    repeat_walk(batch, user=request.user)
    return redirect("import_batch", slug, batch.id)


@login_required
@require_POST
def import_undo(request: HttpRequest, slug: str, batch_id: str) -> HttpResponse:
    """Take out again what a batch brought in."""
    project = get_project(request.user, slug, Role.EDITOR)
    batch = find_batch(project, batch_id)
    undo(batch, user=request.user)
    messages.info(request, _("The pictures of this import are being taken out again."))
    return redirect("import_batch", slug, batch.id)


def find_batch(project: Project, batch_id: str) -> ImportBatch:
    """Return a batch of the project. Raises Http404."""
    batch = get_in_project(project, ImportBatch.objects.select_related("dataset", "made_by"), id=batch_id)
    batch.project = project
    if batch.dataset is not None:
        batch.dataset.project = project
    return batch


def counted(batch: ImportBatch) -> dict[str, Any]:
    """Return the batch's counts, and the filters by state that would show something."""
    counts = pages.counts_of(batch)
    states = [(value, label, counts[value]) for value, label in pages.State.choices if counts[value]]
    return {
        "counts": counts,
        "states": states,
        "all_count": sum(counts.values()),
        "here_count": counts[pages.State.IMPORTED] + counts[pages.State.KNOWN],
    }


def show_walk(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Answer a page that watches a walk: how far it is, or that there is something new to see."""
    if context["walk"] is not None and context["walk"].is_live:
        return render(request, "assets/imports/batch.html#walk", context)
    response = HttpResponse()
    response.headers["HX-Refresh"] = "true"
    return response


def show_form(request: HttpRequest, project: Project, form: ImportForm, status: int = 200) -> HttpResponse:
    """Show the form for new files."""
    context = {
        "project": project,
        "form": form,
        "licenses": known_licenses(OwnLicense.objects.profiles_in(project)),
        "max_bytes": settings.IMPORT_MAX_BYTES,
        "max_picture_bytes": settings.UPLOAD_MAX_BYTES,
        "max_files": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
        "too_large": too_large(settings.IMPORT_MAX_BYTES + 1),
        "too_many": too_many(),
    }
    return render(request, "assets/imports/new.html", context, status=status)


def show_errors(request: HttpRequest, project: Project, form: ImportForm) -> HttpResponse:
    """Say what is wrong with the form, in words, as a page or to a script that keeps the chosen files."""
    if is_script(request):
        errors = [str(message) for messages in form.errors.values() for message in messages]
        return JsonResponse({"errors": errors}, status=422)
    return show_form(request, project, form, status=422)


def refuse(request: HttpRequest, project: Project, message: str) -> HttpResponse:
    """Say why nothing of a request was read."""
    if is_script(request):
        return JsonResponse({"errors": [message]}, status=413)
    form = ImportForm({}, {}, project=project)
    form.errors["files"] = form.error_class([message])
    return show_form(request, project, form, status=413)


def has_too_many_files(request: HttpRequest) -> bool:
    """Read the request, and say whether it brings more files than one request may."""
    try:
        return len(request.FILES) > settings.DATA_UPLOAD_MAX_NUMBER_FILES
    except TooManyFilesSent:
        return True


def is_script(request: HttpRequest) -> bool:
    """Did a script send this, which reads JSON?"""
    return request.headers.get("Accept", "") == "application/json"


def address(project: Project, batch: ImportBatch) -> str:
    """Return where a batch is shown."""
    return redirect("import_batch", project.slug, batch.id).url


def send_table(rows: Iterable[Sequence[str]], name: str) -> HttpResponse:
    """Send a table that spreadsheets open as it is: UTF-8 with its mark, and no cell that computes anything."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([escape_cell(cell) for cell in row] for row in rows)
    response = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
