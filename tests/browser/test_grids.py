"""A grid in a real browser: from the Studio's form through the dry run to a table that fills, compares and goes on."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from generation.models import Generation, Grid, Output
from generation.services.generations import save_output
from generation.services.grids import request_grid
from tests.generation.pictures import drawn
from tests.generation.test_grids_services import order

from .visitor import DESK_EN, PHONE_EN, PHONE_JA, Reader, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DESK_DARK = Reader(language="en", width=1280, height=800, theme="dark")
AUDIT = (Path(__file__).parent / "audit.js").read_text()


@pytest.fixture
def editor(visit, people) -> Callable[[Reader], Visitor]:
    """Return a function that opens a window with the editor logged in."""

    def enter(reader: Reader) -> Visitor:
        people.editor.language = reader.language
        people.editor.save(update_fields=["language"])
        visitor = visit(reader)
        visitor.log_in(people.editor.email)
        return visitor

    return enter


@pytest.fixture
def grid(vocabulary, people, project, starter) -> Grid:
    """Return a grid of two tables with three columns and two rows, all drawn but the last cell."""
    axes = ("seed", ["1-3"]), ("num_inference_steps", ["4, 5"]), ("light", ["moonlight", "柔らかい日差し"])
    grid, _is_new = request_grid(people.editor, project, order(project, starter, *axes), key="one")
    for cell in list(grid.cells.select_related("generation"))[:-1]:
        draw(cell.generation, cell.x * 60)
    return grid


def draw(job: Generation, red: int) -> None:
    """Draw a picture as a worker does, in one colour."""
    assert job.claim()
    save_output(job, 0, drawn((red, 90, 120)))
    job.succeed()


def cell(page: Page, place: str) -> Locator:
    """Return what a cell leads to, or shows while it waits."""
    return page.locator(f"#main-{place}")


@pytest.mark.workers
def test_from_the_studio_to_a_table_that_fills_and_back_with_a_cell(workers, editor, vocabulary, project, starter):
    visitor = editor(DESK_EN)
    page = visitor.page
    visitor.open(reverse("studio", args=[project.slug]))
    page.locator("[name=subject]").fill("a red mug")
    page.locator("[name=seed]").fill("4211")
    visitor.follow(page.locator("#to-grid"))
    expect(page.locator("[name=subject]")).to_have_value("a red mug")
    vary_steps_and_places(page)
    visitor.look()
    page.locator("#draw").dblclick()
    page.wait_for_url("**/grids/*-*/")

    expect(page.locator(".cell[data-state=drawn] img")).to_have_count(4, timeout=180_000)
    expect(page.locator("#grid-said")).to_have_text("The grid is drawn.")
    expect(page.locator("#grid-news[hx-get]")).to_have_count(0)
    assert Grid.objects.count() == 1
    specs = [output.spec for output in Output.objects.all()]
    assert {(spec["seed"], spec["num_inference_steps"]) for spec in specs} == {(4211, 3), (4211, 4)}

    visitor.follow(page.locator("#cell-1-1-0 a.use"))
    expect(page.locator("[name=num_inference_steps]")).to_have_value("4")
    expect(page.locator("[name=environment]")).to_have_value("in a forest")
    expect(page.locator("[name=seed]")).to_have_value("4211")


def vary_steps_and_places(page: Page) -> None:
    """Choose what goes from column to column and from row to row, and read what it becomes."""
    page.locator("[name=x-kind]").select_option("num_inference_steps")
    expect(page.locator("[name=x-typed]")).to_have_value(re.compile(r"^\d+, \d+, \d+$"))
    page.locator("[name=x-typed]").fill("3, 4")
    page.locator("[name=y-kind]").select_option("environment")
    page.locator("[name=y-typed]").fill("砂浜で\nin a forest")
    expect(page.locator("#trial .prompts li")).to_have_text(["a red mug, on a beach", "a red mug, in a forest"])
    expect(page.locator("#sum")).to_contain_text("4 pictures to draw")


def test_the_table_obeys_the_keyboard_and_compares_over_its_tables(editor, grid):
    visitor = editor(DESK_EN)
    page = visitor.page
    visitor.open(grid.get_absolute_url())
    expect(page.locator("#compare-form button")).to_be_disabled()
    cell(page, "0-0-0").focus()
    for key, place in (("ArrowRight", "1-0-0"), ("ArrowDown", "1-1-0"), ("ArrowRight", "2-1-0"), ("ArrowUp", "2-0-0")):
        page.keyboard.press(key)
        expect(cell(page, place)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(cell(page, "2-0-0")).to_be_focused()
    expect(page.locator(".grid-box:not([hidden]) .cell-main[tabindex='0']")).to_have_count(1)
    page.keyboard.press("Space")
    page.locator(".tabs a").nth(1).click()
    expect(page.locator(".grid-box:not([hidden]) caption")).to_contain_text("柔らかい日差し")
    expect(page).to_have_url(re.compile(r"z=1"))
    cell(page, "0-0-1").focus()
    page.keyboard.press("Space")
    expect(page.locator("#chosen")).to_have_text("2 chosen")
    visitor.follow(page.locator("#compare-form button"))
    expect(page.locator(".compare figure")).to_have_count(2)


def test_enter_opens_a_cell(editor, grid):
    visitor = editor(DESK_EN)
    page = visitor.page
    visitor.open(grid.get_absolute_url())
    cell(page, "1-0-0").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/pictures/*-*/")


def test_what_is_drawn_meanwhile_comes_by_itself_and_nothing_else_moves(editor, grid):
    visitor = editor(DESK_EN)
    page = visitor.page
    visitor.open(f"{grid.get_absolute_url()}?z=1")
    page.locator("#cell-0-0-1 input").check()
    cell(page, "2-1-1").focus()
    draw(grid.cells.get(x=2, y=1, z=1).generation, 200)
    expect(page.locator("#cell-2-1-1 img")).to_be_visible()
    expect(cell(page, "2-1-1")).to_be_focused()
    expect(page.locator("#cell-0-0-1 input")).to_be_checked()
    expect(page.locator("#grid-news")).to_contain_text("12 of 12 drawn")
    expect(page.locator("#grid-said")).to_have_text("The grid is drawn.")


def test_what_differs_is_shown_and_stays_shown_when_the_table_is_turned(editor, grid):
    visitor = editor(DESK_EN)
    page = visitor.page
    visitor.open(grid.get_absolute_url())
    differences = page.locator("#cell-1-1-0 .differences")
    expect(differences).to_be_hidden()
    page.locator("#show-differences").check()
    expect(differences.locator("dd")).to_have_text(["2", "5", "moonlight", "a cat, moonlight"])
    visitor.follow(page.locator("#swap"))
    expect(page.locator("#cell-1-1-0 .differences")).to_be_visible()
    expect(page.locator(".grid-box:not([hidden]) thead th")).to_have_count(3)


@pytest.mark.parametrize("reader", [PHONE_JA, PHONE_EN, DESK_DARK], ids=str)
def test_headers_stay_while_the_table_scrolls_in_its_own_box(reader, editor, grid):
    visitor = editor(reader)
    page = visitor.page
    visitor.open(grid.get_absolute_url())
    assert page.evaluate(AUDIT) == []
    box = page.locator(".grid-box:not([hidden])")
    box.scroll_into_view_if_needed()
    box.evaluate("box => box.scrollTo(box.scrollWidth, 150)")
    frame = box.bounding_box()
    column, row = (box.locator(each).first.bounding_box() for each in ("thead th:last-child", "tbody th"))
    assert abs(column["y"] - frame["y"]) <= 2
    assert abs(row["x"] - frame["x"]) <= 2
    visitor.look()


@pytest.mark.parametrize("reader", [PHONE_JA, PHONE_EN], ids=str)
def test_the_other_pages_fit_a_phone_and_name_their_controls(reader, editor, grid, template):
    visitor = editor(reader)
    new = reverse("grid_new", args=["spring"])
    for address in (reverse("grids", args=["spring"]), new, f"{new}?grid={grid.id}", f"{new}?preset=models"):
        visitor.open(address)
        expect(visitor.page.locator("main h1")).to_be_visible()
        assert visitor.page.evaluate(AUDIT) == [], address


def test_a_wrong_value_is_said_beside_its_axis_and_keeps_what_was_typed(editor, vocabulary, project, starter):
    visitor = editor(DESK_EN)
    page = visitor.page
    visitor.open(reverse("grid_new", args=[project.slug]))
    page.locator("[name=x-kind]").select_option("guidance_scale")
    page.locator("[name=x-typed]").fill("3, many")
    expect(page.locator("#id_x-typed_error")).to_contain_text("“many” is not a number")
    expect(page.locator("[name=x-typed]")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[name=x-typed]")).to_have_value("3, many")
    page.locator("[name=x-typed]").fill("3-9 (+2)")
    expect(page.locator("#id_x-typed_error")).to_be_empty()
    expect(page.locator("#trial thead th")).to_have_count(5)
