"""Every page on a phone and in the dark, and the gallery under the fingers of somebody in a hurry."""

import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from assets.models import Picture
from generation.demo_material import make_material
from generation.models import Output
from tests.generation.pictures import made

from .visitor import DESK_EN, PHONE_EN, PHONE_JA, Reader, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DESK_DARK = Reader(language="en", width=1280, height=800, theme="dark")
AUDIT = (Path(__file__).parent / "audit.js").read_text()
TEXTS = ("ink", "ink-2", "accent", "ok", "warn", "stop")
GROUNDS = ("paper", "sheet", "sunk")
COMPUTED = """names => Object.fromEntries(names.map((name) => {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(--${name})`;
  return [name, getComputedStyle(probe).color.match(/[0-9.]+/g).slice(0, 3).map(Number)];
}))"""


@pytest.fixture
def pictures(vocabulary, people, project, starter, template) -> list[Output]:
    """Return three pictures of the project, the newest first."""
    return made(people.owner, project, starter, count=3)[::-1]


@pytest.fixture
def owner(visit, people) -> Callable[[Reader], Visitor]:
    """Return a function that opens a window with the owner logged in."""

    def enter(reader: Reader) -> Visitor:
        people.owner.language = reader.language
        people.owner.save(update_fields=["language"])
        visitor = visit(reader)
        visitor.log_in(people.owner.email)
        return visitor

    return enter


@pytest.fixture
def material(people, project) -> None:
    """Put the demo's umbrellas into the project."""
    make_material(people.editor, people.reviewer, project)


@pytest.mark.parametrize("reader", [PHONE_JA, PHONE_EN], ids=str)
def test_every_page_fits_a_phone_and_names_its_controls(reader, owner, project, template, starter, pictures, material):
    visitor = owner(reader)
    for address in addresses(project.slug, template.slug, starter.id, pictures):
        visitor.open(address)
        expect(visitor.page.locator("main h1")).to_be_visible()
        assert visitor.page.evaluate(AUDIT) == [], address


def addresses(slug: str, template: str, model: object, pictures: list[Output]) -> Iterator[str]:
    """Yield the address of every page that a person can open."""
    yield from (reverse(name) for name in ("home", "account", "project_new"))
    rooms = ("studio", "studio_read", "gallery", "templates", "template_new", "template_import", "vocabulary")
    yield from (
        reverse(name, args=[slug]) for name in (*rooms, "library", "ledger", "members", "project_settings", "campaigns")
    )
    yield from (reverse(name, args=[slug, template]) for name in ("template", "template_edit"))
    yield reverse("template_version", args=[slug, template, 1])
    yield reverse("model_file", args=[slug, model])
    yield reverse("ledger_entry", args=[slug, pictures[0].ledger_seq])
    yield reverse("picture", args=[slug, pictures[0].id])
    yield reverse("generation", args=[slug, pictures[0].generation_id])
    yield reverse("compare", args=[slug]) + f"?ids={pictures[0].id}&ids={pictures[1].id}"
    yield reverse("gallery", args=[slug]) + "?q=nothing+like+it"
    yield from material_addresses(slug)


def material_addresses(slug: str) -> Iterator[str]:
    """Yield the addresses of the rooms of pictures, datasets and rights, in which the demo's umbrellas lie."""
    picture = Picture.objects.order_by("name").first()
    rooms = ("datasets", "imports", "import_new", "materials", "review", "waivers", "waiver_new", "expiries")
    yield from (reverse(name, args=[slug]) for name in (*rooms, "withdrawals", "model_add", "licenses"))
    yield reverse("license", args=[slug, "CC-BY-4.0"])
    yield reverse("license_new", args=[slug]) + "?from=CC-BY-4.0"
    yield reverse("ask", args=[slug]) + f"?picture={picture.id}"
    one = ("dataset", "dataset_edit", "dataset_add", "dataset_checks", "dataset_crops", "captions", "caption_words")
    yield from (reverse(name, args=[slug, "spring-umbrellas"]) for name in (*one, "dataset_tags", "dataset_versions"))
    yield reverse("dataset_version", args=[slug, "spring-umbrellas", 1])
    yield from (reverse(name, args=[slug, picture.id]) for name in ("material", "material_edit", "withdraw_picture"))


