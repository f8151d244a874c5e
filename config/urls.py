"""Every address of the portal and the API."""

from importlib.util import find_spec

from django.urls import include, path

ROOMS = ["projects.urls", "assets.urls", "generation.urls_home", "generation.urls", "generation.urls_templates"]

urlpatterns = [
    *(path("", include(room)) for room in ROOMS if find_spec(room)),
    path("account/", include("allauth.urls")),
]
if find_spec("config.api"):
    urlpatterns.append(path("api/v1/", include("config.api")))

handler400 = "projects.views.problems.bad_request"
handler403 = "projects.views.problems.forbidden"
handler404 = "projects.views.problems.not_found"
handler500 = "projects.views.problems.server_error"
