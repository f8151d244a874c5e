"""Where a small form sends the reader back to, and what the browser remembers."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def go_back(request: HttpRequest) -> HttpResponse:
    """Redirect to the form's `next` when it is an address of this site, else home."""
    target = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}, require_https=False)
    return HttpResponseRedirect(target if is_ours and target.startswith("/") else reverse("home"))


def remember_language(response: HttpResponse, language: str) -> None:
    """Keep the language in this browser's cookie, for the log-in page."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=365 * 86_400,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
