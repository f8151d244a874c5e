"""The Studio: what a person types, sees, asks for and reads from elsewhere."""

import io
import re
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from assets.models import Rights
from generation.composing import compose
from generation.models import Generation
from generation.services.templates import create_template
from tests.generation.pictures import asked, drawn, made

HTMX = {"HX-Request": "true"}


def url(name: str, **more) -> str:
    return reverse(name, kwargs={"slug": "spring", **more})


@pytest.fixture
def filled(template, starter):
    """Return the form as a browser sends it."""
    version = template.versions.get()
    return {
        "idempotency_key": "k1",
        "template_version": str(version.id),
        "slots_from": str(version.id),
        "subject": "赤い{product}",
        "environment": "砂浜で",
        "light": "(夕焼け:1.2)",
        "style": "watercolor style",
        "negative": "blurry",
        "var_color": "red",
        "var_product": "mug",
        "base_model": str(starter.id),
        "settings_from": f"{starter.id} draft",
        "width": "128",
        "height": "128",
        "num_inference_steps": "12",
        "guidance_scale": "2.5",
        "scheduler": "dpmpp_2m",
        "seed": "7",
        "count": "2",
        "quality": "draft",
    }


@pytest.fixture
def words(db):
    """Fill in the shared vocabulary."""
    from assets.services import install_starter_terms

    install_starter_terms()


def test_it_opens_with_the_template_filled_in(signed_in, filled, words):
    page = signed_in("editor").get(url("studio")).content.decode()
    assert "a {color} {product}" in page
    assert "a red mug" in page
    assert 'name="var_color"' in page
    assert "Allowed" in page


def test_it_opens_empty_when_no_template_is_asked_for(signed_in, filled):
    response = signed_in("editor").get(url("studio") + "?template=")
    assert response.context["form"]["subject"].value() == ""


def test_it_says_what_to_do_without_a_model(signed_in, project):
    assert "There is no model yet" in signed_in("editor").get(url("studio")).content.decode()


def test_an_unknown_template_is_not_found(signed_in, filled):
    assert signed_in("editor").get(url("studio") + "?template=nope").status_code == 404
    assert signed_in("editor").get(url("studio") + "?template=product-key-visual&version=99").status_code == 404


def test_composing_shows_prompt_translation_tokens_and_rights(signed_in, filled, words):
    page = signed_in("viewer").post(url("studio_compose"), filled, headers=HTMX).content.decode()
    assert "golden sunset light" in page
    assert "×1.2" in page
    assert "on a beach" in page
    assert "of 75 tokens" in page
    assert 'id="translation-environment" hx-swap-oob="true"' in page
    assert "<html" not in page
    assert not Generation.objects.exists()


def test_composing_marks_words_that_the_vocabulary_does_not_know(signed_in, filled, words):
    page = signed_in("editor").post(url("studio_compose"), filled | {"subject": "ぴよぴよ丸"}, headers=HTMX)
    assert "chip unknown" in page.content.decode()


def test_composing_without_htmx_shows_the_whole_page(signed_in, filled):
    page = signed_in("editor").post(url("studio_compose"), filled).content.decode()
    assert "<html" in page
    assert "赤い{product}" in page


def test_another_template_replaces_only_what_was_not_touched(signed_in, filled, people, project):
    from generation.demo_templates import TEMPLATES

    other = create_template(people.editor, project, **TEMPLATES[1]).versions.get()
    sent = filled | {"template_version": str(other.id), "environment": "on a wooden table"}
    response = signed_in("editor").post(url("studio_compose"), sent, headers=HTMX)
    form = response.context["form"]
    assert form["subject"].value() == "赤い{product}"
    assert form["environment"].value() == "on a beach"
    assert form["slots_from"].value() == str(other.id)
    assert 'id="slots" class="card" hx-swap-oob="true"' in response.content.decode()


def test_final_takes_more_steps_unless_the_steps_were_chosen(signed_in, filled):
    client = signed_in("editor")
    final = filled | {"quality": "final"}
    response = client.post(url("studio_compose"), final, headers=HTMX)
    assert response.context["form"]["num_inference_steps"].value() == 28
    response = client.post(url("studio_compose"), final | {"num_inference_steps": "33"}, headers=HTMX)
    assert response.context["form"]["num_inference_steps"].value() == "33"


