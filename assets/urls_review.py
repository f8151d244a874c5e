"""Addresses of review, waivers, questions and the calendar of licences."""

from django.urls import path

from .views import licenses, questions, review, waivers

REVIEW = "p/<slug:slug>/review/"
WAIVERS = "p/<slug:slug>/review/waivers/"
LICENSES = "p/<slug:slug>/review/licenses/"

urlpatterns = [
    path(REVIEW, review.review, name="review"),
    path(f"{REVIEW}clear/", review.review_clear, name="review_clear"),
    path(f"{REVIEW}<uuid:rights_id>/refuse/", review.review_refuse, name="review_refuse"),
    path(f"{REVIEW}expiries/", review.expiries, name="expiries"),
    path(WAIVERS, waivers.waivers, name="waivers"),
    path(f"{WAIVERS}new/", waivers.waiver_new, name="waiver_new"),
    path(f"{WAIVERS}<uuid:waiver_id>/approve/", waivers.waiver_approve, name="waiver_approve"),
    path(f"{WAIVERS}<uuid:waiver_id>/revoke/", waivers.waiver_revoke, name="waiver_revoke"),
    path(LICENSES, licenses.licenses, name="licenses"),
    path(f"{LICENSES}new/", licenses.license_new, name="license_new"),
    path(f"{LICENSES}versions/<uuid:version_id>/approve/", licenses.license_approve, name="license_approve"),
    path(f"{LICENSES}versions/<uuid:version_id>/end/", licenses.license_end, name="license_end"),
    path(f"{LICENSES}<str:license_id>/", licenses.license, name="license"),
    path("p/<slug:slug>/ask/", questions.ask, name="ask"),
]
