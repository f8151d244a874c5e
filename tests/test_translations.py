"""Whoever reads Japanese reads all of it in Japanese."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from types import SimpleNamespace

import polib
import pytest
from django.db.models import CharField, Value
from django.db.models.functions import Concat
from django.test import Client
from django.urls import reverse

from assets.models import Picture, PictureTag
from generation.models import Output
from tests.generation.pictures import made

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = Path("locale", "ja", "LC_MESSAGES", "django.po")
MAKE_MESSAGES = ["makemessages", "-l", "ja", "--no-location", "--no-obsolete", "-i", ".venv", "-i", "var"]
ENTRIES = polib.pofile(str(ROOT / CATALOGUE))
MARKUP = re.compile(r"</?\w+[^>]*>")
PERCENT = re.compile(r"%(?:\(\w+\))?[sd]")

# Languages are called by their own names.
OWN_NAMES = frozenset({"English"})

Key = tuple[str | None, str, str]


def key(entry: polib.POEntry) -> Key:
    """Return what makes an entry one of its kind."""
    return (entry.msgctxt, entry.msgid, entry.msgid_plural)


def said(entry: polib.POEntry) -> list[str]:
    """Return the Japanese of an entry."""
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def placeholders(text: str, flags: list[str]) -> list[str]:
    """Return what a sentence leaves open, and its markup."""
    found = MARKUP.findall(text) + PERCENT.findall(text)
    if "python-brace-format" in flags:
        found += [name for _before, name, _spec, _conversion in Formatter().parse(text) if name is not None]
    return sorted(found)


@pytest.fixture(params=sorted(ROOT.glob("locale/**/django.po")), ids=lambda path: str(path.relative_to(ROOT).parent))
def catalogue(request) -> Path:
    """Return one catalogue after the other."""
    return request.param


def test_every_entry_is_translated(catalogue):
    entries = polib.pofile(str(catalogue))
    assert entries.metadata["Plural-Forms"] == "nplurals=1; plural=0;"
    assert not [each.msgid for each in entries if each.obsolete or each.fuzzy or not all(map(str.strip, said(each)))]


def test_placeholders_and_markup_stay(catalogue):
    wrong = []
    for entry in polib.pofile(str(catalogue)):
        expected = placeholders(entry.msgid_plural or entry.msgid, entry.flags)
        wrong += [text for text in said(entry) if placeholders(text, entry.flags) != expected]
    assert not wrong


def test_no_sentence_begins_or_ends_with_a_space(catalogue):
    assert not [text for each in polib.pofile(str(catalogue)) for text in said(each) if text != text.strip()]


def test_the_compiled_catalogue_is_that_of_the_text(catalogue):
    compiled, text = polib.mofile(str(catalogue.with_suffix(".mo"))), polib.pofile(str(catalogue))
    assert {key(each): said(each) for each in compiled} == {key(each): said(each) for each in text}


@pytest.mark.skipif(not shutil.which("xgettext"), reason="GNU gettext is not installed")
def test_no_new_sentence_waits_for_its_translation(tmp_path):
    copy = tmp_path / "house"
    left_out = (".*", "var", "docs", "benchmarks", "tests", "static", "*.safetensors", "*.png", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*left_out))
    # The jobs' tests name an app of theirs there, which the copy leaves out.
    env = os.environ | {"EXTRA_APPS": ""}
    subprocess.run([sys.executable, "manage.py", *MAKE_MESSAGES], cwd=copy, env=env, check=True, capture_output=True)
    found = polib.pofile(str(copy / CATALOGUE))
    assert {key(each) for each in found} - {key(each) for each in ENTRIES} == set()


def test_licences_and_vocabulary_speak_for_themselves():
    licensing = [*(ROOT / "assets" / "licensing").glob("*.py"), ROOT / "assets" / "vocabulary.py"]
    assert len(licensing) > 5
    assert not [path.name for path in licensing if "gettext" in path.read_text()]


class Reader(HTMLParser):
    """Collect what people see or hear of a page, but for what says that it is English or code."""

    VOID = frozenset({"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
    SILENT = frozenset({"script", "style", "code", "pre", "kbd", "textarea", "svg"})
    SPOKEN = ("aria-label", "title", "placeholder", "data-confirm", "data-copied", "data-words", "data-chosen")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.texts: list[str] = []

    @property
    def is_silent(self) -> bool:
        """Is the place one that nobody reads as Japanese?"""
        return bool(self.open) and self.open[-1][1]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        classes = (values.get("class") or "").split()
        is_silent = tag in self.SILENT or values.get("lang") == "en" or values.get("hreflang") == "en"
        is_silent = is_silent or "mono" in classes or self.is_silent
        if not is_silent:
            self.texts += [values[name] or "" for name in self.SPOKEN if values.get(name)]
        if tag not in self.VOID:
            self.open.append((tag, is_silent))

    def handle_endtag(self, tag: str) -> None:
        if tag in [name for name, _is_silent in self.open]:
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if text and not self.is_silent:
            self.texts.append(text)


def english(page: str, data: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield what a page still says in English, but for people's data: a source sentence, or three words in a row."""
    sources = {
        " ".join(text.split())
        for each in ENTRIES
        for text in (each.msgid, each.msgid_plural)
        if text and text not in said(each)
    }
    reader = Reader()
    reader.feed(page)
    for text in reader.texts:
        for words in data | OWN_NAMES:
            text = text.replace(words, "")
        if text.strip() in sources or re.search(r"\b[A-Za-z’']+,? [a-z’']+,? [a-z’']+", text):
            yield text


