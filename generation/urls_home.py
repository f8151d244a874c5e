"""Addresses of the first page and of the sign that something runs."""

from django.urls import path

from .views import home

urlpatterns = [
    path("", home.home, name="home"),
    path("jobs/badge/", home.jobs_badge, name="jobs_badge"),
]
