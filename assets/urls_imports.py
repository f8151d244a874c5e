"""Addresses of imports."""

from django.urls import path

from .views import imports

urlpatterns = [
    path("p/<slug:slug>/import/", imports.imports, name="imports"),
    path("p/<slug:slug>/import/new/", imports.import_new, name="import_new"),
    path("p/<slug:slug>/import/template.csv", imports.import_template, name="import_template"),
    path("p/<slug:slug>/import/<uuid:batch_id>/", imports.import_batch, name="import_batch"),
    path("p/<slug:slug>/import/<uuid:batch_id>/rows.csv", imports.import_rows, name="import_rows"),
    path("p/<slug:slug>/import/<uuid:batch_id>/confirm/", imports.import_confirm, name="import_confirm"),
    path("p/<slug:slug>/import/<uuid:batch_id>/stop/", imports.import_stop, name="import_stop"),
    path("p/<slug:slug>/import/<uuid:batch_id>/repeat/", imports.import_repeat, name="import_repeat"),
    path("p/<slug:slug>/import/<uuid:batch_id>/undo/", imports.import_undo, name="import_undo"),
]
