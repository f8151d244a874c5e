"""bad-inputs.md, "Text" and "Pictures", as the portal's forms receive them, one row each.

What cannot be used is refused with a sentence, in English and in Japanese, and nothing is lost: the form keeps what
was typed, and no row is written. What is only strange is kept as the text, or read as the picture, that it is. How
the API answers is in tests/api/test_bad_inputs.py.
"""

import io
import re
from html import unescape
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image, PngImagePlugin

from assets.models import Term
from generation.models import Generation, PromptTemplate, TemplateVersion
from generation.views.reader import SESSION_KEY
from ledger.models import Entry
from projects.models import Campaign, Project
from projects.services import create_campaign
from tests.assets.bad_pictures import chunk, exif, international_text, picture, png, save
from tests.assets.test_pictures import GOOD, NAMED, ODD_MODES, PROVENANCE, REFUSED, TAILS, XXE
from tests.generation.pictures import made
from tests.test_access_matrix import make_model

ERROR = re.compile(r'<p class="(?:error|notice stop)"[^>]*>(.*?)</p>', re.DOTALL)
JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
HTMX = {"HX-Request": "true"}
WRITTEN = (Generation, PromptTemplate, TemplateVersion, Term, Campaign, Project, Entry)
MANY = "{" + "|".join(f"c{n}" for n in range(100)) + "}"
SCRIPT = "<script>alert(1)</script>"
HIDDEN_NAME = "\u202e\u200b"

STUDIO, TEMPLATE, WORD, CAMPAIGN, PROJECT, SETTINGS = "studio", "template", "word", "campaign", "project", "settings"
VIEWS = {
    STUDIO: "studio_generate",
    TEMPLATE: "template_new",
    WORD: "term_add",
    CAMPAIGN: "campaign_add",
    PROJECT: "project_new",
    SETTINGS: "project_settings",
}
NUL = "Null characters are not allowed"

