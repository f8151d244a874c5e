"""Write trained and reworked weights into files of the library, with everything that their headers say."""

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.utils import timezone

from assets.licensing import Decision, obligations_text
from assets.model_kinds import Examined
from assets.models import ModelFile
from assets.services.exports import pictures_of
from engine.adapter_facts import CurvePoint, HeaderFacts
from engine.adapter_files import hash_legacy, sync_folder, write_adapter
from engine.adapter_headers import build_header
from engine.adapter_names import LAYERS_PER_BLOCK
from engine.headers import detect_architecture, hash_model
from engine.training.buckets import choose_bucket
from engine.training.values import Material, Trained

from .folders import weights_folder
from .models import TrainingRun
from .recipes import RECOMMENDED_WEIGHTS
from .services.versions import trigger_words_of


def write_trained(run: TrainingRun, trained: Trained, material: Material) -> Examined:
    """Write what a run has learned under MODELS_ROOT, named by its content, and return what it is."""
    header = build_header(facts_of(run, trained, material))
    with new_file() as path:
        write_adapter(
            path,
            trained.kind,
            trained.weights,
            header,
            architecture=run.recipe.architecture,
            lora_alpha=run.recipe.lora_alpha if trained.kind == "lora" else None,
            layers_per_block=layers_per_block(run.base_model),
        )
        return settle(path, run.recipe.architecture)


def facts_of(run: TrainingRun, trained: Trained, material: Material) -> HeaderFacts:
    """Return what the header of a trained adapter says."""
    decision = Decision.from_dict(run.decision)
    return HeaderFacts(
        spec=run.recipe,
        title=run.adapter.name,
        step=trained.step,
        started_at=run.started_at or run.queued_at,
        finished_at=timezone.now(),
        run_id=str(run.id),
        author=run.project.name,
        description=run.adapter.description,
        prediction_type=prediction_of(run.base_model),
        base_model_name=run.base_model.name,
        base_model_legacy_hash=legacy_hash(run.base_model),
        vae_name=run.vae.name if run.vae else "",
        vae_legacy_hash=legacy_hash(run.vae) if run.vae else "",
        num_train_images=len(material.train),
        num_validation_images=len(material.validation),
        num_reg_images=run.recipe.num_class_images if run.recipe.with_prior_preservation else 0,
        dataset_name=run.dataset_version.dataset.slug,
        tag_frequency=count_phrases(material),
        bucket_info=count_sizes(run, material),
        held_out=[
            CurvePoint(step=each.step, mean=each.held_out.mean, low=each.held_out.low, high=each.held_out.high)
            for each in trained.curve
        ],
        effective_license=decision.effective_license,
        attribution=obligations_text(decision, "en").splitlines(),
        trigger_words=trigger_words_of(run),
        recommended_weight=RECOMMENDED_WEIGHTS[run.method],
    )


def count_phrases(material: Material) -> dict[str, int]:
    """Count how many captions say each phrase, as kohya counts tags."""
    phrases = (part.strip() for item in material.train for part in item.caption.split(","))
    return dict(Counter(filter(None, phrases)))


def count_sizes(run: TrainingRun, material: Material) -> dict[str, int]:
    """Count how many pictures learn at which size, as "512x448"; nothing where all learn at the same square."""
    if not run.recipe.enable_bucket:
        return {}
    sides = {each.file_sha256: (each.width, each.height) for each in pictures_of(run.dataset_version)}
    chosen = (choose_bucket(*sides[item.sha256], resolution=run.recipe.resolution) for item in material.train)
    return dict(Counter(f"{each.width}x{each.height}" for each in chosen))


def legacy_hash(model: ModelFile) -> str:
    """Return the old short hash of a model that is one file; nothing for a folder."""
    return hash_legacy(model.file) if model.file.is_file() else ""


def prediction_of(base: ModelFile) -> Any:
    """Return how a base model predicts: as a person said, else as its files say."""
    chosen = base.defaults.get("prediction_type") or detect_architecture(base.file).prediction_type
    return chosen if chosen == "v_prediction" else "epsilon"


def layers_per_block(base: ModelFile) -> int:
    """Return how many layers a block of the UNet has, which kohya's names count by."""
    config = base.file / "unet" / "config.json"
    if not config.is_file():
        return LAYERS_PER_BLOCK
    found = json.loads(config.read_text()).get("layers_per_block", LAYERS_PER_BLOCK)
    return found if type(found) is int else LAYERS_PER_BLOCK


@contextmanager
def new_file() -> Iterator[Path]:
    """Return a place under MODELS_ROOT for a file that has no name yet; what is left there goes."""
    folder = weights_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".{uuid.uuid4().hex}.safetensors"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def settle(path: Path, architecture: str) -> Examined:
    """Give a whole file the name of its content, and return what it is."""
    sha256, size = hash_model(path), path.stat().st_size
    named = path.with_name(f"{sha256}.safetensors")
    path.replace(named)
    sync_folder(named.parent)
    return Examined(
        path=named,
        kind="adapter",
        sha256=sha256,
        size_bytes=size,
        layout="single",
        architecture=architecture,
        latent_channels=None,
        native_size=None,
    )
