"""Models come in from the server, by upload and from the web, through one service; what is refused leaves nothing."""

import http.server
import json
import os
import threading
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from safetensors.torch import save

from assets.fetching import fetch
from assets.licensing import Action, Verdict
from assets.models import ModelFile, ModelIntake, Rights
from assets.sentences import SENTENCES
from assets.services import Declaration, clear_rights, decide_use, register_adapter
from assets.services.intake import cancel_intake, finish_files, start_intake, take_model
from assets.services.intake_files import BesideModels, content_path, keep_upload, list_waiting, sweep_uploads
from assets.services.rights import HOUSE_CHAIN
from engine.errors import ModelError
from engine.render import Engine
from engine.specs import AdapterRef, ImageSpec
from generation.tasks import resolve_file
from jobs.models import Status
from ledger.models import Entry
from projects.models import Project
from projects.problems import Problem
from tests.engine.test_adapters import starter_lora

from .chain import frozen
from .import_site import Site
from .model_material import CIVITAI, asked, lora_weights, run, strange_weights, upscaler_weights, vae_weights, write

pytestmark = pytest.mark.django_db
HERE = "127.0.0.1"


@pytest.fixture(autouse=True)
def models_root(settings, tmp_path):
    settings.MODELS_ROOT = tmp_path / "models"
    settings.MODELS_ROOT.mkdir()
    return settings.MODELS_ROOT


def uploaded(content: bytes, name: str = "inkline.safetensors"):
    """Send a file through the handler that writes uploads to the models' disk, and keep it."""
    handler = BesideModels()
    handler.new_file("upload", name, "application/octet-stream", len(content), None, None)
    for start in range(0, len(content), 65_536):
        handler.receive_data_chunk(content[start : start + 65_536], start)
    file = handler.file_complete(len(content))
    try:
        return keep_upload(file)
    finally:
        file.close()


def by_upload(people, project, content: bytes, said=None, name: str = "inkline.safetensors") -> ModelIntake:
    kept = uploaded(content, name)
    return start_intake(people.editor, project, said or asked(), source="upload", location=name, upload_id=kept.id)


def from_server(people, project, location: str, said=None) -> ModelIntake:
    return start_intake(people.editor, project, said or asked(), source="folder", location=location)


LORA = save(lora_weights(text=768))


def test_an_upload_lies_under_a_name_of_ours_and_becomes_a_pending_model(people, project):
    job = run(by_upload(people, project, LORA, name="../../Ink line.safetensors"))
    assert (job.status, job.was_known) == (Status.SUCCEEDED, False)
    model = job.result
    assert model.path == f"uploads/{job.id}/model.safetensors"
    assert model.file.read_bytes() == LORA
    assert (model.kind, model.method, model.architecture, model.name) == ("adapter", "lora", "sd1", "Inkline")
    assert (model.rights.state, model.rights.submitted_by) == (Rights.State.PENDING, people.editor)
    assert decide_use(project, Action.GENERATE, [model]).verdict is not Verdict.ALLOW
    assert Entry.objects.filter(chain=project.id, event="assets.model.registered").count() == 1


def test_an_upload_that_nobody_keeps_leaves_no_file(models_root):
    handler = BesideModels()
    handler.new_file("upload", "a.safetensors", "", 4, None, None)
    handler.receive_data_chunk(b"abcd", 0)
    handler.file_complete(4).close()
    assert not [path for path in models_root.rglob("*") if path.is_file()]


def test_the_same_content_twice_is_one_row_and_one_file(people, project, models_root):
    first = run(by_upload(people, project, LORA))
    again = run(by_upload(people, project, LORA, asked(name="Other", expression="CC0-1.0")))
    assert (again.status, again.was_known, again.result) == (Status.SUCCEEDED, True, first.result)
    assert again.result.rights.expression == "CC-BY-4.0"
    assert [path.parent.name for path in models_root.rglob("*.safetensors")] == [str(first.id)]


def test_the_houses_own_content_is_not_entered_again_under_another_licence(people, project):
    write("shared.safetensors", lora_weights())
    path = Path(django_settings.MODELS_ROOT, "shared.safetensors")
    said = Declaration(expression="CC-BY-NC-4.0")
    base = ModelFile.objects.create(
        name="base", kind="base", architecture="sd1", path="x", sha256="0" * 64, size_bytes=1, rights=rights_row()
    )
    shared = register_adapter(path, name="Shared", declaration=said, actor=people.editor, project=None, bases=[base])
    job = run(by_upload(people, project, path.read_bytes(), asked(bases=[base], expression="CC0-1.0")))
    assert (job.result, job.was_known) == (shared, True)