@pytest.fixture
def readers(people) -> SimpleNamespace:
    """Return the cast with Japanese names, reading Japanese."""
    names = {"owner": "佐藤 花", "editor": "鈴木 葵", "reviewer": "田中 誠", "viewer": "伊藤 蓮", "stranger": "森 樹"}
    for name, words in names.items():
        person = getattr(people, name)
        person.name, person.language = words, "ja"
        person.save(update_fields=["name", "language"])
    return people


@pytest.fixture
def world(readers, project, starter, template) -> SimpleNamespace:
    """Return a project in which everything has happened once."""
    from generation.demo_material import make_material
    from generation.services.templates import save_version
    from projects.models import ApiToken

    version = template.versions.get()
    save_version(readers.editor, template, body={**version.body, "negative": "文字"}, note="文字を除く")
    slots = {"subject": "赤いマグカップ"}
    outputs = made(readers.editor, project, starter, template_version=version, slots=slots, count=2)
    ApiToken.issue(readers.owner, name="夜の作業", scopes=["read"])
    make_material(readers.editor, readers.reviewer, project)
    project.datasets.update(description="同梱のモデルに教えていない物")
    PictureTag.objects.update(text=Concat(Value("札"), "id", output_field=CharField()))
    return SimpleNamespace(template=template, model=starter, outputs=outputs, data=typed_data(outputs))


def typed_data(outputs: list[Output]) -> frozenset[str]:
    """Return what people and models said in English, which no page may change."""
    spec, version = outputs[0].spec, outputs[0].generation.template_version
    texts = [spec["prompt"], spec["negative_prompt"], str(outputs[0].project.name), version.note]
    texts += [version.template.name, version.template.description, version.body["negative"]]
    texts += [str(slot[name]) for slot in version.body["slots"] for name in ("default", "prefix", "suffix", "hint")]
    return frozenset(filter(None, [*texts, outputs[0].generation.base_model.description]))


