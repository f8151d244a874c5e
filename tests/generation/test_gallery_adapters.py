"""Find the pictures of an adapter: in the gallery, and from the adapter's own page."""

import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from assets.models import ModelFile
from generation.composing import Adapter
from generation.models import Output
from generation.views import gallery
from tests.assets.chain import drawn_with, frozen, learned
from tests.generation.pictures import made


@pytest.fixture
def adapters(people, project, starter) -> list[ModelFile]:
    """Return three adapters; the last one is never drawn with."""
    version = frozen(people, project, ["CC0-1.0"])
    return [learned(people, project, starter, version, name=name, seed=seed) for seed, name in enumerate("abc")]


@pytest.fixture
def outputs(people, project, starter, adapters) -> list[Output]:
    """Return a picture without adapter, one with the first, one with both."""
    both = tuple(Adapter(file=file, weight=0.5) for file in adapters[:2])
    [plain], [one] = made(people.editor, project, starter), drawn_with(people, project, starter, adapters[0], seed=2)
    return [plain, one, *made(people.editor, project, starter, adapters=both, seed=3)]


def shown(client, **query) -> set[uuid.UUID]:
    """Return the ids of the pictures on the gallery's first page."""
    return {output.id for output in client.get(reverse("gallery", args=["spring"]), query).context["page"].rows}


def test_an_adapters_pictures_are_those_made_with_it_and_any_others(signed_in, adapters, outputs):
    client, (plain, one, both) = signed_in("viewer"), [output.id for output in outputs]
    assert shown(client) == {plain, one, both}
    assert shown(client, adapter=adapters[0].id) == {one, both}
    assert shown(client, adapter=adapters[1].id) == {both}
    assert shown(client, adapter=adapters[2].id) == set()
    assert shown(client, adapter=uuid.uuid4()) == set()


def test_the_gallery_offers_the_adapters_that_were_used_even_those_that_are_gone(signed_in, adapters, outputs):
    ModelFile.objects.filter(pk=adapters[0].pk).update(removed_at=timezone.now())
    filters = signed_in("viewer").get(reverse("gallery", args=["spring"])).context["filters"]
    assert [name for _key, name in filters.form.fields["adapter"].widget.choices] == ["Any", "a", "b"]


def test_the_adapter_that_was_asked_for_is_always_offered(signed_in, adapters, outputs, monkeypatch):
    monkeypatch.setattr(gallery, "MAX_ADAPTERS_OFFERED", 1)
    page = signed_in("viewer").get(reverse("gallery", args=["spring"]), {"adapter": adapters[0].id}).content.decode()
    assert f'<option value="{adapters[0].id}" selected>a</option>' in page


def test_an_adapters_page_leads_to_all_of_its_pictures(signed_in, adapters, outputs):
    client = signed_in("viewer")
    page = client.get(reverse("model_file", args=["spring", adapters[0].id])).content.decode()
    assert f'{reverse("gallery", args=["spring"])}?adapter={adapters[0].id}"' in page
    assert "?adapter=" not in client.get(reverse("model_file", args=["spring", adapters[2].id])).content.decode()


def test_neighbours_stay_among_an_adapters_pictures(signed_in, adapters, outputs):
    _plain, one, both = outputs
    response = signed_in("viewer").get(both.get_absolute_url(), {"adapter": adapters[0].id})
    assert (response.context["newer"], response.context["older"]) == (None, one.id)
    response = signed_in("viewer").get(both.get_absolute_url(), {"adapter": adapters[1].id})
    assert (response.context["newer"], response.context["older"]) == (None, None)
