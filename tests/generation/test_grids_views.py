"""Grids in the portal: the form and its dry run, the table that fills, and the list."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from assets.models import ModelFile, Rights
from assets.services import withdraw_rights
from generation.models import Generation, Grid, Output
from generation.services.generations import save_output
from projects.services import create_project
from tests.assets.chain import frozen, learned
from tests.generation.pictures import drawn, made
from tests.test_access_matrix import make_model

HTMX = {"HX-Request": "true"}


def url(name: str, *args) -> str:
    return reverse(name, args=["spring", *args])


def fields_of(response) -> dict[str, object]:
    """Return the form of a page as a browser sends it."""
    form = response.context["form"]
    shown = [*form.words, *(axis[name] for axis in form.axes for name in ("kind", "typed", "shown"))]
    values = dict(form.carried) | {each.html_name: each.value() or "" for each in shown}
    values |= {f"{axis.side}-chosen": axis["chosen"].value() for axis in form.axes if axis.is_chosen}
    return values | {"grid_key": form.options["grid_key"].value(), "varied": form.options["varied"].value() or ""}


def varying(values: dict[str, object], **axes: tuple[str, object]) -> dict[str, object]:
    """Return a form with other axes."""
    for side, (kind, found) in axes.items():
        values = values | {f"{side}-kind": kind, f"{side}-shown": kind}
        values |= {f"{side}-chosen": found} if isinstance(found, list) else {f"{side}-typed": found}
    return values


@pytest.fixture
def client(signed_in):
    """Return the editor's browser."""
    return signed_in("editor")


@pytest.fixture
def values(client, starter, template) -> dict[str, object]:
    """Return the form of a new grid, with steps across and seeds down."""
    page = client.get(url("grid_new"))
    return varying(fields_of(page), x=("num_inference_steps", "4-8 (+2)"), y=("seed", "1, 2"))


@pytest.fixture
def adapters(people, project, starter) -> list[ModelFile]:
    """Return two adapters."""
    version = frozen(people, project, ["CC0-1.0"])
    return [learned(people, project, starter, version, name=name, seed=seed) for seed, name in enumerate("ab")]


@pytest.fixture
def grid(client, values) -> Grid:
    """Return a grid of six cells that waits."""
    client.post(url("grid_draw"), values)
    return Grid.objects.get()


def draw_all(grid: Grid) -> list[Output]:
    """Draw every picture of a grid, in one colour."""
    outputs = []
    for cell in grid.cells.select_related("generation"):
        job = cell.generation
        assert job.claim()
        outputs.append(save_output(job, 0, drawn((cell.x * 50, cell.y * 50, 90))))
        job.succeed()
    return outputs


def test_the_studio_carries_its_form_along_as_it_is(client, starter, template):
    studio = client.get(url("studio")).context["form"]
    sent = {each.html_name: each.value() or "" for each in studio} | {
        "subject": "赤い{product}",
        "guidance_scale": "3.5",
        "seed": "77",
        "count": "4",
        "grid_key": "stale",
    }
    page = client.post(url("grid_new"), sent)
    assert page.status_code == 200
    carried = dict(page.context["form"].carried)
    assert (carried["guidance_scale"], carried["seed"]) == ("3.5", "77")
    assert page.context["form"].studio["subject"].value() == "赤い{product}"
    assert page.context["form"].options["grid_key"].value() != "stale"
    assert "Nothing varies yet" in page.content.decode()
    back = client.post(url("studio_compose"), fields_of(page))
    assert back.context["form"]["guidance_scale"].value() == "3.5"


def test_the_dry_run_shows_every_cell_and_writes_nothing(client, values):
    page = client.post(url("grid_try"), values, headers=HTMX).content.decode()
    assert "6 cells" in page
    assert "6 pictures to draw" in page
    assert page.count('class="dot"') == 6
    assert "<html" not in page
    assert 'id="grid-key" hidden hx-swap-oob="true"' in page
    assert "<html" in client.post(url("grid_try"), values).content.decode()
    assert not Grid.objects.exists()


def test_another_thing_to_vary_brings_values_to_begin_with(client, values, starter, template):
    for kind, begins in [
        ("num_inference_steps", "6, 12, 24"),
        ("guidance_scale", "3-9 (+2)"),
        ("adapter_weight", "0.5-0.9 (+0.1)"),
        ("light", "soft daylight"),
    ]:
        page = client.post(url("grid_try"), values | {"z-kind": kind, "z-shown": ""}, headers=HTMX)
        assert page.context["form"].axes[2]["typed"].value() == begins
        assert 'id="values-z" class="axis-values" hx-swap-oob="true"' in page.content.decode()
    page = client.post(url("grid_try"), values | {"z-kind": "base_model", "z-shown": "light"}, headers=HTMX)
    assert page.context["form"].axes[2]["chosen"].value() == [str(starter.id)]


