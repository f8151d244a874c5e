"""Addresses of the account page, of a project's members, settings and ledger."""

from django.urls import path

from .views import account

urlpatterns = [
    path("account/", account.account, name="account"),
    path("account/preferences/", account.account_preferences, name="account_preferences"),
    path("account/language/", account.set_language, name="set_language"),
    path("account/theme/", account.set_theme, name="set_theme"),
    path("account/tokens/", account.token_create, name="token_create"),
    path("account/tokens/<uuid:token_id>/revoke/", account.token_revoke, name="token_revoke"),
]
