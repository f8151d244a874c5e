"""The gallery: its filters, its literal search, its pages, and pictures side by side."""

import uuid
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from generation.filters import OutputFilter, neighbours
from generation.models import Output
from generation.services.templates import create_template
from projects.models import Campaign
from projects.paging import read_cursor, read_page
from tests.generation.pictures import made

HTMX = {"HX-Request": "true"}


def url(name: str = "gallery", **more) -> str:
    return reverse(name, kwargs={"slug": "spring", **more})


def shown(response) -> list[int]:
    """Return the seeds on a page, in its order."""
    return [output.seed for output in response.context["page"].rows]


@pytest.fixture
def pictures(people, project, starter, template) -> list[Output]:
    """Return four pictures with the seeds 1 to 4: one of a template, one of a campaign, one of another person."""
    campaign = Campaign.objects.create(project=project, slug="hanami", name="Hanami", name_ja="花見")
    version = template.versions.get()
    return [
        *made(people.editor, project, starter, seed=1, slots={"subject": "100% wool_coat \\ red"}),
        *made(people.editor, project, starter, seed=2, template_version=version, slots={"subject": "赤い靴"}),
        *made(people.editor, project, starter, seed=3, campaign=campaign),
        *made(people.owner, project, starter, seed=4),
    ]


def test_the_newest_comes_first(signed_in, pictures):
    assert shown(signed_in("viewer").get(url())) == [4, 3, 2, 1]


def test_an_empty_gallery_says_what_to_do(signed_in, project):
    assert "No pictures yet" in signed_in("editor").get(url()).content.decode()


@pytest.mark.parametrize(
    ("query", "seeds"),
    [
        ({"template": "product-key-visual"}, [2]),
        ({"template": "product-key-visual", "version": "1"}, [2]),
        ({"template": "product-key-visual", "version": "2"}, []),
        ({"campaign": "hanami"}, [3]),
        ({"license": "CC0-1.0"}, [4, 3, 2, 1]),
        ({"license": "CC-BY-4.0"}, []),
        ({"rating": "4"}, [1]),
        ({"rejected": "only"}, [2]),
        ({"rejected": "all"}, [4, 3, 2, 1]),
        ({"rejected": "hide"}, [4, 3, 1]),
        ({}, [4, 3, 1]),
    ],
)
def test_filters_narrow_down(signed_in, pictures, query, seeds):
    if "rating" in query:
        Output.objects.filter(seed=1).update(rating=5)
    if "rejected" in query or not query:
        Output.objects.filter(seed=2).update(rejected_at=timezone.now())
    assert shown(signed_in("viewer").get(url(), query)) == seeds


def test_filters_know_people_models_and_days(signed_in, people, starter, pictures):
    client = signed_in("viewer")
    Output.objects.filter(seed=1).update(created_at=timezone.now() - timedelta(days=40))
    today = timezone.localdate().isoformat()
    long_ago = (timezone.localdate() - timedelta(days=30)).isoformat()
    assert shown(client.get(url(), {"person": people.owner.id})) == [4]
    assert shown(client.get(url(), {"model": starter.id})) == [4, 3, 2, 1]
    assert shown(client.get(url(), {"model": uuid.uuid4()})) == []
    assert shown(client.get(url(), {"after": today})) == [4, 3, 2]
    assert shown(client.get(url(), {"before": long_ago})) == [1]
    assert shown(client.get(url(), {"before": today})) == [4, 3, 2, 1]


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("100%", [1]),
        ("%", [1]),
        ("wool_coat", [1]),
        ("_", [1]),
        ("\\", [1]),
        ("0_ wool", []),
        ("WOOL", [1]),
        ("赤い靴", [2]),
        ("赤い", [4, 3, 2]),
        ("'; drop table", []),
        ("beach", [4, 3]),
    ],
)
def test_search_is_literal_in_both_languages(signed_in, pictures, text, seeds):
    assert shown(signed_in("viewer").get(url(), {"q": text})) == seeds


@pytest.mark.parametrize(
    "query",
    [
        {"model": "x"},
        {"person": "'"},
        {"version": "1e9"},
        {"version": str(10**30)},
        {"after": "2026/02/30"},
        {"after": "9999-12-31"},
        {"before": "9999-12-31"},
        {"rating": "9"},
        {"rejected": "maybe"},
        {"q": "x" * 500},
        {"q": "\x00"},
        {"cursor": "nonsense"},
        {"cursor": "é"},
        {"template": "../../x"},
    ],
    ids=str,
)
def test_a_bad_filter_never_breaks_the_page(signed_in, pictures, query):
    assert signed_in("viewer").get(url(), query).status_code == 200


@pytest.mark.postgres
def test_pages_follow_each_other_without_gaps_even_at_the_same_moment(people, project, starter):
    made(people.editor, project, starter, count=8)
    Output.objects.update(created_at=timezone.now())
    rows, seen, cursor = Output.objects.filter(project=project), [], ""
    for _page in range(3):
        page = read_page(rows, cursor, size=3)
        seen += [output.id for output in page.rows]
        cursor = page.next_cursor
    assert cursor == ""
    assert seen == list(rows.order_by("-created_at", "-id").values_list("id", flat=True))
    for newer, middle, older in zip(seen, seen[1:], seen[2:], strict=False):
        assert neighbours(rows, rows.get(id=middle)) == (newer, older)


