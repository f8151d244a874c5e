"""Pictures to learn from: all of a project's, and one with its rights, its evidence, and where it is used."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from projects.access import get_in_project, get_project
from projects.models import Project, Role
from projects.paging import read_page
from projects.problems import Problem

from .. import material_pages as pages
from ..forms_datasets import offer_choices
from ..forms_rights import EvidenceForm, PeopleForms, RightsForm, TagsForm
from ..material_files import cache_words, is_closed_to, send_evidence, send_picture
from ..models import Evidence, OwnLicense, Picture, PictureTag
from ..picture_filters import PictureFilter
from ..services import edit_rights
from ..services.curation import decide_tag
from ..services.pictures import attach_evidence
from ..services.tags import add_tags, remove_tag

MORE_FILTERS = ("tag", "creator", "flag", "release", "expiry")


@login_required
@require_GET
@never_cache
def materials(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the project's pictures, newest first, a page at a time."""
    project = get_project(request.user, slug)
    rows = Picture.objects.filter(project=project, removed_at=None).select_related("rights")
    filters = PictureFilter(request.GET, rows, project=project)
    cursor = request.GET.get("cursor", "")
    page = read_page(filters.qs, cursor, size=pages.PAGE_SIZE, field="added_at")
    kept = request.GET.copy()
    kept.pop("cursor", None)
    context = {
        "project": project,
        "page": page,
        "tiles": pages.tiles_of(project, page.rows),
        "query": kept.urlencode(),
        "can_make": project.role.includes(Role.EDITOR),
    }
    if request.htmx and request.GET.get("cursor"):
        return render(request, "assets/material/list.html#tiles", context)
    offer_choices(filters, project)
    context |= {
        "filters": filters,
        "more": [filters.form[name] for name in MORE_FILTERS],
        "is_narrow": any(request.GET.get(name) for name in MORE_FILTERS),
    }
    return render(request, "assets/material/list.html", context)


@login_required
@require_GET
@never_cache
def material(request: HttpRequest, slug: str, picture_id: str) -> HttpResponse:
    """Show one picture with its rights, what may be done with it, and where it is used."""
    project = get_project(request.user, slug)
    picture = find_picture(project, picture_id)
    context = page_context(project, picture) | {"evidence_form": EvidenceForm()}
    return render(request, "assets/material/page.html", context)


@login_required
@require_GET
def material_file(request: HttpRequest, slug: str, picture_id: str) -> HttpResponse | FileResponse:
    """Send the picture as it is used; 410 with the reason once its rights were withdrawn."""
    project = get_project(request.user, slug)
    picture = get_in_project(project, Picture.objects.select_related("rights"), id=picture_id)
    if is_closed_to(project.role, picture.rights):
        return gone(request, project, picture)
    return send_picture(request, picture, picture.path, is_download="download" in request.GET)


@login_required
@require_GET
def material_thumbnail(request: HttpRequest, slug: str, picture_id: str) -> HttpResponse | FileResponse:
    """Send the small picture of lists."""
    project = get_project(request.user, slug)
    picture = get_in_project(project, Picture.objects.select_related("rights"), id=picture_id)
    if is_closed_to(project.role, picture.rights):
        return gone(request, project, picture)
    return send_picture(request, picture, picture.thumbnail)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def material_edit(request: HttpRequest, slug: str, picture_id: str) -> HttpResponse:
    """Change what is declared about a picture; whoever reviews looks at it again."""
    project = get_project(request.user, slug, Role.EDITOR)
    picture = find_picture(project, picture_id)
    data = request.POST if request.method == "POST" else None
    form = RightsForm(data, rights=picture.rights, own=OwnLicense.objects.profiles_in(project))
    people = PeopleForms.of(picture.rights, data)
    context = {"project": project, "picture": picture, "form": form, "people": people}
    if data is not None and "ask" in data:
        return render(request, "assets/material/edit.html#license", context | {"form": form.ask_only()})
    if data is not None and all([form.is_valid(), people.is_valid()]):
        try:
            is_changed = edit_rights(picture.rights, actor=request.user, changes=form.changes() | people.changes())
        except Problem as problem:
            form.add_error(None, str(problem))
        else:
            return answer_edit(request, project, picture, is_changed=is_changed)
    return render(request, "assets/material/edit.html", context, status=200 if data is None else 422)


