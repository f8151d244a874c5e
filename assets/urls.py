"""Addresses of the library."""

from django.urls import include, path

from .views import library

urlpatterns = [
    path("p/<slug:slug>/library/", library.library, name="library"),
    path("p/<slug:slug>/library/<uuid:model_id>/", library.model_file, name="model_file"),
    path("", include("assets.urls_datasets")),
    path("", include("assets.urls_imports")),
    path("", include("assets.urls_intake")),
    path("", include("assets.urls_material")),
    path("", include("assets.urls_review")),
]
