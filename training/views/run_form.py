"""The form of a training: what it holds when it opens, what it would do, and the start."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from projects.access import get_project
from projects.models import Project, Role
from projects.problems import Problem

from ..forms import RunForm
from ..requests import plan
from ..run_choices import choices_of
from ..run_plans import PlanView, view_of
from ..run_starts import Offer, Values, follow_choices, opening_values
from ..services.runs import start_run


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def training_new(request: HttpRequest, slug: str) -> HttpResponse:
    """Open the form, and start what it asks for, once however often it is pressed."""
    project = get_project(request.user, slug, Role.EDITOR)
    offer = Offer(project)
    if request.method != "POST":
        values = follow_choices(opening_values(offer, request.GET.dict()), offer)
        return render(request, "training/form.html", context_of(project, offer, values))
    form = RunForm(request.POST.dict(), offer=offer)
    problem = None
    if form.is_valid():
        try:
            asked = form.training_request()
            return redirect(start_run(request.user, project, asked, key=form.cleaned_data["idempotency_key"]))
        except Problem as refusal:
            problem = refusal
    context = {**context_of(project, offer, request.POST.dict(), form), "problem": problem}
    # What a plan can say for itself stands in it: rights, readiness, memory.
    if problem is not None and context["plan"] is not None and not context["plan"].refusals:
        form.add_problem(problem)
    return render(request, "training/form.html", context, status=422)


@login_required
@require_POST
def training_plan(request: HttpRequest, slug: str) -> HttpResponse:
    """Say what the form would do. Where a choice has brought other values, send the whole form again."""
    project = get_project(request.user, slug, Role.EDITOR)
    offer, sent = Offer(project), request.POST.dict()
    values = follow_choices(sent, offer)
    context = context_of(project, offer, values)
    if not request.htmx:
        return render(request, "training/form.html", context)
    is_whole = any(values.get(name) != sent.get(name) for name in ("settings_from", "words_from", "method", "purpose"))
    if not is_whole:
        return render(request, "training/form.html#planned", context)
    response = render(request, "training/form.html#form", context)
    response.headers["HX-Retarget"] = "#run-form"
    return response


def context_of(project: Project, offer: Offer, values: Values, form: RunForm | None = None) -> dict[str, Any]:
    """Return what the form shows beside its plan. Mistakes are put beside their fields."""
    shown = form or RunForm(values, offer=offer)
    return {
        "project": project,
        "offer": offer,
        "form": shown,
        "plan": plan_of(project, shown),
        "choices": choices_of(values, offer),
    }


def plan_of(project: Project, form: RunForm) -> PlanView | None:
    """Plan the form as it is; nothing before a purpose is chosen, or while something must be mended."""
    if not form.method_now or not form.is_valid():
        return None
    try:
        asked = form.training_request()
        return view_of(project, asked, plan(project, asked))
    except Problem as problem:
        form.add_problem(problem)
        return None
