"""The campaigns of a project."""

from django.urls import reverse
from django.utils import timezone

from generation.models import Output
from ledger.models import Entry
from projects.events import sentence
from projects.models import Campaign
from projects.services import create_campaign
from tests.generation.pictures import made


def url(name: str = "campaigns", *args) -> str:
    return reverse(name, args=["spring", *args])


def last_entry(project):
    return Entry.objects.filter(chain=project.id).latest("seq")


def test_an_editor_opens_a_campaign_and_the_ledger_says_so(signed_in, project):
    client = signed_in("editor")
    assert "No campaigns yet" in client.get(url()).content.decode()
    assert client.post(url("campaign_add"), {"name": "Rainy season", "name_ja": "梅雨"}).status_code == 302
    campaign = Campaign.objects.get()
    assert (campaign.project, campaign.slug, campaign.name_ja) == (project, "rainy-season", "梅雨")
    entry = last_entry(project)
    assert (entry.event, entry.subject) == ("projects.campaign.created", f"campaign:{campaign.id}")
    assert sentence(entry.event, entry.subject, entry.data, {}) == "Campaign opened: Rainy season"


def test_a_japanese_name_gets_an_address_that_is_made_up(signed_in, project):
    signed_in("editor").post(url("campaign_add"), {"name": "梅雨", "name_ja": ""})
    assert Campaign.objects.get().slug.startswith("campaign-")


def test_the_same_name_twice_is_refused_and_kept_in_the_form(signed_in, project):
    client = signed_in("editor")
    client.post(url("campaign_add"), {"name": "Rain"})
    response = client.post(url("campaign_add"), {"name": "RAIN", "name_ja": "雨"})
    assert response.status_code == 422
    assert "campaign with this name already" in " ".join(response.context["form"].errors["name"])
    assert response.context["form"]["name_ja"].value() == "雨"
    assert Campaign.objects.count() == 1


def test_another_name_keeps_the_address(signed_in, people, project):
    campaign = create_campaign(project, actor=people.editor, name="Rain")
    client, names = signed_in("editor"), {"name": "Rainy season", "name_ja": ""}
    assert client.post(url("campaign_rename", campaign.id), names).status_code == 302
    campaign.refresh_from_db()
    assert (campaign.name, campaign.slug) == ("Rainy season", "rain")
    entry = last_entry(project)
    assert entry.data["name"] == {"from": "Rain", "to": "Rainy season"}
    assert sentence(entry.event, entry.subject, entry.data, {}) == "Campaign renamed: Rainy season"
    client.post(url("campaign_rename", campaign.id), names)
    assert last_entry(project).seq == entry.seq


def test_a_name_that_another_campaign_has_comes_back_in_its_line(signed_in, people, project):
    create_campaign(project, actor=people.editor, name="Sun")
    rain = create_campaign(project, actor=people.editor, name="Rain")
    response = signed_in("editor").post(url("campaign_rename", rain.id), {"name": "sun", "name_ja": "日"})
    page = response.content.decode()
    assert response.status_code == 422
    assert page.count("campaign with this name already") == 1
    assert 'value="日"' in page
    rain.refresh_from_db()
    assert rain.name == "Rain"


def test_a_campaign_of_another_project_is_not_there(signed_in, people, project):
    from projects.models import Project

    other = create_campaign(Project.objects.get(slug="elsewhere"), actor=people.stranger, name="Secret")
    client = signed_in("owner")
    assert client.post(url("campaign_rename", other.id), {"name": "Mine"}).status_code == 404
    assert "Secret" not in client.get(url()).content.decode()


def test_pictures_are_counted_as_the_gallery_shows_them(
    signed_in, people, project, starter, django_assert_max_num_queries
):
    rain = create_campaign(project, actor=people.editor, name="Rain")
    create_campaign(project, actor=people.editor, name="Sun")
    outputs = made(people.editor, project, starter, campaign=rain, count=3)
    made(people.editor, project, starter, count=2, seed=9)
    Output.objects.filter(pk=outputs[0].pk).update(rejected_at=timezone.now())
    client = signed_in("viewer")
    with django_assert_max_num_queries(12):
        page = client.get(url()).content.decode()
    assert "2 pictures" in page
    assert f"{reverse('gallery', args=['spring'])}?campaign=rain" in page
    assert "No pictures yet" in page
    assert "Rename" not in page
    assert len(client.get(url("gallery"), {"campaign": "rain"}).context["page"].rows) == 2
