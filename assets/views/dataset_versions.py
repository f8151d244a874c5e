"""Versions of a dataset: freeze one, look at it, prove what is in it, and let it leave the house."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from projects.access import get_project
from projects.models import Role
from projects.problems import Problem

from .. import version_pages
from ..dataset_pages import get_dataset
from ..exports import KohyaOptions
from ..forms_datasets import ExportForm, VersionForm
from ..manifests import ManifestError
from ..models import Dataset, DatasetVersion
from ..services import reading_language
from ..services.datasets import freeze_version
from ..services.exports import export_version, manifest_in, pictures_of
from ..services.papers import outdated_in, outdated_sentence, own_licenses_of
from ..storage import download_name
from ..version_terms import standings_of
from .dataset_parts import frame_of


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def dataset_versions(request: HttpRequest, slug: str, dataset_slug: str) -> HttpResponse:
    """List a dataset's versions, and freeze the next one."""
    is_asked = request.method == "POST"
    project = get_project(request.user, slug, Role.EDITOR if is_asked else Role.VIEWER)
    row = get_dataset(project, dataset_slug)
    form = VersionForm(request.POST if is_asked else None)
    problem = None
    if is_asked and form.is_valid():
        try:
            version = freeze_version(request.user, row, note=form.cleaned_data["note"])
        except Problem as refusal:
            problem = refusal
        else:
            messages.success(request, _("Version %(number)d is frozen.") % {"number": version.number})
            return redirect(version)
    rows = list(row.versions.select_related("created_by").defer("decision"))
    standings = standings_of(row, rows)
    context = frame_of(project, row, "versions") | {
        "form": form,
        "problem": problem,
        "versions": [(each, standings.get(each.id)) for each in rows],
        "next_number": rows[0].number + 1 if rows else 1,
        "has_pictures": row.items.exists(),
    }
    return render(request, "assets/datasets/versions.html", context, status=422 if is_asked else 200)


@login_required
@require_GET
@never_cache
def dataset_version(request: HttpRequest, slug: str, dataset_slug: str, number: int) -> HttpResponse:
    """Show a version: what it holds, what may be done with it then and now, and what it changed."""
    project = get_project(request.user, slug)
    version = get_version(get_dataset(project, dataset_slug), number)
    return show_version(request, version, export_form_of(version))


def show_version(
    request: HttpRequest, version: DatasetVersion, form: ExportForm, problem: Problem | None = None
) -> HttpResponse:
    """Answer with a version's page."""
    row = version.dataset
    manifest, pictures = manifest_in(version), pictures_of(version)
    own = own_licenses_of(row.project, pictures)
    outdated = outdated_in(row.project, manifest, pictures, own)
    asked = request.GET.get("page", "")
    start = int(asked) * version_pages.PAGE_SIZE if asked.isdecimal() and len(asked) < 5 else 0
    chosen = slice(start, start + version_pages.PAGE_SIZE)
    context = frame_of(row.project, row, "versions") | {
        "version": version,
        "is_whole": manifest.root() == version.merkle_root,
        "judgement": version_pages.judgement_of(version, pictures, own),
        "outdated": outdated_sentence(outdated) if outdated else "",
        "lines": version_pages.lines_of(version, manifest.items[chosen], pictures[chosen], own),
        "next_page": start // version_pages.PAGE_SIZE + 1 if len(pictures) > chosen.stop else None,
        "differences": version_pages.differences_of(version, manifest),
        "export_form": form,
        "problem": problem,
    }
    return render(request, "assets/datasets/version.html", context, status=problem.status if problem else 200)


@login_required
@require_GET
@never_cache
def dataset_proof(request: HttpRequest, slug: str, dataset_slug: str, number: int, place: int) -> HttpResponse:
    """Send what proves that a picture is in a version."""
    project = get_project(request.user, slug)
    version = get_version(get_dataset(project, dataset_slug), number)
    try:
        proof = version_pages.proof_of(version, manifest_in(version), place)
    except ManifestError as error:
        raise Http404 from error
    response = JsonResponse(proof, json_dumps_params={"ensure_ascii": False, "indent": 2})
    name = f"{dataset_slug}-v{number}-{place:04d}.proof.json"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@login_required
@require_POST
def dataset_export(request: HttpRequest, slug: str, dataset_slug: str, number: int) -> HttpResponseBase:
    """Send a version as a zip file, when its rights allow it to leave the house."""
    project = get_project(request.user, slug, Role.EDITOR)
    version = get_version(get_dataset(project, dataset_slug), number)
    form = ExportForm(request.POST)
    if not form.is_valid():
        return show_version(request, version, form, Problem("export_unfit", _("Mend the form below first.")))
    asked = form.cleaned_data
    url = request.build_absolute_uri(version.get_absolute_url())
    try:
        export = export_version(
            request.user,
            version,
            format=asked["format"],
            url=url,
            language=asked["language"],
            kohya=kohya_options(asked) if asked["format"] == "kohya" else None,
        )
    except Problem as problem:
        return show_version(request, version, form, problem)
    name = download_name(f"{dataset_slug}-v{number}-{asked['format']}", ".zip")
    response = FileResponse(export.file, as_attachment=True, filename=name, content_type="application/zip")
    response.headers["Content-Length"] = str(export.size)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def kohya_options(asked: dict[str, object]) -> KohyaOptions:
    """Return what sd-scripts needs to know, from a valid form."""
    names = ("trigger", "class_word", "repeats", "resolution", "texts")
    return KohyaOptions(**{name: asked[name] for name in names})  # type: ignore[arg-type]


def export_form_of(version: DatasetVersion) -> ExportForm:
    """Return the form as it is shown first."""
    return ExportForm(initial={"format": "folder", "language": reading_language(), "trigger": version.trigger})


def get_version(row: Dataset, number: int) -> DatasetVersion:
    """Return one version of a dataset. Raises Http404."""
    version = row.versions.filter(number=number).select_related("created_by").first()
    if version is None:
        raise Http404
    version.dataset = row
    return version
