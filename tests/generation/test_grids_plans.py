"""From axes to pictures: what each cell is drawn from, what is drawn once and in which order, what is closed."""

from itertools import pairwise
from uuid import UUID

import pytest

from assets.models import ModelFile, Rights
from generation.composing import Adapter, PictureRequest
from generation.grid_axes import read_axis
from generation.grid_facts import facts_of, order_of
from generation.grid_plans import ONE_MORE, Order, plan_grid
from generation.models import Grid
from generation.services.templates import create_template
from generation.starting import Shelf
from projects.problems import Problem
from projects.services import create_project
from tests.assets.chain import frozen, learned
from tests.test_access_matrix import make_model

MUG = {"subject": "赤いマグカップ", "environment": "on a beach", "light": "", "style": ""}


@pytest.fixture
def adapters(people, project, starter) -> list[ModelFile]:
    """Return two adapters that learned from the same pictures."""
    version = frozen(people, project, ["CC0-1.0"])
    return [learned(people, project, starter, version, name=name, seed=seed) for seed, name in enumerate("ab")]


@pytest.fixture
def order(project, starter):
    """Return a function from axes, as a form sends them, to an order."""

    def make(*axes: tuple[str, list[str]], varied: str = "", **request) -> Order:
        shelf, values = Shelf(project), {"slots": MUG, "seed": 7, "num_inference_steps": 4} | request
        found = [read_axis(shelf, kind, texts) for kind, texts in axes]
        files = {key: file for _axis, named in found for key, file in named.items()}
        base = PictureRequest(base_model=starter, **values)
        return Order(request=base, axes=tuple(axis for axis, _files in found), files=files, varied=varied)

    return make


def specs(project, order: Order) -> list:
    """Return the recipes of an order's cells, row by row."""
    return [cell.composed.spec for cell in plan_grid(project, order).cells]


def weights(project, order: Order) -> list[dict[str, float]]:
    """Return the adapters of each cell by name, in their order."""
    cells = plan_grid(project, order).cells
    return [{each.file.name: each.weight for each in cell.request.adapters} for cell in cells]


def test_numbers_and_schedulers_go_into_their_fields_and_nothing_else_changes(project, order):
    found = specs(project, order(("num_inference_steps", ["4-8 (+4)"]), ("scheduler", ["euler", "ddim"])))
    assert [(each.num_inference_steps, each.scheduler) for each in found] == [
        (4, "euler"),
        (8, "euler"),
        (4, "ddim"),
        (8, "ddim"),
    ]
    assert {(each.seed, each.prompt, each.guidance_scale) for each in found} == {(7, found[0].prompt, 2.0)}
    assert [each.seed for each in specs(project, order(("seed", ["1-3"])))] == [1, 2, 3]


def test_words_are_translated_as_in_the_studio(project, order, vocabulary_terms):
    found = specs(project, order(("environment", ["砂浜で", "", "in a forest"])))
    assert [each.prompt for each in found] == ["a red mug, on a beach", "a red mug", "a red mug, in a forest"]


@pytest.fixture
def vocabulary_terms(db) -> None:
    """Install the words that Japanese prompts are translated with."""
    from assets.services import install_starter_terms

    install_starter_terms()


def test_one_word_is_replaced_wherever_it_stands(project, order):
    asked = order(("replace", ["beach", "hill"]), slots={"subject": "a beach ball", "environment": "on a beach"})
    assert [each.prompt for each in specs(project, asked)] == ["a beach ball, on a beach", "a hill ball, on a hill"]
    with pytest.raises(Problem) as caught:
        plan_grid(project, order(("seed", ["1"]), ("replace", ["forest", "hill"])))
    assert (caught.value.code, list(caught.value.fields)) == ("axis_words_missing", ["y"])


def test_words_that_only_an_axis_says_are_replaced_too(project, order):
    found = specs(project, order(("light", ["soft light", "moonlight"]), ("replace", ["soft", "hard"])))
    assert [each.prompt.rsplit(", ")[-1] for each in found] == ["soft light", "moonlight", "hard light", "moonlight"]


