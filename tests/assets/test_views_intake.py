"""Adding models through the portal: what a form asks, what an upload costs, and how a job is watched."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from safetensors.torch import save

from assets.models import ModelIntake
from assets.services.intake import start_intake
from assets.services.intake_files import BesideModels
from generation.composing import Adapter
from jobs.models import Status
from projects.models import Project

from ..generation.pictures import made
from .chain import frozen, learned
from .model_material import CIVITAI, asked, lora_weights, run, write
from .test_views import add_model, model_page, page

pytestmark = pytest.mark.django_db
LORA = save(lora_weights(text=768))
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def models_root(settings, tmp_path):
    settings.MODELS_ROOT = tmp_path / "models"
    settings.MODELS_ROOT.mkdir()
    return settings.MODELS_ROOT


@pytest.fixture
def url(project):
    return reverse("model_add", args=[project.slug])


def file(content=LORA, name="Inkline v2.safetensors"):
    return SimpleUploadedFile(name, content)


def form(**changes):
    """Return the form as a browser sends it."""
    values = {"source": "upload", "kind": "adapter", "name": "Inkline", "expression": "CC-BY-4.0", "creator": "Ana"}
    return {**values, **changes}


def send(client, url, /, **changes):
    return client.post(url, form(**changes))


def errors(response):
    return {**response.context["file"].errors, **response.context["license"].errors}


def kept_id(response) -> str:
    return re.search(r'name="kept" value="([^"]+)"', response.content.decode())[1]


def test_an_upload_becomes_a_job_and_then_a_model(signed_in, project, url):
    client = signed_in("editor")
    response = send(client, url, upload=file(), trigger_words="sks、 ink line ,sks")
    job = ModelIntake.objects.get()
    assert response.url == reverse("model_intake", args=[project.slug, job.id])
    assert (job.location, job.name, job.trigger_words) == ("Inkline v2.safetensors", "Inkline", ["sks", "ink line"])
    assert (job.folder / "model.safetensors").read_bytes() == LORA
    assert "Waiting for a worker" in client.get(response.url).content.decode()
    model = run(job).result
    html = client.get(response.url).content.decode()
    assert reverse("model_file", args=[project.slug, model.id]) in html
    assert "once a second person has cleared its licence" in html
    html = model_page(client, model).content.decode()
    assert "sks, ink line" in html
    assert "Native size" not in html


def test_an_upload_goes_to_the_models_disk_in_pieces(signed_in, url, models_root, monkeypatch):
    pieces = []
    receive = BesideModels.receive_data_chunk

    def watch(handler, raw, start):
        pieces.append(len(raw))
        return receive(handler, raw, start)

    monkeypatch.setattr(BesideModels, "receive_data_chunk", watch)
    send(signed_in("editor"), url, upload=file(bytes(1_000_000)))
    assert sum(pieces) == 1_000_000
    assert max(pieces) <= 65_536
    assert list((models_root / "uploads" / ".incoming").iterdir()) == []


def test_what_a_form_got_wrong_does_not_cost_a_second_upload(signed_in, url):
    client = signed_in("editor")
    first = send(client, url, upload=file(), name="")
    assert set(errors(first)) == {"name"}
    assert "Inkline v2.safetensors" in first.content.decode()
    response = send(client, url, kept=kept_id(first))
    assert response.status_code == 302
    assert str(ModelIntake.objects.get().id) == kept_id(first)


def test_an_upload_belongs_to_the_browser_that_sent_it(signed_in, url):
    first = send(signed_in("editor"), url, upload=file(), name="")
    other = send(signed_in("reviewer"), url, kept=kept_id(first))
    assert set(errors(other)) == {"upload"}
    assert not ModelIntake.objects.exists()


@pytest.mark.parametrize("name", ["m.ckpt", "m.pt", "m.zip", "model"])
def test_only_safetensors_are_kept(signed_in, url, models_root, name):
    response = send(signed_in("editor"), url, upload=file(name=name))
    assert set(errors(response)) == {"upload"}
    assert name in str(errors(response)["upload"])
    assert not [path for path in models_root.rglob("*") if path.is_file()]


def test_more_than_a_model_may_have_is_refused_before_it_is_read(signed_in, url, settings, models_root):
    settings.MODEL_MAX_BYTES = 1000
    response = send(signed_in("editor"), url, upload=file(bytes(2_000_000)))
    assert response.status_code == 413
    assert "is larger than 1000" in response.content.decode()
    assert not (models_root / "uploads").exists()


@pytest.mark.parametrize("name", ["viewer", "stranger"])
def test_whoever_may_not_add_models_sends_nothing_to_the_disk(signed_in, project, url, models_root, name):
    assert send(signed_in(name), url, upload=file()).status_code in (403, 404)
    assert not (models_root / "uploads").exists()


def test_a_form_of_another_site_is_refused_and_its_file_deleted(people, project, url, models_root):
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.editor)
    assert send(client, url, upload=file()).status_code == 403
    assert not [path for path in models_root.rglob("*") if path.is_file()]
    assert not ModelIntake.objects.exists()


def test_a_script_is_led_to_the_job(signed_in, project, url):
    response = signed_in("editor").post(url, form(upload=file()), headers=HTMX)
    assert response.headers["HX-Redirect"] == reverse("model_intake", args=[project.slug, ModelIntake.objects.get().id])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "upload"),
        ({"source": "folder"}, "location"),
        ({"source": "folder", "location": "../x.safetensors"}, "location"),
        ({"source": "url"}, "url"),
        ({"source": "url", "url": "http://example.com/a"}, "url"),
        ({"source": "url", "url": "https://example.com/a.ckpt"}, "url"),
        ({"source": "nonsense"}, "source"),
        ({"kind": "vae", "source": "url", "url": "https://example.com/a"}, "made_for"),
        ({"kind": "nonsense", "source": "url", "url": "https://example.com/a"}, "kind"),
        ({"trigger_words": ",".join(map(str, range(30)))}, "trigger_words"),
        ({"source_url": "javascript:alert(1)"}, "source_url"),
        ({"bases": "6c6e53b0-6a3d-4a8e-9b5c-0d3f0a1d2c11"}, "bases"),
    ],
)
def test_each_mistake_is_said_beside_its_field(signed_in, url, changes, field):
    assert field in errors(send(signed_in("editor"), url, **changes))
    assert not ModelIntake.objects.exists()


def test_a_file_on_the_server_is_chosen_from_what_waits_there(signed_in, project, url):
    write("loras/a.safetensors", lora_weights(text=768))
    client = signed_in("editor")
    html = client.get(url).content.decode()
    assert "loras/a.safetensors" in html
    send(client, url, source="folder", location="loras/a.safetensors")
    assert run(ModelIntake.objects.get()).status == Status.SUCCEEDED
    html = client.get(url).content.decode()
    assert "loras/a.safetensors" not in html
    assert "Nothing lies on the server" in html


def test_bases_and_versions_of_other_projects_cannot_be_chosen(signed_in, people, project, url):
    theirs = add_model("theirs", project=Project.objects.get(slug="elsewhere"))
    response = send(signed_in("editor"), url, bases=str(theirs.id))
    assert "bases" in errors(response)
    assert "theirs" not in signed_in("editor").get(url).content.decode()


def test_words_that_are_no_exact_licence_ask_back_once(signed_in, url):
    client = signed_in("editor")
    first = send(client, url, upload=file(), expression="CC BY")
    assert set(errors(first)) == {"meaning"}
    assert "CC-BY-4.0" in first.content.decode()
    send(client, url, kept=kept_id(first), expression="CC BY", meaning="CC-BY-4.0")
    assert ModelIntake.objects.get().declaration["expression"] == "CC-BY-4.0"


def test_words_that_stay_unknown_are_kept_as_they_are(signed_in, url):
    send(signed_in("editor"), url, upload=file(), expression="royalty free, ask Ana", meaning="unknown")
    assert ModelIntake.objects.get().declaration["expression"] == "royalty free, ask Ana"


def test_civitais_permissions_are_asked_and_stored_under_their_names(signed_in, url):
    client = signed_in("editor")
    first = send(client, url, upload=file(), expression=CIVITAI)
    html = first.content.decode()
    assert "Which commercial uses are ticked on Civitai?" in html
    answers = {
        "answer_allow_commercial_use": ["Image", "Rent"],
        "answer_allow_derivatives": "false",
        "answer_allow_no_credit": "true",
        "asked_about": CIVITAI,
    }
    send(client, url, kept=kept_id(first), expression=CIVITAI, **answers)
    assert ModelIntake.objects.get().declaration["facts"]["parameters"] == {
        "allow_commercial_use": ["Image", "Rent"], "allow_derivatives": False, "allow_no_credit": True,
    }  # fmt: skip


def test_the_part_about_the_licence_answers_by_itself(signed_in, project):
    address = reverse("model_license", args=[project.slug])
    client = signed_in("editor")
    assert "Which licence is this?" in client.get(address, {"expression": "CC BY"}).content.decode()
    html = client.get(address, {"expression": "Civitai", "meaning": CIVITAI}).content.decode()
    assert "Which commercial uses are ticked on Civitai?" in html
    assert f'name="asked_about" value="{CIVITAI}"' in html


@pytest.fixture
def failed(people, project):
    location = write("a.safetensors", {"strange.weight": next(iter(lora_weights().values()))})
    return run(start_intake(people.editor, project, asked(trigger_words=["sks"]), source="folder", location=location))


def test_a_failure_says_what_happened_what_is_safe_and_what_to_try(signed_in, project, url, failed):
    address = reverse("model_intake", args=[project.slug, failed.id])
    html = signed_in("editor").get(address).content.decode()
    assert "This file is no adapter that Daicho knows" in html
    assert "the file on the server is as it was" in html
    assert f"{url}?again={failed.id}" in html
    assert (
        "Try again" not in signed_in("viewer").get(reverse("model_intake", args=["spring", failed.id])).content.decode()
    )


def test_trying_again_begins_with_what_was_said(signed_in, url, failed):
    html = signed_in("editor").get(f"{url}?again={failed.id}").content.decode()
    for value in ('value="Inkline"', 'value="CC-BY-4.0"', 'value="Ana"', 'value="sks"'):
        assert value in html
    assert signed_in("editor").get(f"{url}?again=nonsense").status_code == 200


def test_a_poll_gets_the_card_alone_and_ends_with_the_job(signed_in, people, project, failed):
    address = reverse("model_intake", args=[project.slug, failed.id])
    html = signed_in("viewer").get(address, headers=HTMX).content.decode()
    assert "<html" not in html
    assert "hx-trigger" not in html


def test_a_waiting_model_can_be_stopped(signed_in, people, project, url):
    client = signed_in("editor")
    send(client, url, upload=file())
    job = ModelIntake.objects.get()
    client.post(reverse("model_intake_cancel", args=[project.slug, job.id]))
    job.refresh_from_db()
    assert job.status == Status.CANCELED
    assert not job.folder.exists()


def test_the_query_of_an_address_is_shown_to_nobody(signed_in, people, project, url):
    send(signed_in("editor"), url, source="url", url="https://example.com/a.safetensors?token=secret")
    job = ModelIntake.objects.get()
    html = signed_in("viewer").get(reverse("model_intake", args=[project.slug, job.id])).content.decode()
    assert "https://example.com/a.safetensors" in html
    assert "secret" not in html
    assert "secret" not in str(job.declaration)


def test_the_library_shows_what_is_on_its_way_and_who_may_add(signed_in, people, project, url, failed):
    html = page(signed_in("editor")).content.decode()
    assert url in html
    assert "This file is no adapter that Daicho knows" in html
    assert url not in page(signed_in("viewer")).content.decode()


def test_the_library_stays_quick_with_many_on_their_way(signed_in, people, project, django_assert_max_num_queries):
    for number in range(12):
        ModelIntake.objects.create(
            project=project, requested_by=people.editor, source="url", location="x", kind="vae", name=str(number)
        )
        add_model(f"model {number}")
    client = signed_in("viewer")
    with django_assert_max_num_queries(11):
        page(client)


def test_a_model_says_what_it_was_made_from_and_into(signed_in, people, project, starter):
    version = frozen(people, project, ["CC0-1.0"])
    adapter = learned(people, project, starter, version)
    html = model_page(signed_in("viewer"), adapter).content.decode()
    assert reverse("model_file", args=["spring", starter.id]) in html
    assert "Umbrellas v1" in html
    assert "Umbrella LoRA" in model_page(signed_in("viewer"), starter).content.decode()
    theirs = signed_in("stranger").get(reverse("model_file", args=["elsewhere", starter.id])).content.decode()
    assert "Umbrella LoRA" not in theirs


def test_an_adapters_pictures_are_counted_and_shown(signed_in, people, project, starter):
    adapter = learned(people, project, starter, frozen(people, project, ["CC0-1.0"]))
    [output] = made(people.editor, project, starter, adapters=(Adapter(file=adapter, weight=0.7),))
    html = model_page(signed_in("viewer"), adapter).content.decode()
    assert "1 picture made with it" in html
    assert reverse("picture", args=["spring", output.id]) in html
