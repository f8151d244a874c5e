"""A new project, opened by whoever is logged in."""

import pytest
from django.urls import reverse

from ledger.models import Entry
from projects.models import Project, Role
from projects.services import create_project

DATA = {"name": "Rainy season", "name_ja": "梅雨", "slug": "", "purpose": "editorial", "territory": "US"}


def send(client, **changes):
    return client.post(reverse("project_new"), {**DATA, **changes})


def test_whoever_opens_a_project_owns_it(signed_in, people):
    response = send(signed_in("stranger"))
    made = Project.objects.get()
    assert (made.slug, made.name, made.name_ja) == ("rainy-season", "Rainy season", "梅雨")
    assert (made.purpose, made.territory, made.policy) == ("editorial", "US", "strict")
    assert made.memberships.get().user == people.stranger
    assert made.memberships.get().role == Role.OWNER
    assert response.headers["Location"] == reverse("studio", args=["rainy-season"])
    assert Entry.objects.get(chain=made.id).event == "projects.project.created"


def test_a_japanese_name_gets_an_address_that_is_made_up(signed_in, people):
    send(signed_in("owner"), name="梅雨")
    assert Project.objects.get().slug.startswith("project-")


def test_a_name_whose_address_is_taken_gets_a_number(signed_in, people):
    send(signed_in("owner"))
    send(signed_in("editor"))
    assert set(Project.objects.values_list("slug", flat=True)) == {"rainy-season", "rainy-season-2"}


@pytest.mark.parametrize("slug", ["new", "New"])
def test_the_address_of_this_room_cannot_be_taken(signed_in, people, slug):
    response = send(signed_in("owner"), slug=slug)
    assert response.status_code == 422
    assert "This address is taken" in " ".join(response.context["form"].errors["slug"])
    send(signed_in("owner"), name="New")
    assert Project.objects.get().slug == "new-2"


def test_an_address_that_is_taken_is_refused_and_nothing_is_lost(signed_in, people):
    create_project(people.stranger, slug="rain", name="Rain")
    response = send(signed_in("owner"), slug="RAIN")
    assert response.status_code == 422
    assert "This address is taken" in " ".join(response.context["form"].errors["slug"])
    assert response.context["form"]["name_ja"].value() == "梅雨"
    assert Project.objects.count() == 1


def test_pressing_twice_opens_one_project(signed_in, people):
    client = signed_in("owner")
    send(client)
    assert "You have a project with this name already." in send(client).content.decode()
    assert Project.objects.count() == 1


def test_home_leads_to_it(signed_in, people):
    assert f'href="{reverse("project_new")}"' in signed_in("stranger").get(reverse("home")).content.decode()