def test_generate_makes_one_job_however_often_it_is_pressed(signed_in, filled):
    client = signed_in("editor")
    for _press in range(3):
        response = client.post(url("studio_generate"), filled, headers=HTMX)
        assert response.status_code == 200
    job = Generation.objects.get()
    assert (job.count, job.spec["seed"], job.spec["num_inference_steps"]) == (2, 7, 12)
    assert f'id="job-{job.id}"' in response.content.decode()
    assert 'value="k1"' not in response.content.decode()


def test_generate_without_htmx_leads_to_the_job(signed_in, filled):
    response = signed_in("editor").post(url("studio_generate"), filled)
    assert response.headers["Location"] == url("generation", generation_id=Generation.objects.get().id)


def test_an_empty_seed_takes_any(signed_in, filled):
    signed_in("editor").post(url("studio_generate"), filled | {"seed": ""})
    signed_in("editor").post(url("studio_generate"), filled | {"seed": "", "idempotency_key": "k2"})
    seeds = {job.spec["seed"] for job in Generation.objects.all()}
    assert len(seeds) == 2


def test_what_an_empty_seed_shows_is_what_is_made(signed_in, filled):
    client = signed_in("editor")
    page = client.get(url("studio")).context["form"]
    for next_seed in (page["next_seed"].value(), 1, 2, 3):
        drawn_by_seed = filled | {"seed": "", "next_seed": next_seed, "subject": "a {white|black|orange|grey} cat"}
        shown = client.post(url("studio_compose"), drawn_by_seed, headers=HTMX).context["preview"].composed.spec
        client.post(url("studio_generate"), drawn_by_seed | {"idempotency_key": f"k{next_seed}"}, headers=HTMX)
        assert Generation.objects.latest("queued_at").spec == shown.as_dict()
        assert shown.seed == next_seed


def test_after_an_empty_seed_the_form_gets_another_and_shows_its_choices(signed_in, filled):
    sent = filled | {"seed": "", "next_seed": "5", "subject": "a {white|black} cat"}
    response = signed_in("editor").post(url("studio_generate"), sent, headers=HTMX)
    found = re.search(r'id="id_next_seed" value="(\d+)"', response.content.decode())
    assert found is not None
    assert found.group(1) != "5"
    assert response.headers["HX-Trigger-After-Settle"] == "change"
    response = signed_in("editor").post(url("studio_generate"), filled | {"idempotency_key": "k2"}, headers=HTMX)
    assert "HX-Trigger-After-Settle" not in response.headers


BAD = [
    ("width", "509", "multiple of 8"),
    ("width", "7", "between 64 and 4096"),
    ("height", "100000", "between 64 and 4096"),
    ("seed", "-1", "whole number of 0 or more"),
    ("seed", str(2**64), "whole number from 0"),
    ("seed", "1.5", "whole number"),
    ("num_inference_steps", "0", "from 1 to 150"),
    ("num_inference_steps", "1000000", "from 1 to 150"),
    ("guidance_scale", "nan", "Enter a number"),
    ("guidance_scale", "inf", "Enter a number"),
    ("guidance_scale", "-1", "from 0 to 30"),
    ("scheduler", "magic", "not one of the available choices"),
    ("count", "9", "less than or equal to 8"),
    ("light", "(夕焼け:1e9)", "between 0 and 2"),
    ("light", "(夕焼け", "has no partner"),
    ("subject", "{{7*7}}", "never evaluated"),
    ("subject", "{nobody}", "no variable called nobody"),
    ("subject", "x" * 2001, "at most 2000"),
    ("subject", "a\x00b", "Null characters"),
    ("base_model", str(uuid.UUID(int=4)), "not one of the available choices"),
    ("var_color", "plaid", "not one of the available choices"),
]


@pytest.mark.parametrize(("field", "value", "said"), BAD, ids=[f"{field}={value[:12]}" for field, value, _ in BAD])
def test_a_mistake_stands_beside_its_field_and_nothing_is_lost(signed_in, filled, field, value, said):
    response = signed_in("editor").post(url("studio_generate"), filled | {field: value})
    form = response.context["form"]
    assert response.status_code == 422
    assert said in " ".join(form.errors[field])
    assert form["environment"].value() == "砂浜で"
    assert not Generation.objects.exists()


