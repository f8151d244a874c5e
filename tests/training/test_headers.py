"""What the header of a trained adapter says, read from the file that a run leaves."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from django.conf import settings
from safetensors import safe_open

from assets.models import ModelFile
from assets.services import Declaration, clear_rights, register_model
from engine.adapter_files import sync_folder
from tests.assets.model_material import vae_weights, write
from tests.engine.test_adapter_headers import KOHYA, OWN, STANDARD
from tests.training.saved import save
from tests.training.stage import asked, frozen
from training import tasks_weights
from training.models import TrainingRun

# More than a mebibyte, where the old hash begins.
LARGE = {"padding": torch.arange(300_000, dtype=torch.float32)}


@pytest.fixture
def vae(people, project) -> ModelFile:
    """Return a VAE that is one file."""
    path = Path(settings.MODELS_ROOT, write("vaes/large.safetensors", {**vae_weights(), **LARGE}))
    options = {"kind": ModelFile.Kind.VAE, "name": "Large", "actor": people.editor, "project": project}
    declared = Declaration(expression="CC0-1.0", creator="Ana", source_url="https://daicho.example/large")
    made = register_model(path, declaration=declared, architecture="sd1", **options)
    clear_rights(made, reviewer=people.reviewer)
    return made


@pytest.fixture
def run(people, project, starter, vae) -> TrainingRun:
    """Return a run under way, whose base model is one file by now."""
    made = asked(people, project, frozen(people, project), starter, vae=vae, enable_bucket=True)
    words = {**starter.defaults, "prediction_type": "epsilon"}
    ModelFile.objects.filter(pk=starter.pk).update(path=vae.path, defaults=words)
    assert made.claim()
    return TrainingRun.objects.get(pk=made.pk)


def old_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()[0x100000:0x110000]).hexdigest()[:8]


def header_of(run: TrainingRun) -> dict[str, str]:
    with safe_open(save(run).file.file, "pt") as opened:
        return opened.metadata()


def test_a_file_says_everything_that_kohya_says(run, vae):
    header = header_of(run)
    said = {*(f"ss_{key}" for key in KOHYA), *(f"modelspec.{key}" for key in STANDARD)}
    # Nobody has described this adapter, and no credit is owed for its pictures.
    empty = {"modelspec.description", "modelspec.tags", "daicho.attribution"}
    assert {*said, *(f"daicho.{key}" for key in OWN)} - header.keys() <= empty
    assert header["ss_sd_model_hash"] == header["ss_vae_hash"] == old_hash(vae.file)
    assert float(header["ss_training_started_at"]) == run.started_at.timestamp() > run.queued_at.timestamp()


def test_a_file_says_at_which_sizes_pictures_were_learned(run):
    buckets = json.loads(header_of(run)["ss_bucket_info"])["buckets"].values()
    assert sum(each["count"] for each in buckets) == len(run.split["train"])
    # The pictures are 96 by 80.
    assert all(
        width > height and width * height <= 64 * 64 for width, height in (each["resolution"] for each in buckets)
    )


def test_a_folder_has_no_old_hash_and_one_square_no_sizes(people, project, starter):
    run = asked(people, project, frozen(people, project), starter, enable_bucket=False)
    assert run.claim()
    header = header_of(run)
    assert "ss_sd_model_hash" not in header
    assert json.loads(header["ss_bucket_info"]) == {}


def test_the_name_of_a_file_is_seen_onto_the_disk(run, monkeypatch):
    seen = []

    def look(folder: Path) -> None:
        seen.append({each.name for each in folder.iterdir()})
        sync_folder(folder)

    monkeypatch.setattr(tasks_weights, "sync_folder", look)
    name = save(run).file.file.name
    assert name in seen[-1]
