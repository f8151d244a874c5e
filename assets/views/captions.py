"""The caption editor: one caption at a time, one phrase everywhere, and back again."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from projects.access import get_project
from projects.models import Role

from .. import caption_pages
from ..dataset_pages import get_dataset, read_items
from ..forms_datasets import CaptionForm, RenameForm
from ..models import Dataset
from ..services.datasets import rename_in_captions, set_caption, undo_edit
from .dataset_parts import frame_of, get_item


@login_required
@require_GET
@never_cache
def captions(request: HttpRequest, slug: str, dataset_slug: str) -> HttpResponse:
    """Show a dataset's captions in one language, what is wrong with them, and the last edits."""
    project = get_project(request.user, slug)
    row = get_dataset(project, dataset_slug)
    language = caption_pages.language_asked(request.GET.get("language", ""))
    only_empty = request.GET.get("show") == "empty"
    items = row.items.exclude(captions__language=language) if only_empty else row.items.all()
    page = read_items(items, place_in(request), size=caption_pages.PAGE_SIZE)
    context = frame_of(project, row, "captions") | {
        "language": language,
        "rows": caption_pages.rows_of(page.rows, language),
        "next_after": page.next_after,
        "only_empty": only_empty,
        "complaints": caption_pages.complaints_of(row, language),
        "edits": caption_pages.edits_of(row),
        "rename_form": RenameForm(initial={"language": language}, auto_id="rename_%s"),
    }
    return render(request, "assets/datasets/captions.html", context)


@login_required
@require_POST
def caption_save(request: HttpRequest, slug: str, dataset_slug: str, number: int) -> HttpResponse:
    """Write one caption."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = get_dataset(project, dataset_slug)
    item = get_item(row, number)
    form = CaptionForm(request.POST)
    if form.is_valid():
        set_caption(item, **form.cleaned_data)
    language = caption_pages.language_asked(request.POST.get("language", ""))
    if not request.htmx:
        return redirect(f"{page_of(row, language)}&after={number - 1}#caption-{number}")
    [shown] = caption_pages.rows_of([item], language)
    context = frame_of(project, row, "captions") | {"language": language, "row": shown, "is_saved": form.is_valid()}
    return render(request, "assets/datasets/captions.html#row", context | {"form": form})


@login_required
@require_GET
@never_cache
def caption_words(request: HttpRequest, slug: str, dataset_slug: str) -> HttpResponse:
    """Show how often phrases stand in captions, alone and together."""
    project = get_project(request.user, slug)
    row = get_dataset(project, dataset_slug)
    language = caption_pages.language_asked(request.GET.get("language", ""))
    context = frame_of(project, row, "captions") | {
        "language": language,
        "frequencies": caption_pages.frequencies_of(row, language),
        "together": caption_pages.together_in(row, language),
    }
    return render(request, "assets/datasets/words.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def caption_rename(request: HttpRequest, slug: str, dataset_slug: str) -> HttpResponse:
    """Show what saying something else everywhere would change, and do it."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = get_dataset(project, dataset_slug)
    form = RenameForm(request.POST if request.method == "POST" else request.GET)
    if form.is_valid() and request.method == "POST":
        edit = rename_in_captions(request.user, row, **form.cleaned_data)
        words = ngettext("%(count)d caption changed.", "%(count)d captions changed.", len(edit.changes) if edit else 0)
        messages.success(request, words % {"count": len(edit.changes) if edit else 0})
        return redirect(page_of(row, form.cleaned_data["language"]))
    changes = caption_pages.preview_rename(row, **form.cleaned_data) if form.is_valid() else []
    context = frame_of(project, row, "captions") | {
        "form": form,
        "language": caption_pages.language_asked(form.data.get("language", "")),
        "changes": changes[: caption_pages.PREVIEWED],
        "count": len(changes),
    }
    return render(request, "assets/datasets/rename.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def caption_undo(request: HttpRequest, slug: str, dataset_slug: str, edit_id: str) -> HttpResponse:
    """Bring captions back to what they were before an edit."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = get_dataset(project, dataset_slug)
    edit = get_object_or_404(row.edits, pk=edit_id)
    edit.dataset = row
    back = undo_edit(request.user, edit)
    words = ngettext("%(count)d caption is back.", "%(count)d captions are back.", back)
    messages.success(request, words % {"count": back})
    return redirect(page_of(row, edit.changes[0]["language"]))


def place_in(request: HttpRequest) -> str:
    """Return the number that the page starts after; `at` names the picture that it starts with."""
    at = request.GET.get("at", "")
    return str(int(at) - 1) if at.isdecimal() and len(at) < 10 else request.GET.get("after", "")


def page_of(row: Dataset, language: str) -> str:
    """Return the address of the editor in one language."""
    return f"{reverse('captions', args=[row.project.slug, row.slug])}?{urlencode({'language': language})}"
