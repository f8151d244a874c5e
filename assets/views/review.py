"""The review's room: what waits for me, one thing at a time, decided with four eyes; and what ends when."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from projects.access import get_project
from projects.models import Project, Role
from projects.problems import Problem

from .. import license_pages, review_pages
from ..expiry_pages import calendar_of
from ..forms_review import ClearForm, RefuseForm
from ..services import refuse_rights
from ..services.rights import clear_alike
from ..waiting import waiting_for
from ..waiver_pages import count_waiting


@login_required
@require_GET
@never_cache
def review(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one thing that waits for this person, with everything to decide by."""
    project = get_project(request.user, slug)
    return show_queue(request, project, request.GET.get("thing", ""))


@login_required
@require_POST
def review_clear(request: HttpRequest, slug: str) -> HttpResponse:
    """Clear one thing, or several with the same licence and creator."""
    project = get_project(request.user, slug, Role.REVIEWER)
    ids = review_pages.ids_in(request.POST.getlist("ids"))
    if not ids:
        raise Problem("nothing_chosen", _("Choose at least one thing."))
    chosen = review_pages.get_chosen(project, ids)
    seen = review_pages.revisions_in(request.POST.getlist("seen"))
    form = ClearForm(request.POST)
    reason = form.cleaned_data["clear_reason"] if form.is_valid() else ""
    try:
        clear_alike([review_pages.holder_in(each) for each in chosen], reviewer=request.user, seen=seen, reason=reason)
    except Problem as problem:
        if problem.code != "quarantined":
            raise
        form.add_error("clear_reason", str(problem))
        return show_queue(request, project, str(chosen[0].id), clear_form=form, status=422)
    count = len(chosen)
    said = ngettext("“%(name)s” is cleared.", "%(count)d things are cleared.", count)
    messages.success(request, said % {"name": review_pages.holder_in(chosen[0]), "count": count})
    return redirect(address_after(request, project, chosen[0].id))


@login_required
@require_POST
def review_refuse(request: HttpRequest, slug: str, rights_id: UUID) -> HttpResponse:
    """Refuse one thing with a reason."""
    project = get_project(request.user, slug, Role.REVIEWER)
    [rights] = review_pages.get_chosen(project, [rights_id])
    form = RefuseForm(request.POST)
    if not form.is_valid():
        return show_queue(request, project, str(rights.id), form=form, status=422)
    holder = review_pages.holder_in(rights)
    seen = review_pages.revisions_in(request.POST.getlist("seen")).get(rights.id)
    refuse_rights(holder, reviewer=request.user, reason=form.cleaned_data["reason"], seen=seen)
    messages.success(request, _("“%(name)s” is refused.") % {"name": holder})
    return redirect(address_after(request, project, rights.id))


@login_required
@require_GET
@never_cache
def expiries(request: HttpRequest, slug: str) -> HttpResponse:
    """List the licences that end soon and those that have ended, month by month."""
    project = get_project(request.user, slug)
    asked = request.GET.get("within", "")
    choices = review_pages.WARN_DAYS[::-1]
    within = int(asked) if asked in map(str, choices) else choices[0]
    context = {"project": project, "calendar": calendar_of(project, within), "within": within, "choices": choices}
    return render(request, "assets/review/expiries.html", context)


def show_queue(
    request: HttpRequest,
    project: Project,
    wanted: str,
    *,
    form: RefuseForm | None = None,
    clear_form: ClearForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render the queue with one thing in focus: the wanted one if it waits, else the first."""
    queue = review_pages.queue_of(request.user, project)
    rights = find_wanted(queue, wanted) or queue.first()
    own = review_pages.own_of(request.user, project)
    mine = list(own[: review_pages.MAX_MINE + 1])
    context = {
        "project": project,
        "count": queue.count(),
        "focus": review_pages.focus_on(project, queue, rights) if rights else None,
        "mine": [review_pages.thing_of(project, each) for each in mine[: review_pages.MAX_MINE]],
        "has_more_mine": len(mine) > review_pages.MAX_MINE,
        "waivers": count_waiting(request.user, project),
        "licenses": license_pages.count_waiting(request.user, project),
        "others": waiting_for(request.user, project),
        "can_decide": project.role.includes(Role.REVIEWER),
        "form": form or RefuseForm(),
        "clear_form": clear_form or ClearForm(),
    }
    return render(request, "assets/review/queue.html", context, status=status)


def find_wanted(queue: Any, wanted: str) -> Any:
    """Return the rights in the queue that an address names, if it names any."""
    try:
        return queue.filter(id=UUID(wanted)).first()
    except ValueError:
        return None


def address_after(request: HttpRequest, project: Project, rights_id: UUID) -> str:
    """Return the address of what comes next after something was decided."""
    queue = review_pages.queue_of(request.user, project)
    following = review_pages.next_after(queue, project, rights_id)
    address = reverse("review", args=[project.slug])
    return f"{address}?thing={following.id}" if following else address
