"""Groups of pictures: named by a person, found by a worker, and kept by a version."""

import json

import pytest
from django.urls import reverse

from assets.models import PicturePair
from assets.services.curation import dismiss_group
from assets.services.datasets import add_items, create_dataset, freeze_version
from assets.services.exports import manifest_in
from assets.services.groups import set_group
from ledger.models import Entry
from projects.problems import Problem

from .material import cleared

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(people, project):
    made = create_dataset(people.editor, project, name="Foxes")
    add_items(people.editor, made, [cleared(people, project, seed) for seed in range(1, 6)])
    return made


def pair(dataset, one, other):
    """Say that two pictures are nearly the same, as a worker does."""
    ids = sorted(dataset.items.filter(number__in=(one, other)).values_list("picture_id", flat=True))
    PicturePair.objects.create(first_id=ids[0], second_id=ids[1], similarity=0.9)


def frozen_groups(people, dataset):
    return [item.group for item in manifest_in(freeze_version(people.editor, dataset)).items]


def named(dataset):
    return dict(dataset.items.values_list("number", "group"))


def url(name="dataset", **more):
    return reverse(name, kwargs={"slug": "spring", "dataset_slug": "foxes", **more})


def test_near_duplicates_are_a_group_when_a_version_is_frozen(people, dataset):
    pair(dataset, 2, 4)
    first, second, third, fourth, fifth = frozen_groups(people, dataset)
    assert (first, third, fifth) == ("", "", "")
    assert second == fourth != ""
    least = min(item.picture.pixels_sha256 for item in dataset.items.filter(number__in=(2, 4)))
    assert second == f"near-{least[:12]}"
    assert set(named(dataset).values()) == {""}


def test_a_persons_word_counts_before_what_a_worker_has_found(people, dataset):
    pair(dataset, 2, 4)
    set_group(people.editor, dataset, dataset.items.filter(number__in=(1, 2)), "  front   view ")
    groups = frozen_groups(people, dataset)
    assert groups[:2] == ["front view", "front view"]
    assert groups[3].startswith("near-")


def test_what_counts_as_different_is_no_group(people, dataset):
    pair(dataset, 2, 4)
    dismiss_group(people.editor, [item.picture for item in dataset.items.filter(number__in=(2, 4))])
    assert set(frozen_groups(people, dataset)) == {""}


def test_a_new_group_is_a_change_that_can_be_frozen(people, dataset):
    freeze_version(people.editor, dataset)
    with pytest.raises(Problem):
        freeze_version(people.editor, dataset)
    pair(dataset, 1, 2)
    assert freeze_version(people.editor, dataset).number == 2


def test_grouping_stands_in_the_ledger_when_it_changes_anything(people, dataset):
    assert set_group(people.editor, dataset, dataset.items.filter(number__lte=2), "front") == 2
    assert set_group(people.editor, dataset, dataset.items.filter(number__lte=3), "front") == 1
    assert set_group(people.editor, dataset, dataset.items.filter(number__lte=3), "front") == 0
    said = [json.loads(each.payload) for each in Entry.objects.filter(event="assets.dataset.grouped").order_by("seq")]
    assert [(each["group"], each["count"]) for each in said] == [("front", 2), ("front", 1)]


def test_another_datasets_pictures_stay_as_they_are(people, project, dataset):
    other = create_dataset(people.editor, project, name="Bears")
    add_items(people.editor, other, [item.picture for item in dataset.items.all()])
    assert set_group(people.editor, dataset, other.items.all(), "front") == 0
    assert set(named(other).values()) == {""}


def test_ticked_pictures_are_grouped_on_the_page_and_show_it(signed_in, dataset):
    client = signed_in("editor")
    ids = [str(each) for each in dataset.items.filter(number__in=(1, 3)).values_list("picture_id", flat=True)]
    assert client.post(url("dataset_group"), {"row": ids, "group": "front"}).url == url()
    assert named(dataset) == {1: "front", 2: "", 3: "front", 4: "", 5: ""}
    html = client.get(url()).content.decode()
    assert html.count("</span>front</p>") == 2
    assert '<option value="front">' in html
    client.post(url("dataset_group"), {"row": ids[:1], "group": ""})
    assert named(dataset)[1] == ""
    seen = signed_in("viewer").get(url()).content.decode()
    assert seen.count("</span>front</p>") == 1
    assert "group-form" not in seen


@pytest.mark.parametrize(
    "asked", [{"group": "front"}, {"group": "x" * 81, "row": "all"}], ids=["nothing ticked", "long"]
)
def test_what_cannot_be_grouped_is_said(signed_in, dataset, asked):
    if "row" in asked:
        asked = {**asked, "row": [str(dataset.items.first().picture_id)]}
    page = signed_in("editor").post(url("dataset_group"), asked, follow=True)
    assert "Tick some first" in page.content.decode() or "at most 80" in page.content.decode()
    assert set(named(dataset).values()) == {""}


def test_the_api_groups_by_number_all_or_none(signed_in, dataset):
    client, address = signed_in("editor"), reverse("api-dataset-groups", args=[dataset.id])
    answer = client.post(address, {"group": "front", "numbers": [1, 2]}, content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {"changed": 2})
    answer = client.post(address, {"group": "back", "numbers": [1, 99]}, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "picture_unknown")
    pictures = client.get(reverse("api-dataset-pictures", args=[dataset.id])).json()["results"]
    assert [each["group"] for each in pictures] == ["front", "front", "", "", ""]


def test_a_version_shows_its_groups(signed_in, people, dataset):
    set_group(people.editor, dataset, dataset.items.filter(number=1), "front")
    freeze_version(people.editor, dataset)
    assert "Group: front" in signed_in("viewer").get(url("dataset_version", number=1)).content.decode()
