"""Addresses of pictures that are learned from."""

from django.urls import path

from .views import material

urlpatterns = [
    path("p/<slug:slug>/material/", material.materials, name="materials"),
    path("p/<slug:slug>/material/<uuid:picture_id>/", material.material, name="material"),
    path("p/<slug:slug>/material/<uuid:picture_id>/file/", material.material_file, name="material_file"),
    path("p/<slug:slug>/material/<uuid:picture_id>/thumb.webp", material.material_thumbnail, name="material_thumbnail"),
    path("p/<slug:slug>/material/<uuid:picture_id>/edit/", material.material_edit, name="material_edit"),
    path("p/<slug:slug>/material/<uuid:picture_id>/tags/", material.material_tags, name="material_tags"),
    path("p/<slug:slug>/material/<uuid:picture_id>/evidence/", material.material_evidence, name="material_evidence"),
    path("p/<slug:slug>/evidence/<uuid:evidence_id>/", material.evidence_file, name="evidence_file"),
]
