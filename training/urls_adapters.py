"""Addresses of adapters, their versions and promotions, and of weights that leave the library."""

from django.urls import path

from .views import adapters, downloads, promotions, reworks, versions

ROOM = "p/<slug:slug>/training/adapters/"
ADAPTER = f"{ROOM}<slug:aslug>/"
VERSION = f"{ADAPTER}v<int:number>/"
PROMOTIONS = "p/<slug:slug>/review/promotions/"
EXPORT = "p/<slug:slug>/training/downloads/<uuid:export_id>/"
JOB = "p/<slug:slug>/training/work/<uuid:job_id>/"

urlpatterns = [
    path(ROOM, adapters.adapters, name="adapters"),
    path(f"{ROOM}import/", reworks.adapter_import, name="adapter_import"),
    path(f"{ROOM}id/<uuid:adapter_id>/", adapters.adapter_by_id, name="adapter_by_id"),
    path(f"{ROOM}id/version/<uuid:adapter_version_id>/", versions.version_by_id, name="version_by_id"),
    path(ADAPTER, adapters.adapter, name="adapter"),
    path(f"{ADAPTER}edit/", adapters.adapter_edit, name="adapter_edit"),
    path(f"{ADAPTER}archive/", adapters.adapter_archive, name="adapter_archive"),
    path(f"{ADAPTER}roll-back/", promotions.adapter_roll_back, name="adapter_roll_back"),
    path(f"{ADAPTER}make/<slug:kind>/", reworks.adapter_rework, name="adapter_rework"),
    path(VERSION, versions.adapter_version, name="adapter_version"),
    path(f"{VERSION}promote/", promotions.version_promote, name="version_promote"),
    path(f"{VERSION}withdraw/", versions.version_withdraw, name="version_withdraw"),
    path(f"{VERSION}download/", downloads.version_download, name="version_download"),
    path(f"{VERSION}export/", downloads.version_export, name="version_export"),
    path(EXPORT, downloads.adapter_export, name="adapter_export"),
    path(f"{EXPORT}download/", downloads.adapter_export_download, name="adapter_export_download"),
    path(f"{EXPORT}cancel/", downloads.adapter_export_cancel, name="adapter_export_cancel"),
    path(JOB, reworks.adapter_job, name="adapter_job"),
    path(f"{JOB}cancel/", reworks.adapter_job_cancel, name="adapter_job_cancel"),
    path(PROMOTIONS, promotions.promotions, name="promotions"),
    path(f"{PROMOTIONS}<uuid:promotion_id>/approve/", promotions.promotion_approve, name="promotion_approve"),
    path(f"{PROMOTIONS}<uuid:promotion_id>/refuse/", promotions.promotion_refuse, name="promotion_refuse"),
]
