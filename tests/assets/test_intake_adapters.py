"""Adapters of every kind come in through the same intake as models, with their method, their word and their rights."""

import pytest
from django.conf import settings as django_settings
from safetensors.torch import save

from assets.licensing import Action, Verdict
from assets.models import Rights
from assets.sentences import sentence
from assets.services import decide_use
from assets.services.intake import start_intake
from jobs.models import Status
from projects.problems import Problem

from . import adapter_headers as headers
from .model_material import asked, run, write
from .test_intake import by_upload

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def models_root(settings, tmp_path):
    settings.MODELS_ROOT = tmp_path / "models"
    settings.MODELS_ROOT.mkdir()
    return settings.MODELS_ROOT


KINDS = {
    "loha": (headers.loha(), "lora"),
    "lokr": (headers.lokr(), "lora"),
    "dora": (headers.dora(), "lora"),
    "embedding": (headers.word(), "textual_inversion"),
    "hypernetwork": (headers.hypernetwork(), "hypernetwork"),
    "dreambooth": (headers.dreambooth(), "dreambooth"),
}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_waits_for_a_reviewer_with_its_method(name, people, project):
    weights, method = KINDS[name]
    job = run(by_upload(people, project, save(weights), name=f"{name}.safetensors"))
    assert job.status == Status.SUCCEEDED
    model = job.result
    assert (model.kind, model.method, model.architecture) == ("adapter", method, "sd1")
    assert model.rights.state == Rights.State.PENDING
    assert decide_use(project, Action.GENERATE, [model]).verdict is not Verdict.ALLOW
    assert bool(model.defaults.get("short_hash")) == (method == "lora")


@pytest.mark.parametrize(
    ("weights", "name", "said", "words"),
    [
        (headers.word(), "moody light.safetensors", [], ["moody light"]),
        (headers.word("<zk>"), "moody.safetensors", [], ["<zk>"]),
        (headers.word("<zk>"), "moody.safetensors", ["zkink", "ink"], ["zkink", "ink"]),
        (headers.loha(), "moody.safetensors", [], None),
    ],
)
def test_an_embedding_always_has_a_word(weights, name, said, words, people, project):
    job = run(by_upload(people, project, save(weights), asked(trigger_words=said), name=name))
    assert job.result.defaults.get("trigger_words") == words


def test_an_embedding_from_the_server_is_called_by_its_file(people, project):
    location = write("words/moody.safetensors", headers.word())
    job = run(start_intake(people.editor, project, asked(), source="folder", location=location))
    assert job.result.defaults["trigger_words"] == ["moody"]


@pytest.mark.parametrize("suffix", [".pt", ".ckpt", ".bin"])
def test_pickles_stay_refused_with_the_reason(suffix, people, project):
    with pytest.raises(Problem) as caught:
        start_intake(people.editor, project, asked(), source="url", location=f"https://example.com/moody{suffix}")
    assert caught.value.code == "unsafe_format"
    assert "can run programs" in sentence("unsafe_format", {"file": f"moody{suffix}"})


def test_a_pickle_under_another_name_is_refused_and_leaves_nothing(people, project):
    job = run(by_upload(people, project, b"\x80\x02}q\x00" + bytes(64), name="moody.safetensors"))
    assert (job.status, job.error) == (Status.FAILED, "pickle_content")
    assert not list(django_settings.MODELS_ROOT.rglob("*.safetensors"))


def test_a_broken_hypernetwork_says_so(people, project):
    weights = {name: each for name, each in headers.hypernetwork().items() if ".k." in name}
    job = run(by_upload(people, project, save(weights)))
    assert (job.status, job.error, job.result) == (Status.FAILED, "hypernetwork_invalid", None)
