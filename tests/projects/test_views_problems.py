"""Pages for what went wrong, in words."""

import re

from django.test import Client, RequestFactory
from django.urls import reverse

from projects.views.problems import server_error

HTMX = {"HX-Request": "true"}


def test_not_there_and_not_mine_look_the_same(signed_in, project):
    client = signed_in("stranger")
    mine = client.get(reverse("members", args=["spring"]))
    nobodys = client.get(reverse("members", args=["nowhere"]))
    assert mine.status_code == nobodys.status_code == 404
    words = [
        re.sub(r"spring|nowhere|csrfmiddlewaretoken.*?>|X-CSRFToken.*?>", "", each.content.decode())
        for each in (mine, nobodys)
    ]
    assert words[0] == words[1]


def test_a_small_role_is_told_who_can_help(signed_in, project):
    response = signed_in("viewer").post(reverse("member_add", args=["spring"]))
    assert response.status_code == 403
    assert "An owner of the project can change your role" in response.content.decode()


def test_htmx_gets_a_notice_and_keeps_the_page(signed_in, project):
    response = signed_in("viewer").post(reverse("member_add", args=["spring"]), headers=HTMX)
    assert response.status_code == 403
    assert response.headers["HX-Retarget"] == "#notices"
    assert response.content.decode().lstrip().startswith('<div class="notice stop"')


def test_an_unknown_address_is_answered_in_words(client, db):
    response = client.get("/nothing/here/")
    assert response.status_code == 404
    assert "There is nothing at this address" in response.content.decode()


def test_problems_speak_the_readers_language(client, db):
    html = client.get("/nothing/here/", headers={"Accept-Language": "ja"}).content.decode()
    assert '<html lang="ja"' in html


def test_a_form_without_its_token_is_refused_in_words(people, settings):
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.owner)
    response = client.post(reverse("set_theme"), {"theme": "dark"})
    assert response.status_code == 403
    people.owner.refresh_from_db()
    assert people.owner.theme == "auto"


def test_a_breakdown_is_explained_without_the_database(django_assert_num_queries, db):
    with django_assert_num_queries(0):
        response = server_error(RequestFactory().get("/"))
    assert response.status_code == 500
    assert "Something broke" in response.content.decode()


def test_a_breakdown_behind_htmx_becomes_a_notice():
    response = server_error(RequestFactory().get("/", headers=HTMX))
    assert response.status_code == 500
    assert response.headers["HX-Retarget"] == "#notices"
    assert "<html" not in response.content.decode()


def test_a_foreign_host_is_refused(client, db):
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_every_page_has_a_strict_policy(client, db):
    policy = client.get(reverse("account_login")).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
