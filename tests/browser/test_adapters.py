"""Adapters in the Studio under a keyboard and a screen reader: added, weighed by slider and box, taken out."""

from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from assets.models import ModelFile
from generation.composing import Adapter
from generation.models import Output
from tests.assets.chain import frozen, learned
from tests.generation.pictures import made

from .visitor import DESK_EN, PHONE_JA, Reader

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AUDIT = (Path(__file__).parent / "audit.js").read_text()
BOXES = ".weight > input:not(#id_adapter_weight)"


@pytest.fixture
def output(vocabulary, people, project, starter) -> Output:
    """Return a picture of two adapters, beside a third that can be chosen."""
    version = frozen(people, project, ["CC0-1.0"])
    files = [learned(people, project, starter, version, name=name, seed=seed) for seed, name in enumerate("abc")]
    chosen = tuple(Adapter(file=file, weight=weight) for file, weight in zip(files, (0.65, -0.5), strict=False))
    return made(people.editor, project, starter, adapters=chosen)[0]


def rows_of(page: Page) -> list[str]:
    """Return the names of the adapters that have rows."""
    return page.locator(".adapter-name").all_inner_texts()


@pytest.mark.parametrize("reader", [DESK_EN, PHONE_JA], ids=str)
def test_adapters_are_weighed_added_and_taken_out(visit, people, project, output, reader: Reader):
    people.editor.language = reader.language
    people.editor.save(update_fields=["language"])
    visitor = visit(reader)
    visitor.log_in(people.editor.email)
    visitor.open(f"{reverse('studio', args=[project.slug])}?from={output.id}")
    page = visitor.page
    assert rows_of(page) == ["a", "b"]
    assert page.locator(BOXES).evaluate_all("boxes => boxes.map((box) => box.value)") == ["0.65", "-0.5"]
    slider = page.locator("[data-weight-of]").first
    with page.expect_response("**/compose/"):
        slider.press("ArrowRight")
    expect(page.locator(BOXES).first).to_have_value("0.7")
    with page.expect_response("**/compose/"):
        page.locator(BOXES).first.fill("1.25")
    assert slider.input_value() == "1.25"
    with page.expect_response("**/compose/"):
        page.locator("#id_adapter").select_option(label="c")
    with page.expect_response("**/compose/"):
        page.locator("#add-adapter").press("Enter")
    expect(page.locator(".adapter-name")).to_have_text(["a", "b", "c"])
    third = ModelFile.objects.get(name="c")
    expect(page.locator(f"#id_adapter-{third.id}")).to_be_focused()
    expect(page.locator("#adapters-said")).to_contain_text("3")
    visitor.look()
    assert page.evaluate(AUDIT) == []
    with page.expect_response("**/compose/"):
        page.locator("[name=remove_adapter]").nth(1).press("Enter")
    expect(page.locator(".adapter-name")).to_have_text(["a", "c"])
    expect(page.locator("#id_adapter")).to_be_focused()
    expect(page.locator(BOXES).first).to_have_value("1.25")