# What it is, where it is typed, into which field, what, and what the reader is told in English.
TEXT: tuple[tuple[str, str, str, str, str], ...] = (
    ("path as address", PROJECT, "slug", "../../x.png", "letters, numbers, underscores or hyphens"),
    ("path as template's address", TEMPLATE, "slug", "../../x.png", "letters, numbers, underscores or hyphens"),
    ("drive as address", PROJECT, "slug", "C:\\x", "letters, numbers, underscores or hyphens"),
    ("line end in an address", PROJECT, "slug", "a\r\nb", "letters, numbers, underscores or hyphens"),
    ("NUL in a prompt", STUDIO, "subject", "a\x00b", NUL),
    ("NUL in a template", TEMPLATE, "subject_default", "a\x00b", NUL),
    ("NUL in a template's name", TEMPLATE, "name", "a\x00b", NUL),
    ("NUL in a word", WORD, "en", "a\x00b", NUL),
    ("NUL in a campaign's name", CAMPAIGN, "name", "a\x00b", NUL),
    ("NUL in a project's name", PROJECT, "name", "a\x00b", NUL),
    ("NUL in the settings", SETTINGS, "description", "a\x00b", NUL),
    ("300 letters as a campaign", CAMPAIGN, "name", "x" * 300, "at most 120 characters"),
    ("300 letters as a project", PROJECT, "name", "x" * 300, "at most 120 characters"),
    ("300 letters in the settings", SETTINGS, "name_ja", "春" * 300, "at most 120 characters"),
    ("300 letters as a template", TEMPLATE, "name", "x" * 300, "at most 120 characters"),
    ("300 letters as an address", PROJECT, "slug", "x" * 300, "at most 60 characters"),
    ("300 letters as a word", WORD, "ja", "空" * 300, "at most 80 characters"),
    ("a name of invisible characters", CAMPAIGN, "name", HIDDEN_NAME, "Write a name."),
    ("a project of invisible characters", PROJECT, "name", HIDDEN_NAME, "Write a name."),
    ("settings of invisible characters", SETTINGS, "name", HIDDEN_NAME, "Write a name."),
    ("a template of invisible characters", TEMPLATE, "name", HIDDEN_NAME, "Write a name."),
    ("a decomposed name that is taken", CAMPAIGN, "name", "か\u3099らす", "campaign with this name already"),
    ("markup in a word", WORD, "en", SCRIPT, "syntax of prompts"),
    ("evaluated braces", STUDIO, "subject", "{{7*7}}", "never evaluated"),
    ("evaluated braces in a template", TEMPLATE, "style_suffix", "{{7*7}}", "never evaluated"),
    ("an unknown variable", STUDIO, "light", "a {nothing}", "no variable called nothing"),
    ("an unknown variable in a template", TEMPLATE, "light_default", "a {nothing}", "no variable called nothing"),
    ("an unknown wildcard", TEMPLATE, "light_default", "__nothing__", "no wildcard called nothing"),
    ("a recursive variable", TEMPLATE, "variables-0-default", "{a}", "refers to itself"),
    ("circular variables", TEMPLATE, "variables-0-default", "{b}", "refers to itself"),
    ("choices in choices", STUDIO, "subject", "{a|" * 12 + "b" + "}" * 12, "too deeply"),
    ("a weight of a billion", STUDIO, "light", "(a:1e9)", "between 0 and 2"),
    ("a weight of a billion in a template", TEMPLATE, "negative", "(a:1e9)", "between 0 and 2"),
    ("an open bracket", STUDIO, "negative", "((a)", "has no partner"),
    ("a closed bracket in a template", TEMPLATE, "subject_default", "a)", "has no partner"),
    ("an endless prompt", STUDIO, "environment", "a" * 2_001, "at most 2000"),
    ("seed -1", STUDIO, "seed", "-1", "whole number of 0 or more"),
    ("seed 2^64", STUDIO, "seed", str(2**64), "whole number from 0"),
    ("seed 1.5", STUDIO, "seed", "1.5", "Enter a whole number"),
    ("steps 0", STUDIO, "num_inference_steps", "0", "from 1 to 150"),
    ("steps 10^6", STUDIO, "num_inference_steps", "1000000", "from 1 to 150"),
    ("7 px", STUDIO, "width", "7", "between 64 and 4096"),
    ("509 px", STUDIO, "height", "509", "Near 509 are 504, 512"),
    ("10^5 px", STUDIO, "width", "100000", "between 64 and 4096"),
    ("guidance NaN", STUDIO, "guidance_scale", "nan", "Enter a number"),
    ("guidance inf", STUDIO, "guidance_scale", "inf", "Enter a number"),
    ("guidance -1", STUDIO, "guidance_scale", "-1", "from 0 to 30"),
)


@pytest.fixture
def typed(people, project) -> dict[str, dict[str, str]]:
    """Return what a person types into each form: everything but the one field that a row names."""
    create_campaign(project, actor=people.editor, name="がらす")
    model = make_model(project)
    slots = {"subject": "a red ball", "environment": "on a beach", "light": "", "style": "", "negative": "blurry"}
    size = {"width": "128", "height": "128", "num_inference_steps": "4", "guidance_scale": "3", "seed": "1"}
    ask = {"base_model": str(model.id), "scheduler": "ddim", "count": "1", "quality": "draft", "idempotency_key": "k"}
    body = {f"{name}_default": "" for name in ("subject", "environment", "light", "style")}
    body |= {"separator": ", ", "negative": "", "name": "Glass", "name_ja": "ガラス", "slug": "glass"}
    for prefix in ("variables", "wildcards"):
        body |= {f"{prefix}-TOTAL_FORMS": "2", f"{prefix}-INITIAL_FORMS": "0"}
    body |= {"variables-0-name": "a", "variables-1-name": "b", "variables-1-default": "{a}"}
    opening = {"name": "Glass", "name_ja": "ガラス", "slug": "glass", "purpose": "editorial", "territory": "JP"}
    settings = {"name": "Spring", "name_ja": "春", "purpose": "editorial", "territory": "JP", "policy": "strict"}
    return {
        STUDIO: slots | size | ask,
        TEMPLATE: body | {"variables-0-default": "x", "subject_default": "{b} ball"},
        WORD: {"ja": "風鈴", "reading": "ふうりん", "en": "a wind chime", "synonyms": "", "slot": "subject"},
        CAMPAIGN: {"name": "Glass", "name_ja": "ガラス"},
        PROJECT: opening,
        SETTINGS: settings,
    }


