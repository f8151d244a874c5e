"""Whoever adds a model may say how it predicts; what they say reaches the recipe, and so the picture."""

import json
import shutil

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.urls import reverse

from assets.models import ModelFile, ModelIntake
from assets.services.intake import start_intake
from assets.services.predictions import PREDICTION_CHOSEN
from engine.headers import hash_model
from engine.limits import check_spec
from engine.render import Engine
from engine.samplers import build_scheduler
from engine.schedulers import SCHEDULERS
from engine.starter import WEIGHTS
from generation.composing import PictureRequest, compose
from ledger.models import Entry
from tests.engine.ldm import write_single_file
from tests.engine.test_architectures import build_large_enough
from tests.engine.test_render import ignore
from tests.engine.tiny import build_folder

from .model_material import asked, run
from .test_views import model_page

pytestmark = pytest.mark.django_db
NAME = "base-2.safetensors"
FOLDER = ModelIntake.Source.FOLDER


@pytest.fixture(autouse=True)
def roots(settings, tmp_path):
    settings.MODELS_ROOT, settings.TOKENIZERS_ROOT = tmp_path / "models", tmp_path / "tokenizers"
    settings.MODELS_ROOT.mkdir()
    shutil.copytree(WEIGHTS / "tokenizer", settings.TOKENIZERS_ROOT / "clip")


@pytest.fixture(scope="module")
def epsilon(tmp_path_factory):
    """Return a folder of Stable Diffusion 2 that predicts noise, and the single file made of it, which says nothing."""
    home = tmp_path_factory.mktemp("epsilon")
    folder = build_large_enough("sd2", home / "m")
    config = folder / "scheduler" / "scheduler_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "prediction_type": "epsilon"}))
    return folder, write_single_file(folder, "sd2", home / NAME)


@pytest.fixture
def location(epsilon):
    shutil.copy(epsilon[1], django_settings.MODELS_ROOT / NAME)
    return NAME


def take(person, project, location, **said):
    return run(start_intake(person, project, asked("base", "Base 2", **said), source=FOLDER, location=location))


def composed(project, model, **changes):
    request = PictureRequest(base_model=model, slots={"subject": "a red car"}, num_inference_steps=2, **changes)
    return compose(project, request).spec


def test_the_form_asks_and_the_models_page_says_what_was_chosen(signed_in, project, location):
    client, url = signed_in("editor"), reverse("model_add", args=[project.slug])
    assert "How it predicts" in client.get(url).content.decode()
    form = {"source": "folder", "location": location, "kind": "base", "name": "Base 2", "expression": "CC0-1.0"}
    client.post(url, {**form, "prediction_type": "epsilon"})
    model = run(ModelIntake.objects.get()).result
    assert model.defaults == {"prediction_type": "epsilon"}
    assert (model.native_width, model.native_height) == (512, 512)
    assert "epsilon (the noise)" in model_page(client, model).content.decode()


def test_left_to_the_file_nothing_is_kept_and_no_recipe_changes(people, project, location, signed_in):
    model = take(people.editor, project, location).result
    assert (model.defaults, model.native_width) == ({}, 768)
    assert "prediction_type" not in composed(project, model).scheduler_config
    assert "Read from the file" in model_page(signed_in("editor"), model).content.decode()


def test_an_epsilon_checkpoint_draws_as_its_folder_does(people, project, location, epsilon):
    model = take(people.editor, project, location, prediction_type="epsilon").result
    spec = composed(project, model, width=64, height=64)
    assert spec.scheduler_config["prediction_type"] == "epsilon"
    files = {model.sha256: model.file, hash_model(epsilon[0]): epsilon[0]}
    root = django_settings.TOKENIZERS_ROOT
    engine = Engine(files.__getitem__, memory_budget_bytes=10**9, device="cpu", threads=1, tokenizers=root)
    plain = {key: value for key, value in spec.scheduler_config.items() if key != "prediction_type"}
    right = spec.replace(base_model=hash_model(epsilon[0]), scheduler_config=plain)
    wrong = spec.replace(scheduler_config=plain)
    pixels = [engine.render(each, ignore).pixels_sha256 for each in (spec, right, wrong)]
    assert pixels[0] == pixels[1] != pixels[2]


@pytest.mark.parametrize("name", [name for name, info in SCHEDULERS.items() if "sd2" in info.architectures])
def test_every_scheduler_takes_the_choice(name, people, project, location):
    model = take(people.editor, project, location, prediction_type="epsilon").result
    spec = composed(project, model, scheduler=name)
    assert check_spec(spec) == []
    assert build_scheduler(spec, {"prediction_type": "v_prediction"}).config.prediction_type == "epsilon"


