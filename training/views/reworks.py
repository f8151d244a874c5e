"""Versions that are made from versions, and files of the library that become versions."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jobs.words import remaining_words
from projects.access import get_project
from projects.models import Project, Role, User
from projects.problems import Problem

from ..access import adapter_in, rework_in
from ..forms_reworks import ImportForm, Kind, ReworkForm
from ..models import AdapterJob, AdapterVersion
from ..services.adapters import open_adapter
from ..services.imports import import_version
from ..services.reworks import ask_rework, cancel_rework
from ..version_words import conversion_words


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def adapter_rework(request: HttpRequest, slug: str, aslug: str, kind: str) -> HttpResponse:
    """Ask for a version that is computed from others, once however often it is pressed."""
    project = get_project(request.user, slug, Role.EDITOR)
    row = adapter_in(project, aslug)
    if kind not in Kind.values:
        raise Http404
    form = ReworkForm(request.POST if request.method == "POST" else None, project=project, adapter=row, kind=kind)
    if form.is_valid():
        try:
            return redirect("adapter_job", slug=slug, job_id=ask(request.user, project, form).id)
        except Problem as problem:
            form.add_problem(problem)
    context = {"project": project, "adapter": row, "form": form, "kind": kind, "title": Kind(kind).label}
    return render(request, "training/adapter_rework.html", context, status=422 if form.is_bound else 200)


@login_required
@require_GET
@never_cache
def adapter_job(request: HttpRequest, slug: str, job_id: str) -> HttpResponse:
    """Show how far such a version is; htmx asks for the card alone."""
    project = get_project(request.user, slug)
    job = rework_in(project, job_id)
    context = {
        "project": project,
        "job": job,
        "adapter": job.adapter,
        "conversion": conversion_words(job),
        "inputs": job.inputs.select_related("version__adapter__project"),
        "version": AdapterVersion.objects.filter(job=job).select_related("adapter__project").first(),
        "percent": round(job.progress * 100),
        "remaining": remaining_words(job.remaining_seconds),
        "can_make": project.role.includes(Role.EDITOR),
    }
    return render(request, "training/adapter_job.html" + ("#card" if request.htmx else ""), context)


@login_required
@require_POST
def adapter_job_cancel(request: HttpRequest, slug: str, job_id: str) -> HttpResponse:
    """Ask the worker to stop."""
    project = get_project(request.user, slug, Role.EDITOR)
    cancel_rework(rework_in(project, job_id), actor=request.user)
    return redirect("adapter_job", slug=slug, job_id=job_id)


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def adapter_import(request: HttpRequest, slug: str) -> HttpResponse:
    """Number a file of the library as a version."""
    project = get_project(request.user, slug, Role.EDITOR)
    form = ImportForm(
        request.POST if request.method == "POST" else None, project=project, chosen=request.GET.get("file", "")
    )
    if form.is_valid():
        try:
            version = number_file(request.user, project, form)
        except Problem as problem:
            form.add_problem(problem)
        else:
            messages.success(request, _("“%(version)s” is in the list.") % {"version": version})
            return redirect(version)
    context = {"project": project, "form": form}
    return render(request, "training/adapter_import.html", context, status=422 if form.is_bound else 200)


def ask(user: User, project: Project, form: ReworkForm) -> AdapterJob:
    """Ask for what a valid form says."""
    said = form.cleaned_data
    return ask_rework(
        user,
        project,
        kind=form.kind,
        inputs=form.inputs,
        key=said["idempotency_key"],
        adapter=form.targets.get(said["target"]),
        adapter_name=said["adapter_name"],
        options=form.options,
        note=said["note"],
    )


def number_file(user: User, project: Project, form: ImportForm) -> AdapterVersion:
    """Number the file that a valid form names, under a new adapter where it names none; all or nothing."""
    said = form.cleaned_data
    file = form.files[said["file"]]
    with transaction.atomic():
        row = form.adapters.get(said["target"]) or open_adapter(
            user, project, name=said["adapter_name"] or file.name, method=file.method
        )
        return import_version(
            user,
            row,
            file,
            trigger_words=said["trigger_words"],
            recommended_weight=said["recommended_weight"],
            note=said["note"],
        )