def test_a_mistake_comes_back_as_the_form_to_htmx(signed_in, filled):
    response = signed_in("editor").post(url("studio_generate"), filled | {"width": "509"}, headers=HTMX)
    assert response.headers["HX-Retarget"] == "#studio-form"
    assert "<html" not in response.content.decode()


def test_hidden_characters_are_taken_out_and_said_so(signed_in, filled):
    page = signed_in("editor").post(url("studio_compose"), filled | {"subject": "a\u202ecat"}, headers=HTMX)
    assert "invisible characters" in page.content.decode()


def test_what_is_typed_is_never_markup(signed_in, filled):
    page = signed_in("editor").post(url("studio_compose"), filled | {"subject": "<script>x</script>"})
    assert "<script>x" not in page.content.decode()


def test_a_blocked_licence_closes_generate_and_says_why(signed_in, filled, starter):
    Rights.objects.filter(pk=starter.rights_id).update(state=Rights.State.PENDING)
    page = signed_in("editor").post(url("studio_compose"), filled, headers=HTMX).content.decode()
    assert "data-blocks" in page
    assert "awaiting review" in page
    response = signed_in("editor").post(url("studio_generate"), filled)
    assert response.status_code == 422
    assert "awaiting review" in response.content.decode()
    assert not Generation.objects.exists()


def test_a_viewer_may_look_but_not_make(signed_in, filled):
    client = signed_in("viewer")
    assert "lets you look, not make" in client.get(url("studio")).content.decode()
    assert client.post(url("studio_generate"), filled).status_code == 403


def test_words_are_found_in_japanese_reading_and_english(signed_in, project, words):
    client = signed_in("viewer")
    for text in ("猫", "ねこ", "cat"):
        assert "a cat" in client.get(url("studio_words"), {"slot": "subject", "q": text}).content.decode()
    assert "No such word" in client.get(url("studio_words"), {"slot": "subject", "q": "%"}).content.decode()


def test_a_picture_fills_the_form_again(signed_in, people, project, starter, template):
    output = made(people.editor, project, starter, seed=42, num_inference_steps=9)[0]
    client = signed_in("editor")
    expected = {"all": ("42", "9"), "noseed": (None, "9"), "prompt": (None, "12")}
    for keep, (seed, steps) in expected.items():
        form = client.get(url("studio"), {"from": output.id, "keep": keep}).context["form"]
        assert form["subject"].value() == "赤いマグカップ"
        assert form["seed"].value() == (int(seed) if seed else None)
        assert str(form["num_inference_steps"].value()) == steps
    assert client.get(url("studio"), {"from": uuid.uuid4()}).status_code == 404
    assert client.get(url("studio"), {"from": "x"}).status_code == 404


PLAIN = [
    {"name": "subject", "default": "a {white|black|orange|grey} cat", "hint": "猫"},
    {"name": "environment", "default": "__place__"},
    {"name": "light", "default": "{soft|hard} light"},
    {"name": "style", "default": r"\{poster\} \__place__"},
]
LOCKED = [
    *PLAIN[:2],
    {"name": "light", "default": "{soft|hard} light", "prefix": "in", "suffix": ", {calm|wild} air"},
    {"name": "style", "default": "{poster|flat} style", "locked": True},
]
BODIES = {
    "plain": {"slots": PLAIN},
    "locked": {"slots": LOCKED, "negative_locked": "{text|noise}"},
    "own separator": {"slots": LOCKED, "separator": " / "},
    "plain with own separator": {"slots": PLAIN, "separator": " / "},
}


@pytest.mark.parametrize("name", BODIES)
def test_reusing_all_of_any_picture_makes_it_again(signed_in, people, project, starter, name):
    body = BODIES[name] | {"negative": "blurry", "wildcards": {"place": [f"place {n}" for n in range(9)]}}
    template = create_template(people.editor, project, slug="cats", name="Cats", note="", body=body)
    slots = {slot["name"]: slot["default"] for slot in body["slots"] if not slot.get("locked")}
    version = template.versions.get()
    outputs = made(people.editor, project, starter, template_version=version, slots=slots, negative="blurry", count=4)
    for output in outputs:
        form = signed_in("editor").get(url("studio"), {"from": output.id, "keep": "all"}).context["form"]
        assert form.errors == {}
        assert compose(project, form.picture_request()).spec.recipe_sha256() == output.recipe_sha256
        kept = output.index == 0 or name.startswith("plain")
        assert form["template_version"].value() == (str(version.id) if kept else "")