def test_adding_it_again_says_it_later(people, project, location, epsilon, signed_in):
    model = take(people.editor, project, location).result
    location = str(shutil.copy(epsilon[1], django_settings.MODELS_ROOT / "copy.safetensors").name)
    job = take(people.editor, project, location, prediction_type="epsilon")
    model.refresh_from_db()
    assert (job.was_known, job.result, model.defaults["prediction_type"]) == (True, model, "epsilon")
    assert model.native_width == 512
    entry = Entry.objects.get(event=PREDICTION_CHOSEN)
    said = json.loads(entry.payload)
    assert (said["from"], said["to"]) == ("", "epsilon")
    page = signed_in("editor").get(reverse("model_intake", args=[project.slug, job.id]))
    assert "now as you said" in page.content.decode()
    again = shutil.copy(epsilon[1], django_settings.MODELS_ROOT / "again.safetensors").name
    take(people.editor, project, again)
    assert ModelFile.objects.get().defaults["prediction_type"] == "epsilon"
    assert Entry.objects.filter(event=PREDICTION_CHOSEN).count() == 1


def test_what_the_house_shares_is_for_its_staff(people, project, location, signed_in):
    path = django_settings.MODELS_ROOT / location
    options = {"name": "Base 2", "license": "CC0-1.0", "by": people.reviewer.email}
    call_command("register_model", path, **options)
    copy = shutil.copy(path, django_settings.MODELS_ROOT / "copy.safetensors").name
    job = take(people.editor, project, copy, prediction_type="epsilon")
    assert (job.status, job.error) == ("failed", "house_prediction")
    assert "“Base 2”" in job.reason
    assert ModelFile.objects.get().defaults == {}
    call_command("register_model", path, **options, prediction="epsilon")
    assert ModelFile.objects.get().defaults == {"prediction_type": "epsilon"}


def test_it_can_be_said_at_the_model_and_by_the_api(people, project, location, signed_in):
    model = take(people.editor, project, location).result
    client, url = signed_in("editor"), reverse("model_prediction", args=[project.slug, model.id])
    assert url in model_page(client, model).content.decode()
    assert url not in model_page(signed_in("viewer"), model).content.decode()
    assert client.post(url, {"prediction_type": "epsilon"}).status_code == 302
    model.refresh_from_db()
    assert (model.defaults["prediction_type"], model.native_width) == ("epsilon", 512)
    address, said = f"/api/v1/models/{model.id}/prediction/", {"prediction_type": "v_prediction"}
    assert signed_in("viewer").patch(address, said, content_type="application/json").status_code == 403
    response = client.patch(address, said, content_type="application/json")
    assert response.json()["defaults"] == {"prediction_type": "v_prediction"}
    assert response.json()["native_width"] == 768
    rows = Entry.objects.filter(event=PREDICTION_CHOSEN).order_by("seq")
    assert [json.loads(row.payload)["to"] for row in rows] == ["epsilon", "v_prediction"]


def test_models_of_a_flow_leave_no_choice(people, project):
    build_folder("flux", django_settings.MODELS_ROOT / "flux")
    job = take(people.editor, project, "flux", prediction_type="v_prediction")
    assert (job.status, job.error) == ("failed", "prediction_not_chosen")
    assert "leave no choice" in job.reason
    assert not ModelFile.objects.exists()


def test_only_base_models_are_asked(people, epsilon):
    options = {"name": "x", "license": "CC0-1.0", "by": people.editor.email, "prediction": "epsilon"}
    with pytest.raises(CommandError, match="Only base models"):
        call_command("register_model", epsilon[1], kind="vae", architecture="sd2", **options)


def test_the_api_takes_it_too(signed_in, project, location):
    said = {"project": project.slug, "kind": "base", "name": "Base 2", "location": location}
    body = {**said, "prediction_type": "epsilon", "declaration": {"expression": "CC0-1.0"}}
    client = signed_in("editor")
    response = client.post("/api/v1/models/", body, content_type="application/json")
    assert (response.status_code, response.json()["prediction_type"]) == (202, "epsilon")
    model = run(ModelIntake.objects.get()).result
    assert client.get(f"/api/v1/models/{model.id}/").json()["defaults"] == {"prediction_type": "epsilon"}
    assert (
        client.post(
            "/api/v1/models/", {**body, "prediction_type": "sample"}, content_type="application/json"
        ).status_code
        == 400
    )