def rights_row() -> Rights:
    return Rights.objects.create(expression="CC0-1.0", state=Rights.State.CLEARED)


def test_content_whose_file_is_gone_or_changed_is_put_back(people, project):
    first = run(by_upload(people, project, LORA)).result
    first.file.write_bytes(LORA[:-1] + bytes([LORA[-1] ^ 1]))
    job = run(by_upload(people, project, LORA))
    assert job.result == first
    assert job.result.path == f"uploads/{job.id}/model.safetensors"
    assert job.result.file.read_bytes() == LORA
    assert Entry.objects.filter(chain=project.id, event="assets.model.put_back").count() == 1


def test_a_model_that_was_taken_out_does_not_come_back(people, project):
    first = run(by_upload(people, project, LORA)).result
    ModelFile.objects.filter(pk=first.pk).update(removed_at=first.registered_at)
    job = run(by_upload(people, project, LORA))
    assert (job.status, job.error) == (Status.FAILED, "model_removed")


BAD = {
    "pickle": (b"\x80\x04\x95" + bytes(99), "adapter", "pickle_content"),
    "cut off": (LORA[:-8], "adapter", "file_truncated"),
    "a LoRA called a base model": (LORA, "base", "kind_is_adapter"),
    "a VAE called an adapter": (save(vae_weights()), "adapter", "kind_is_vae"),
    "nothing that anybody knows": (save(strange_weights()), "adapter", "adapter_unknown"),
    "no numbers": (save(lora_weights(text=768) | {"x": lora_weights()[next(iter(lora_weights()))] / 0}), "adapter",
                   "weights_not_finite"),
    "made for nobody knows what": (save(lora_weights()), "adapter", "adapter_base_needed"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_refused_file_is_deleted_and_the_job_says_why(people, project, models_root, name):
    content, kind, code = BAD[name]
    job = run(by_upload(people, project, content, asked(kind=kind)))
    assert (job.status, job.error) == (Status.FAILED, code)
    assert job.reason not in ("", code)
    assert "…" not in job.reason
    assert "{" not in job.reason
    assert not job.folder.exists()
    assert not ModelFile.objects.exists()
    assert not [path for path in models_root.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("kind", "weights", "more", "expected"),
    [
        ("vae", vae_weights, {"made_for": "sdxl"}, ("vae", "sdxl", 4)),
        ("upscaler", upscaler_weights, {}, ("upscaler", "", None)),
    ],
)
def test_vaes_and_upscalers_come_in_too(people, project, kind, weights, more, expected):
    job = run(by_upload(people, project, save(weights()), asked(kind=kind, **more)))
    assert (job.result.kind, job.result.architecture, job.result.latent_channels) == expected


def test_an_adapter_keeps_what_it_was_made_from_and_its_words(people, project, starter_here):
    version = frozen(people, project, ["CC0-1.0"])
    said = asked(bases=[starter_here], trained_on=version, trigger_words=["sks", "inkline"])
    model = run(by_upload(people, project, save(lora_weights()), said)).result
    edges = {(row.role, row.file_id or row.dataset_version_id) for row in model.sources.all()}
    assert edges == {("derived_from", starter_here.id), ("trained_on", version.id)}
    assert model.defaults["trigger_words"] == ["sks", "inkline"]
    assert model.architecture == starter_here.architecture
    entry = Entry.objects.get(chain=project.id, event="assets.model.registered")
    assert json.loads(entry.payload)["made_from"] == [starter_here.sha256, version.merkle_root]


@pytest.fixture
def starter_here(models_root, starter):
    return starter


def test_civitais_permissions_reach_the_decision(people, project, starter_here):
    flags = {"allow_commercial_use": ["Image"], "allow_derivatives": False, "allow_no_credit": True}
    verdicts = {}
    for sold in ([], ["Image"]):
        facts = {"parameters": {**flags, "allow_commercial_use": sold, "allow_different_license": True}}
        facts["source_url"] = "https://example.com/model"
        weights = save(lora_weights(seed=len(sold), text=768))
        model = run(by_upload(people, project, weights, asked(expression=CIVITAI, facts=facts))).result
        clear_rights(model, reviewer=people.reviewer)
        verdicts[tuple(sold)] = decide_use(project, Action.PUBLISH, [starter_here, model]).verdict
    assert verdicts == {(): Verdict.BLOCK, ("Image",): Verdict.ALLOW}


def test_facts_that_cannot_be_read_are_refused_before_anything_waits(people, project):
    with pytest.raises(Problem) as refused:
        by_upload(people, project, LORA, asked(facts={"time_zone": "Mars/Olympus"}))
    assert refused.value.code == "time_zone_unknown"
    assert not ModelIntake.objects.exists()


def test_an_upload_is_taken_once_however_often_it_is_asked(people, project):
    kept = uploaded(LORA)
    place = {"source": "upload", "location": kept.name, "upload_id": kept.id}
    jobs = {start_intake(people.editor, project, asked(), **place) for _ in range(2)}
    assert len(jobs) == 1


def test_a_waiting_intake_that_is_canceled_loses_its_file(people, project):
    job = by_upload(people, project, LORA)
    assert cancel_intake(job)
    assert not job.folder.exists()
    job.refresh_from_db()
    assert job.status == Status.CANCELED
    assert not cancel_intake(job)


def test_a_running_intake_stops_while_it_reads_and_loses_its_file(people, project):
    job = by_upload(people, project, LORA)
    assert job.claim()
    ModelIntake.objects.get(pk=job.pk).request_cancel()
    with job.work():
        take_model(job)
    finish_files(job)
    assert job.status == Status.CANCELED
    assert not job.folder.exists()
    assert not ModelFile.objects.exists()


def test_a_worker_that_lost_its_job_leaves_the_file_to_the_next(people, project):
    lost = by_upload(people, project, LORA)
    assert lost.claim()
    ModelIntake.objects.filter(pk=lost.pk).update(status=Status.QUEUED)
    job = ModelIntake.objects.get(pk=lost.pk)
    with lost.work():
        take_model(lost)
    finish_files(lost)
    assert run(job).status == Status.SUCCEEDED


def test_progress_is_written_while_the_file_is_read(people, project, monkeypatch):
    monkeypatch.setattr("assets.services.intake.BLOCK_BYTES", 1024)
    job = by_upload(people, project, LORA)
    with CaptureQueriesContext(connection) as queries:
        run(job)
    written = [each["sql"] for each in queries if each["sql"].startswith("UPDATE") and "heartbeat_at" in each["sql"]]
    stages = [stage for sql in written for stage in ("hashing", "checking") if f"'{stage}'" in sql]
    assert stages[0] == "hashing"
    assert stages[-1] == "checking"


# The server's folder


def test_what_is_not_registered_yet_is_listed(people, project, models_root):
    write("loras/a.safetensors", lora_weights(text=768))
    write("deep/er/b.safetensors", vae_weights())
    write("uploads/x/c.safetensors", vae_weights())
    write(".hidden/d.safetensors", vae_weights())
    (models_root / "folder" / "unet").mkdir(parents=True)
    (models_root / "notes.txt").write_text("no model")
    listed = {each.location for each in list_waiting(project)}
    assert listed == {"loras/a.safetensors", "deep/er/b.safetensors", "folder"}
    model = run(from_server(people, project, "loras/a.safetensors")).result
    assert model.path == "loras/a.safetensors"
    assert "loras/a.safetensors" not in {each.location for each in list_waiting(project)}


def test_a_file_that_changed_since_is_offered_again_to_those_who_have_it(people, project, models_root):
    location = write("a.safetensors", lora_weights(text=768))
    first = run(from_server(people, project, location)).result
    write("a.safetensors", lora_weights(seed=5, text=768))
    os.utime(models_root / location, (first.registered_at.timestamp() + 9,) * 2)
    assert [(each.location, each.has_changed) for each in list_waiting(project)] == [(location, True)]
    assert list_waiting(Project.objects.get(slug="elsewhere")) == []
    assert run(from_server(people, project, location)).result != first


def test_what_another_project_registered_is_not_offered_and_not_taken(people, project):
    location = write("a.safetensors", lora_weights(text=768))
    run(from_server(people, project, location))
    elsewhere = Project.objects.get(slug="elsewhere")
    with pytest.raises(Problem) as refused:
        start_intake(people.stranger, elsewhere, asked(), source="folder", location=location)
    assert refused.value.code == "model_path_unknown"


OUTSIDE = [
    "../secret.safetensors",
    "/etc/passwd",
    "a/../../secret.safetensors",
    "link.safetensors",
    "linked/x",
    "\0",
    "",
]


@pytest.mark.parametrize("location", OUTSIDE)
def test_no_path_leads_out_of_the_models_folder(people, project, models_root, location):
    outside = models_root.parent / "outside"
    outside.mkdir()
    (outside / "x").write_bytes(LORA)
    (models_root.parent / "secret.safetensors").write_bytes(LORA)
    (models_root / "link.safetensors").symlink_to(models_root.parent / "secret.safetensors")
    (models_root / "linked").symlink_to(outside)
    (models_root / "a").mkdir()
    assert list_waiting(project) == []
    with pytest.raises(Problem) as refused:
        from_server(people, project, location)
    assert refused.value.code == "model_path_unknown"
    # A worker looks again: what was a file when it was chosen may be a link by now.
    job = ModelIntake.objects.create(
        project=project, requested_by=people.editor, source="folder", location=location.replace("\0", "..") or ".."
    )
    assert run(job).error == "model_path_outside"


def test_a_folder_with_a_link_to_the_outside_is_not_opened(people, project, models_root):
    (models_root.parent / "secret.safetensors").write_bytes(save(vae_weights()))
    write("vae/model.safetensors", vae_weights())
    (models_root / "vae" / "config.json").write_text("{}")
    (models_root / "vae" / "more.safetensors").symlink_to(models_root.parent / "secret.safetensors")
    job = run(from_server(people, project, "vae", asked(kind="vae", made_for="sd1")))
    assert (job.status, job.error) == (Status.FAILED, "model_path_outside")


def test_a_refused_file_on_the_server_stays_where_it_is(people, project, models_root):
    location = write("a.safetensors", strange_weights())
    assert run(from_server(people, project, location)).status == Status.FAILED
    assert (models_root / location).exists()


# The web


class ModelSite(Site):
    """Serve a model."""

    def send_lora(self, rest):
        self.answer(200, {"Content-Length": len(LORA)}, LORA)


@pytest.fixture(scope="module")
def site():
    server = http.server.ThreadingHTTPServer((HERE, 0), ModelSite)
    server.asked, server.is_over, server.daemon_threads = [], threading.Event(), True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.is_over.set()
    server.shutdown()
    server.server_close()


def from_web(people, project, site, path: str) -> ModelIntake:
    """Fetch a path of the test site, with everything allowed that the site needs."""
    job = start_intake(people.editor, project, asked(), source="url", location=f"https://models.example/{path}")
    ModelIntake.objects.filter(pk=job.pk).update(location=f"http://models.example:{site.server_port}/{path}")
    job.refresh_from_db()
    near = {"allow_addresses": frozenset({HERE}), "resolve": lambda host, port: (HERE,)}
    return run(job, get=partial(fetch, allow_http=True, allow_ports=frozenset({site.server_port}), **near))


def test_a_model_from_the_web_is_kept_like_an_upload(people, project, site):
    job = from_web(people, project, site, "lora/?token=secret")
    assert job.status == Status.SUCCEEDED, (job.error, job.detail)
    assert job.result.path == f"uploads/{job.id}/model.safetensors"
    assert [path.name for path in job.folder.iterdir()] == ["model.safetensors"]
    assert job.result.rights.source_url == "https://models.example/lora/"


@pytest.mark.parametrize(
    ("path", "code"), [("status/404", "status_refused"), ("half", "interrupted"), ("packed", "encoding_refused")]
)
def test_what_the_web_does_not_give_is_said(people, project, site, models_root, path, code):
    job = from_web(people, project, site, path)
    assert (job.status, job.error) == (Status.FAILED, code)
    assert "models.example" in job.reason
    assert not job.folder.exists()


def test_more_bytes_than_a_model_may_have_are_not_fetched(people, project, site, settings):
    settings.MODEL_MAX_BYTES = 100
    for path in ("lora", "endless"):
        job = from_web(people, project, site, path)
        assert (job.status, job.error) == (Status.FAILED, "model_too_many_bytes")
        assert "100" in job.reason


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/a.safetensors", "https://[::1]/a", "https://169.254.169.254/latest"]
)
def test_an_address_inside_the_house_fails_the_job_in_words(people, project, url):
    job = run(start_intake(people.editor, project, asked(), source="url", location=url))
    assert (job.status, job.error) == (Status.FAILED, "address_refused")
    assert "is not on the public internet" in job.reason
    assert not job.folder.exists()


@pytest.mark.parametrize(
    ("url", "code"),
    [("http://example.com/a", "scheme_refused"), ("file:///etc/passwd", "scheme_refused"), ("a", "url_invalid"),
     ("https://me:secret@example.com/a", "userinfo_refused"), ("https://example.com/a.ckpt", "unsafe_format")],
)  # fmt: skip
def test_an_address_that_is_never_fetched_is_refused_at_once(people, project, url, code):
    with pytest.raises(Problem) as refused:
        start_intake(people.editor, project, asked(), source="url", location=url)
    assert refused.value.code == code
    assert refused.value.fields["url"]


# What is left behind


def test_old_leftovers_are_swept_and_nothing_else(people, project, models_root):
    waiting, model = (
        by_upload(people, project, save(lora_weights(seed=1, text=768))),
        run(by_upload(people, project, LORA)),
    )
    young, old = uploaded(b"young"), uploaded(b"old")
    os.utime(content_path(old.id).parent, (0, 0))
    dead = by_upload(people, project, save(lora_weights(seed=2, text=768)))
    ModelIntake.objects.filter(pk=dead.pk).update(status=Status.FAILED, finished_at=dead.queued_at)
    (models_root / "uploads" / "not-ours").mkdir()
    sweep_uploads()
    left = {path.name for path in (models_root / "uploads").iterdir()} - {".incoming"}
    assert left == {str(waiting.id), str(model.id), str(young.id), "not-ours"}


def test_every_refusal_has_a_sentence():
    codes = {"kind_is_base", "kind_is_vae", "kind_is_adapter", "kind_is_upscaler", "part_missing", "upload_gone"}
    assert codes <= SENTENCES.keys()


# The engine


@pytest.mark.parametrize("changed", ["adapter", "base"])
def test_what_changed_on_disk_after_it_was_registered_does_not_run(people, project, starter_here, models_root, changed):
    location = starter_lora(models_root / "a.safetensors").name
    adapter = run(from_server(people, project, location, asked(bases=[starter_here]))).result
    spec = ImageSpec(
        architecture="sd1",
        base_model=starter_here.sha256,
        prompt="a red ball",
        seed=1,
        num_inference_steps=1,
        guidance_scale=1.0,
        width=64,
        height=64,
        adapters=(AdapterRef(kind="lora", sha256=adapter.sha256),),
    )
    draw_with = partial(Engine, resolve_file, memory_budget_bytes=10**9, device="cpu", threads=1)
    assert draw_with().render(spec, lambda step: None).image.size == (64, 64)
    weights = adapter.file if changed == "adapter" else next((starter_here.file / "unet").glob("*.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelError) as refused:
        draw_with().render(spec, lambda step: None)
    assert refused.value.code == "model_changed"
    assert weights.name in str(refused.value) or starter_here.file.name in str(refused.value)


# The command


def register(*arguments: str) -> None:
    said = ["--name", "Inkline", "--license", "CC-BY-4.0", "--by", "editor@example.com"]
    call_command("register_model", *arguments, *said)


def test_the_command_enters_adapters_by_the_same_service(people, project, starter_here, models_root, capsys):
    path = models_root / write("a.safetensors", lora_weights())
    bases = ["--base", starter_here.name, "--base", starter_here.sha256[:12]]
    register(str(path), "--adapter", "--project", project.slug, *bases, "--trigger", "sks")
    model = ModelFile.objects.get(kind="adapter")
    assert (model.project, model.architecture, model.rights.state) == (project, "sd1", Rights.State.PENDING)
    assert [row.file for row in model.sources.all()] == [starter_here]
    assert model.defaults["trigger_words"] == ["sks"]
    assert "pending" in capsys.readouterr().out


def test_the_command_enters_for_the_whole_house_without_a_project(people, project, models_root):
    register(str(models_root / write("a.safetensors", lora_weights(text=768))), "--kind", "adapter")
    assert ModelFile.objects.get(kind="adapter").project is None
    assert Entry.objects.filter(chain=HOUSE_CHAIN, event="assets.model.registered").exists()


@pytest.mark.parametrize(
    ("weights", "arguments", "words"),
    [
        (vae_weights, ["--adapter"], "is a VAE"),
        (lora_weights, ["--adapter"], "what kind of model"),
        (lora_weights, ["--adapter", "--base", "nobody"], "No base models"),
        (lora_weights, ["--base", "nobody"], "Only adapters"),
        (lora_weights, [], "is an adapter"),
        (vae_weights, ["--kind", "vae"], "Choose the kind of base model"),
    ],
)
def test_the_command_says_what_is_wrong(people, project, models_root, weights, arguments, words):
    with pytest.raises(CommandError, match=words):
        register(str(models_root / write("a.safetensors", weights())), *arguments)
    assert not ModelFile.objects.exists()