def address(place: str) -> str:
    """Return where a form is sent."""
    return reverse(VIEWS[place], args=[] if place == PROJECT else ["spring"])


def person_of(place: str) -> str:
    """Return who may fill in a form."""
    return "owner" if place == SETTINGS else "editor"


def read_language(people: Any, name: str, language: str) -> None:
    """Let a person read in a language."""
    person = getattr(people, name)
    person.language = language
    person.save(update_fields=["language"])


def sentences(response: Any) -> str:
    """Return what stands in red on a page."""
    return unescape("\n".join(ERROR.findall(response.content.decode())))


def counts() -> list[int]:
    """Count everything that a form could write."""
    return [model.objects.count() for model in WRITTEN]


@pytest.mark.parametrize(("place", "field", "text", "said"), [row[1:] for row in TEXT], ids=[row[0] for row in TEXT])
def test_text_that_cannot_be_used_gets_a_sentence_and_nothing_is_lost(
    signed_in, people, typed, place, field, text, said
):
    client, before, told = signed_in(person_of(place)), counts(), {}
    sent = typed[place] | {field: text}
    for language in ("en", "ja"):
        read_language(people, person_of(place), language)
        response = client.post(address(place), sent)
        assert response.status_code == 422
        told[language] = sentences(response)
        page = unescape(response.content.decode())
        assert all(value in page for name, value in sent.items() if name != field)
    assert said in told["en"]
    assert JAPANESE.search(told["ja"])
    assert said not in told["ja"]
    assert counts() == before


def test_every_form_takes_what_is_not_bad(signed_in, typed):
    for place, sent in typed.items():
        response = signed_in(person_of(place)).post(address(place), sent)
        assert response.status_code == 302, (place, sentences(response))


# What is only strange, and what is kept of it.
KEPT = (
    ("path", "../../x.png", "../../x.png"),
    ("drive", "C:\\x", "C:\\x"),
    ("300 bytes", "春" * 100, "春" * 100),
    ("markup", SCRIPT, SCRIPT),
    ("line end", "a\r\nb", "a b"),
    ("right to left", "a\u202eb", "ab"),
    ("decomposed", "か\u3099らん", "がらん"),
    ("spacing mark", "か゛らん", "か゛らん"),
    ("signs of search", "100% a_b \\", "100% a_b \\"),
    ("template of a web framework", "{% load x %}{{7*7}}", "{% load x %}{{7*7}}"),
)


@pytest.mark.parametrize(("text", "kept"), [row[1:] for row in KEPT], ids=[row[0] for row in KEPT])
def test_a_strange_name_is_a_name_and_never_markup(signed_in, project, typed, text, kept):
    editor, owner = signed_in("editor"), signed_in("owner")
    assert editor.post(address(CAMPAIGN), {"name": text, "name_ja": text}).status_code == 302
    campaign = project.campaigns.exclude(name="がらす").get()
    assert (campaign.name, campaign.name_ja) == (kept, kept)
    assert editor.post(address(TEMPLATE), typed[TEMPLATE] | {"name": text}).status_code == 302
    assert PromptTemplate.objects.get().name == kept
    assert owner.post(address(SETTINGS), typed[SETTINGS] | {"name": text}).status_code == 302
    project.refresh_from_db()
    assert project.name == kept
    for view in ("home", "campaigns", "ledger", "studio", "gallery", "templates", "project_settings"):
        page = owner.get(reverse(view, args=[] if view == "home" else ["spring"])).content.decode()
        assert SCRIPT not in page
        assert kept in unescape(page), view


