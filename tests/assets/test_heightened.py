"""The standard policy is strict where a set is small, or aims at a person, a character or a single work."""

import pytest
from django.urls import reverse

from assets.licensing import Action, Verdict
from assets.models import Dataset
from assets.services import decide_use
from assets.services.datasets import add_items, change_dataset, create_dataset, freeze_version
from assets.services.decisions import SMALL_SET, heightened_by, lessons_of
from ledger.models import Entry
from projects.models import Project
from projects.problems import Problem
from tests.api.conftest import bearer
from tests.assets.chain import learned
from tests.assets.material import cleared

pytestmark = pytest.mark.django_db

NAMED = "names_person_or_work"


@pytest.fixture
def standard(project):
    Project.objects.filter(pk=project.pk).update(policy="standard")
    project.refresh_from_db()
    return project


@pytest.fixture
def dataset(people, standard) -> Dataset:
    """Return a set that is not small; one of its pictures is for no business."""
    pictures = [cleared(people, standard, seed) for seed in range(1, SMALL_SET)]
    pictures.append(cleared(people, standard, SMALL_SET, "CC-BY-NC-4.0"))
    found = create_dataset(people.editor, standard, name="Umbrellas")
    add_items(people.editor, found, pictures)
    return found


@pytest.mark.parametrize(
    ("count", "aims", "expected"),
    [
        (SMALL_SET, False, ()),
        (SMALL_SET, None, (NAMED,)),
        (SMALL_SET, True, (NAMED,)),
        (SMALL_SET - 1, False, ("small_set",)),
        (SMALL_SET - 1, None, ("small_set", NAMED)),
    ],
)
def test_what_makes_a_set_strict(db, count, aims, expected):
    assert heightened_by(count, aims) == expected


@pytest.mark.parametrize(("aims", "verdict"), [(None, Verdict.BLOCK), (True, Verdict.BLOCK), (False, Verdict.ALLOW)])
def test_publishing_what_a_set_has_taught(people, standard, starter, dataset, aims, verdict):
    change_dataset(people.editor, dataset, {"aims_at_work": aims})
    version = freeze_version(people.editor, dataset)
    assert version.aims_at_work is aims
    assert {each.heightened for each in lessons_of(version)} == {heightened_by(SMALL_SET, aims)}
    Project.objects.filter(pk=standard.pk).update(purpose="noncommercial")
    adapter = learned(people, standard, starter, version)
    assert decide_use(standard, Action.PUBLISH, [adapter], purpose="commercial").verdict is verdict


def test_a_frozen_version_keeps_its_answer_and_another_answer_is_another_version(people, dataset):
    first = freeze_version(people.editor, dataset)
    with pytest.raises(Problem):
        freeze_version(people.editor, dataset)
    change_dataset(people.editor, dataset, {"aims_at_work": False})
    second = freeze_version(people.editor, dataset)
    first.refresh_from_db()
    assert (first.aims_at_work, second.aims_at_work) == (None, False)
    assert Entry.objects.filter(event="assets.dataset.version_frozen").count() == 2


def test_the_portal_asks_and_shows_the_answer(people, project, signed_in):
    client, room = signed_in("editor"), reverse("datasets", args=["spring"])
    made = client.post(room, {"name": "Cats", "aims_at_work": "false"})
    assert made.status_code == 302
    dataset = Dataset.objects.get(name="Cats")
    assert dataset.aims_at_work is False
    edit = reverse("dataset_edit", args=["spring", dataset.slug])
    page = client.get(edit).content.decode()
    assert "Does this set aim at a person, a character or a single work?" in page
    assert '<option value="false" selected>' in page
    client.post(edit, {"name": "Cats", "aims_at_work": "true"})
    dataset.refresh_from_db()
    assert dataset.aims_at_work is True


def test_the_api_takes_and_shows_the_answer(people, project):
    client = bearer(people.editor)
    body = client.post("/api/v1/datasets/", {"project": "spring", "name": "Cats"}, format="json").json()
    assert body["aims_at_work"] is None
    room = f"/api/v1/datasets/{body['id']}/"
    assert client.patch(room, {"aims_at_work": False}, format="json").json()["aims_at_work"] is False
    assert client.patch(room, {"name": "Dogs"}, format="json").json()["aims_at_work"] is False
    assert client.patch(room, {"aims_at_work": "perhaps"}, format="json").status_code == 400


def test_a_question_about_a_dataset_counts_its_answer(people, standard, dataset, signed_in):
    def says() -> str:
        page = signed_in("viewer").get(reverse("ask", args=["spring"]), {"dataset": str(dataset.id), "use": "made"})
        return page.context["answer"].mark

    assert says() == "stop"
    change_dataset(people.editor, dataset, {"aims_at_work": False})
    assert says() == "ok"
