"""Weights that leave the library: what is in the files, who may take them, and that other programs read them."""

import json
import uuid
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from django.conf import settings
from django.utils import timezone
from safetensors import safe_open
from safetensors.torch import load_file

from assets.models import ModelFile, Rights
from assets.services import edit_rights, withdraw_rights
from engine.starter import WEIGHTS
from ledger.models import Entry
from projects.problems import Problem
from tests.engine.adapter_weights import load_pipeline
from tests.training.saved import saved, with_samples
from tests.training.stage import TRIGGER, frozen
from training.export_files import KEPT_DAYS, sweep_exports
from training.exports import Entry as ZipEntry
from training.exports import download_stem, forms_of, is_zip, packed_layouts, weights_name, write_zip
from training.models import AdapterExport, AdapterVersion, TrainingSample
from training.services.downloads import Order, open_export, open_version, request_export
from training.services.withdrawals import withdraw_version

METHODS = {
    "lora": {},
    "textual_inversion": {"learning_rate": 5e-3, "class_word": "umbrella", "num_vectors": 2},
    "hypernetwork": {"learning_rate": 1e-5},
    "dreambooth": {"learning_rate": 5e-6},
}
LEAKS = ("ss_tag_frequency", "ss_dataset_dirs", "daicho.dataset_root", "daicho.run", "daicho.split")


@pytest.fixture
def pictures(people, project):
    return frozen(people, project)


@pytest.fixture
def version(people, project, starter, pictures):
    return saved(people, project, pictures, starter, adapter_name="Ink Fox")


def ordered(user, project, version, **asked):
    """Ask for a download and write it as a worker does."""
    from training.tasks_exports import export

    job = request_export(user, project, version, Order(**asked), key=str(uuid.uuid4()))
    export(str(job.id))
    job.refresh_from_db()
    return job


def path_of(job):
    """Return where a finished download lies."""
    assert job.status == job.Status.SUCCEEDED, (job.error, job.error_params, job.detail)
    return Path(settings.MEDIA_ROOT, job.path)


def metadata(path):
    with safe_open(path, "pt") as file:
        return file.metadata()


def events(project):
    return list(Entry.objects.filter(chain=project.id).order_by("seq").values_list("event", flat=True))


def test_every_kind_offers_its_layouts_and_the_package():
    assert [each.layout for each in forms_of("lora", "sd1")] == ["kohya", "peft", "package"]
    assert [each.layout for each in forms_of("lora", "sd1", is_lycoris=True)] == ["file", "package"]
    assert [each.layout for each in forms_of("textual_inversion", "sd1")] == ["a1111", "diffusers", "kohya", "package"]
    assert [each.layout for each in forms_of("textual_inversion", "sdxl")] == ["kohya", "package"]
    assert packed_layouts("dreambooth", "sd1") == ["folder"]
    assert packed_layouts("textual_inversion", "sd1") == ["a1111", "diffusers", "kohya"]


def test_names_say_what_a_file_is_and_what_stays_in_the_house():
    assert weights_name("fox", 2, "kohya", "lora") == "fox-v2.safetensors"
    assert weights_name("fox", 2, "peft", "lora") == "fox-v2-peft.safetensors"
    assert weights_name("fox", 2, "folder", "dreambooth") == "diffusers"
    assert download_stem("fox", 2, "package", is_public=False) == "fox-v2-package-internal"
    assert download_stem("fox", 2, "kohya", is_public=True) == "fox-v2-kohya"
    assert is_zip("peft", is_public=True)
    assert not is_zip("peft", is_public=False)