@pytest.mark.parametrize(("text", "kept"), [row[1:] for row in KEPT[:-1]], ids=[row[0] for row in KEPT[:-1]])
def test_a_strange_prompt_is_text_and_never_markup(signed_in, typed, text, kept):
    response = signed_in("editor").post(reverse("studio_compose", args=["spring"]), typed[STUDIO] | {"style": text})
    assert response.status_code == 200
    assert sentences(response) == ""
    assert SCRIPT not in response.content.decode()
    assert response.context["preview"].composed.translations["style"].source == kept


def test_a_million_combinations_are_one_pick(signed_in, typed):
    response = signed_in("editor").post(address(STUDIO), typed[STUDIO] | {"subject": f"{MANY} {MANY} {MANY}"})
    assert response.status_code == 302
    assert len(Generation.objects.get().choices) == 3


def test_a_prompt_over_77_tokens_is_counted_in_parts(signed_in, typed):
    sent = typed[STUDIO] | {"subject": "ball, " * 100}
    response = signed_in("editor").post(reverse("studio_compose", args=["spring"]), sent)
    assert response.context["preview"].composed.tokens.chunks == 3


SEARCHES = (
    ("gallery", "q", "page"),
    ("vocabulary", "q", "terms"),
    ("templates", "q", "cards"),
    ("library", "q", "shelves"),
    ("ledger", "subject", "lines"),
)


@pytest.mark.parametrize("text", ["%", "_", "\\", "'; drop table--", SCRIPT])
@pytest.mark.parametrize(("view", "field", "shown"), SEARCHES, ids=[row[0] for row in SEARCHES])
def test_search_is_literal(signed_in, people, project, starter, template, view, field, shown, text):
    made(people.editor, project, starter)
    Term.objects.create(project=project, ja="風鈴", en="a wind chime", slot="subject")
    client, url = signed_in("viewer"), reverse(view, args=["spring"])
    response, everything = client.get(url, {field: text}), client.get(url)
    assert SCRIPT not in response.content.decode()
    assert rows(everything.context[shown])
    assert not rows(response.context[shown])


def rows(found: Any) -> list[Any]:
    """Return what a list, or a page of one, holds."""
    return list(getattr(found, "rows", found))


def test_a_download_has_a_name_that_is_only_a_name(signed_in, people, project, starter):
    hostile = {"subject": "../../x\\y\r\nSet-Cookie: a=b", "environment": "C:\\\\x", "light": "", "style": ""}
    output = made(people.editor, project, starter, slots=hostile)[0]
    client = signed_in("viewer")
    for view, more in (("picture_download", [output.id]), ("picture_credits", [output.id]), ("ledger_export", [])):
        ask = client.post if view == "picture_download" else client.get
        response = ask(reverse(view, args=["spring", *more]))
        header = unquote(response.headers["Content-Disposition"])
        assert header.startswith("attachment; filename")
        assert not set(header.removeprefix("attachment; filename*=utf-8''")) & set("/\\\r\n:<>|?*")
        assert "Set-Cookie" not in response.headers


TOLD = {
    "empty": "The submitted file is empty",
    "not_a_picture": "not a PNG, JPEG or WebP",
    "too_many_pixels": "pixels are accepted",
    "broken": "The picture is damaged",
    "metadata_bomb": "unpacks to more than",
    "too_many_pieces": "cut into more than",
    "truncated": "ends too early",
    "animated": "only still pictures",
    "side_too_long": "no side may be longer",
}
BAD_PICTURES = {name: (data, TOLD[code]) for name, (data, code) in REFUSED.items()}
BAD_PICTURES |= {name: (data, f"The file is {name}; only") for name, data in NAMED.items()}


def read(client: Any, data: bytes, name: str = "x.png", kind: str = "image/png") -> Any:
    """Give the reader a file."""
    return client.post(reverse("studio_read", args=["spring"]), {"file": SimpleUploadedFile(name, data, kind)})


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_a_picture_that_cannot_be_read_gets_a_sentence(signed_in, people, project, name):
    data, said = BAD_PICTURES[name]
    client, before, told = signed_in("editor"), counts(), {}
    for language in ("en", "ja"):
        read_language(people, "editor", language)
        response = read(client, data)
        assert response.status_code == 422
        told[language] = sentences(response)
    assert said in told["en"]
    assert JAPANESE.search(told["ja"])
    assert said not in told["ja"]
    assert counts() == before
    assert SESSION_KEY not in client.session


