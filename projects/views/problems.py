"""Pages for what went wrong: 400, 403, 404, 500, as a page or as a notice inside the page that asked."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from ..problems import Problem

TEMPLATE = "projects/problem.html"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400."""
    return show(request, Problem("bad_request", _("The request could not be read. Go back and try again.")))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403: the thing is there, but the reader's role is too small."""
    message = _("Your role in this project does not allow this. An owner of the project can change your role.")
    return show(request, Problem("forbidden", message, status=403))


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 when the form's token is missing or old."""
    message = _("This form was open for too long, or cookies are blocked. Reload the page and send it again.")
    return show(request, Problem("csrf", message, status=403))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404, the same for "not there" and "not yours"."""
    message = _("There is nothing at this address, or it belongs to a project that you are not a member of.")
    return show(request, Problem("not_found", message, status=404))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without touching the database or the session, either of which may be what broke."""
    if request.headers.get("HX-Request") == "true":
        return to_notices(HttpResponse(render_to_string("projects/broken.html#notice"), status=500))
    return HttpResponse(render_to_string("projects/broken.html"), status=500)


def show(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Render a problem as a page, or as a notice when htmx asked."""
    is_htmx = bool(getattr(request, "htmx", False))
    name = f"{TEMPLATE}#notice" if is_htmx else TEMPLATE
    response = render(request, name, context_of(problem), status=problem.status)
    return to_notices(response) if is_htmx else response


def to_notices(response: HttpResponse) -> HttpResponse:
    """Let htmx put an answer where the page shows notices, whatever it asked for."""
    response.headers["HX-Retarget"] = "#notices"
    response.headers["HX-Reswap"] = "innerHTML"
    return response


def context_of(problem: Problem) -> dict[str, Any]:
    """Return what the problem page needs."""
    return {"problem": problem, "title": titles().get(problem.status, _("This did not work"))}


def titles() -> dict[int, str]:
    """Return a heading for each status that has its own."""
    return {403: _("Not allowed"), 404: _("Nothing here"), 409: _("Not possible now")}
