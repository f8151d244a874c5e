"""The room of licences: what each says, and the team's own, written by an owner and approved by a second person."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from projects.access import get_in_project, get_project
from projects.models import Project, Role, User
from projects.problems import Problem

from .. import license_pages as pages
from ..forms_licenses import OwnLicenseForm
from ..licensing import OWN_PREFIX
from ..models import OwnLicense
from ..services.licenses import approve_license, end_license, write_license
from ..services.pictures import add_evidence


@login_required
@require_GET
@never_cache
def licenses(request: HttpRequest, slug: str) -> HttpResponse:
    """List the team's own licences and those that ship with Daicho."""
    project = get_project(request.user, slug)
    context = {
        "project": project,
        "own": pages.own_lines(request.user, project),
        "house": pages.house_lines(),
        "can_write": project.role.includes(Role.OWNER),
    }
    return render(request, "assets/licenses/list.html", context)


@login_required
@require_GET
@never_cache
def license(request: HttpRequest, slug: str, license_id: str) -> HttpResponse:
    """Show one licence in full, with its versions where it is the team's own."""
    project = get_project(request.user, slug)
    context = {
        "project": project,
        "page": pages.license_page(request.user, project, license_id, request.GET.get("version", "")),
        "can_write": project.role.includes(Role.OWNER),
        "can_decide": project.role.includes(Role.REVIEWER),
    }
    return render(request, "assets/licenses/page.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def license_new(request: HttpRequest, slug: str) -> HttpResponse:
    """Write a licence, or the next version of one; it begins with what another says, where the address names one."""
    project = get_project(request.user, slug, Role.OWNER)
    name = request.GET.get("from", "")
    base, license_id = pages.base_content(project, name), name if name.startswith(OWN_PREFIX) else ""
    posted = (request.POST, request.FILES) if request.method == "POST" else (None,)
    form = OwnLicenseForm(*posted, base=base, license_id=license_id if base else "")
    if form.is_bound and form.is_valid():
        try:
            row = write_from(request.user, project, form)
        except Problem as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, _("The version waits for a second person’s approval."))
            return redirect("license", slug, row.license_id)
    context = {"project": project, "form": form, "base_name": name if base else "", "kept": pages.kept_words(base)}
    return render(request, "assets/licenses/edit.html", context, status=422 if form.is_bound else 200)


@login_required
@require_POST
def license_approve(request: HttpRequest, slug: str, version_id: UUID) -> HttpResponse:
    """Let a version count that somebody else wrote."""
    project = get_project(request.user, slug, Role.REVIEWER)
    row: OwnLicense = get_in_project(project, pages.versions_in(project), id=version_id)
    approve_license(row, approver=request.user)
    messages.success(request, _("The version is in force. Everything under this licence is asked anew."))
    return redirect("license", slug, row.license_id)


@login_required
@require_POST
def license_end(request: HttpRequest, slug: str, version_id: UUID) -> HttpResponse:
    """Decline a version that waits, or end one that counts."""
    project = get_project(request.user, slug, Role.REVIEWER)
    row: OwnLicense = get_in_project(project, pages.versions_in(project), id=version_id)
    end_license(row, actor=request.user)
    said: Any = _("The licence has ended. What is under it is blocked.") if row.approved_at else _("Declined.")
    messages.success(request, said)
    return redirect("license", slug, row.license_id)


@transaction.atomic
def write_from(user: User, project: Project, form: OwnLicenseForm) -> OwnLicense:
    """Keep the document and write the version. Raises Problem."""
    values, file = form.cleaned_data, form.cleaned_data["document"]
    evidence = add_evidence(user, project, file.read(), name=file.name) if file else None
    if not form.license_id and OwnLicense.objects.filter(project=project, license_id=form.content()["id"]).exists():
        raise Problem("license_known", _("There is a licence of this name already. Write its next version instead."))
    return write_license(user, project, form.content(), note=values["note"], evidence=evidence)
