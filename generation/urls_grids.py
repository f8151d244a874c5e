"""Addresses of the grids: pictures that differ in one to three ways, side by side."""

from django.urls import path

from .views import grids

GRIDS = "p/<slug:slug>/grids/"
GRID = "p/<slug:slug>/grids/<uuid:grid_id>/"

urlpatterns = [
    path(GRIDS, grids.grids, name="grids"),
    path(f"{GRIDS}new/", grids.grid_new, name="grid_new"),
    path(f"{GRIDS}try/", grids.grid_try, name="grid_try"),
    path(f"{GRIDS}draw/", grids.grid_draw, name="grid_draw"),
    path(GRID, grids.grid, name="grid"),
    path(f"{GRID}news/", grids.grid_news, name="grid_news"),
    path(f"{GRID}cancel/", grids.grid_cancel, name="grid_cancel"),
    path(f"{GRID}redraw/", grids.grid_redraw, name="grid_redraw"),
]