def with_parameters(text: str) -> bytes:
    """Return a PNG with this text as A1111 writes it."""
    info = PngImagePlugin.PngInfo()
    info.add_itxt("parameters", text)
    return save(picture(), pnginfo=info)


CLAIM = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 512x512"
XMP = "XML:com.adobe.xmp"
STRANGE_PICTURES = {
    **{name: row[0] for name, row in ODD_MODES.items()},
    **{f"orientation {turn}": save(picture(), "JPEG", exif=exif(t0112=turn)) for turn in (*range(1, 9), 99)},
    **{f"{name} behind it": GOOD + tail for name, tail in TAILS.items()},
    "a serial number": save(picture(), "JPEG", exif=exif(t010f="SECRET-SERIAL")),
    "1 x 1": save(picture(1, 1)),
    "8 x 3000": save(picture(8, 3000)),
    "XMP of 5 MB": png(international_text(XMP, b"x" * 5_000_000)),
    "XMP with an entity": png(international_text(XMP, XXE)),
    "XMP that points inside": png(international_text(XMP, PROVENANCE)),
    "HTML in its text": with_parameters(f"{SCRIPT}\n{CLAIM}"),
    "a prompt of 1 MB": with_parameters(f"{'ball, ' * 170_000}\n{CLAIM}"),
    "forged steps": with_parameters(f"a ball\nSteps: 1, Seed: 1\nSteps: 2\n{CLAIM}"),
    "NUL in its text": png(chunk(b"tEXt", b"parameters\0a\0b\n" + CLAIM.encode())),
    "right to left in its text": with_parameters(f"a\u202eb\n{CLAIM}"),
    "half a character in its text": png(international_text("parameters", b"\xed\xa0\x80a\n" + CLAIM.encode())),
}


@pytest.mark.parametrize("name", STRANGE_PICTURES)
def test_a_strange_picture_is_read_and_writes_nothing(signed_in, project, name):
    client, before = signed_in("editor"), counts()
    assert read(client, STRANGE_PICTURES[name]).status_code == 302
    response = client.get(reverse("studio_read", args=["spring"]))
    page = response.content.decode()
    assert response.status_code == 200
    assert SCRIPT not in page
    assert not [text for text in ("root:", "SECRET-SERIAL", "169.254") if text in page]
    assert len(page) < 200_000
    form = client.get(reverse("studio", args=["spring"]) + "?from=reading").context["form"]
    assert SCRIPT not in str(form)
    assert counts() == before


@pytest.mark.parametrize(
    ("name", "kind"),
    [("x.jpg", "image/jpeg"), ("x.exe", "text/html"), ("x", ""), ("../../x.png", "image/png"), ("x" * 300, "a/b")],
)
def test_a_wrong_name_or_kind_says_nothing_about_a_picture(signed_in, project, name, kind):
    client = signed_in("editor")
    assert read(client, GOOD, name, kind).status_code == 302
    kept = client.session[SESSION_KEY]["name"]
    assert "/" not in kept
    assert len(kept) <= 255


def test_the_same_picture_is_read_the_same(signed_in, project):
    data, client, readings = with_parameters(f"a ball\n{CLAIM}"), signed_in("editor"), []
    file = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        info = PngImagePlugin.PngInfo()
        info.add_itxt("parameters", image.info["parameters"])
        image.save(file, "PNG", pnginfo=info, compress_level=1)
    assert np.array_equal(np.asarray(Image.open(file)), np.asarray(Image.open(io.BytesIO(data))))
    for each in (data, data, file.getvalue()):
        read(client, each)
        readings.append(client.session[SESSION_KEY])
    assert readings[0] == readings[1] == readings[2]