def test_a_weight_varies_the_adapter_of_the_form(project, order, adapters):
    one = (Adapter(file=adapters[0], weight=0.3),)
    asked = order(("adapter_weight", ["0.5-0.9 (+0.2)"]), adapters=one)
    assert weights(project, asked) == [{"a": 0.5}, {"a": 0.7}, {"a": 0.9}]


def test_the_adapter_that_varies_is_the_first_the_named_one_or_one_more(project, order, adapters):
    both = tuple(Adapter(file=file, weight=0.3) for file in adapters)
    axis = ("adapter_weight", ["1"])
    assert weights(project, order(axis, adapters=both)) == [{"a": 1.0, "b": 0.3}]
    assert weights(project, order(axis, adapters=both, varied=str(adapters[1].id))) == [{"a": 0.3, "b": 1.0}]
    others = ("adapter", ["", str(adapters[1].id)])
    assert weights(project, order(others, adapters=both[:1])) == [{}, {"b": 0.3}]
    assert weights(project, order(others, adapters=both[:1], varied=ONE_MORE)) == [{"a": 0.3}, {"a": 0.3, "b": 0.7}]


def test_adapters_and_weights_together_draw_no_adapter_once(project, order, adapters):
    asked = order(("adapter_weight", ["0.5, 0.9"]), ("adapter", ["", *(str(each.id) for each in adapters)]))
    plan = plan_grid(project, asked)
    assert weights(project, asked) == [{}, {}, {"a": 0.5}, {"a": 0.9}, {"b": 0.5}, {"b": 0.9}]
    assert [cell.place for cell in plan.pictures] != [cell.place for cell in plan.cells]
    assert len(plan.pictures) == 5
    assert plan.cells[0].recipe == plan.cells[1].recipe


def test_the_same_adapter_twice_and_a_weight_out_of_range_are_said_at_their_axis(project, order, adapters):
    both = tuple(Adapter(file=file, weight=0.3) for file in adapters)
    with pytest.raises(Problem) as caught:
        plan_grid(project, order(("seed", ["1"]), ("adapter", [str(adapters[1].id)]), adapters=both))
    assert (caught.value.code, list(caught.value.fields)) == ("adapter_twice", ["y"])
    with pytest.raises(Problem) as caught:
        plan_grid(project, order(("adapter_weight", ["0.5, 1e9"]), adapters=both))
    assert caught.value.fields == {"x": "1000000000: An adapter's weight must be between -10 and 10."}


BAD = [
    ("adapter_weight", ["0.5"], "axis_needs_adapter"),
    ("num_inference_steps", ["4, 100000"], "steps_out_of_range"),
    ("guidance_scale", ["-1"], "guidance_out_of_range"),
    ("seed", ["99999999999999999999"], "seed_out_of_range"),
    ("scheduler", ["flow_euler"], "scheduler_not_for_architecture"),
    ("subject", ["a {color} mug"], "unknown_variable"),
    ("subject", ["a (red mug"], "unbalanced_bracket"),
    ("light", ["(sun:9)"], "weight_out_of_range"),
    ("negative", ["x" * 2001], "text_too_long"),
]


@pytest.mark.parametrize(("kind", "values", "code"), BAD, ids=[code for *_, code in BAD])
def test_a_value_that_the_studio_refuses_is_refused_with_the_same_code_at_its_axis(project, order, kind, values, code):
    with pytest.raises(Problem) as caught:
        plan_grid(project, order(("vae", [""]), (kind, values)))
    assert (caught.value.code, list(caught.value.fields)) == (code, ["y"])


def test_a_mistake_that_no_axis_made_stays_at_its_field(project, order):
    with pytest.raises(Problem) as caught:
        plan_grid(project, order(("seed", ["1-2"]), slots={"subject": "a {color} mug"}))
    assert list(caught.value.fields) == ["subject"]