def test_a_job_shows_its_card_and_stops_asking_when_it_is_over(signed_in, people, project, starter):
    job = asked(people.editor, project, starter)
    client = signed_in("viewer")
    page = client.get(url("generation", generation_id=job.id), headers=HTMX).content.decode()
    assert 'hx-trigger="every 1s"' in page
    job.claim()
    job.fail("out_of_memory", {"width": 128, "height": 128})
    page = client.get(url("generation", generation_id=job.id), headers=HTMX).content.decode()
    assert "hx-trigger" not in page
    assert "memory was not enough" in page


def test_a_waiting_job_can_be_canceled_and_tried_again_once(signed_in, people, project, starter):
    job = asked(people.editor, project, starter)
    client = signed_in("editor")
    assert client.get(url("generation_cancel", generation_id=job.id)).status_code == 405
    client.post(url("generation_cancel", generation_id=job.id))
    job.refresh_from_db()
    assert job.status == Generation.Status.CANCELED
    for _press in range(2):
        client.post(url("generation_retry", generation_id=job.id), headers=HTMX)
    assert Generation.objects.count() == 2


def test_a_missing_preview_is_no_error(signed_in, people, project, starter):
    job = asked(people.editor, project, starter)
    assert signed_in("viewer").get(url("generation_preview", generation_id=job.id)).status_code == 204
    job = made(people.editor, project, starter, seed=2)[0].generation
    response = signed_in("viewer").get(url("generation_preview", generation_id=job.id))
    assert response.headers["Location"].endswith("/thumb.webp")


def test_the_studio_asks_the_database_little(
    signed_in, people, project, filled, starter, words, django_assert_max_num_queries
):
    for seed in range(5):
        made(people.editor, project, starter, seed=seed, count=2)
    client = signed_in("editor")
    client.get(url("studio"))
    with django_assert_max_num_queries(13):
        client.get(url("studio"))
    with django_assert_max_num_queries(12):
        client.post(url("studio_compose"), filled, headers=HTMX)


def upload(client, data: bytes, name: str = "x.png"):
    return client.post(url("studio_read"), {"file": SimpleUploadedFile(name, data)}, follow=True)


def test_a_picture_from_elsewhere_is_read_as_a_claim(signed_in, filled):
    image, texts = drawn((9, 9, 9)).image, "a fox <lora:ink:0.8>\nNegative prompt: blurry\n"
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text(
        "parameters",
        texts + "Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 5, Size: 509x120",
    )
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=info)
    client = signed_in("editor")
    page = upload(client, file.getvalue(), "<b>.png").content.decode()
    assert "Unverified" in page
    assert "&lt;b&gt;.png" in page
    form = client.get(url("studio") + "?from=reading").context["form"]
    assert form["subject"].value() == "a fox"
    assert form["width"].value() == 512
    assert form["scheduler"].value() == "dpmpp_2m_karras"
    assert form["template_version"].value() == ""
    assert form.errors == {}


def test_a_picture_of_ours_finds_its_model(signed_in, people, project, starter):
    output = made(people.editor, project, starter)[0]
    client = signed_in("editor")
    file = b"".join(client.get(url("picture_file", output_id=output.id)).streaming_content)
    assert "Base model: found" in upload(client, file).content.decode()


def test_a_picture_that_says_nothing_says_so(signed_in, project):
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG")
    assert "says nothing" in upload(signed_in("editor"), file.getvalue()).content.decode()


def test_a_file_that_is_no_picture_is_refused_by_name(signed_in, project):
    response = upload(signed_in("editor"), b"<html><script>x</script>", "x.png")
    assert response.status_code == 422
    assert "The file is HTML" in response.content.decode()


def test_a_reading_stays_in_its_project(signed_in, people, project):
    from projects.services import create_project

    create_project(people.editor, slug="second", name="Second")
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    client = signed_in("editor")
    upload(client, file.getvalue(), "secret-name.png")
    other = client.get(reverse("studio_read", kwargs={"slug": "second"})).content.decode()
    assert "secret-name" not in other
