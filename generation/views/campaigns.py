"""A project's campaigns, and how many pictures each has."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from projects.access import get_in_project, get_project
from projects.forms import CampaignForm
from projects.models import Campaign, Project, Role
from projects.problems import Problem
from projects.services import create_campaign, rename_campaign


@login_required
@require_GET
@never_cache
def campaigns(request: HttpRequest, slug: str) -> HttpResponse:
    """List the campaigns; editors open and rename them."""
    return page(request, get_project(request.user, slug))


@login_required
@require_POST
def campaign_add(request: HttpRequest, slug: str) -> HttpResponse:
    """Open a campaign."""
    project = get_project(request.user, slug, Role.EDITOR)
    form = CampaignForm(request.POST)
    if form.is_valid():
        try:
            campaign = create_campaign(project, actor=request.user, **form.cleaned_data)
        except Problem as problem:
            form.add_problem(problem)
        else:
            messages.success(request, _("The campaign “%(name)s” is open.") % {"name": campaign})
            return redirect("campaigns", slug)
    return page(request, project, form=form, status=422)


@login_required
@require_POST
def campaign_rename(request: HttpRequest, slug: str, campaign_id: UUID) -> HttpResponse:
    """Give a campaign other names; its pictures stay with it."""
    project = get_project(request.user, slug, Role.EDITOR)
    campaign = get_in_project(project, Campaign.objects.all(), id=campaign_id)
    form = rename_form(campaign, request.POST)
    if form.is_valid():
        try:
            if rename_campaign(campaign, actor=request.user, changes=form.cleaned_data):
                messages.success(request, _("The names are changed. The address stays."))
        except Problem as problem:
            form.add_problem(problem)
        else:
            return redirect("campaigns", slug)
    return page(request, project, renaming={campaign.pk: form}, status=422)


def rename_form(campaign: Campaign, data: Any = None) -> CampaignForm:
    """Return the form of one line of the list; it never writes into the campaign itself."""
    names = {"name": campaign.name, "name_ja": campaign.name_ja}
    return CampaignForm(data, initial=names, auto_id=f"{campaign.pk.hex}_%s")


def page(
    request: HttpRequest,
    project: Project,
    *,
    renaming: dict[Any, CampaignForm] | None = None,
    status: int = 200,
    **extra: Any,
) -> HttpResponse:
    """Render the list; `renaming` holds a form that has to be mended, by its campaign."""
    is_shown = Q(generations__outputs__isnull=False, generations__outputs__rejected_at=None)
    found = project.campaigns.annotate(pictures=Count("generations__outputs", filter=is_shown)).order_by("-created_at")
    rows = [{"campaign": each, "form": (renaming or {}).get(each.pk) or rename_form(each)} for each in found]
    can_make = project.role.includes(Role.EDITOR)
    context = {"project": project, "rows": rows, "can_make": can_make, "form": CampaignForm(), **extra}
    return render(request, "generation/campaigns.html", context, status=status)
