"""Pictures in a real browser: import, review by a second person, freeze; then a withdrawal and its flag."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from assets.models import DatasetVersion, Picture
from assets.services.datasets import create_dataset
from tests.assets.chain import drawn_with, frozen, learned
from tests.assets.material import encoded, zipped

from .visitor import DESK_EN, DESK_JA, PHONE_JA, Reader, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.workers, pytest.mark.slow]

TABLE = """ファイル名,作者,ライセンス,出典,キャプション
a.png,山田,ＣＣ　ＢＹ 4.0,https://example.com/a,赤い傘
b.png,山田,CC0-1.0,https://example.com/b,青い傘
c.png,山田,CC0-1.0,https://example.com/c,黄色い傘
""".encode("cp932")
ARCHIVE = zipped(
    {"a.png": encoded(1), "b.png": encoded(2), "c.png": encoded(3), "d.png": b"<html>", "rights.csv": TABLE}
)
NOTHING_WAITS = {"ja": "審査待ちのものはありません", "en": "Nothing waits for you"}


@pytest.fixture
def enter(visit, people, project) -> Callable[[str, Reader], Visitor]:
    """Return a function that opens a window with one of the cast logged in."""

    def log_in(name: str, reader: Reader) -> Visitor:
        person = getattr(people, name)
        person.language = reader.language
        person.save(update_fields=["language"])
        visitor = visit(reader)
        visitor.log_in(person.email)
        return visitor

    return log_in


@pytest.mark.parametrize("reader", [DESK_JA, DESK_EN, PHONE_JA], ids=str)
def test_pictures_come_in_are_cleared_by_another_and_become_a_version(enter, workers, people, project, reader):
    dataset = create_dataset(people.editor, project, name="Umbrellas", name_ja="傘")
    editor = enter("editor", reader)
    editor.open(f"/p/{project.slug}/import/new/")
    page = editor.page
    page.locator("#id_files").set_input_files({"name": "set.zip", "mimeType": "application/zip", "buffer": ARCHIVE})
    page.locator("#id_dataset").select_option(dataset.slug)
    editor.follow(page.locator("#upload"))
    button = page.locator("form[action$='/confirm/'] button.primary")
    expect(button).to_contain_text("3")
    expect(page.locator(".import-rows")).to_contain_text("HTML")
    editor.look()
    assert not Picture.objects.exists()
    page.locator("form[action$='/confirm/'] select").first.select_option("CC-BY-4.0")
    button.click()
    expect(page.locator(".result h2")).to_contain_text("3")
    editor.look()
    assert set(Picture.objects.values_list("rights__expression", "rights__state")) == {
        ("CC-BY-4.0", "pending"), ("CC0-1.0", "pending"),
    }  # fmt: skip

    reviewer = enter("reviewer", reader)
    reviewer.open(f"/p/{project.slug}/")
    reviewer.go_to_room("review")
    for left in (2, 1, 0):
        expect(reviewer.page.locator("[data-review-clear]")).to_be_visible()
        reviewer.page.locator("[data-review-clear]").click()
        reviewer.page.wait_for_load_state()
        wait_for(lambda left=left: Picture.objects.filter(rights__state="pending").count() == left)
        reviewer.look()
    expect(reviewer.page.locator(".empty h2")).to_have_text(NOTHING_WAITS[reader.language])

    editor.open(f"/p/{project.slug}/datasets/umbrellas/")
    expect(page.locator("main")).to_contain_text("CC BY")
    editor.open(f"/p/{project.slug}/datasets/umbrellas/versions/")
    page.locator("main form.card button.primary").click()
    expect(page.locator("main .timeline li, main h1").first).to_be_visible()
    wait_for(lambda: DatasetVersion.objects.exists())
    version = DatasetVersion.objects.get()
    assert (version.number, version.count, version.decision["verdict"]) == (1, 3, "allow")
    editor.open(version.get_absolute_url())


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until the server has done what was clicked."""
    from tests.conftest import wait_until

    wait_until(condition, seconds=20, what="the click's effect")


@pytest.mark.parametrize("reader", [DESK_JA, DESK_EN, PHONE_JA], ids=str)
def test_a_withdrawal_shows_its_blast_before_and_its_flag_after(enter, people, project, starter, reader):
    version = frozen(people, project, ["CC0-1.0", "CC-BY-4.0"])
    adapter = learned(people, project, starter, version)
    [output] = drawn_with(people, project, starter, adapter)
    picture = version.items.get(number=2).picture
    owner = enter("owner", reader)
    owner.open(f"/p/{project.slug}/pictures/{output.id}/")
    expect(owner.page.locator("main")).not_to_contain_text("The photographer asked us to.")
    owner.open(picture.get_absolute_url())
    owner.follow(owner.page.locator(f"main a[href*='withdraw'][href*='{picture.id}']").first)
    counts = owner.page.locator(".counts dd")
    expect(counts).to_have_text(["1", "1", "1", "0"])
    owner.page.locator("[name=reason]").fill("The photographer asked us to.")
    owner.page.locator("[name=confirm]").check()
    owner.page.locator("main form.card button.danger").click()
    expect(owner.page.locator(".strip.stop")).to_contain_text("The photographer asked us to.")
    owner.look()
    with owner.page.expect_download() as report:
        owner.page.locator("a[href$='report.csv']").click()
    text = report.value.path().read_text("utf-8-sig")
    assert str(output.id) in text
    assert adapter.sha256 in text
    owner.open(f"/p/{project.slug}/pictures/{output.id}/")
    expect(owner.page.locator(".notice.stop").first).to_contain_text("The photographer asked us to.")
    owner.open(f"/p/{project.slug}/pictures/?publishable=no")
    expect(owner.page.locator(f"main a[href*='{output.id}']").first).to_be_visible()