def addresses(world: SimpleNamespace) -> dict[str, str]:
    """Return the main pages of the portal."""
    slug, tslug = "spring", world.template.slug
    first, second = world.outputs
    rooms = ("project_settings", "members", "ledger", "library", "studio", "studio_read", "gallery", "templates")
    more = ("template_new", "template_import", "vocabulary", "campaigns")
    own = (
        "home",
        "project_new",
        "account",
        "account_change_password",
        "account_email",
        "account_reset_password",
        "mfa_index",
    )
    pages = {name: reverse(name, kwargs={"slug": slug}) for name in (*rooms, *more)}
    pages |= {name: reverse(name) for name in own}
    pages |= {name: reverse(name, kwargs={"slug": slug, "tslug": tslug}) for name in ("template", "template_edit")}
    pages["template_version"] = reverse("template_version", args=[slug, tslug, 2]) + "?against=1"
    pages["model_file"] = reverse("model_file", args=[slug, world.model.id])
    pages["ledger_entry"] = reverse("ledger_entry", args=[slug, first.ledger_seq]) + "?proof"
    pages["picture"] = reverse("picture", args=[slug, first.id])
    pages["generation"] = reverse("generation", args=[slug, first.generation_id])
    pages["compare"] = reverse("compare", args=[slug]) + f"?ids={first.id}&ids={second.id}"
    pages |= material_addresses(slug)
    pages["no picture fits"] = pages["gallery"] + "?q=xyzzy"
    pages["no word fits"] = pages["vocabulary"] + "?q=xyzzy"
    pages["no entry fits"] = pages["ledger"] + "?subject=xyzzy"
    return pages


def material_addresses(slug: str) -> dict[str, str]:
    """Return the rooms of pictures, datasets and rights."""
    picture, name = Picture.objects.order_by("name").first(), "spring-umbrellas"
    rooms = ("datasets", "imports", "import_new", "materials", "review", "waivers", "waiver_new", "expiries")
    one = ("dataset", "dataset_edit", "dataset_add", "dataset_checks", "dataset_crops", "captions", "caption_words")
    pages = {each: reverse(each, args=[slug]) for each in (*rooms, "withdrawals", "model_add")}
    pages |= {each: reverse(each, args=[slug, name]) for each in (*one, "dataset_tags", "dataset_versions")}
    pages |= {
        each: reverse(each, args=[slug, picture.id]) for each in ("material", "material_edit", "withdraw_picture")
    }
    pages["dataset_version"] = reverse("dataset_version", args=[slug, name, 1])
    pages["ask"] = reverse("ask", args=[slug]) + f"?picture={picture.id}"
    return pages


def test_no_page_falls_back_into_english(signed_in, world):
    left, closed = {}, set()
    for name in ("owner", "viewer"):
        client = signed_in(name)
        for page, url in addresses(world).items():
            response = client.get(url, follow=True)
            if response.status_code != 200:
                closed.add((name, page))
            if rest := list(english(response.content.decode(), world.data)):
                left[name, page] = rest
    assert left == {}
    made_here = ("template_new", "template_edit", "template_import", "import_new", "dataset_edit", "dataset_add")
    assert closed == {("viewer", page) for page in (*made_here, "material_edit", "model_add", "waiver_new")}


def test_a_browser_that_asks_for_japanese_gets_it_before_logging_in(db):
    response = Client(headers={"accept-language": "ja"}).get(reverse("account_login"))
    page = response.content.decode()
    assert '<html lang="ja"' in page
    assert list(english(page)) == []


def test_problems_are_said_in_japanese(signed_in, readers, project):
    client = signed_in("viewer")
    for url, code in ((reverse("studio", args=["nowhere"]), 404), (reverse("template_new", args=["spring"]), 403)):
        response = client.get(url)
        assert response.status_code == code
        assert list(english(response.content.decode())) == []


def test_the_reader_hears_english():
    page = (
        "<p>Verify now</p><code>Verify now</code><p lang='en'>Generate</p><input title='Copy'><p>Nobody wrapped it.</p>"
    )
    assert list(english(page)) == ["Verify now", "Copy", "Nobody wrapped it."]
