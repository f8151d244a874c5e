"""The first page, and the sign in the top bar that something runs."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from assets.review_pages import alerts_of
from projects.access import memberships_of
from training.promotion_pages import promotion_alerts

from .. import overview
from ..services.lineages import closed_lineages


@login_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show the person's projects, jobs, new pictures, and what needs them; htmx asks for the jobs alone."""
    jobs = overview.jobs_of(request.user)
    context = {"jobs": jobs, "is_running": any(not job.is_terminal for job in jobs)}
    if request.htmx and "jobs" in request.GET:
        return render(request, "generation/home.html#jobs", context)
    memberships = memberships_of(request.user)
    cards = overview.cards_of(memberships.values())
    pictures = overview.new_pictures(cards)
    context |= {
        "cards": cards,
        "pictures": pictures,
        "closed": closed_lineages(pictures),
        "alerts": [*alerts_of(request.user, memberships), *promotion_alerts(request.user, memberships)],
    }
    return render(request, "generation/home.html", context)


@login_required
@require_GET
@never_cache
def jobs_badge(request: HttpRequest) -> HttpResponse:
    """Say how many jobs run; the answer asks again every few seconds only while some do."""
    return render(request, "generation/jobs_badge.html", {"count": overview.count_unfinished(request.user)})
