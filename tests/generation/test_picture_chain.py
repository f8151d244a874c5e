"""The chain on a picture's page: adapter, dataset version, every training picture, in few queries."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from assets.models import Dataset, DatasetVersionItem, ModelFile, ModelSource, Rights
from generation.chains import PICTURES_SHOWN, Link
from generation.composing import Adapter
from generation.models import Output
from projects.models import Project
from tests.assets.chain import drawn_with, frozen, learned
from tests.generation.pictures import made


@pytest.fixture
def output(people, project, starter) -> Output:
    """Return a picture of an adapter that learned from three pictures with three licences."""
    version = frozen(people, project, ["CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0"])
    return drawn_with(people, project, starter, learned(people, project, starter, version))[0]


def links_of(client: Client, output: Output) -> dict[str, Link]:
    """Return the tops of the chain by name."""
    return {link.name: link for link in client.get(output.get_absolute_url()).context["chain"]}


def test_an_adapter_shows_its_version_and_every_picture(signed_in, output):
    adapter = links_of(signed_in("viewer"), output)["Umbrella LoRA"]
    base, version = adapter.below
    assert (base.kind, base.name, base.below) == ("Derived from", "Daicho Starter", [])
    assert (version.kind, version.name, version.license) == ("Trained on", "Umbrellas v1", "3 pictures")
    assert [link.license for link in version.below] == ["CC0 1.0", "CC BY 4.0", "CC BY-SA 4.0"]
    assert version.more == ""
    page = signed_in("viewer").get(output.get_absolute_url()).content.decode()
    assert all(f'<a href="{link.url}">' in page for link in (version, *version.below))


def test_a_long_version_shows_the_first_and_links_to_the_others(signed_in, people, project, starter):
    version = frozen(people, project, ["CC0-1.0"] * (PICTURES_SHOWN + 3))
    [output] = drawn_with(people, project, starter, learned(people, project, starter, version))
    link = links_of(signed_in("viewer"), output)["Umbrella LoRA"].below[1]
    assert [each.name for each in link.below] == [
        item.picture.name for item in version.items.order_by("number")[:PICTURES_SHOWN]
    ]
    page = signed_in("viewer").get(output.get_absolute_url()).content.decode()
    assert f'<a class="small" href="{link.url}">and 3 more pictures</a>' in page


def test_more_adapters_versions_and_pictures_ask_no_more(signed_in, people, project, starter, output):
    first = ModelFile.objects.get(name="Umbrella LoRA")
    client = signed_in("viewer")
    client.get(output.get_absolute_url())
    with CaptureQueriesContext(connection) as few:
        client.get(output.get_absolute_url())
    for number in (2, 3):
        version = frozen(people, project, ["CC0-1.0"] * 2, first_seed=number * 10, name=f"More {number}")
        ModelSource.objects.create(product=first, role=ModelSource.Role.TRAINED_ON, dataset_version=version)
    client.get(output.get_absolute_url())
    with CaptureQueriesContext(connection) as many:
        chain = {link.name: link for link in client.get(output.get_absolute_url()).context["chain"]}
    assert len(chain["Umbrella LoRA"].below) == 4
    assert len(many) == len(few)


def test_a_refused_picture_is_marked_in_its_place(signed_in, people, output):
    rights = DatasetVersionItem.objects.get(number=1).picture.rights
    Rights.objects.filter(pk=rights.pk).update(state=Rights.State.WITHDRAWN)
    version = links_of(signed_in("viewer"), output)["Umbrella LoRA"].below[1]
    assert [link.state for link in version.below] == ["Withdrawn", "", ""]


def test_what_another_project_keeps_has_no_name_here(signed_in, output):
    elsewhere = Project.objects.get(slug="elsewhere")
    Dataset.objects.update(project=elsewhere)
    response = signed_in("viewer").get(output.get_absolute_url())
    [link] = [link for link in response.context["chain"] if link.name == "Umbrella LoRA"]
    version = link.below[1]
    assert (version.name, version.url, version.below) == ("a dataset of another project", "", ())
    assert "Umbrellas" not in response.content.decode()
    names = DatasetVersionItem.objects.values_list("picture__name", flat=True)
    assert not any(f">{name}</a>" in response.content.decode() for name in names)


def test_a_version_that_two_learned_from_is_told_once(signed_in, people, project, starter, output):
    first = ModelFile.objects.get(name="Umbrella LoRA")
    version = first.sources.get(file=None).dataset_version
    second = learned(people, project, starter, version, name="Vase LoRA", seed=1)
    chosen = tuple(Adapter(file=file, weight=0.5) for file in (first, second))
    [both] = made(people.editor, project, starter, adapters=chosen, seed=9)
    links = links_of(signed_in("viewer"), both)
    assert [len(links[name].below[1].below) for name in ("Umbrella LoRA", "Vase LoRA")] == [3, 0]
    assert links["Vase LoRA"].below[1].url == links["Umbrella LoRA"].below[1].url


def test_a_circle_of_sources_ends(signed_in, starter, output):
    adapter = ModelFile.objects.get(name="Umbrella LoRA")
    ModelSource.objects.create(product=starter, role=ModelSource.Role.MERGED_FROM, file=adapter)
    links = links_of(signed_in("viewer"), output)
    assert [link.name for link in links["Daicho Starter"].below] == ["Umbrella LoRA"]
    assert [link.below for link in links["Daicho Starter"].below] == [[]]
    assert [link.name for link in links["Umbrella LoRA"].below] == ["Daicho Starter", "Umbrellas v1"]
