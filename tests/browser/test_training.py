"""Training in a real browser: from a frozen version over curves and a verdict to production, pictures and a grid."""

from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from generation.models import Generation, Grid, Output
from tests.training.stage import frozen
from training.models import AdapterAlias, AdapterVersion, TrainingRun

from .visitor import DESK_EN, PHONE_EN, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.workers, pytest.mark.slow]

AUDIT = (Path(__file__).parent / "audit.js").read_text()
# Few steps on few pixels: what is proved here is the way, not what is learned.
VALUES = {"max_train_steps": "6", "resolution": "64", "train_batch_size": "2"}
MORE = {"validation_steps": "2", "validation_timesteps": "16", "validation_noises": "1"}
SAMPLES = {"sample_steps": "3", "sample_num_inference_steps": "2"}


def fill(page: Page, values: dict[str, str]) -> None:
    """Type values into boxes, opening the group that they stand in."""
    for name, value in values.items():
        box = page.locator(f"#id_{name}")
        if not box.is_visible():
            page.locator(f"details:has(#id_{name}) > summary").click()
        box.fill(value)


def test_from_a_dataset_to_a_version_in_production_and_a_grid(visit, workers, vocabulary, people, project, starter):
    dataset = frozen(people, project)
    editor, reviewer = visit(DESK_EN), visit(DESK_EN)
    editor.log_in(people.editor.email)
    editor.open(dataset.get_absolute_url())
    run = train(editor)
    version = AdapterVersion.objects.get(run=run)
    promote(editor, reviewer, people, version)
    generate(editor, version)
    sweep(editor, version)
    see_on_a_phone(visit(PHONE_EN), people, run)
    assert Output.objects.count() == 6


def train(editor: Visitor) -> TrainingRun:
    """Go from a dataset's version through the form, with a mistake on the way, to a verdict."""
    page = editor.page
    editor.follow(page.get_by_role("link", name="Train on this version"))
    page.get_by_role("radio", name="A new object").check()
    page.get_by_role("radio", name="LoRA").check()
    expect(page.locator("#id_rank")).to_have_value("8")
    page.locator("#id_rank").fill("999")
    expect(page.locator("#id_rank_error")).to_contain_text("from 1 to 256")
    expect(page.locator("#start")).to_be_disabled()
    fill(page, {**VALUES, **MORE, **SAMPLES, "rank": "2"})
    expect(page.locator("#plan")).to_contain_text("6 steps: every picture is seen about 2.4 times")
    expect(page.locator("#plan .answers li")).to_have_count(4)
    expect(page.locator("#start")).to_be_enabled()
    editor.look()
    editor.follow(page.locator("#start"))
    expect(page.locator("#run-live .progress")).to_be_visible()
    # The worker may only just have started, and loads torch first.
    expect(page.locator("#chart-change")).to_be_visible(timeout=180_000)
    expect(page.locator("#run-live .verdict h2")).to_be_visible()
    expect(page.locator("#run-strips tbody tr")).to_have_count(2)
    run = TrainingRun.objects.get()
    assert (run.status, run.recipe.rank, run.step) == ("succeeded", 2, 6)
    expect(page.locator(".came-of")).to_contain_text("v1")
    page.locator(".numbers summary").click()
    expect(page.locator("#run-numbers tbody tr")).to_have_count(run.points.count())
    editor.look()
    return run


def promote(editor: Visitor, reviewer: Visitor, people, version: AdapterVersion) -> None:
    """Ask that the version becomes production; somebody else finds the wish on Home, looks, and approves."""
    editor.follow(editor.page.locator(".came-of a"))
    editor.page.locator("textarea[name=note]").fill("The handle is right now.")
    editor.page.get_by_role("button", name="Ask to promote").click()
    expect(editor.page.get_by_role("button", name="Take the request back")).to_be_visible()
    editor.look()
    reviewer.log_in(people.reviewer.email)
    reviewer.follow(reviewer.page.locator("a[href$='/promotions/']").first)
    expect(reviewer.page.locator(".wish")).to_contain_text("The handle is right now.")
    reviewer.page.get_by_role("button", name="Approve").click()
    expect(reviewer.page.locator(".wish")).to_have_count(0)
    reviewer.look()
    alias = AdapterAlias.objects.get(adapter=version.adapter, name="production")
    assert alias.version == version


def generate(editor: Visitor, version: AdapterVersion) -> None:
    """Use the version in the Studio at its recommended weight."""
    page = editor.page
    editor.open(version.get_absolute_url())
    expect(page.get_by_text("This version is in production.")).to_be_visible()
    editor.follow(page.get_by_role("link", name="Use in the Studio"))
    expect(page.locator(".adapter-name")).to_have_count(1)
    page.locator("[name=subject]").fill("a red mug")
    page.locator("[name=num_inference_steps]").fill("3")
    expect(page.locator("#preview .prompt").first).to_contain_text("a red mug")
    page.locator("#generate").click()
    expect(page.locator("#results a.tile img")).to_be_visible()
    editor.look()
    [adapter] = Output.objects.get().spec["adapters"]
    assert (adapter["sha256"], adapter["weight"]) == (version.file.sha256, version.recommended_weight)
    assert Generation.objects.get().adapters.get().file == version.file


def sweep(editor: Visitor, version: AdapterVersion) -> None:
    """Draw the version's weights from 0.5 to 0.9 as a grid."""
    page = editor.page
    editor.open(version.get_absolute_url())
    editor.follow(page.get_by_role("link", name="Sweep weights"))
    page.locator("[name=subject]").fill("a red mug")
    expect(page.locator("#sum")).to_contain_text("5 pictures to draw")
    editor.look()
    page.locator("#draw").click()
    page.wait_for_url("**/grids/*-*/")
    expect(page.locator(".cell[data-state=drawn] img")).to_have_count(5, timeout=180_000)
    editor.look()
    drawn = [cell.generation.outputs.get().spec["adapters"][0]["weight"] for cell in Grid.objects.get().cells.all()]
    assert sorted(drawn) == [0.5, 0.6, 0.7, 0.8, 0.9]


def see_on_a_phone(phone: Visitor, people, run: TrainingRun) -> None:
    """Open the same pages on a phone."""
    phone.log_in(people.editor.email)
    slug = run.project.slug
    for address in (
        reverse("training", args=[slug]),
        run.get_absolute_url(),
        reverse("training_new", args=[slug]) + f"?like={run.id}",
        run.version.get_absolute_url(),
        run.adapter.get_absolute_url(),
        reverse("promotions", args=[slug]),
    ):
        phone.open(address)
        assert phone.page.evaluate(AUDIT) == [], address
