"""Whoever adds a single file learns at once that no vocabulary is installed for it, and where it belongs."""

import shutil
from io import StringIO

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.urls import reverse

from assets.models import ModelIntake
from assets.services.intake import start_intake
from engine.starter import WEIGHTS
from tests.engine.ldm import write_single_file
from tests.engine.test_architectures import build_large_enough

from .model_material import asked, run
from .test_views import model_page

pytestmark = pytest.mark.django_db
WARNING = "TOKENIZERS_ROOT/clip"


@pytest.fixture(autouse=True)
def roots(settings, tmp_path):
    settings.MODELS_ROOT, settings.TOKENIZERS_ROOT = tmp_path / "models", tmp_path / "tokenizers"
    settings.MODELS_ROOT.mkdir()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    home = tmp_path_factory.mktemp("single")
    return write_single_file(build_large_enough("sd1", home / "m"), "sd1", home / "tiny.safetensors")


@pytest.fixture
def arrived(people, project, checkpoint):
    shutil.copy(checkpoint, django_settings.MODELS_ROOT / "tiny.safetensors")
    job = start_intake(
        people.editor,
        project,
        asked("base", "Tiny"),
        source=ModelIntake.Source.FOLDER,
        location="tiny.safetensors",
    )
    return run(job)


def test_the_intake_and_the_model_warn_until_a_tokenizer_is_there(signed_in, project, arrived):
    assert (arrived.status, arrived.result.layout) == ("succeeded", "single")
    client = signed_in("editor")
    url = reverse("model_intake", args=[project.slug, arrived.id])
    rows = [f"/api/v1/models/{arrived.result_id}/", f"/api/v1/intakes/{arrived.id}/"]
    assert all(WARNING in client.get(row).json()["notices"][0] for row in rows)
    assert WARNING in client.get(url).content.decode()
    assert WARNING in model_page(client, arrived.result).content.decode()
    shutil.copytree(WEIGHTS / "tokenizer", django_settings.TOKENIZERS_ROOT / "clip")
    assert [client.get(row).json()["notices"] for row in rows] == [[], []]
    assert WARNING not in client.get(url).content.decode()
    assert WARNING not in model_page(client, arrived.result).content.decode()


def test_a_folder_brings_its_own(signed_in, starter):
    assert WARNING not in model_page(signed_in("editor"), starter).content.decode()


def test_the_command_warns_too(people, checkpoint):
    shutil.copy(checkpoint, django_settings.MODELS_ROOT / "tiny.safetensors")
    said = StringIO()
    path = django_settings.MODELS_ROOT / "tiny.safetensors"
    options = {"name": "Tiny", "license": "CC0-1.0", "by": people.editor.email, "stdout": said}
    call_command("register_model", path, **options)
    assert WARNING in said.getvalue()