def test_a_page_goes_on_by_htmx_and_by_link(signed_in, people, project, starter, monkeypatch):
    made(people.editor, project, starter, count=8)
    monkeypatch.setattr("generation.views.gallery.PAGE_SIZE", 5)
    client = signed_in("viewer")
    first = client.get(url(), {"rejected": "all"})
    cursor = first.context["page"].next_cursor
    assert f"rejected=all&amp;cursor={cursor}" in first.content.decode()
    more = client.get(url(), {"rejected": "all", "cursor": cursor}, headers=HTMX)
    assert more.content.decode().count('id="picture-') == 3
    assert "<html" not in more.content.decode()
    assert "<html" in client.get(url(), {"cursor": cursor}).content.decode()


def test_only_what_a_page_shows_is_read(signed_in, people, project, starter, django_assert_max_num_queries):
    made(people.editor, project, starter, count=8)
    client = signed_in("editor")
    client.get(url())
    with django_assert_max_num_queries(14) as queries:
        client.get(url())
    listing = [query["sql"] for query in queries if "generation_output" in query["sql"] and "prompt" in query["sql"]]
    assert len(listing) == 1
    assert '"environment"' not in listing[0]
    assert not any("COUNT(" in query["sql"] or "OFFSET" in query["sql"] for query in queries)


def test_the_number_of_queries_does_not_grow_with_the_pictures(signed_in, people, project, starter):
    client = signed_in("viewer")
    counts = []
    for _round in range(2):
        made(people.editor, project, starter, count=6)
        client.get(url())
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(url())
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_number_of_queries_does_not_grow_with_what_can_be_chosen(signed_in, people, project):
    client = signed_in("viewer")
    counts = []
    for number in range(3):
        Campaign.objects.create(project=project, slug=f"campaign-{number}", name=f"Campaign {number}")
        create_template(people.editor, project, slug=f"template-{number}", name=f"{number}", body={})
        with CaptureQueriesContext(connection) as queries:
            client.get(url())
        counts.append(len(queries))
    assert counts[1] == counts[2]


def test_a_tile_says_what_a_picture_is(signed_in, people, project, starter):
    subjects = ("a <b>mug</b>", 'a "cup"', "a bowl")
    marked = [made(people.editor, project, starter, slots={"subject": subject})[0] for subject in subjects]
    Output.objects.filter(pk=marked[1].pk).update(rating=3)
    Output.objects.filter(pk=marked[2].pk).update(rejected_at=timezone.now())
    page = signed_in("viewer").get(url(), {"rejected": "all"}).content.decode()
    tiles = page.split('<li class="tile')[1:]
    assert 'alt="a &lt;b&gt;mug&lt;/b&gt;' in tiles[2]
    assert f'href="{marked[0].get_absolute_url()}?rejected=all"' in tiles[2]
    assert 'class="muted" datetime="' in tiles[2]
    assert 'alt="a &quot;cup&quot;' in tiles[1]
    assert 'title="3 of 5 stars"' in tiles[1]
    assert tiles[0].startswith(" rejected")


def test_another_projects_pictures_are_not_in_it(signed_in, pictures):
    assert signed_in("stranger").get(url()).status_code == 404
    response = signed_in("stranger").get(reverse("gallery", kwargs={"slug": "elsewhere"}))
    assert response.context["page"].rows == []


def test_the_filterset_serves_the_api_without_a_project(people, pictures):
    rows = OutputFilter({"person": str(people.owner.id)}, Output.objects.all()).qs
    assert [output.seed for output in rows] == [4]


def test_two_to_four_pictures_stand_side_by_side(signed_in, pictures):
    ids = [str(picture.id) for picture in pictures[:3]]
    response = signed_in("viewer").get(url("compare"), {"ids": ids})
    assert [output.seed for output in response.context["pictures"]] == [1, 2, 3]
    rows = {row["label"]: row for row in response.context["recipe"]}
    assert rows["Seed"]["differs"]
    assert not rows["Steps"]["differs"]
    assert shown_by_comma(signed_in, ids) == [1, 2, 3]


def shown_by_comma(signed_in, ids: list[str]) -> list[int]:
    """Return what compare shows for ids in one comma-joined value."""
    response = signed_in("viewer").get(url("compare"), {"ids": ",".join(ids)})
    return [output.seed for output in response.context["pictures"]]


def test_comparing_too_few_says_how_to_choose(signed_in, pictures):
    client = signed_in("viewer")
    for ids in ([], ["x"], [str(uuid.uuid4())] * 2, [str(pictures[0].id)] * 4):
        assert "Choose two to four pictures" in client.get(url("compare"), {"ids": ids}).content.decode()


@pytest.mark.parametrize("text", ["", "x", "A" * 300, "====", "bm90IGEgY3Vyc29y"])
def test_a_cursor_that_is_none_means_the_beginning(text):
    assert read_cursor(text) is None


def test_a_cursor_survives_the_round_trip():
    from projects.paging import write_cursor

    place = SimpleNamespace(created_at=timezone.now(), id=uuid.uuid4())
    assert read_cursor(write_cursor(place)) == (place.created_at, place.id)