def test_an_adapters_page_leads_to_a_sweep_of_its_weights(client, adapters, template):
    link = re.search(r'href="([^"]+preset=weights)"', client.get(url("model_file", adapters[0].id)).content.decode())
    page = client.get(link[1].replace("&amp;", "&"))
    assert page.context["trial"].title == "Adapter's weight"
    cells = page.context["trial"].plan.cells
    assert [cell.request.adapters[0].weight for cell in cells] == [0.5, 0.6, 0.7, 0.8, 0.9]
    assert {cell.request.adapters[0].file for cell in cells} == {adapters[0]}


def test_the_same_prompt_is_compared_over_models_and_vaes(client, project, starter, template):
    second = make_model(project)
    page = client.get(url("grid_new"), {"preset": "models"})
    assert {cell.request.base_model.name for cell in page.context["trial"].plan.cells} == {starter.name, second.name}
    assert "preset=models" in client.get(url("library")).content.decode()


def test_an_adapter_of_another_project_is_not_found(people, client, starter, template):
    elsewhere = make_model(create_project(people.stranger, slug="other", name="Other"))
    for address in ({"adapter": elsewhere.id}, {"adapter": "<b>"}, {"grid": elsewhere.id}, {"from": elsewhere.id}):
        assert client.get(url("grid_new"), address).status_code == 404


def test_which_adapter_varies_is_asked_only_where_there_is_a_choice(client, values, adapters):
    a, b = (str(each.id) for each in adapters)
    one = varying(values | {f"adapter-{a}": "0.7"}, x=("adapter_weight", "0.5"))
    assert not client.post(url("grid_try"), one).context["form"].varied_choices()
    two = one | {f"adapter-{b}": "0.7"}
    assert [name for _id, name in client.post(url("grid_try"), two).context["form"].varied_choices()] == ["a", "b"]
    page = client.post(url("grid_try"), two | {"varied": b})
    assert [each.weight for each in page.context["trial"].plan.cells[0].request.adapters] == [0.7, 0.5]


def test_a_double_click_makes_one_grid(client, values):
    first, second = client.post(url("grid_draw"), values), client.post(url("grid_draw"), values)
    assert first.url == second.url == Grid.objects.get().get_absolute_url()
    assert Generation.objects.count() == 6


BAD = [
    ({"x": ("nonsense", "1")}, "Select a valid choice"),
    ({"x": ("num_inference_steps", "1-1000000")}, "at most 100 values"),
    ({"x": ("num_inference_steps", "1-100"), "y": ("seed", "1-100")}, "That makes 10000 cells"),
    ({"x": ("guidance_scale", "nan")}, "“nan” is not a number"),
    ({"x": ("guidance_scale", "1, 1e9")}, "must be a number from 0 to 30"),
    ({"x": ("adapter_weight", "0.5")}, "no adapter whose weight"),
    ({"x": ("adapter", ["6c6e53b0-6a3d-4a8e-9b5c-0d3f0a1d2c11"])}, "no such choice"),
    ({"x": ("base_model", [""])}, "no such choice"),
    ({"x": ("scheduler", ["' OR 1=1"])}, "no such choice"),
    ({"x": ("scheduler", [])}, "at least one value"),
    ({"x": ("subject", "a {colour} mug")}, "no variable called colour"),
    ({"x": ("subject", "😀<script>alert(1)</script>\x00")}, "Null characters are not allowed"),
    ({"x": ("replace", "<script>\nb")}, "stands nowhere in the prompt"),
    ({"x": ("seed", "1"), "y": ("seed", "2")}, "varies on another axis already"),
    ({"x": ("", ""), "y": ("", "")}, "Choose what varies"),
]


@pytest.mark.parametrize(("axes", "said"), BAD, ids=[said for _axes, said in BAD])
def test_what_cannot_be_drawn_is_said_at_its_axis_and_nothing_is_lost(client, values, axes, said):
    sent = varying(values, **axes)
    page = client.post(url("grid_draw"), sent)
    assert page.status_code == 422
    errors = " ".join(str(each) for axis in page.context["form"].axes for each in axis.errors.values())
    assert said.split("“")[0] in errors
    assert "<script>" not in page.content.decode().split("<main")[1]
    assert page.context["form"].studio["subject"].value() == sent["subject"]
    assert not Grid.objects.exists()


def test_a_mistake_in_what_is_carried_along_is_said_too(client, values):
    page = client.post(url("grid_draw"), values | {"width": "7"})
    assert page.status_code == 422
    assert "between 64 and 4096" in page.content.decode()