def test_a_zip_is_the_same_whenever_it_is_made(tmp_path):
    large = tmp_path / "large.bin"
    large.write_bytes(b"0123456789" * 300_000)
    for name in ("first", "second"):
        entries = [ZipEntry(name="a.txt", content="あ".encode()), ZipEntry(name="b/large.bin", content=large)]
        write_zip(tmp_path / f"{name}.zip", entries)
    first, second = (tmp_path / f"{name}.zip" for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.testzip() is None
        assert archive.read("b/large.bin") == large.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_the_package_of_each_method_holds_weights_card_and_papers(people, project, starter, pictures, method):
    made = saved(people, project, pictures, starter, method=method, adapter_name="Ink Fox", **METHODS[method])
    with_samples(made)
    job = ordered(people.reviewer, project, made, layout="package", is_public=True)
    with zipfile.ZipFile(path_of(job)) as archive:
        names = set(archive.namelist())
        assert archive.testzip() is None
        card = archive.read("README.md").decode()
    assert {"README.md", "README.ja.md", "LICENSE", "NOTICE", "CREDITS.en.txt", "CREDITS.ja.txt"} <= names
    assert {"samples/sample-1.png", "samples/sample-2.png"} <= names
    assert "INTERNAL.txt" not in names
    expected = {
        "lora": {"ink-fox-v1.safetensors", "ink-fox-v1-peft.safetensors"},
        "textual_inversion": {
            "ink-fox-v1.safetensors", "ink-fox-v1-diffusers.safetensors", "ink-fox-v1-kohya.safetensors",
        },
        "hypernetwork": {"ink-fox-v1.safetensors"},
        "dreambooth": {"diffusers/model_index.json", "diffusers/unet/config.json"},
    }[method]  # fmt: skip
    assert expected <= names
    assert all(name in card for name in expected if "/" not in name)


def test_what_leaves_the_house_says_nothing_of_the_dataset(people, project, version, pictures, tmp_path):
    job = ordered(people.reviewer, project, version, layout="kohya", is_public=True)
    with zipfile.ZipFile(path_of(job)) as archive:
        texts = [archive.read(name) for name in archive.namelist()]
        archive.extract("ink-fox-v1.safetensors", tmp_path)
    header = metadata(tmp_path / "ink-fox-v1.safetensors")
    assert not header.keys() & set(LEAKS)
    assert header["modelspec.trigger_phrase"] == TRIGGER
    for secret in (pictures.merkle_root, pictures.dataset.slug, str(version.run_id), "umbrella, number"):
        assert not any(secret.encode() in text for text in texts), secret
    kept, sent = load_file(version.file.file), load_file(tmp_path / "ink-fox-v1.safetensors")
    assert kept.keys() == sent.keys()
    assert all(torch.equal(kept[name], sent[name]) for name in kept)


def test_a_public_package_says_no_caption_as_a_prompt(people, project, version, pictures):
    prompts = [
        f"{TRIGGER}, umbrella, number 3",
        f"{TRIGGER} umbrella,  Umbrella, Number 1",
        "umbrella, number 5",
        "Rain",
    ]
    for sample, prompt in zip(with_samples(version, count=4), prompts, strict=True):
        TrainingSample.objects.filter(pk=sample.pk).update(prompt=prompt)
    job = ordered(people.reviewer, project, version, layout="package", is_public=True)
    with zipfile.ZipFile(path_of(job)) as archive:
        texts = {name: archive.read(name) for name in archive.namelist()}
    for secret in (pictures.merkle_root, pictures.dataset.slug, str(version.run_id), "umbrella, number"):
        assert not any(secret.encode().lower() in text.lower() for text in texts.values()), secret
    for name in ("README.md", "README.ja.md"):
        assert f"![{TRIGGER}](samples/sample-1.png)" in texts[name].decode()
        assert "![Rain](samples/sample-4.png)" in texts[name].decode()
    inside = ordered(people.editor, project, version, layout="package")
    with zipfile.ZipFile(path_of(inside)) as archive:
        assert "umbrella, number 3" in archive.read("README.md").decode()


def test_what_stays_in_the_house_keeps_everything_and_is_marked(people, project, version, pictures):
    job = ordered(people.editor, project, version, layout="package")
    with zipfile.ZipFile(path_of(job)) as archive:
        assert "Spring only" in archive.read("INTERNAL.txt").decode()
        assert pictures.dataset.slug in archive.read("README.md").decode()
    plain = ordered(people.editor, project, version, layout="peft")
    assert path_of(plain).suffix == ".safetensors"
    assert metadata(path_of(plain))["daicho.dataset_root"] == pictures.merkle_root
    assert job.name.endswith("-internal")


@pytest.mark.slow
def test_plain_diffusers_loads_both_layouts_of_a_lora(people, project, version):
    torch.manual_seed(0)
    latent, words = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 128)

    def predict(path=None, weight=1.0):
        pipeline = load_pipeline("sd1", WEIGHTS)
        channels = pipeline.unet.config.in_channels
        if path is not None:
            pipeline.load_lora_weights(path.parent, weight_name=path.name, adapter_name="fox")
            pipeline.set_adapters(["fox"], [weight])
        with torch.no_grad():
            return pipeline.unet(latent[:, :1].expand(-1, channels, -1, -1), 500, words).sample

    base = predict()
    kohya, peft = (path_of(ordered(people.editor, project, version, layout=name)) for name in ("kohya", "peft"))
    changed = predict(kohya)
    assert (changed - base).abs().max() > 1e-3
    assert (changed - predict(peft)).abs().max() < 1e-4
    assert torch.equal(predict(kohya, 0.0), base)


