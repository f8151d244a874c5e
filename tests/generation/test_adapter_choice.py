"""Several adapters in the Studio: added, weighed, taken out, drawn with, and all of them back again."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from assets.models import ModelFile
from engine.limits import MAX_ADAPTERS
from generation.composing import Adapter, compose
from generation.models import Generation
from tests.assets.chain import frozen, learned
from tests.generation.pictures import made

HTMX = {"HX-Request": "true"}


@pytest.fixture
def adapters(people, project, starter) -> list[ModelFile]:
    """Return three adapters, the last one registered first."""
    version = frozen(people, project, ["CC0-1.0"])
    return [learned(people, project, starter, version, name=name, seed=seed) for seed, name in enumerate("abc")]


@pytest.fixture
def studio(signed_in, adapters):
    """Return a function that opens the Studio or sends its form."""
    client = signed_in("editor")

    def send(what: str = "", **options):
        if not what:
            return client.get(reverse("studio", args=["spring"]), options)
        values, headers = options.pop("values"), options.pop("headers", HTMX)
        return client.post(reverse(f"studio_{what}", args=["spring"]), values, headers=headers)

    return send


def fields_of(form) -> dict[str, object]:
    """Return the form as a browser sends it."""
    values = {bound.html_name: bound.value() for bound in form}
    return {name: "" if value is None else value for name, value in values.items()}


def weights_of(form) -> dict[str, object]:
    """Return the weights of the rows by the names of their adapters, in their order."""
    return {row.field.name: row.value() for row in form.adapters}


def test_it_opens_with_none_and_offers_one(studio, adapters):
    response = studio()
    page, form = response.content.decode(), response.context["form"]
    assert form.adapters == []
    assert [name for _key, name in form.fields["adapter"].choices] == ["None", "c", "b", "a"]
    assert page.count("data-weight-of=") == 1
    assert 'class="band"' in page


def test_one_more_counts_before_it_has_a_row(studio, adapters):
    values = fields_of(studio().context["form"]) | {"subject": "a cat", "adapter": adapters[0].id}
    composed = studio("compose", values=values | {"adapter_weight": "0.65"}).context["preview"].composed
    assert [(each.sha256, each.weight) for each in composed.spec.adapters] == [(adapters[0].sha256, 0.65)]
    assert composed.spec.prompt == "a cat, sksumbrella"


def test_adding_gives_it_a_row_and_offers_the_others(studio, adapters):
    values = fields_of(studio().context["form"]) | {"adapter": adapters[0].id, "adapter_weight": "0.65"}
    response = studio("compose", values=values | {"add_adapter": "1"})
    page, form = response.content.decode(), response.context["form"]
    assert 'id="adapters" hx-swap-oob="innerHTML"' in page
    assert "1 adapter chosen" in page
    assert "<noscript>" not in page
    assert weights_of(form) == {"a": "0.65"}
    assert [name for _key, name in form.fields["adapter"].choices] == ["None", "c", "b"]
    assert (form["adapter"].value(), form["adapter_weight"].value()) == ("", 0.7)
    assert 'id="adapters"' not in studio("compose", values=fields_of(form)).content.decode()


def test_a_browser_without_scripts_adds_and_takes_out_too(studio, adapters):
    values = fields_of(studio().context["form"])
    for adapter in adapters[:2]:
        response = studio("compose", values=values | {"adapter": adapter.id}, headers={})
        values = fields_of(response.context["form"])
    assert weights_of(response.context["form"]) == {"a": "0.7", "b": "0.7"}
    page = response.content.decode()
    assert f'<noscript><button class="button" name="remove_adapter" value="{adapters[0].id}"' in page
    response = studio("compose", values=values | {"remove_adapter": adapters[0].id}, headers={})
    assert weights_of(response.context["form"]) == {"b": "0.7"}


def test_all_that_are_shown_are_drawn_with_in_their_order(studio, adapters):
    a, b, c = (str(each.id) for each in adapters)
    values = fields_of(studio().context["form"]) | {"subject": "a cat", "quality": "draft"}
    values |= {f"adapter-{c}": "-0.25", f"adapter-{a}": "", "adapter": b, "adapter_weight": "1.75"}
    assert studio("generate", values=values).status_code == 200
    job = Generation.objects.get()
    assert [(each.file.name, each.weight) for each in job.chosen_adapters] == [("c", -0.25), ("a", 0.7), ("b", 1.75)]
    assert [each["weight"] for each in job.spec["adapters"]] == [-0.25, 0.7, 1.75]


@pytest.mark.parametrize("keep", ["all", "noseed", "prompt"])
def test_reuse_brings_all_of_them_back(studio, people, project, starter, adapters, keep):
    weights = (0.725, -1.0, 2.5)
    chosen = tuple(Adapter(file=file, weight=weight) for file, weight in zip(adapters, weights, strict=True))
    [output] = made(people.editor, project, starter, adapters=chosen)
    form = studio(**{"from": output.id, "keep": keep}).context["form"]
    if keep == "prompt":
        assert form.adapters == []
        return
    assert weights_of(form) == dict(zip("abc", weights, strict=True))
    spec = compose(project, form.picture_request()).spec
    assert keep != "all" or spec.recipe_sha256() == output.recipe_sha256


def test_an_adapter_that_is_gone_says_so_in_its_row_and_can_be_taken_out(studio, people, project, starter, adapters):
    chosen = tuple(Adapter(file=file, weight=0.7) for file in adapters[:2])
    [output] = made(people.editor, project, starter, adapters=chosen)
    ModelFile.objects.filter(pk=adapters[0].pk).update(removed_at=timezone.now())
    response = studio(**{"from": output.id})
    form = response.context["form"]
    assert "This adapter is not in the library any more" in response.content.decode()
    assert list(form.errors) == [f"adapter-{adapters[0].id}"]
    response = studio("compose", values=fields_of(form) | {"remove_adapter": adapters[0].id})
    assert response.context["form"].errors == {}
    assert weights_of(response.context["form"]) == {"b": "0.7"}


BAD = [
    ({"{a}": "11"}, "adapter-{a}", "less than or equal to 10"),
    ({"{a}": "nan"}, "adapter-{a}", "Enter a number"),
    ({"{a}": "0.7", "adapter": "{a}"}, "adapter", "chosen twice"),
    ({"{elsewhere}": "0.7"}, "adapter-{elsewhere}", "not in the library any more"),
]


@pytest.mark.parametrize(("rows", "field", "said"), BAD, ids=[said for *_, said in BAD])
def test_a_mistake_stands_in_its_row(studio, adapters, rows, field, said):
    ids = {"a": str(adapters[0].id), "elsewhere": str(uuid.uuid4())}
    values = fields_of(studio().context["form"]) | {"subject": "a cat"}
    for name, value in rows.items():
        values[name if name == "adapter" else "adapter-" + name.format(**ids)] = value.format(**ids)
    response = studio("generate", values=values)
    assert response.status_code == 422
    assert said in " ".join(response.context["form"].errors[field.format(**ids)])
    assert not Generation.objects.exists()


def test_names_that_are_no_ids_and_too_many_rows_are_passed_over_or_refused(studio):
    values = fields_of(studio().context["form"]) | {"subject": "a cat", "adapter-<b>": "1", "adapter-": "1"}
    form = studio("compose", values=values).context["form"]
    assert (form.adapters, form.errors) == ([], {})
    values |= {f"adapter-{uuid.uuid4()}": "0.7" for _ in range(500)}
    form = studio("compose", values=values).context["form"]
    assert len(form.adapters) == MAX_ADAPTERS + 1
    assert "adapter" not in form.fields


def test_three_adapters_ask_the_database_as_often_as_one(studio, adapters, django_assert_num_queries):
    values = fields_of(studio().context["form"]) | {"subject": "a cat", f"adapter-{adapters[0].id}": "0.7"}

    with CaptureQueriesContext(
        connection,
    ) as one:
        studio("compose", values=values)
    values |= {f"adapter-{each.id}": "0.7" for each in adapters}
    with django_assert_num_queries(len(one)):
        studio("compose", values=values)


def test_the_box_for_one_more_is_filled_again_once_there_is_one(studio, adapters):
    values = fields_of(studio().context["form"]) | {f"adapter-{each.id}": "0.8" for each in adapters}
    del values["adapter"], values["adapter_weight"]
    form = studio("compose", values=values | {"remove_adapter": adapters[0].id}).context["form"]
    assert (form["adapter"].value() or "", form["adapter_weight"].value()) == ("", 0.7)
