"""Addresses of models that come into the library, and of their rights."""

from django.urls import path

from .views import intake, model_rights

urlpatterns = [
    path("p/<slug:slug>/library/add/", intake.model_add, name="model_add"),
    path("p/<slug:slug>/library/licence/", intake.model_license, name="model_license"),
    path("p/<slug:slug>/library/coming/<uuid:intake_id>/", intake.model_intake, name="model_intake"),
    path("p/<slug:slug>/library/coming/<uuid:intake_id>/stop/", intake.model_intake_cancel, name="model_intake_cancel"),
    path("p/<slug:slug>/library/<uuid:model_id>/edit/", model_rights.model_edit, name="model_edit"),
    path("p/<slug:slug>/library/<uuid:model_id>/evidence/", model_rights.model_evidence, name="model_evidence"),
    path("p/<slug:slug>/library/<uuid:model_id>/predicts/", model_rights.model_prediction, name="model_prediction"),
]
