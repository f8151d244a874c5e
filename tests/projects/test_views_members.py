"""Members: who may change whom, and how a new person comes in."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from ledger.models import Entry
from projects.models import Membership, Role, User


def role_of(project, user):
    return Membership.objects.filter(project=project, user=user).values_list("role", flat=True).first()


def post(client, view, data=None, *args):
    return client.post(reverse(view, args=["spring", *args]), data or {})


def test_every_member_sees_the_list(signed_in, project):
    html = signed_in("viewer").get(reverse("members", args=["spring"])).content.decode()
    assert "editor@example.com" in html
    assert reverse("member_add", args=["spring"]) not in html


def test_an_owner_adds_an_existing_person(signed_in, project, people):
    data = {"add-email": "STRANGER@example.com", "add-role": "editor"}
    assert post(signed_in("owner"), "member_add", data).status_code == 302
    assert role_of(project, people.stranger) == Role.EDITOR
    assert Entry.objects.filter(chain=project.id).latest("seq").event == "projects.member.role_set"


def test_adding_an_unknown_address_says_what_to_do(signed_in, project):
    response = post(signed_in("owner"), "member_add", {"add-email": "nobody@example.com", "add-role": "editor"})
    assert response.status_code == 422
    assert "No account has this address" in response.content.decode()


def test_adding_a_member_again_changes_no_role(signed_in, project, people):
    response = post(signed_in("owner"), "member_add", {"add-email": "viewer@example.com", "add-role": "owner"})
    assert response.status_code == 422
    assert role_of(project, people.viewer) == Role.VIEWER


@pytest.mark.parametrize("name", ["viewer", "editor", "reviewer"])
def test_only_owners_change_members(signed_in, project, people, name):
    client = signed_in(name)
    assert post(client, "member_add", {"add-email": "stranger@example.com", "add-role": "owner"}).status_code == 403
    assert post(client, "member_role", {"role": "owner"}, people.viewer.id).status_code == 403
    assert post(client, "member_remove", {}, people.owner.id).status_code == 403
    assert role_of(project, people.viewer) == Role.VIEWER


def test_the_last_owner_stays(signed_in, project, people):
    client = signed_in("owner")
    response = post(client, "member_role", {"role": "viewer"}, people.owner.id)
    assert response.status_code == 409
    assert "needs an owner" in response.content.decode()
    assert post(client, "member_remove", {}, people.owner.id).status_code == 409
    assert role_of(project, people.owner) == Role.OWNER


def test_an_owner_can_leave_when_another_stays(signed_in, project, people):
    client = signed_in("owner")
    post(client, "member_role", {"role": "owner"}, people.editor.id)
    response = post(client, "member_remove", {}, people.owner.id)
    assert response.url == reverse("home")
    assert role_of(project, people.owner) is None


def test_a_person_of_another_project_is_not_there(signed_in, project, people):
    assert post(signed_in("owner"), "member_remove", {}, people.stranger.id).status_code == 404


def test_an_unknown_role_is_refused(signed_in, project, people):
    assert post(signed_in("owner"), "member_role", {"role": "king"}, people.viewer.id).status_code == 400
    assert role_of(project, people.viewer) == Role.VIEWER


def invite(client, **changes):
    data = {"new-name": "新しい人", "new-email": "new@example.com", "new-role": "editor", **changes}
    response = post(client, "member_invite", data)
    found = re.search(r'value="(http://testserver/account/password/reset/key/[^"]+)"', response.content.decode())
    return response, found.group(1) if found else None


def test_a_new_person_comes_in_by_a_link_that_works_once(signed_in, project):
    _response, link = invite(signed_in("owner"))
    newcomer = Client()
    form = newcomer.get(link, follow=True)
    assert form.status_code == 200
    action = form.redirect_chain[-1][0]
    done = newcomer.post(action, {"password1": "violet-lamp-43", "password2": "violet-lamp-43"}, follow=True)
    assert done.status_code == 200
    assert Client().login(email="new@example.com", password="violet-lamp-43")
    again = Client().get(link, follow=True)
    assert 'name="password1"' not in again.content.decode()


def test_the_link_can_be_made_again_until_it_was_used(signed_in, project):
    client = signed_in("owner")
    invite(client)
    person = User.objects.get(email="new@example.com")
    assert "/account/password/reset/key/" in post(client, "member_link", {}, person.id).content.decode()
    person.set_password("violet-lamp-43")
    person.save()
    assert post(client, "member_link", {}, person.id).status_code == 409


def test_another_projects_owner_gets_no_link_for_an_invited_person(signed_in, project, people):
    invite(signed_in("owner"))
    person = User.objects.get(email="new@example.com")
    stranger = signed_in("stranger")
    stranger.post(reverse("member_add", args=["elsewhere"]), {"add-email": person.email, "add-role": "viewer"})
    response = stranger.post(reverse("member_link", args=["elsewhere", person.id]))
    assert response.status_code == 403
    assert "/account/password/reset/key/" not in response.content.decode()
    button = reverse("member_link", args=["elsewhere", person.id])
    assert button not in stranger.get(reverse("members", args=["elsewhere"])).content.decode()
    button = reverse("member_link", args=["spring", person.id])
    assert button in signed_in("owner").get(reverse("members", args=["spring"])).content.decode()
    assert post(signed_in("owner"), "member_link", {}, person.id).status_code == 200


def test_a_link_is_never_made_for_a_person_with_a_password(signed_in, project, people):
    assert post(signed_in("owner"), "member_link", {}, people.viewer.id).status_code == 409


def test_inviting_an_address_that_has_an_account_is_refused(signed_in, project, people):
    response, link = invite(signed_in("owner"), **{"new-email": "Stranger@Example.com"})
    assert response.status_code == 422
    assert link is None
    assert role_of(project, people.stranger) is None


def test_names_are_shown_as_text(signed_in, project):
    client = signed_in("owner")
    response, _link = invite(client, **{"new-name": "<script>alert(1)</script>"})
    assert "<script>alert(1)" not in response.content.decode()
