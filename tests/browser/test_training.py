"""Training in a real browser: from a frozen version over the form and a worker's curves to a verdict."""

from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.training.stage import frozen
from training.models import TrainingRun

from .visitor import DESK_EN, PHONE_EN

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


def test_a_version_becomes_an_adapter_under_ones_eyes(visit, workers, people, project, starter):
    version = frozen(people, project)
    editor = visit(DESK_EN)
    editor.log_in(people.editor.email)
    page = editor.page
    editor.open(version.get_absolute_url())
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

    phone = visit(PHONE_EN)
    phone.log_in(people.editor.email)
    for address in (
        reverse("training", args=[project.slug]),
        run.get_absolute_url(),
        reverse("training_new", args=[project.slug]) + f"?like={run.id}",
    ):
        phone.open(address)
        assert phone.page.evaluate(AUDIT) == [], address
