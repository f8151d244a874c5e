"""Addresses of withdrawals, and of the question about a picture that was made."""

from django.urls import path

from .views import questions, withdrawals

WITHDRAW = "p/<slug:slug>/review/withdraw/"
PICTURE = f"{WITHDRAW}picture/<uuid:picture_id>/"
MODEL = f"{WITHDRAW}model/<uuid:model_id>/"

urlpatterns = [
    path(WITHDRAW, withdrawals.withdrawals, name="withdrawals"),
    path(PICTURE, withdrawals.withdraw_thing, name="withdraw_picture"),
    path(f"{PICTURE}outputs/", withdrawals.withdraw_outputs, name="withdraw_picture_outputs"),
    path(f"{PICTURE}report.<str:format>", withdrawals.withdraw_report, name="withdraw_picture_report"),
    path(MODEL, withdrawals.withdraw_thing, name="withdraw_model"),
    path(f"{MODEL}outputs/", withdrawals.withdraw_outputs, name="withdraw_model_outputs"),
    path(f"{MODEL}report.<str:format>", withdrawals.withdraw_report, name="withdraw_model_report"),
    path("p/<slug:slug>/pictures/<uuid:output_id>/ask/", questions.ask_output, name="ask_output"),
]