@login_required
@require_POST
def material_tags(request: HttpRequest, slug: str, picture_id: str) -> HttpResponse:
    """Add words, take one away, or decide about one that a machine proposed."""
    project = get_project(request.user, slug, Role.EDITOR)
    picture = find_picture(project, picture_id)
    form = TagsForm(request.POST)
    if not form.is_valid():
        raise Problem("tag_invalid", next(iter(form.errors.values()))[0])
    change_tags(request, picture, form.cleaned_data)
    if request.htmx:
        context = {"project": project, "picture": picture, "tags": pages.tags_of(picture), "can_make": True}
        return render(request, "assets/material/page.html#tags", context)
    return redirect("material", slug, picture.id)


@login_required
@require_POST
def material_evidence(request: HttpRequest, slug: str, picture_id: str) -> HttpResponse:
    """Keep a document that shows where the rights come from."""
    project = get_project(request.user, slug, Role.EDITOR)
    picture = find_picture(project, picture_id)
    form = EvidenceForm(request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["evidence"]
        try:
            attach_evidence(request.user, picture, file.read(), name=file.name)
        except Problem as problem:
            form.add_error("evidence", str(problem))
        else:
            messages.success(request, _("“%(name)s” is kept as evidence. The rights wait for review.") % {"name": file})
            return redirect("material", slug, picture.id)
    context = page_context(project, picture) | {"evidence_form": form}
    return render(request, "assets/material/page.html", context, status=422)


@login_required
@require_GET
def evidence_file(request: HttpRequest, slug: str, evidence_id: str) -> HttpResponse | FileResponse:
    """Send a document as a download, never as something that a browser would open."""
    project = get_project(request.user, slug)
    return send_evidence(get_in_project(project, Evidence.objects.all(), id=evidence_id))


def find_picture(project: Project, picture_id: str) -> Picture:
    """Return one picture with all that its page shows. Raises Http404."""
    picture = get_in_project(project, shown_pictures(), id=picture_id)
    picture.project = project
    return picture


def shown_pictures() -> QuerySet[Picture]:
    """Return pictures with all that their page shows."""
    return Picture.objects.select_related(
        "batch", "added_by", "rights__evidence", "rights__submitted_by", "rights__cleared_by", "rights__closed_by"
    )


def page_context(project: Project, picture: Picture) -> dict[str, Any]:
    """Return what a picture's page shows, whatever was asked."""
    return {
        "project": project,
        "picture": picture,
        "sheet": pages.sheet_of(project, picture),
        "tags": pages.tags_of(picture),
        "is_closed": is_closed_to(project.role, picture.rights),
        "can_make": project.role.includes(Role.EDITOR),
        "can_review": project.role.includes(Role.REVIEWER),
    }


def answer_edit(request: HttpRequest, project: Project, picture: Picture, *, is_changed: bool) -> HttpResponse:
    """Say what came of an edit, and ask on while the licence has questions without an answer."""
    if is_changed:
        messages.success(request, _("The rights are changed. They wait for review again."))
    else:
        messages.info(request, _("Nothing was changed."))
    if RightsForm(None, rights=picture.rights, own=OwnLicense.objects.profiles_in(project)).has_open_questions:
        messages.warning(request, _("The licence asks more about this picture. Until it is answered, it blocks."))
        return redirect("material_edit", project.slug, picture.id)
    return redirect("material", project.slug, picture.id)


def change_tags(request: HttpRequest, picture: Picture, values: dict[str, Any]) -> None:
    """Do with words what was asked. Raises Http404 for a word that the picture does not have."""
    if values["do"] == "add":
        add_tags(request.user, picture, values["text"])
        return
    tag = get_tag(picture, values["tag"])
    if values["do"] == "remove":
        remove_tag(request.user, tag)
    else:
        decide_tag(request.user, tag, accepted=values["do"] == "accept")


def get_tag(picture: Picture, tag_id: int | None) -> PictureTag:
    """Return one of the picture's words, which somebody else may have taken away meanwhile. Raises Problem."""
    tag = PictureTag.objects.filter(picture=picture, id=tag_id).first()
    if tag is None:
        raise Problem("tag_gone", _("This tag is not there any more."), status=409)
    tag.picture = picture
    return tag


def gone(request: HttpRequest, project: Project, picture: Picture) -> HttpResponse:
    """Say why a picture is not shown any more."""
    context = {"project": project, "picture": picture}
    response = render(request, "assets/material/gone.html", context, status=410)
    response.headers["Cache-Control"] = cache_words(picture.rights)
    return response
