"""Addresses of the first page, of the sign that something runs, and of what the ledger names."""

from django.urls import path

from .views import home, subjects

urlpatterns = [
    path("", home.home, name="home"),
    path("jobs/badge/", home.jobs_badge, name="jobs_badge"),
    path("p/<slug:slug>/templates/id/<uuid:template_id>/", subjects.template_by_id, name="template_by_id"),
]
