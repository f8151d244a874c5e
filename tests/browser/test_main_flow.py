"""The main path in a real browser: from the log-in to a picture, its replay, its ledger entry, and a rollback."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from generation.demo_templates import TEMPLATES
from generation.models import Generation, Output, PromptTemplate, TemplateAlias
from generation.services.templates import move_alias, save_version
from ledger.models import Entry

from .visitor import DESK_EN, DESK_JA, PHONE_JA, Reader, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.workers, pytest.mark.slow]

SEED = "4211"
SENT = ("a red mug", "on a wooden table", "soft daylight", "flat vector style")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a person types, and what they should read."""

    typed: dict[str, str]
    template: str
    exact: str
    whole: str
    canceled: str


WORDS = {
    "ja": Words(
        typed={
            "subject": "赤いマグカップ",
            "environment": "木のテーブルの上",
            "light": "柔らかい日差し",
            "style": "フラットなベクター",
        },
        template="商品キービジュアル",
        exact="完全一致",
        whole="台帳は無傷です",
        canceled="キャンセル済み",
    ),
    "en": Words(
        typed=dict(zip(("subject", "environment", "light", "style"), SENT, strict=True)),
        template="Product key visual",
        exact="Exact",
        whole="The ledger is whole",
        canceled="Cancelled",
    ),
}


@pytest.fixture
def two_versions(people, template):
    """Give the template a second version, on production."""
    body = {**TEMPLATES[0]["body"], "negative": "blurry"}
    move_alias(people.editor, template, "production", save_version(people.editor, template, body=body, note="Shorter"))
    return template


@pytest.fixture
def editor(visit, workers, vocabulary, people, project, starter) -> Callable[[Reader], Visitor]:
    """Return a function that opens a window with the editor logged in, at the project's first page."""

    def enter(reader: Reader) -> Visitor:
        people.editor.language = reader.language
        people.editor.save(update_fields=["language"])
        visitor = visit(reader)
        visitor.log_in(people.editor.email)
        visitor.follow(visitor.page.locator(f"a.card[href='/p/{project.slug}/']"))
        return visitor

    return enter


@pytest.mark.parametrize("reader", [DESK_JA, DESK_EN, PHONE_JA], ids=str)
def test_from_a_template_to_a_replayed_picture_in_the_ledger(reader, editor, two_versions, tmp_path):
    visitor, words = editor(reader), WORDS[reader.language]
    fill_the_studio(visitor, words)
    output = generate_with_a_double_click(visitor)
    visitor.follow(visitor.page.locator("#results a.tile"))
    replay(visitor, words)
    download(visitor, output, tmp_path / "picture.png")
    read_the_ledger(visitor, words, output)
    roll_back(visitor, two_versions)


def fill_the_studio(visitor: Visitor, words: Words) -> None:
    """Pick the template, fill its slots, and read what they become before anything is drawn."""
    page = visitor.page
    page.locator("[name=template_version]").select_option(label=option_of(page.locator("#studio-form"), words.template))
    expect(page.locator("[name=subject]")).to_have_value("a {color} {product}")
    for slot, text in words.typed.items():
        page.locator(f"[name={slot}]").fill(text)
    page.locator("[name=num_inference_steps]").fill("4")
    page.locator("[name=seed]").fill(SEED)

    expect(page.locator("#preview .prompt").first).to_have_text(", ".join(SENT))
    expect(page.locator("#preview .number")).to_contain_text("75")
    if visitor.reader.language == "ja":
        expect(page.locator("#translation-light")).to_contain_text("soft daylight")
    expect(page.locator("#rights .strip")).to_have_attribute("data-verdict", "allow")
    expect(page.locator("#rights")).to_contain_text("CC0")
    visitor.look()


def option_of(form: Locator, name: str) -> str:
    """Return the label of the template's version on production."""
    labels = form.locator("[name=template_version] option").all_text_contents()
    (label,) = [each for each in labels if name in each and "v2" in each]
    return label


def generate_with_a_double_click(visitor: Visitor) -> Output:
    """Press Generate twice in a row, and get one job with one picture."""
    page = visitor.page
    page.locator("#generate").dblclick()
    expect(page.locator("#results a.tile img")).to_be_visible()
    expect(page.locator("#results article")).to_have_count(1)
    visitor.look()
    assert Generation.objects.get().count == 1
    return Output.objects.get()


def replay(visitor: Visitor, words: Words) -> None:
    """Draw the picture again and read the verdict."""
    page = visitor.page
    expect(page.locator("dl.key-value").first).to_contain_text(SEED)
    page.locator("#replay-button").click()
    expect(page.locator("#replays .verdict")).to_have_text(words.exact)
    visitor.look()


def download(visitor: Visitor, output: Output, path: Path) -> None:
    """Save the PNG, which says how it was made to other tools and to Daicho."""
    with visitor.page.expect_download() as saving:
        visitor.page.locator(f"form[action$='/pictures/{output.id}/download/'] button").click()
    saving.value.save_as(path)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert f"Seed: {SEED}" in picture.text["parameters"]
        assert output.recipe_sha256 in picture.text["daicho"]


def read_the_ledger(visitor: Visitor, words: Words, output: Output) -> None:
    """Find the picture's entry, and have the whole chain verified."""
    page = visitor.page
    visitor.follow(page.locator(f"dd a[href$='/ledger/{output.ledger_seq}/']"))
    expect(page.locator("#payload")).to_contain_text(output.pixels_sha256)
    visitor.go_to_room("ledger")
    expect(page.locator(f"tbody a[href$='/pictures/{output.id}/']").first).to_be_visible()
    page.locator("form[action$='/ledger/verify/'] button").click()
    expect(page.locator("#verdict .notice.ok strong")).to_have_text(re.compile(words.whole))
    visitor.look()


def roll_back(visitor: Visitor, template: PromptTemplate) -> None:
    """Put the version before back on production; the ledger says so."""
    page = visitor.page
    visitor.go_to_room("templates")
    visitor.follow(page.locator(f"a.cover[href$='/templates/{template.slug}/']"))
    page.locator("form[action$='/alias/undo/'] button").click()
    expect(page.locator("#notices .notice.ok")).to_be_visible()
    visitor.look()
    assert TemplateAlias.objects.get(template=template, name="production").version.number == 1
    moved = json.loads(Entry.objects.filter(event="generation.template.alias_moved").latest("seq").payload)
    assert (moved["from"], moved["to"]) == (2, 1)


def test_a_job_shows_what_it_draws_and_stops_when_asked(editor):
    visitor = editor(DESK_EN)
    page = visitor.page
    page.locator("[name=subject]").fill("a red mug")
    page.locator("[name=num_inference_steps]").fill("150")
    page.locator("[name=count]").fill("8")
    expect(page.locator("#preview .prompt").first).to_contain_text("a red mug")
    page.locator("#generate").click()

    job = page.locator("#results article")
    expect(job.locator("img.preview")).to_be_visible()
    expect(job.locator("progress")).to_have_attribute("value", re.compile(r"^0\.\d+$"))
    job.locator("form[action$='/cancel/'] button").click()
    expect(job.locator(".badge")).to_have_text(WORDS["en"].canceled)
    expect(job.locator("progress")).to_have_count(0)
    assert Generation.objects.get().status == "canceled"
