"""Addresses of the room where adapters are trained."""

from django.urls import path

from .views import run_form, runs, samples

ROOM = "p/<slug:slug>/training/"
RUN = f"{ROOM}runs/<uuid:run_id>/"

urlpatterns = [
    path(ROOM, runs.training, name="training"),
    path(f"{ROOM}new/", run_form.training_new, name="training_new"),
    path(f"{ROOM}new/plan/", run_form.training_plan, name="training_plan"),
    path(f"{ROOM}compare/", runs.training_compare, name="training_compare"),
    path(RUN, runs.training_run, name="training_run"),
    path(f"{RUN}news/", runs.training_run_news, name="training_run_news"),
    path(f"{RUN}cancel/", runs.training_run_cancel, name="training_run_cancel"),
    path(f"{RUN}resume/", runs.training_run_resume, name="training_run_resume"),
    path(f"{RUN}again/", runs.training_run_again, name="training_run_again"),
    path(f"{RUN}notes/", runs.training_run_notes, name="training_run_notes"),
    path(f"{RUN}samples/<int:step>/<int:index>.png", samples.training_sample, name="training_sample"),
    path(f"{RUN}samples/<int:step>/<int:index>.webp", samples.training_thumbnail, name="training_thumbnail"),
]
