"""Follow the reader's language, and answer problems in words."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from .problems import Problem

GetResponse = Callable[[HttpRequest], HttpResponse]


class PreferencesMiddleware:
    """Activate the language that the person chose; otherwise the browser's stays."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = getattr(request.user, "language", "")
        if language:
            translation.activate(language)
            request.LANGUAGE_CODE = language
        response = self.get_response(request)
        if language:
            response.headers["Content-Language"] = language
        return response


class ProblemMiddleware:
    """Show a Problem raised by a portal view as a page, or as a notice when htmx asked."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Problem):
            return None
        if getattr(request, "htmx", False):
            response = render(request, "projects/problem.html#notice", {"problem": exception}, status=exception.status)
            response.headers["HX-Retarget"] = "#notices"
            response.headers["HX-Reswap"] = "innerHTML"
            return response
        return render(request, "projects/problem.html", {"problem": exception}, status=exception.status)