@pytest.mark.slow
def test_plain_diffusers_draws_with_a_downloaded_package(people, project, version, tmp_path):
    """Anybody who unpacks the zip gets a picture with three lines, as the card says."""
    from diffusers import StableDiffusionPipeline

    job = ordered(people.reviewer, project, version, layout="package", is_public=True)
    with zipfile.ZipFile(path_of(job)) as archive:
        archive.extractall(tmp_path)
    parts = {"torch_dtype": torch.float32, "safety_checker": None, "feature_extractor": None}
    pipeline = StableDiffusionPipeline.from_pretrained(WEIGHTS, **parts)
    plain = pipeline("umbrella", num_inference_steps=2, generator=torch.Generator().manual_seed(1), output_type="np")
    pipeline.load_lora_weights(tmp_path, weight_name="ink-fox-v1-peft.safetensors", adapter_name="ink-fox")
    pipeline.set_adapters(["ink-fox"], [0.8])
    drawn = pipeline("umbrella", num_inference_steps=2, generator=torch.Generator().manual_seed(1), output_type="np")
    assert abs(drawn.images - plain.images).max() > 0.01


@pytest.mark.slow
def test_plain_diffusers_loads_the_other_kinds(people, project, starter, pictures, tmp_path):
    from diffusers import StableDiffusionPipeline, UNet2DConditionModel

    word = saved(people, project, pictures, starter, method="textual_inversion", **METHODS["textual_inversion"])
    path = path_of(ordered(people.editor, project, word, layout="diffusers"))
    pipeline = StableDiffusionPipeline.from_pretrained(WEIGHTS, safety_checker=None, feature_extractor=None)
    pipeline.load_textual_inversion(str(path.parent), weight_name=path.name, token=TRIGGER)
    assert TRIGGER in pipeline.tokenizer.get_vocab()
    whole = saved(people, project, pictures, starter, method="dreambooth", **METHODS["dreambooth"])
    with zipfile.ZipFile(path_of(ordered(people.editor, project, whole, layout="folder"))) as archive:
        archive.extractall(tmp_path)
    trained = load_file(whole.file.file)
    unet = UNet2DConditionModel.from_pretrained(tmp_path / "diffusers" / "unet")
    found = dict(unet.named_parameters())
    for name, weight in trained.items():
        assert torch.allclose(found[name.removeprefix("unet.")].float(), weight.float(), atol=2e-3)


def test_only_a_reviewer_lets_weights_out(people, project, version):
    with pytest.raises(Problem) as refused:
        request_export(people.editor, project, version, Order(layout="kohya", is_public=True), key="1")
    assert refused.value.status == 403
    assert not AdapterExport.objects.exists()


def test_the_weights_gate_closes_what_generating_leaves_open(people, project, starter):
    pictures = frozen(people, project, expression="CC-BY-ND-4.0", first_seed=50, name="Verbatim")
    made = saved(people, project, pictures, starter)
    with pytest.raises(Problem) as refused:
        request_export(people.reviewer, project, made, Order(layout="kohya", is_public=True), key="1")
    assert refused.value.status == 409
    assert refused.value.details["reasons"]
    assert path_of(ordered(people.editor, project, made, layout="kohya")).is_file()


def test_share_alike_leaves_only_under_its_own_licence(people, project, starter):
    pictures = frozen(people, project, expression="CC-BY-SA-4.0", first_seed=60, name="Alike")
    made = saved(people, project, pictures, starter)
    with pytest.raises(Problem):
        request_export(people.reviewer, project, made, Order(layout="kohya", is_public=True), key="1")
    order = {"layout": "package", "is_public": True, "outbound": "CC-BY-SA-4.0"}
    with zipfile.ZipFile(path_of(ordered(people.reviewer, project, made, **order))) as archive:
        assert "cc-by-sa-4.0" in archive.read("README.md").decode()
        assert "Attribution-ShareAlike 4.0 International" in archive.read("LICENSE").decode()
        assert archive.read("CREDITS.en.txt").decode().count("CC BY-SA 4.0") >= 1


def test_the_ledger_knows_who_took_what(people, project, version):
    job = ordered(people.reviewer, project, version, layout="kohya", is_public=True)
    opened = open_export(people.reviewer, job)
    with opened.file:
        assert len(opened.file.read()) == opened.size == job.size_bytes
    assert opened.name == "ink-fox-v1-kohya.zip"
    assert events(project)[-2:] == ["training.export.requested", "training.export.downloaded"]
    payload = Entry.objects.filter(chain=project.id).order_by("seq").last().readable
    assert payload["scope"] == "public"
    assert payload["export_sha256"] == job.sha256
    assert payload["circumstances"] == {"territory": "WW", "outbound_license": None}


def test_the_versions_own_file_is_sent_inside_the_house_only_while_it_is_whole(people, project, version):
    opened = open_version(people.editor, version)
    with opened.file:
        assert opened.file.read() == version.file.file.read_bytes()
    assert opened.name == "ink-fox-v1-internal.safetensors"
    assert events(project)[-1] == "training.version.downloaded"
    path = version.file.file
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(Problem) as refused:
        open_version(people.editor, version)
    assert refused.value.code == "file_changed"