def test_cells_that_the_rights_close_are_shown_before_and_after(client, values, adapters):
    Rights.objects.filter(model_file=adapters[1]).update(state=Rights.State.PENDING)
    sent = varying(values, y=("adapter", ["", *(str(each.id) for each in adapters)]))
    page = client.post(url("grid_try"), sent, headers=HTMX).content.decode()
    assert "3 may not be drawn" in page
    assert page.count('<td class="closed"') == 3
    assert "“b”" in page
    page = client.get(client.post(url("grid_draw"), sent).url).content.decode()
    assert page.count('data-state="closed"') == 3
    assert page.count('data-state="queued"') == 6
    assert "May not be drawn" in page


def test_nothing_but_closed_cells_is_refused_in_the_form(client, values, starter):
    Rights.objects.filter(model_file=starter).update(state=Rights.State.PENDING)
    page = client.post(url("grid_draw"), values)
    assert page.status_code == 422
    assert "Daicho Starter" in page.context["form"].carried_problems[0]


def test_the_table_has_headers_labels_and_ways_on(client, grid):
    outputs = draw_all(grid)
    page = client.get(grid.get_absolute_url()).content.decode()
    assert re.findall(r'<th scope="col"><span class="clamp" title="(\d+)"', page) == ["4", "6", "8"]
    assert re.findall(r'<th scope="row"><span class="clamp" title="(\d+)"', page) == ["1", "2"]
    assert 'alt="Steps: 4, Seed: 1"' in page
    assert f'href="{url("picture", outputs[0].id)}"' in page
    assert f"{url('studio')}?from={outputs[0].id}&amp;keep=all" in page
    assert page.count('name="ids"') == 6
    assert "6 of 6 drawn" in page
    assert "hx-trigger" not in page.split('id="grid-news"')[1].split(">")[0]


def test_using_a_cell_opens_the_studio_with_its_very_recipe(client, grid):
    for output in draw_all(grid):
        form = client.get(url("studio"), {"from": output.id, "keep": "all"})
        assert form.context["preview"].composed.spec.recipe_sha256() == output.recipe_sha256


def test_swapped_columns_are_rows(client, grid):
    page = client.get(grid.get_absolute_url(), {"swap": "1"}).content.decode()
    assert re.findall(r'<th scope="col"><span class="clamp" title="(\d+)"', page) == ["1", "2"]
    cells = re.findall(r'id="cell-(\d-\d-\d)"', page)
    assert cells == ["0-0-0", "0-1-0", "1-0-0", "1-1-0", "2-0-0", "2-1-0"]


def test_a_third_axis_makes_tables_of_which_one_is_shown(client, values):
    sent = varying(values, z=("guidance_scale", "2, 4"))
    address = client.post(url("grid_draw"), sent).url
    for asked, hidden in (("", "1"), ("1", "0"), ("7", "1"), ("x", "1")):
        page = client.get(address, {"z": asked}).content.decode()
        boxes = re.findall(r'<div class="grid-box[^>]*data-table="(\d)"[^>]*?( hidden)?><table', page)
        assert [number for number, is_hidden in boxes if is_hidden] == [hidden]
    assert "Guidance: 2" in page


def test_the_news_are_only_what_has_changed(client, grid):
    address = url("grid_news", grid.id)
    page = client.get(grid.get_absolute_url()).content.decode()
    seen = re.search(r"news/\?seen=(\w+)", page)[1]
    assert seen == "qqqqqq"
    quiet = client.get(address, {"seen": seen}, headers=HTMX).content.decode()
    assert "cell-" not in quiet
    assert 'hx-trigger="every 2s"' in quiet
    job = grid.cells.get(x=1, y=1).generation
    assert job.claim()
    save_output(job, 0, drawn((1, 2, 3)))
    job.succeed()
    news = client.get(address, {"seen": seen}, headers=HTMX).content.decode()
    assert re.findall(r'id="cell-(\d-\d-\d)"', news) == ["1-1-0"]
    assert "seen=qqqqdq" in news
    assert len(re.findall(r'id="cell-', client.get(address, {"seen": "nonsense"}).content.decode())) == 6


def test_cancelled_cells_are_drawn_when_asked_for_again(client, grid):
    assert "Cancel" in client.get(grid.get_absolute_url()).content.decode()
    page = client.post(url("grid_cancel", grid.id), follow=True).content.decode()
    assert page.count('data-state="canceled"') == 6
    assert "Draw what is missing" in page
    page = client.post(url("grid_redraw", grid.id), follow=True).content.decode()
    assert "6 pictures are asked for again." in page
    assert page.count('data-state="queued"') == 6


