"""bad-inputs.md, "Text" and "Network and API", as the API receives them: a clear error, and nothing is written."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from generation.models import Generation, PromptTemplate
from ledger.models import Entry

SPRING = {"project": "spring"}
RED = {"slots": {"subject": "a red ball"}}
MANY = "{" + "|".join(f"c{n}" for n in range(100)) + "}"


def slot(text: str) -> dict:
    """Return a request with this subject."""
    return {"slots": {"subject": text}}


REFUSED = [
    ("nul in a prompt", slot("a\x00b"), "slots.subject"),
    ("an endless prompt", slot("a" * 2_001), "slots.subject"),
    ("a heavy weight", slot("(a:1e9)"), "slots.subject"),
    ("a weight that is no number", slot("(a:nan)"), "slots.subject"),
    ("an open bracket", slot("((a)"), "slots.subject"),
    ("a closed bracket", slot("a)"), "slots.subject"),
    ("evaluated braces", slot("{{7*7}}"), "slots.subject"),
    ("an unknown variable", slot("a {nothing}"), "slots.subject"),
    ("an unknown wildcard", slot("a __nothing__"), "slots.subject"),
    ("nested choices", slot("{a|" * 12 + "b" + "}" * 12), "slots.subject"),
    ("an unknown slot", {"slots": {"weather": "rain"}}, "slots.weather"),
    ("an unknown variable's value", {**RED, "variables": {"product": "x"}}, "variables.product"),
    ("half a negative bracket", {**RED, "negative": "(a"}, "negative"),
    ("seed -1", {**RED, "seed": -1}, "seed"),
    ("seed 2^64", {**RED, "seed": 2**64}, "seed"),
    ("seed 10^4000", {**RED, "seed": 10**4000}, "seed"),
    ("seed 1.5", {**RED, "seed": 1.5}, "seed"),
    ("seed null", {**RED, "seed": None}, "seed"),
    ("steps 0", {**RED, "num_inference_steps": 0}, "num_inference_steps"),
    ("steps 10^6", {**RED, "num_inference_steps": 10**6}, "num_inference_steps"),
    ("7 px", {**RED, "width": 7, "height": 7}, "width"),
    ("509 px", {**RED, "width": 509, "height": 509}, "height"),
    ("10^5 px", {**RED, "width": 10**5}, "width"),
    ("guidance nan", {**RED, "guidance_scale": "nan"}, "guidance_scale"),
    ("guidance inf", {**RED, "guidance_scale": "inf"}, "guidance_scale"),
    ("guidance -1", {**RED, "guidance_scale": -1}, "guidance_scale"),
    ("clip skip 99", {**RED, "clip_skip": 99}, "clip_skip"),
    ("no picture", {**RED, "count": 0}, "count"),
    ("9 pictures", {**RED, "count": 9}, "count"),
    ("an unknown scheduler", {**RED, "scheduler": "magic"}, "scheduler"),
    ("somebody's model", {**RED, "base_model": "00000000-6a3d-4a8e-9b5c-0d3f0a1d2c11"}, "base_model"),
    ("a path as model", {**RED, "base_model": "../../etc/passwd"}, "base_model"),
    ("a path as template", {**RED, "template": "../x"}, "template"),
    ("no campaign", {**RED, "campaign": "none"}, "campaign"),
]


@pytest.mark.parametrize(("body", "field"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_request_that_cannot_be_drawn_names_its_field_and_writes_nothing(caller, model, body, field):
    entries = Entry.objects.count()
    client = caller("editor")
    for path in ("prompts/compose", "generations"):
        headers = {"Idempotency-Key": "one"}
        response = client.post(f"/api/v1/{path}/", {**SPRING, **body}, format="json", headers=headers)
        assert response.status_code == 400, response.content
        assert field in response.json()["error"]["fields"], response.json()
    assert not Generation.objects.exists()
    assert Entry.objects.count() == entries


KEPT = [
    ("markup", "<script>alert(1)</script>", "<script>alert(1)</script>"),
    ("a path", "../../x.png", "../../x.png"),
    ("a drive", "C:\\x", "C:\\x"),
    ("a decomposed letter", "か゛か\u3099", "か゛が"),
    ("right to left", "a\u202eb", "ab"),
    ("two lines", "a\r\nb", "a b"),
    ("signs of search", "100% a_b \\\\", "100% a_b \\\\"),
    ("an adapter's tag", "a ball <lora:x:1>", "a ball <lora:x:1>"),
    ("a template of another language", "{% load x %}", None),
]


@pytest.mark.parametrize(("text", "kept"), [row[1:] for row in KEPT], ids=[row[0] for row in KEPT])
def test_strange_text_is_text(caller, model, text, kept):
    response = caller("viewer", "generate").post("/api/v1/prompts/compose/", {**SPRING, **slot(text)}, format="json")
    if kept is None:
        assert response.status_code == 400
    else:
        assert response.status_code == 200, response.json()
        assert response.json()["translation"]["subject"]["source"] == kept


def test_a_million_combinations_are_one_pick(caller, model):
    response = caller("editor").post("/api/v1/prompts/compose/", {**SPRING, **slot(MANY * 3)}, format="json")
    assert response.status_code == 200
    assert len(response.json()["choices"]) == 3


def test_a_long_prompt_is_counted_in_windows(caller, model):
    response = caller("editor").post("/api/v1/prompts/compose/", {**SPRING, **slot("ball, " * 100)}, format="json")
    counted = {"encoder": "CLIP", "used": 199, "limit": 75, "chunks": 3, "lost": 0}
    assert response.json()["tokens"] == counted


BODIES = [
    ("not an object", []),
    ("an unknown slot", {"slots": [{"name": "weather"}]}),
    ("circular variables", {"variables": {"a": {"default": "{b}"}, "b": {"default": "{a}"}}, "negative": "{a}"}),
    ("an unknown variable", {"negative": "{nothing}"}),
    ("a name that is none", {"variables": {"1 x": {"default": "a"}}}),
    ("nul", {"negative": {"a": "\x00"}}),
    ("a million lines", {"wildcards": {"w": ["x"] * 100_000}}),
]


@pytest.mark.parametrize("body", [row[1] for row in BODIES], ids=[row[0] for row in BODIES])
def test_a_template_that_does_not_work_is_not_saved(caller, body):
    wanted = {**SPRING, "slug": "new", "name": "New", "body": body}
    response = caller("editor").post("/api/v1/templates/", wanted, format="json")
    assert response.status_code == 400, response.content
    assert response.json()["error"]["fields"]
    assert not PromptTemplate.objects.exists()


WORDS = [
    ("a formula", {"en": "=cmd|x"}, "en"),
    ("syntax", {"ja": "空{x}"}, "ja"),
    ("no Japanese", {"ja": "sky"}, "ja"),
    ("a reading that is none", {"reading": "sky"}, "reading"),
    ("an unknown slot", {"slot": "weather"}, "slot"),
    ("300 letters", {"ja": "空" * 300}, "ja"),
    ("too many spellings", {"synonyms": ["そら"] * 21}, "synonyms"),
    ("nul", {"en": "a\x00"}, "en"),
]


@pytest.mark.parametrize(("word", "field"), [row[1:] for row in WORDS], ids=[row[0] for row in WORDS])
def test_a_word_that_is_none_is_not_added(caller, word, field):
    body = {**SPRING, "ja": "空", "en": "sky", "slot": "environment", **word}
    response = caller("editor").post("/api/v1/terms/", body, format="json")
    assert response.status_code == 400
    assert field in response.json()["error"]["fields"]


@pytest.mark.parametrize("text", ["%", "_", "\\", "'; drop table--"])
def test_search_is_literal(caller, output, text):
    client = caller("viewer")
    assert client.get("/api/v1/outputs/", {"q": "ball"}).json()["results"]
    assert client.get("/api/v1/outputs/", {"q": text}).json()["results"] == []
    assert client.get("/api/v1/terms/", {"project": "spring", "q": text}).json()["results"] == []


QUERIES = ["outputs/?q=%00", "outputs/?rating=9", "outputs/?model=x", "outputs/?after=2026-02-30"]
QUERIES += ["outputs/?version=99999999999999999999", "terms/", "terms/?project=spring&slot=x"]
QUERIES += ["projects/spring/ledger/?event=%00"]


@pytest.mark.parametrize("query", QUERIES)
def test_a_filter_that_cannot_be_read_is_refused(caller, query):
    response = caller("viewer").get(f"/api/v1/{query}")
    assert response.status_code == 400
    assert response.json()["error"]["fields"]


NOWHERE = ["outputs/?project=%00", "outputs/?project=../x", "terms/?project=%00", "models/?project=%00"]
NOWHERE += ["generations/99999999/", "terms/99999999999999999999/", "outputs/..%2f..%2fetc/file/"]
NOWHERE += ["projects/spring/ledger/99999999999999999999/"]


@pytest.mark.parametrize("path", NOWHERE)
def test_an_address_made_up_leads_nowhere(caller, path):
    client = caller("owner")
    method = client.delete if path.startswith("terms/9") else client.get
    assert method(f"/api/v1/{path}").status_code == 404


@pytest.mark.parametrize("key", ["", "k" * 81, "a\x07b"])
def test_a_key_that_cannot_be_kept_is_refused(caller, model, key):
    headers = {"Idempotency-Key": key} if key else {}
    response = caller("editor").post("/api/v1/generations/", {**SPRING, **RED}, format="json", headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "idempotency_key_missing")


FILES = [("empty", b""), ("html", b"<html>"), ("gif", b"GIF89a"), ("half a png", b"\x89PNG\r\n\x1a\n\x00")]


@pytest.mark.parametrize("data", [row[1] for row in FILES], ids=[row[0] for row in FILES])
def test_a_file_that_is_no_picture_is_refused_in_words(caller, data):
    upload = SimpleUploadedFile("../../x.png", data, content_type="image/png")
    response = caller("editor").post("/api/v1/parameters/read/", {"file": upload}, format="multipart")
    assert response.status_code == 400
    assert response.json()["error"]["fields"]["file"]


PRESETS = [("empty", b""), ("no columns", b"a,b\n1,2"), ("broken json", b'[{"name": '), ("deep json", b"[" * 99_999)]


@pytest.mark.parametrize("data", [row[1] for row in PRESETS], ids=[row[0] for row in PRESETS])
def test_a_file_that_holds_no_presets_is_refused_in_words(caller, data):
    upload = SimpleUploadedFile("styles.csv", data)
    response = caller("editor").post("/api/v1/templates/import/", {**SPRING, "file": upload}, format="multipart")
    assert response.status_code == 400
    assert response.json()["error"]["fields"]["file"]
    assert not PromptTemplate.objects.exists()
