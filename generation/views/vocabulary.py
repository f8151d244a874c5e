"""The vocabulary's room: the words that the team's Japanese prompts are translated with."""

import csv
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from assets.forms import TermFilterForm, TermForm
from assets.models import Term
from assets.terms import add_term, change_term, find_terms, remove_term
from assets.vocabulary import COLUMNS
from projects.access import get_in_project, get_project, usable_in
from projects.models import Project, Role
from projects.problems import Problem

from ..prompts import PromptError
from ..sentences import sentence
from ..translation import translate
from ..vocabularies import vocabulary_of

PAGE_SIZE = 60
MAX_TRY_CHARS = 400


class Echo:
    """Hand back what the CSV writer writes, so that it can be streamed."""

    def write(self, value: str) -> str:
        return value


@login_required
@require_GET
@never_cache
def vocabulary(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the words that fit, the project's own first; `edit` or `like` opens one in the form."""
    project = get_project(request.user, slug)
    context = list_context(request, project)
    if request.htmx and "page" in request.GET:
        return render(request, "generation/vocabulary.html#rows", context)
    if request.htmx and "try" in request.GET:
        return render(request, "generation/vocabulary.html#tried", context | try_context(request, project))
    context |= try_context(request, project) | form_context(request, project)
    return render(request, "generation/vocabulary.html", context)


@login_required
@require_POST
def term_add(request: HttpRequest, slug: str) -> HttpResponse:
    """Add a word of the project's own."""
    project = get_project(request.user, slug, Role.EDITOR)
    form = TermForm(request.POST)
    if form.is_valid():
        try:
            term = add_term(request.user, project, **form.cleaned_data)
        except Problem as problem:
            form.add_problem(problem)
        else:
            messages.success(request, _("“%(word)s” is in the vocabulary now.") % {"word": term.ja})
            return redirect(page_of(project, term))
    return refused(request, project, form)


@login_required
@require_POST
def term_edit(request: HttpRequest, slug: str, term_id: int) -> HttpResponse:
    """Change a word of the project's own; shared words stay as they are."""
    project = get_project(request.user, slug, Role.EDITOR)
    term = get_in_project(project, Term.objects.all(), id=term_id)
    form = TermForm(request.POST)
    if form.is_valid():
        try:
            change_term(request.user, project, term, **form.cleaned_data)
        except Problem as problem:
            form.add_problem(problem)
        else:
            messages.success(request, _("“%(word)s” is changed.") % {"word": form.cleaned_data["ja"]})
            return redirect(page_of(project, term))
    return refused(request, project, form, editing=term)


@login_required
@require_POST
def term_remove(request: HttpRequest, slug: str, term_id: int) -> HttpResponse:
    """Take a word of the project's own out; the ledger keeps what it said."""
    project = get_project(request.user, slug, Role.EDITOR)
    term = get_in_project(project, Term.objects.all(), id=term_id)
    remove_term(request.user, project, term)
    messages.success(request, _("“%(word)s” is out of the vocabulary.") % {"word": term.ja})
    return redirect("vocabulary", slug)


@login_required
@require_GET
def vocabulary_export(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """Send the words that fit as CSV that spreadsheets open and the shared set's own reader reads."""
    project = get_project(request.user, slug)
    terms = find_terms(project, **filter_of(request).asked())
    response = StreamingHttpResponse(csv_lines(terms), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="vocabulary-{project.slug}.csv"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def csv_lines(terms: list[Term]) -> Iterator[str]:
    """Yield the lines of a CSV file with a byte order mark, so that spreadsheets read it as UTF-8."""
    writer = csv.writer(Echo())
    yield "\ufeff" + writer.writerow(COLUMNS)  # type: ignore[operator]
    for term in terms:
        yield writer.writerow([term.ja, term.reading, term.en, "|".join(term.synonyms), term.slot])  # type: ignore[misc]


def filter_of(request: HttpRequest) -> TermFilterForm:
    """Return what the reader asked for."""
    return TermFilterForm(request.GET)


def list_context(request: HttpRequest, project: Project) -> dict[str, Any]:
    """Return a page of the words that fit."""
    form = filter_of(request)
    found = find_terms(project, **form.asked())
    number = request.GET.get("page", "")
    start = int(number) * PAGE_SIZE if number.isdecimal() and len(number) < 6 else 0
    return {
        "project": project,
        "filters": form,
        "query": form.query(),
        "terms": found[start : start + PAGE_SIZE],
        "count": len(found),
        "next_page": start // PAGE_SIZE + 1 if len(found) > start + PAGE_SIZE else None,
        "vocabulary": vocabulary_of(project),
        "can_make": project.role.includes(Role.EDITOR),
    }


def try_context(request: HttpRequest, project: Project) -> dict[str, Any]:
    """Return the translation of what the reader tries out."""
    text = request.GET.get("try", "")[:MAX_TRY_CHARS].strip()
    if not text:
        return {"tried": None, "try_text": ""}
    try:
        return {"tried": translate(text, vocabulary_of(project)), "try_text": text}
    except PromptError as error:
        return {"tried": None, "try_text": text, "try_problem": sentence(error.code, error.params)}


def form_context(request: HttpRequest, project: Project) -> dict[str, Any]:
    """Return the form: empty, holding a word to change, or a shared word to make one's own of."""
    wanted = request.GET.get("edit", "") or request.GET.get("like", "")
    term = None
    if wanted.isdecimal() and len(wanted) < 18:
        term = usable_in(project, Term.objects.filter(id=int(wanted))).first()
    if term is not None:
        own = term if term.project_id == project.id else None
        return {"form": TermForm(initial=TermForm.values_of(term)), "editing": own, "is_open": True}
    text = request.GET.get("q", "").strip()
    is_missing = bool(text) and not find_terms(project, q=text)
    return {
        "form": TermForm(initial=TermForm.guess(text) if is_missing else {}),
        "editing": None,
        "is_open": is_missing,
        "ask_about": text if is_missing and settings.TRANSLATION_MODEL else "",
    }


def refused(request: HttpRequest, project: Project, form: TermForm, editing: Term | None = None) -> HttpResponse:
    """Show the page again with what must be mended."""
    context = list_context(request, project) | {"form": form, "editing": editing, "is_open": True, "tried": None}
    return render(request, "generation/vocabulary.html", context, status=422)


def page_of(project: Project, term: Term) -> str:
    """Return the address of the list that shows one word."""
    return f"{reverse('vocabulary', args=[project.slug])}?{urlencode({'q': term.ja})}"