def test_template_slots_vary_with_their_variables_and_locked_ones_do_not(people, project, order):
    slots = [
        {"name": "subject", "default": "a {color} mug"},
        {"name": "environment"},
        {"name": "light"},
        {"name": "style", "default": "flat", "locked": True},
    ]
    body = {"slots": slots, "variables": {"color": {"default": "red"}}}
    template = create_template(people.editor, project, slug="mugs", name="Mugs", note="", body=body)
    version = {"template_version": template.versions.get(), "slots": {}, "variables": {"color": "blue"}}
    found = specs(project, order(("subject", ["one {color} cup", "two {red|red} cups"]), **version))
    assert [each.prompt for each in found] == ["one blue cup, flat", "two red cups, flat"]
    assert specs(project, order(("replace", ["mug", "jug"]), **version))[1].prompt == "a blue jug, flat"
    with pytest.raises(Problem) as caught:
        plan_grid(project, order(("style", ["a", "b"]), **version))
    assert caught.value.code == "axis_slot_locked"
    with pytest.raises(Problem) as caught:
        plan_grid(project, order(("subject", ["a {colour} mug"]), **version))
    assert (caught.value.code, list(caught.value.fields)) == ("unknown_variable", ["x"])


def test_files_of_another_project_are_no_choice(people, project, order, starter):
    elsewhere = make_model(create_project(people.editor, slug="other", name="Other"))
    for kind in ("base_model", "vae", "adapter"):
        with pytest.raises(ValueError, match="axis choice unknown"):
            order((kind, [str(elsewhere.id)]))


def test_pictures_of_one_model_and_adapter_are_drawn_together(people, project, order, starter, adapters):
    second = make_model(project)
    models = [str(starter.id), str(second.id)]
    plan = plan_grid(project, order(("base_model", models), ("adapter", ["", str(adapters[0].id)]), ("seed", ["1-2"])))
    drawn = [(cell.request.base_model.id, len(cell.request.adapters)) for cell in plan.pictures]
    assert len(drawn) == 8
    assert sum(before != after for before, after in pairwise(drawn)) == 3
    assert [model for model, _count in drawn] == [starter.id] * 4 + [UUID(second.id)] * 4


def test_what_the_rights_forbid_is_closed_and_each_set_of_files_is_asked_about_once(
    project, order, adapters, django_assert_max_num_queries
):
    Rights.objects.filter(model_file=adapters[1]).update(state=Rights.State.PENDING)
    asked = order(("seed", ["1-4"]), ("adapter", ["", *(str(each.id) for each in adapters)]))
    plan = plan_grid(project, asked)
    assert [cell.is_closed for cell in plan.cells] == [False] * 8 + [True] * 4
    assert len(plan.pictures) == 8
    assert len({id(cell.composed.generate) for cell in plan.cells}) == 3
    few = order(("seed", ["1-2"]))
    with django_assert_max_num_queries(9):
        plan_grid(project, few)
    with django_assert_max_num_queries(9):
        plan_grid(project, asked)


def test_what_was_asked_for_comes_back_from_what_is_kept(people, project, order, starter, adapters):
    one = (Adapter(file=adapters[0], weight=0.3),)
    asked = order(("adapter", ["", str(adapters[1].id)]), ("guidance_scale", ["1, 2.5"]), adapters=one, varied=ONE_MORE)
    axes = [axis.as_dict() for axis in asked.axes]
    facts = facts_of(asked.request)
    grid = Grid.objects.create(
        project=project, requested_by=people.editor, idempotency_key="1", request=facts, axes=axes, varied=asked.varied
    )
    again = order_of(project, Grid.objects.get(pk=grid.pk))
    assert again == asked
    assert specs(project, again) == specs(project, asked)
    ModelFile.objects.filter(pk=adapters[1].pk).update(removed_at="2026-01-01T00:00:00Z")
    with pytest.raises(Problem) as caught:
        order_of(project, grid)
    assert (caught.value.code, caught.value.status) == ("grid_file_gone", 409)
