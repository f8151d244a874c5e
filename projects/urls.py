"""Addresses of the account page, of a new project, of a project's members, settings and ledger."""

from django.urls import path

from .views import account, ledger, members, projects

urlpatterns = [
    path("account/", account.account, name="account"),
    path("account/preferences/", account.account_preferences, name="account_preferences"),
    path("account/language/", account.set_language, name="set_language"),
    path("account/theme/", account.set_theme, name="set_theme"),
    path("account/tokens/", account.token_create, name="token_create"),
    path("account/tokens/<uuid:token_id>/revoke/", account.token_revoke, name="token_revoke"),
    path("p/new/", projects.project_new, name="project_new"),
    path("p/<slug:slug>/", projects.project, name="project"),
    path("p/<slug:slug>/settings/", projects.project_settings, name="project_settings"),
    path("p/<slug:slug>/members/", members.members, name="members"),
    path("p/<slug:slug>/members/add/", members.member_add, name="member_add"),
    path("p/<slug:slug>/members/invite/", members.member_invite, name="member_invite"),
    path("p/<slug:slug>/members/<uuid:user_id>/link/", members.member_link, name="member_link"),
    path("p/<slug:slug>/members/<uuid:user_id>/role/", members.member_role, name="member_role"),
    path("p/<slug:slug>/members/<uuid:user_id>/remove/", members.member_remove, name="member_remove"),
    path("p/<slug:slug>/ledger/", ledger.ledger, name="ledger"),
    path("p/<slug:slug>/ledger/verify/", ledger.ledger_verify, name="ledger_verify"),
    path("p/<slug:slug>/ledger/export.jsonl", ledger.ledger_export, name="ledger_export"),
    path("p/<slug:slug>/ledger/verify_offline.py", ledger.ledger_verifier, name="ledger_verifier"),
    path("p/<slug:slug>/ledger/<int:seq>/", ledger.ledger_entry, name="ledger_entry"),
]
