"""Every address of the portal and the API."""

from django.urls import include, path

urlpatterns = [
    path("", include("projects.urls")),
    path("", include("assets.urls")),
    path("", include("training.urls")),
    path("", include("training.urls_adapters")),
    path("", include("generation.urls_home")),
    path("", include("generation.urls")),
    path("", include("generation.urls_grids")),
    path("", include("generation.urls_templates")),
    path("", include("generation.urls_withdrawals")),
    path("account/", include("allauth.urls")),
    path("api/v1/", include("config.api")),
]

handler400 = "projects.views.problems.bad_request"
handler403 = "projects.views.problems.forbidden"
handler404 = "projects.views.problems.not_found"
handler500 = "projects.views.problems.server_error"
