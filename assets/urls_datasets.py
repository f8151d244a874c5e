"""Addresses of datasets."""

from django.urls import path

from .views import captions, dataset_checks, dataset_tags, dataset_versions, datasets

ROOM = "p/<slug:slug>/datasets/"
ONE = f"{ROOM}<slug:dataset_slug>/"
VERSION = f"{ONE}versions/<int:number>/"

urlpatterns = [
    path(ROOM, datasets.datasets, name="datasets"),
    path(ONE, datasets.dataset, name="dataset"),
    path(f"{ONE}edit/", datasets.dataset_edit, name="dataset_edit"),
    path(f"{ONE}add/", datasets.dataset_add, name="dataset_add"),
    path(f"{ONE}group/", datasets.dataset_group, name="dataset_group"),
    path(f"{ONE}pictures/<int:number>/remove/", datasets.dataset_remove, name="dataset_remove"),
    path(f"{ONE}checks/", dataset_checks.dataset_checks, name="dataset_checks"),
    path(f"{ONE}look/", dataset_checks.dataset_look, name="dataset_look"),
    path(f"{ONE}look/cancel/", dataset_checks.dataset_look_cancel, name="dataset_look_cancel"),
    path(f"{ONE}different/", dataset_checks.dataset_different, name="dataset_different"),
    path(f"{ONE}crops/", dataset_checks.dataset_crops, name="dataset_crops"),
    path(f"{ONE}captions/", captions.captions, name="captions"),
    path(f"{ONE}captions/words/", captions.caption_words, name="caption_words"),
    path(f"{ONE}captions/rename/", captions.caption_rename, name="caption_rename"),
    path(f"{ONE}captions/undo/<uuid:edit_id>/", captions.caption_undo, name="caption_undo"),
    path(f"{ONE}captions/<int:number>/", captions.caption_save, name="caption_save"),
    path(f"{ONE}tags/", dataset_tags.dataset_tags, name="dataset_tags"),
    path(f"{ONE}tags/propose/", dataset_tags.dataset_propose, name="dataset_propose"),
    path(f"{ONE}tags/propose/cancel/", dataset_tags.dataset_propose_cancel, name="dataset_propose_cancel"),
    path(f"{ONE}tags/<int:tag_id>/", dataset_tags.dataset_tag, name="dataset_tag"),
    path(f"{ONE}versions/", dataset_versions.dataset_versions, name="dataset_versions"),
    path(VERSION, dataset_versions.dataset_version, name="dataset_version"),
    path(f"{VERSION}proof/<int:place>/", dataset_versions.dataset_proof, name="dataset_proof"),
    path(f"{VERSION}export/", dataset_versions.dataset_export, name="dataset_export"),
]