def test_a_failed_cell_says_why(client, grid):
    job = grid.cells.first().generation
    assert job.claim()
    job.fail("out_of_memory")
    page = client.get(grid.get_absolute_url()).content.decode()
    assert "The graphics memory was not enough" in page.split('id="cell-0-0-0"')[1].split('id="cell-1')[0]
    assert "1 missing" in page


def test_what_may_not_be_published_any_more_is_marked(client, people, grid, starter):
    draw_all(grid)
    withdraw_rights(starter, actor=people.reviewer, reason="They asked.")
    page = client.get(grid.get_absolute_url()).content.decode()
    assert page.count('class="badge stop corner"') == 6


def test_a_grid_is_changed_and_drawn_anew(client, grid, values):
    page = client.get(url("grid_new"), {"grid": grid.id})
    again = fields_of(page)
    same = [name for name in values if name not in ("grid_key", "idempotency_key", "next_seed", "x-typed", "seed")]
    assert {name: str(again[name]) for name in same} == {name: str(values[name]) for name in same}
    assert again["x-typed"] == "4, 6, 8"
    specs = [cell.composed.spec for cell in page.context["trial"].plan.cells]
    assert [spec.as_dict() for spec in specs] == [cell.generation.spec for cell in grid.cells.order_by("y", "x")]


def test_a_viewer_looks_and_does_not_touch(signed_in, grid):
    draw_all(grid)
    page = signed_in("viewer").get(grid.get_absolute_url()).content.decode()
    assert "Use this cell" not in page
    assert "Change and draw anew" not in page
    assert page.count('name="ids"') == 6
    assert "New grid" not in signed_in("viewer").get(url("grids")).content.decode()


@pytest.mark.postgres
def test_the_list_shows_the_newest_first_with_a_mosaic(client, grid, values):
    draw_all(grid)
    client.post(url("grid_draw"), varying(values, y=("guidance_scale", "2")) | {"grid_key": "second"})
    page = client.get(url("grids"))
    assert [card.title for card in page.context["cards"]] == ["Steps × Guidance", "Steps × Seed"]
    newest, oldest = page.context["cards"]
    assert (newest.drawn, newest.total, newest.is_live) == (0, 3, True)
    assert (oldest.drawn, oldest.total, oldest.is_live) == (6, 6, False)
    assert [len(row) for row in oldest.mosaic] == [3, 3]
    assert all(picture for row in oldest.mosaic for picture in row)
    assert oldest.words.startswith("a red mug")


def test_the_list_goes_on_without_gaps(client, grid, values, monkeypatch):
    monkeypatch.setattr("generation.views.grids.PAGE_SIZE", 1)
    client.post(url("grid_draw"), values | {"grid_key": "second"})
    first = client.get(url("grids"))
    second = client.get(url("grids"), {"cursor": first.context["next_cursor"]})
    assert {each.context["cards"][0].grid.id for each in (first, second)} == set(
        Grid.objects.values_list("id", flat=True)
    )
    assert second.context["next_cursor"] == ""


def test_an_empty_list_says_what_to_do(client, project):
    assert "No grids yet" in client.get(url("grids")).content.decode()


def test_the_results_of_the_studio_stay_free_of_cells(client, people, project, starter, grid):
    [alone] = made(people.editor, project, starter)
    cards = client.get(url("studio_recent")).context["cards"]
    assert [card.generation.id for card in cards] == [alone.generation_id]


def queries_of(client, address: str) -> int:
    """Count the queries of a page that was opened before."""
    client.get(address)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def test_the_number_of_queries_does_not_grow_with_the_cells(client, grid, values, django_assert_max_num_queries):
    client.post(url("grid_draw"), varying(values, y=("seed", "1-20")) | {"grid_key": "second"})
    large = Grid.objects.exclude(pk=grid.pk).get()
    draw_all(grid)
    draw_all(large)
    assert large.cells.count() == 60
    for name in ("grid", "grid_news"):
        assert queries_of(client, url(name, grid.id)) == queries_of(client, url(name, large.id)) <= 9


def test_the_number_of_queries_does_not_grow_with_the_grids(client, grid, values):
    draw_all(grid)
    one = queries_of(client, url("grids"))
    for key in ("second", "third"):
        client.post(url("grid_draw"), values | {"grid_key": key})
    assert queries_of(client, url("grids")) == one <= 8


def test_the_number_of_queries_of_a_dry_run_does_not_grow_with_the_cells(client, values, adapters):
    counts = []
    for seeds, chosen in (("1-2", ["", str(adapters[0].id)]), ("1-20", ["", *(str(each.id) for each in adapters)])):
        sent = varying(values, x=("seed", seeds), y=("adapter", chosen))
        client.post(url("grid_try"), sent, headers=HTMX)
        with CaptureQueriesContext(connection) as queries:
            client.post(url("grid_try"), sent, headers=HTMX)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 20