def test_a_file_changed_on_disk_is_never_written_again(people, project, version):
    path = version.file.file
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    job = ordered(people.editor, project, version, layout="peft")
    assert (job.status, job.error) == (job.Status.FAILED, "adapter_changed")
    assert "backup" in job.reason
    assert not list(Path(settings.MEDIA_ROOT).glob(".export-*"))


def test_a_withdrawn_picture_stops_a_download_that_waits_and_one_that_is_ready(people, project, version, pictures):
    from training.tasks_exports import export

    ready = ordered(people.reviewer, project, version, layout="kohya", is_public=True)
    waiting = request_export(people.editor, project, version, Order(layout="peft"), key="2")
    withdraw_rights(pictures.items.first().picture, actor=people.reviewer, reason="they asked")
    export(str(waiting.id))
    waiting.refresh_from_db()
    assert waiting.status == waiting.Status.BLOCKED
    assert "training.export.blocked" in events(project)
    with pytest.raises(Problem) as refused:
        open_export(people.reviewer, ready)
    assert refused.value.code == "rights_blocked"


def test_papers_that_would_be_wrong_are_not_sent(people, project, starter):
    pictures = frozen(people, project, expression="CC-BY-4.0", first_seed=70, name="Credited")
    made = saved(people, project, pictures, starter)
    job = ordered(people.reviewer, project, made, layout="kohya", is_public=True)
    rights = pictures.items.first().picture.rights
    edit_rights(rights, actor=people.editor, changes={"creator": "Somebody Else"})
    Rights.objects.filter(pk=rights.pk).update(state=Rights.State.CLEARED)
    with pytest.raises(Problem) as refused:
        open_export(people.reviewer, job)
    assert refused.value.code == "export_outdated"
    again = ordered(people.reviewer, project, made, layout="kohya", is_public=True)
    with zipfile.ZipFile(path_of(again)) as archive:
        assert "Somebody Else" in archive.read("CREDITS.en.txt").decode()


def test_a_version_that_was_taken_back_leaves_no_more(people, project, version):
    withdraw_version(version, actor=people.reviewer, reason="wrong pictures")
    for order in (Order(layout="kohya"), Order(layout="package", is_public=True)):
        with pytest.raises(Problem):
            request_export(people.reviewer, project, version, order, key=str(uuid.uuid4()))
    with pytest.raises(Problem):
        open_version(people.editor, version)


def test_a_prepared_file_stays_when_its_version_is_taken_back_though_the_houses_rights_go_on(people, project, version):
    ModelFile.objects.filter(pk=version.file_id).update(project=None)
    version = AdapterVersion.objects.get(pk=version.pk)
    jobs = [
        ordered(people.editor, project, version, layout="kohya"),
        ordered(people.reviewer, project, version, layout="package", is_public=True),
    ]
    withdraw_version(version, actor=people.reviewer, reason="wrong pictures")
    assert Rights.objects.get(pk=version.file.rights_id).state == Rights.State.CLEARED
    for job in jobs:
        with pytest.raises(Problem) as refused:
            open_export(people.reviewer, job)
        assert refused.value.code == "version_withdrawn"
    assert "training.export.downloaded" not in events(project)


def test_asking_twice_makes_one_file(people, project, version):
    first = request_export(people.editor, project, version, Order(layout="kohya"), key="same")
    assert request_export(people.editor, project, version, Order(layout="kohya"), key="same").id == first.id
    with pytest.raises(Problem) as refused:
        request_export(people.editor, project, version, Order(layout="folder"), key="other")
    assert refused.value.code == "layout_unfit"


def test_old_files_go_and_the_row_says_so(people, project, version):
    old, young = (ordered(people.editor, project, version, layout="kohya") for _each in range(2))
    gone = ordered(people.editor, project, version, layout="peft")
    past = timezone.now() - timedelta(days=KEPT_DAYS, hours=1)
    AdapterExport.objects.filter(id__in=(old.id, gone.id)).update(finished_at=past)
    path = path_of(gone)
    assert path_of(old) == path_of(young)
    assert sweep_exports() == 1
    assert not path.exists()
    assert path_of(young).is_file()
    gone.refresh_from_db()
    with pytest.raises(Problem) as refused:
        open_export(people.editor, gone)
    assert refused.value.code == "export_gone"


def test_the_header_of_a_converted_lora_says_how_peft_loads_it(people, project, version):
    header = metadata(path_of(ordered(people.editor, project, version, layout="peft")))
    described = json.loads(header["lora_adapter_metadata"])
    assert described["unet.r"] == 2
    assert header["modelspec.hash_sha256"].startswith("0x")
