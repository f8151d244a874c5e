"""The ledger's room: every event in order, its proof, and the whole chain checked on demand."""

import json
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ledger import verify_offline
from ledger.models import Entry
from ledger.services import actor_hash, export_jsonl, proof, verify

from ..access import get_project
from ..events import sentence
from ..forms import LedgerFilterForm
from ..models import Project, User

PAGE_SIZE = 50
# Where each kind of subject is shown, and whether that page is about one of its kind.
SUBJECT_VIEWS = {
    "output": ("picture", True),
    "generation": ("generation", True),
    "grid": ("grid", True),
    "template": ("template_by_id", True),
    "model_file": ("model_file", True),
    "adapter": ("adapter_by_id", True),
    "adapter_version": ("version_by_id", True),
    "adapter_job": ("adapter_job", True),
    "adapter_export": ("adapter_export", True),
    "training_run": ("training_run", True),
    "project": ("project_settings", False),
    "member": ("members", False),
    "campaign": ("campaigns", False),
    "term": ("vocabulary", False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry as the reader sees it."""

    entry: Entry
    person: User | None
    sentence: str
    url: str


@login_required
@require_GET
def ledger(request: HttpRequest, slug: str) -> HttpResponse:
    """List a project's entries, newest first, PAGE_SIZE at a time by sequence number."""
    project = get_project(request.user, slug)
    people = people_of(project)
    form = LedgerFilterForm(request.GET, people=people)
    entries = form.narrow(Entry.objects.filter(chain=project.id)).order_by("-seq")
    found = list(entries[: PAGE_SIZE + 1])
    context = {
        "project": project,
        "form": form,
        "lines": [line_of(project, entry, people) for entry in found[:PAGE_SIZE]],
        "before": found[PAGE_SIZE - 1].seq if len(found) > PAGE_SIZE else None,
        "query": form.query(),
    }
    is_part = request.htmx and "before" in request.GET
    return render(request, "projects/ledger.html" + ("#lines" if is_part else ""), context)


@login_required
@require_GET
def ledger_entry(request: HttpRequest, slug: str, seq: int) -> HttpResponse:
    """Show one entry whole; its proof is computed when it is asked for."""
    project = get_project(request.user, slug)
    entry = Entry.objects.filter(chain=project.id, seq=seq).first()
    if entry is None:
        raise Http404
    data = entry.readable
    context = {
        "project": project,
        "line": line_of(project, entry, people_of(project)),
        "entry": entry,
        "payload": entry.payload if data is None else json.dumps(data, ensure_ascii=False, indent=2),
        "proof": proof(entry) if "proof" in request.GET else None,
        "previous": seq - 1,
        "following": seq + 1 if Entry.objects.filter(chain=project.id, seq=seq + 1).exists() else None,
    }
    is_part = request.htmx and "proof" in request.GET
    return render(request, "projects/ledger_entry.html" + ("#proof" if is_part else ""), context)


@login_required
@require_POST
def ledger_verify(request: HttpRequest, slug: str) -> HttpResponse:
    """Read the whole chain and say whether anything was changed."""
    project = get_project(request.user, slug)
    context = {"project": project, "verdict": verify(project.id), "at": timezone.now()}
    return render(request, "projects/ledger_verdict.html" + ("#verdict" if request.htmx else ""), context)


@login_required
@require_GET
def ledger_export(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """Send the chain as JSON Lines."""
    project = get_project(request.user, slug)
    response = StreamingHttpResponse(export_jsonl(project.id), content_type="application/jsonl; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="ledger-{project.slug}.jsonl"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_GET
def ledger_verifier(request: HttpRequest, slug: str) -> FileResponse:
    """Send the script that checks an export without Daicho."""
    get_project(request.user, slug)
    script = Path(verify_offline.__file__)
    return FileResponse(script.open("rb"), as_attachment=True, filename=script.name, content_type="text/x-python")


def people_of(project: Project) -> dict[str, User]:
    """Return the project's members by the hash under which they stand in the ledger."""
    return {actor_hash(each.user_id): each.user for each in project.memberships.select_related("user")}


def line_of(project: Project, entry: Entry, people: dict[str, User]) -> Line:
    """Return an entry with its person, its sentence and where it leads."""
    data = entry.readable
    said = _("This entry cannot be read: somebody has changed it. Verify the ledger.")
    return Line(
        entry=entry,
        person=people.get(entry.actor),
        sentence=said if data is None else sentence(entry.event, entry.subject, data, people),
        url=subject_url(project, entry.subject),
    )


def subject_url(project: Project, subject: str) -> str:
    """Return the page of what an entry is about, or "" when it has none."""
    kind, _colon, key = subject.partition(":")
    if kind not in SUBJECT_VIEWS:
        return ""
    view, has_key = SUBJECT_VIEWS[kind]
    try:
        return reverse(view, args=[project.slug, key] if has_key else [project.slug])
    except NoReverseMatch:
        return ""
