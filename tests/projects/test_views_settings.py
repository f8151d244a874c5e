"""A project's settings."""

from django.urls import reverse

from ledger.models import Entry

DATA = {
    "name": "Spring",
    "name_ja": "春",
    "description": "",
    "purpose": "advertising",
    "territory": "US",
    "revenue_usd": "500000",
    "policy": "strict",
}


def url():
    return reverse("project_settings", args=["spring"])


def test_an_owner_changes_what_rights_are_judged_by(signed_in, project):
    assert signed_in("owner").post(url(), DATA).status_code == 302
    project.refresh_from_db()
    assert (project.purpose, project.territory) == ("advertising", "US")
    entry = Entry.objects.filter(chain=project.id).latest("seq")
    assert entry.event == "projects.project.changed"
    assert entry.data["territory"] == {"from": "JP", "to": "US"}
    assert set(entry.data) == {"purpose", "territory"}


def test_saving_the_same_writes_nothing(signed_in, project):
    client = signed_in("owner")
    client.post(url(), DATA)
    before = Entry.objects.count()
    client.post(url(), DATA)
    assert Entry.objects.count() == before


def test_an_editor_reads_but_does_not_write(signed_in, project):
    client = signed_in("editor")
    assert client.get(url()).status_code == 200
    assert client.post(url(), DATA).status_code == 403


def test_wrong_values_are_refused_beside_their_fields(signed_in, project):
    response = signed_in("owner").post(url(), {**DATA, "territory": "usa", "revenue_usd": "-1", "purpose": "war"})
    assert response.status_code == 422
    assert response.content.decode().count('class="error"') == 3
    project.refresh_from_db()
    assert project.territory == "JP"


def test_the_slug_and_the_id_cannot_be_assigned(signed_in, project):
    signed_in("owner").post(url(), {**DATA, "slug": "mine", "id": "0"})
    project.refresh_from_db()
    assert project.slug == "spring"


def test_a_project_leads_to_its_studio(signed_in, project):
    response = signed_in("viewer").get(reverse("project", args=["spring"]))
    assert response.url == reverse("studio", args=["spring"])
