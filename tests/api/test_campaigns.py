"""Campaigns through the API."""

from ledger.models import Entry

URL = "/api/v1/projects/spring/campaigns/"


def test_a_campaign_is_opened_listed_and_renamed(caller, project):
    client = caller("editor")
    made = client.post(URL, {"name": "Rainy season", "name_ja": "梅雨"}, format="json")
    assert (made.status_code, made.json()["slug"]) == (201, "rainy-season")
    response = client.patch(f"{URL}rainy-season/", {"name": "Rain"}, format="json")
    assert (response.status_code, response.json()["name"], response.json()["name_ja"]) == (200, "Rain", "梅雨")
    assert [each["name"] for each in client.get(URL).json()] == ["Rain"]
    events = Entry.objects.filter(chain=project.id).order_by("-seq").values_list("event", flat=True)[:2]
    assert list(events) == ["projects.campaign.changed", "projects.campaign.created"]


def test_what_cannot_be_set_is_refused_by_name(caller):
    client = caller("editor")
    client.post(URL, {"name": "Rain"}, format="json")
    refused = [({"slug": "other"}, "slug"), ({"name": "\u202e"}, "name"), ({"project": "elsewhere"}, "project")]
    for body, field in refused:
        response = client.patch(f"{URL}rain/", body, format="json")
        assert response.status_code == 400
        assert field in response.json()["error"]["fields"]


def test_an_address_or_a_name_that_is_taken_is_a_conflict(caller):
    client = caller("editor")
    assert client.post(URL, {"name": "Rain", "slug": "wet"}, format="json").json()["slug"] == "wet"
    for body, code in (({"name": "rain"}, "name_taken"), ({"name": "Other", "slug": "wet"}, "slug_taken")):
        response = client.post(URL, body, format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (409, code)


def test_a_reading_token_opens_nothing(caller):
    assert caller("editor", "read").post(URL, {"name": "Rain"}, format="json").status_code == 403
    assert caller("editor", "read").patch(f"{URL}none/", {"name": "Rain"}, format="json").status_code == 403