def test_the_gallery_obeys_the_keyboard(owner, project, pictures):
    visitor = owner(DESK_EN)
    page = visitor.page
    newest, middle, _oldest = pictures
    visitor.open(reverse("gallery", args=[project.slug]))

    page.keyboard.press("ArrowDown")
    expect(link_to(page, newest)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(link_to(page, middle)).to_be_focused()
    page.keyboard.press("4")
    expect(page.locator(f"#picture-{middle.id} .stars")).to_contain_text("★ 4")
    expect(link_to(page, middle)).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator(f"#picture-{middle.id}")).to_have_class(re.compile("rejected"))
    expect(link_to(page, middle)).to_be_focused()
    middle.refresh_from_db()
    assert (middle.rating, middle.rejected_at is not None) == (4, True)

    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/pictures/{newest.id}/")
    visitor.look()


def link_to(page: Page, output: Output) -> Locator:
    """Return a picture's link in the gallery."""
    return page.locator(f"#picture-{output.id} .tile-link")


def test_two_pictures_are_compared_without_a_mouse(owner, project, pictures):
    visitor = owner(DESK_EN)
    page = visitor.page
    visitor.open(reverse("gallery", args=[project.slug]))
    expect(page.locator("#compare-form button")).to_be_disabled()
    for key in ("ArrowDown", "Space", "ArrowRight", "Space"):
        page.keyboard.press(key)
    visitor.follow(page.locator("#compare-form button"))
    expect(page.locator(".compare figure")).to_have_count(2)


def test_a_wrong_number_is_answered_beside_its_field(owner, project, pictures):
    visitor = owner(DESK_EN)
    page = visitor.page
    visitor.open(reverse("studio", args=[project.slug]))
    page.locator("[name=width]").fill("130")
    expect(page.locator("#id_width_error")).to_contain_text("128, 136")
    expect(page.locator("[name=width]")).to_have_attribute("aria-invalid", "true")
    page.locator("[name=width]").fill("136")
    expect(page.locator("#id_width_error")).to_be_empty()
    expect(page.locator("#preview .prompt").first).to_be_visible()


def test_dark_is_dark_by_the_device_or_by_choice(owner, project):
    light, dark = owner(DESK_EN), owner(DESK_DARK)
    assert brightness(light.page) > 200 > 60 > brightness(dark.page)

    light.page.locator("header details.menu summary").last.click()
    light.page.locator("button[name=theme][value=dark]").click()
    expect(light.page.locator("html")).to_have_attribute("data-theme", "dark")
    assert brightness(light.page) == brightness(dark.page)


def brightness(page: Page) -> float:
    """Return how light the page's background is, from 0 to 255."""
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    channels = [float(each) for each in re.findall(r"[\d.]+", color)[:3]]
    return sum(channels) / 3


@pytest.mark.parametrize("reader", [DESK_EN, DESK_DARK], ids=["light", "dark"])
def test_every_text_colour_can_be_read_on_every_ground(reader, visit):
    visitor = visit(reader)
    visitor.open(reverse("account_login"))
    washes = [f"{name}-wash" for name in ("accent", "ok", "warn", "stop")]
    colors = visitor.page.evaluate(COMPUTED, [*TEXTS, *GROUNDS, *washes, "line-2", "accent-ink"])
    pairs = [*product(TEXTS, GROUNDS), *((wash.removesuffix("-wash"), wash) for wash in washes)]
    pairs += [*product(["ink", "ink-2"], washes), ("accent-ink", "accent")]
    weak = {pair: contrast(*(colors[name] for name in pair)) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}
    assert all(contrast(colors["line-2"], colors[ground]) >= 3 for ground in GROUNDS)


def contrast(first: list[float], second: list[float]) -> float:
    """Return the contrast ratio of two sRGB colours (WCAG 2.2, "contrast ratio"), rounded to hundredths."""
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return round((high + 0.05) / (low + 0.05), 2)


def luminance(color: list[float]) -> float:
    """Return the relative luminance of an sRGB colour with channels of 0 to 255 (WCAG 2.2)."""
    parts = [each / 255 for each in color]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
