"""Addresses of review, waivers, questions and the calendar of licences."""

from django.urls import path

from .views import questions, review, waivers

REVIEW = "p/<slug:slug>/review/"
WAIVERS = "p/<slug:slug>/review/waivers/"

urlpatterns = [
    path(REVIEW, review.review, name="review"),
    path(f"{REVIEW}clear/", review.review_clear, name="review_clear"),
    path(f"{REVIEW}<uuid:rights_id>/refuse/", review.review_refuse, name="review_refuse"),
    path(f"{REVIEW}expiries/", review.expiries, name="expiries"),
    path(WAIVERS, waivers.waivers, name="waivers"),
    path(f"{WAIVERS}new/", waivers.waiver_new, name="waiver_new"),
    path(f"{WAIVERS}<uuid:waiver_id>/approve/", waivers.waiver_approve, name="waiver_approve"),
    path(f"{WAIVERS}<uuid:waiver_id>/revoke/", waivers.waiver_revoke, name="waiver_revoke"),
    path("p/<slug:slug>/ask/", questions.ask, name="ask"),
]
