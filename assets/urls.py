"""Addresses of the library."""

from django.urls import path

from . import views

urlpatterns = [
    path("p/<slug:slug>/library/", views.library, name="library"),
    path("p/<slug:slug>/library/<uuid:model_id>/", views.model_file, name="model_file"),
]
