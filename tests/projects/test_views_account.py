"""The account page: preferences, tokens, language and theme."""

import re

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.test import Client
from django.urls import reverse

from projects.models import ApiToken


def test_account_asks_for_a_log_in(client):
    response = client.get(reverse("account"))
    assert response.status_code == 302
    assert response.url.startswith(reverse("account_login"))


def test_preferences_are_kept(signed_in, people):
    data = {"name": "Hana", "language": "ja", "theme": "dark"}
    response = signed_in("owner").post(reverse("account_preferences"), data)
    assert response.status_code == 302
    people.owner.refresh_from_db()
    assert (people.owner.name, people.owner.language, people.owner.theme) == ("Hana", "ja", "dark")


def test_preferences_cannot_make_a_person_staff(signed_in, people):
    data = {"name": "Mallory", "language": "", "theme": "auto", "is_staff": "1", "email": "x@example.com"}
    signed_in("viewer").post(reverse("account_preferences"), data)
    people.viewer.refresh_from_db()
    assert not people.viewer.is_staff
    assert people.viewer.email == "viewer@example.com"


def test_wrong_preferences_are_shown_again_with_the_reason(signed_in, people):
    response = signed_in("owner").post(reverse("account_preferences"), {"name": "", "theme": "neon"})
    assert response.status_code == 422
    assert b'class="error"' in response.content
    people.owner.refresh_from_db()
    assert people.owner.name == "Owner"


def test_a_token_is_shown_once(signed_in, people):
    client = signed_in("editor")
    data = {"name": "script", "scopes": ["read", "generate"], "days": "30"}
    response = client.post(reverse("token_create"), data)
    secret = re.search(r"dai_[\w-]{40,}", response.content.decode()).group()
    assert ApiToken.objects.get(user=people.editor).token_sha256 == ApiToken.digest(secret)
    assert "no-store" in response.headers["Cache-Control"]
    assert secret not in client.get(reverse("account")).content.decode()


def test_a_token_needs_a_scope_and_a_known_end(signed_in):
    response = signed_in("editor").post(reverse("token_create"), {"name": "script", "days": "9999"})
    assert response.status_code == 422
    assert not ApiToken.objects.exists()


def test_a_token_is_revoked_by_its_owner(signed_in, people):
    token, _secret = ApiToken.issue(people.editor, name="script", scopes=["read"])
    signed_in("editor").post(reverse("token_revoke", args=[token.id]))
    token.refresh_from_db()
    assert token.revoked_at


def test_a_token_of_somebody_else_is_not_there(signed_in, people):
    token, _secret = ApiToken.issue(people.editor, name="script", scopes=["read"])
    assert signed_in("owner").post(reverse("token_revoke", args=[token.id])).status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


def test_the_language_follows_the_switch_before_the_log_in(client, db):
    response = client.post(reverse("set_language"), {"language": "ja", "next": reverse("account_login")})
    assert response.url == reverse("account_login")
    assert '<html lang="ja"' in client.get(response.url).content.decode()


def test_the_language_is_kept_with_the_person(signed_in, people):
    signed_in("owner").post(reverse("set_language"), {"language": "ja"})
    people.owner.refresh_from_db()
    assert people.owner.language == "ja"
    fresh = Client()
    fresh.force_login(people.owner)
    assert '<html lang="ja"' in fresh.get(reverse("account")).content.decode()


def test_the_language_switch_never_leaves_the_site(client, db):
    for target in ("https://evil.example/", "//evil.example", "javascript:alert(1)", "http:///evil.example"):
        response = client.post(reverse("set_language"), {"language": "en", "next": target})
        assert response.url == "/"


def test_an_unknown_language_changes_nothing(signed_in, people):
    signed_in("owner").post(reverse("set_language"), {"language": "xx"})
    people.owner.refresh_from_db()
    assert people.owner.language == "en"


def test_the_theme_is_kept_and_shown(signed_in):
    client = signed_in("owner")
    client.post(reverse("set_theme"), {"theme": "dark"})
    assert 'data-theme="dark"' in client.get(reverse("account")).content.decode()


def test_pages_carry_no_inline_script_or_style(signed_in, project):
    client = signed_in("owner")
    for name in ("home", "account"):
        html = client.get(reverse(name)).content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)", html)
        assert not re.search(r"\s(style|on\w+)=", html)


def test_logging_in_works_with_the_address_in_any_case(people, client):
    data = {"login": "OWNER@Example.com", "password": "correct horse"}
    response = client.post(reverse("account_login"), data)
    assert response.status_code == 302
    assert client.get(reverse("account")).status_code == 200


def test_two_factor_is_set_up_and_then_asked_for(people, client):
    log_in = {"login": "owner@example.com", "password": "correct horse"}
    client.post(reverse("account_login"), log_in)
    client.post(reverse("account_reauthenticate"), {"password": "correct horse"})
    page = client.get(reverse("mfa_activate_totp"))
    assert page.status_code == 200
    secret = page.context["form"].secret
    code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
    assert client.post(reverse("mfa_activate_totp"), {"code": code}).status_code == 302
    fresh = Client()
    assert fresh.post(reverse("account_login"), log_in).url == reverse("mfa_authenticate")
    assert fresh.get(reverse("account")).status_code == 302
